"""YAML text as plain values, with the place of every key and value.

Scalars follow the YAML 1.2 core schema: `1e-4`, `1E5`, `.5` are numbers, `0o17` is octal; `on`, `yes`,
`1:30`, `10_000` and dates are text. A key given twice is a fault, and so is a key that is not text. Anchors
and `<<` work.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lrdoctor.spec.faults import Fault, KeyPath, Place, refusal

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

_TAG = "tag:yaml.org,2002:"
_SCALARS = (
    ("null", r"~|null|Null|NULL|"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    ("merge", r"<<"),
)
RESOLVERS = tuple((_TAG + name, re.compile(rf"(?:{pattern})\Z")) for name, pattern in _SCALARS)
"""Tag and pattern of every plain scalar that is not text, first match wins."""

MAX_DEPTH = 50
"""Nesting beyond this is a slip or an attack, and would end in a RecursionError somewhere later."""
MAX_VALUES = 100_000
"""Values of a spec. An alias stands for all that its anchor holds, so that nine lines of nine aliases each, every one
of those before, are more values than there is memory."""
MAX_INTEGER = 2**63
"""Whole numbers beyond 64 bits fit neither torch nor most JSON readers."""

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Document:
    """Plain values with the places they come from."""

    data: Any
    """None, bool, int, float, str, list or dict[str, ...] of such."""
    values: dict[KeyPath, Place]
    keys: dict[KeyPath, Place]
    faults: tuple[Fault, ...] = ()
    """What is wrong with the text itself; the values concerned are None in `data`."""

    def value_place(self, path: KeyPath) -> Place:
        """Where the value was written; the nearest enclosing key when it was not."""
        return self.values[path] if path in self.values else self.key_place(path[:-1])

    def key_place(self, path: KeyPath) -> Place:
        """Where the key was written; the nearest enclosing key when it was not."""
        while path and path not in self.keys:
            path = path[:-1]
        return self.keys[path] if path else self.values[()]


def read(path: Path) -> Document:
    """The document in a YAML file.

    Raises:
        SpecError: the file is missing, is no file, is not UTF-8, or is not YAML.
    """
    start = Place(0, 1, 1, str(path))
    if path.is_char_device():  # it may have no end
        raise refusal([Fault(start, (), "found a device, expected a YAML file")])
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise refusal([Fault(start, (), "found no such file; `lrdoctor init` writes a starter")]) from None
    except IsADirectoryError:
        raise refusal([Fault(start, (), "found a folder, expected a YAML file")]) from None
    except UnicodeDecodeError as error:
        found = f"found the byte 0x{error.object[error.start]:02x} at offset {error.start}"
        raise refusal([Fault(start, (), f"{found}, expected UTF-8 text; save the file as UTF-8")]) from None
    except OSError as error:
        raise refusal([Fault(start, (), f"found a file that cannot be read: {error.strerror}")]) from None
    document = parse(text, lambda line, column: Place(0, line, column, f"{path}:{line}:{column}"))
    if isinstance(document, Fault):
        raise refusal([document])
    return document


def write(plain: Any) -> str:
    """Plain values as block-style YAML; reading it gives the same values, floats bit for bit."""
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)


def commented(text: str) -> str:
    """Lines of text as a YAML comment; what YAML could not read is shown as a question mark.

    >>> commented("one\\n\\ntwo")
    '# one\\n#\\n# two\\n'
    """
    return "".join(f"# {line}".rstrip() + "\n" for line in _UNREADABLE.sub("?", text).splitlines())


def parse(text: str, locate: Callable[[int, int], Place]) -> Document | Fault:
    """The document that `text` holds, or the one fault that keeps it from being read.

    Args:
        locate: the place of a line and column, both counted from 1.
    """
    node = _node(text, locate)
    if isinstance(node, Fault):
        return node
    if node is None:
        return Document(None, {(): locate(1, 1)}, {})
    walk = _Walk(locate)
    try:
        data = walk.value(node, (), frozenset())
    except _TooManyValues:
        return Fault(locate(1, 1), (), f"found more than {MAX_VALUES:,} values, aliases counted, expected a spec")
    return Document(data, walk.values, walk.keys, tuple(walk.faults))


class _TooManyValues(Exception):  # never leaves this file
    """The walk is given up."""


def _node(text: str, locate: Callable[[int, int], Place]) -> yaml.Node | Fault | None:
    """The root of the node graph, None when the text holds no value."""
    if bad := _UNREADABLE.search(text):
        place = locate(*_line_and_column(text, bad.start()))
        return Fault(place, (), f"found the character U+{ord(bad[0]):04X}, expected readable text")
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        return Fault(locate(*_where(error, text)), (), f"found text that is not YAML: {problem}")
    except (yaml.YAMLError, ValueError) as error:
        return Fault(locate(1, 1), (), f"found text that is not YAML: {error}")
    except RecursionError:
        return Fault(locate(1, 1), (), "found values nested too deeply, expected a spec")


def _where(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int]:
    """Line and column of a syntax error; one at the end of the text is shown where the construct began."""
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark and mark.index < len(text)]
    if not marks:
        return _line_and_column(text, max(0, len(text.rstrip()) - 1))
    return marks[0].line + 1, marks[0].column + 1


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


class _Loader(_Base):
    """PyYAML's safe loader with the scalars of YAML 1.2, only used up to the node graph."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {None: list(RESOLVERS)}  # noqa: RUF012


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would read as something else; writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _pattern in RESOLVERS:
    _Dumper.add_implicit_resolver(_tag, _pattern, None)  # copies the table of SafeDumper first


