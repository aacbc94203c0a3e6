"""What was changed, and how the author of a model would change it, as a few lines of Python."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrdoctor.architecture.rewrite.branches import Branch
from lrdoctor.architecture.rewrite.choosing import Choice
from lrdoctor.architecture.rewrite.plan import Change, Gate, MovedNorm, NewNorm, What, Zero
from lrdoctor.architecture.rewrite.source_lines import Sum, read_sum
from lrdoctor.core.rewriting import Edit

Pair = tuple[Branch, Change]


def edits(choice: Choice) -> tuple[Edit, ...]:
    """One for every line of source."""
    lines: dict[str, list[Pair]] = {}
    for branch, change in choice.changes:
        lines.setdefault(branch.site.where, []).append((branch, change))
    return tuple(_edit(where, pairs) for where, pairs in lines.items())


def _edit(where: str, pairs: Sequence[Pair]) -> Edit:
    modules = tuple(dict.fromkeys(branch.site.module for branch, _ in pairs))
    lines = dict.fromkeys([*_of_library(pairs[0][0].place.file), *_lines(pairs)])
    return Edit(where=where, modules=modules, what=_what(pairs), source="\n".join(lines))


def _of_library(file: str) -> Iterator[str]:
    if any(Path(file).is_relative_to(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")):
        yield "# a library's code: in a class of your own"


def _what(pairs: Sequence[Pair]) -> str:
    what = pairs[0][1].what
    if isinstance(what, Zero):
        return f"set to 0: {_some([name for _, change in pairs for name in _zeroed(change)])}"
    if isinstance(what, Gate):
        return "the branch is multiplied by a learned factor that starts at 0"
    if isinstance(what, MovedNorm):
        return f"moved from the sum to the branch: {_some([_norm(change) for _, change in pairs])}"
    return f"{_new_norm(what)} behind the branch"


def _some(names: Sequence[str], most: int = 4) -> str:
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - most} more" if len(once) > most else ""
    return ", ".join(once[:most]) + more


def _lines(pairs: Sequence[Pair]) -> Iterator[str]:
    if isinstance(pairs[0][1].what, Zero):
        yield "# at the end of __init__"
        for branch, change in pairs:
            yield from (f"nn.init.zeros_({_path(name, branch.place.module)})" for name in _zeroed(change))
        return
    first = [pair for pair in pairs if pair[0].place.module == pairs[0][0].place.module]
    made = [line for line in _made(first, pairs) if line]
    yield from ("# in __init__", *made, "# in place of") if made else ("# in place of",)
    yield from _sums(first)


def _made(pairs: Sequence[Pair], others: Sequence[Pair]) -> Iterator[str]:
    """What __init__ makes; the others are of further modules too."""
    what = pairs[0][1].what
    if _is_loop(pairs) and isinstance(what, Gate):
        yield f"self.alphas = nn.Parameter(torch.zeros({len(pairs)}))"
    elif _is_loop(pairs) and isinstance(what, NewNorm):
        yield f"self.branch_norms = nn.ModuleList([{_new_norm(what)} for _ in range({len(pairs)})])"
    else:
        yield from (_made_once(change.what) + _other_sizes(others) for _, change in pairs)


def _made_once(what: What) -> str:
    if isinstance(what, Gate):
        return f"self.{_own_name(what.name)} = nn.Parameter(torch.zeros(()))"
    return f"self.{_own_name(what.name)} = {_new_norm(what)}" if isinstance(what, NewNorm) else ""


def _other_sizes(others: Sequence[Pair]) -> str:
    """A comment, where modules of the same code have features of another number."""
    sizes: dict[int, list[str]] = {}
    for branch, change in others:
        if isinstance(change.what, NewNorm):
            sizes.setdefault(change.what.size, []).append(branch.place.module)
    if len(sizes) < 2:
        return ""
    return "  # " + "; ".join(f"{size} in {_some(modules)}" for size, modules in sizes.items())


def _is_loop(pairs: Sequence[Pair]) -> bool:
    """Whether one add runs several times in a forward pass, with a branch of its own each time."""
    return len({branch.place.span for branch, _ in pairs}) < len(pairs)


def _sums(pairs: Sequence[Pair]) -> Iterator[str]:
    """The line as it stands, as a comment, and the changed one; a general form where it is not simple."""
    sums = [read_sum(branch.place) for branch, _ in pairs]
    known = [each for each in sums if each is not None]
    if len(known) != len(pairs) or _is_loop(pairs):
        yield from _general(pairs)
        return
    yield f"# {known[0].line.strip()}"
    line = known[0].line
    # from the right, so that the columns further left stay what they are
    for each, (_, change) in sorted(zip(known, pairs, strict=True), key=lambda pair: -pair[0].operands[1].last):
        line = _changed(line, each, change)
    yield line.strip()
    for each, (branch, change) in zip(known, pairs, strict=True):
        if isinstance(change.what, MovedNorm) and not _is_called_there(each, change):
            yield f"# {_path(change.what.norm, branch.place.module)} no longer reads the sum"


def _changed(line: str, each: Sum, change: Change) -> str:
    piece = each.operands[change.operand]
    text = line[piece.first : piece.last]
    branch = _wrapped(change, text, each.needs_parentheses[change.operand], each.owner)
    if each.is_written and change.operand == 0:
        other = line[each.operands[1].first : each.operands[1].last]
        return f"{line[: each.whole.first]}{text} = {branch} + {other}{line[each.whole.last :]}"
    line = line[: piece.first] + branch + line[piece.last :]
    if each.call is not None and _is_called_there(each, change):
        longer = len(branch) - len(text)
        inner = line[each.whole.first : each.whole.last + longer]
        line = line[: each.call.first] + inner + line[each.call.last + longer :]
    return line


def _is_called_there(each: Sum, change: Change) -> bool:
    """Whether the norm is called on the same line, with the sum alone."""
    return each.call is not None and each.called == _path(_norm(change), change.place.module)


def _wrapped(change: Change, text: str, is_composed: bool, owner: str) -> str:
    if isinstance(change.what, Gate):
        return f"{owner}.{_own_name(change.what.name)} * {f'({text})' if is_composed else text}"
    if isinstance(change.what, NewNorm):
        return f"{owner}.{_own_name(change.what.name)}({text})"
    return f"{_path(_norm(change), change.place.module)}({text})"


def _general(pairs: Sequence[Pair]) -> Iterator[str]:
    what = pairs[0][1].what
    if not _is_loop(pairs) or isinstance(what, MovedNorm):
        yield "# x = norm(x + f)" if isinstance(what, MovedNorm) else "# x = x + f  (f: the branch)"
        yield from (f"x = x + {_wrapped(change, 'f', False, 'self')}" for _, change in pairs)
        return
    yield f"# x = x + f  (f: the branch; i: 0 to {len(pairs) - 1}, the times this runs in one forward pass)"
    yield f"x = x + {'self.alphas[i] * f' if isinstance(what, Gate) else 'self.branch_norms[i](f)'}"


def _own_name(name: str) -> str:
    return name.replace("lr_gate", "alpha").replace("lr_norm", "branch_norm")


def _new_norm(what: NewNorm) -> str:
    return f"nn.GroupNorm(1, {what.size})" if what.is_channels_first else f"nn.LayerNorm({what.size})"


def _zeroed(change: Change) -> tuple[str, ...]:
    return change.what.parameters if isinstance(change.what, Zero) else ()


def _norm(change: Change) -> str:
    return change.what.norm if isinstance(change.what, MovedNorm) else ""


def _path(name: str, owner: str) -> str:
    """The name as Python: from the module that adds where it lies within, else from the model."""
    inside = f"{owner}." if owner else ""
    start, rest = ("self", name.removeprefix(inside)) if name.startswith(inside) else ("model", name)
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", f"{start}.{rest}")
