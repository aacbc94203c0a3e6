"""`--set key=value`: changes a document before it is judged; the `--set` is the place of what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrdoctor.spec.faults import Fault, KeyPath, Place, shown
from lrdoctor.spec.yaml_source import MAX_DEPTH, Document, parse


def override(document: Document, texts: Sequence[str]) -> Document:
    """The document with every `--set` applied in order.

    Args:
        document: its root must be a mapping.
        texts: `sweep.max=0.3`, `seeds=[0, 1]`, `sweep.values.0=0.1`: dotted keys, and a value in YAML.
            A mapping on the way is made when it is missing; a list is not extended.
    """
    for rank, text in enumerate(texts, start=1):
        document = _set(document, text, Place(rank, 0, 0, f"--set {text}"))
    return document


def _set(document: Document, text: str, place: Place) -> Document:
    key, equals, value_text = text.partition("=")
    parts = tuple(key.strip().split("."))
    if len(parts) > MAX_DEPTH:
        return _faulty(document, Fault(place, (), f"expected at most {MAX_DEPTH} keys on the way"))
    if not equals or "" in parts:
        return _faulty(document, Fault(place, (), "expected key=value, such as sweep.max=0.3"))
    value = parse(value_text, lambda line, column: place)
    if isinstance(value, Fault):
        return _faulty(document, Fault(place, parts, value.text))
    path = _path(document.data, parts, place)
    if isinstance(path, Fault):
        return _faulty(document, path)
    return _placed(document, path, value, place)


def _path(data: Any, parts: tuple[str, ...], place: Place) -> KeyPath | Fault:
    """The keys and list indices that `parts` name in `data`."""
    path: KeyPath = ()
    for part in parts:
        if isinstance(data, list):
            if part not in map(str, range(len(data))):
                return Fault(place, (*path, part), f"expected the index of one of {len(data)} values")
            path, data = (*path, int(part)), data[int(part)]
        elif isinstance(data, dict):
            path, data = (*path, part), data.get(part, {})
        else:
            return Fault(place, path, f"found {shown(data)}, expected a mapping or a list to set {part} in")
    return path


def _placed(document: Document, path: KeyPath, value: Document, place: Place) -> Document:
    """The document with `value` at `path`, and `place` as the place of all that is new."""
    values = {p: at for p, at in document.values.items() if p[: len(path)] != path}
    keys = {p: at for p, at in document.keys.items() if p[: len(path)] != path}
    for end in range(1, len(path) + 1):
        values.setdefault(path[:end], place)
        keys.setdefault(path[:end], place)
    values |= {path + inner: place for inner in value.values}
    keys |= {path + inner: place for inner in value.keys}
    faults = [Fault(place, path + fault.path, fault.text) for fault in value.faults]
    return Document(_with(document.data, path, value.data), values, keys, (*document.faults, *faults))


def _with(data: Any, path: KeyPath, value: Any) -> Any:
    """A copy of `data` with `value` at `path`; what lies beside the path is shared, nothing is changed."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(data, list):
        return [_with(item, rest, value) if i == head else item for i, item in enumerate(data)]
    return {**data, head: _with(data.get(head, {}), rest, value)}


def _faulty(document: Document, fault: Fault) -> Document:
    return Document(document.data, document.values, document.keys, (*document.faults, fault))