@dataclass
class _Walk:
    """Turns the node graph into plain values, noting places and faults on the way."""

    locate: Callable[[int, int], Place]
    values: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    n_values: int = 0

    def value(self, node: yaml.Node, path: KeyPath, above: frozenset[int]) -> Any:
        """The plain value of a node; None after a fault. `above` holds the ids of the enclosing nodes."""
        self.n_values += 1
        if self.n_values > MAX_VALUES:
            raise _TooManyValues
        self.values.setdefault(path, self.place(node))
        if id(node) in above:
            return self.fault(node, path, "found an anchor that contains itself, expected plain values")
        if len(above) > MAX_DEPTH:
            return self.fault(node, path, f"found values nested deeper than {MAX_DEPTH} levels")
        above |= {id(node)}
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, path, above)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, (*path, i), above) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _CONSTRUCT:
            return self.scalar(node, path)
        return self.fault(node, path, f"found the tag {node.tag.replace(_TAG, '!!')}, expected plain values")

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        try:
            value = _CONSTRUCT[node.tag](node.value)
        except (ValueError, KeyError):
            wanted = node.tag.removeprefix(_TAG)
            return self.fault(node, path, f'found "{node.value[:40]}", expected a value that can be read as {wanted}')
        if isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
            return self.fault(node, path, "found a whole number of more than 64 bits, expected a smaller one")
        return value

    def mapping(self, node: yaml.MappingNode, path: KeyPath, above: frozenset[int]) -> dict[str, Any]:
        """Own keys first, then those of `<<` that the mapping does not give itself."""
        data: dict[str, Any] = {}
        merges: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merges.append(value_node)
            elif key_node.tag != _TAG + "str":
                shown = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a list or mapping"
                self.fault(key_node, path, f"found the key {shown}, expected text; put the key in quotes")
            elif key_node.value in data:
                first = self.keys[(*path, key_node.value)].text
                self.fault(key_node, (*path, key_node.value), f"found a second time, first given at {first}")
            else:
                here = (*path, key_node.value)
                self.keys.setdefault(here, self.place(key_node))
                data[key_node.value] = self.value(value_node, here, above)
        for source in self.merged(merges, path):
            inherited = self.value(source, path, above) if isinstance(source, yaml.MappingNode) else None
            data = {**(inherited or {}), **data}
        return data

    def merged(self, nodes: list[yaml.Node], path: KeyPath) -> Iterator[yaml.MappingNode]:
        """The mappings that the values of `<<` name, in order."""
        for node in nodes:
            for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
                if isinstance(source, yaml.MappingNode):
                    yield source
                else:
                    self.fault(source, (*path, "<<"), "found no mapping, expected one or a list of them")

    def fault(self, node: yaml.Node, path: KeyPath, text: str) -> None:
        self.faults.append(Fault(self.place(node), path, text))

    def place(self, node: yaml.Node) -> Place:
        return self.locate(node.start_mark.line + 1, node.start_mark.column + 1)


def _integer(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_CONSTRUCT: dict[str, Callable[[str], Any]] = {
    _TAG + "null": lambda text: None,
    _TAG + "bool": lambda text: {"true": True, "false": False}[text.lower()],
    _TAG + "int": _integer,
    _TAG + "float": lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
    _TAG + "str": str,
    _TAG + "merge": str,  # `<<` means something as a key only
}
