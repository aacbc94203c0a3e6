"""Where in the user's source an operation was called."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import torch

_TORCH = str(Path(torch.__file__).parent)
_BETWEEN = (
    str(Path(__file__).parent),
    f"{_TORCH}/overrides.py",
    f"{_TORCH}/_tensor.py",
    f"{_TORCH}/_jit_internal.py",
    f"{_TORCH}/utils/_contextlib.py",
)
"""Files between an operation and the line that asked for it."""


Span = tuple[int, ...]
"""First column, last line and last column of an expression."""


class CallSite(NamedTuple):
    """One call in a source file."""

    file: str
    line: int
    span: Span
    """The part of the line: it may hold several calls."""


def call_site() -> CallSite:
    """The innermost call that is neither lrdoctor's nor of torch's dispatching."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame = frame.f_back
    return CallSite("?", 0, ()) if frame is None else _site(frame)


def call_sites() -> Iterator[CallSite]:
    """All calls that are under way, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield _site(frame)
        frame = frame.f_back


def _site(frame: FrameType) -> CallSite:
    return CallSite(frame.f_code.co_filename, frame.f_lineno, _span(frame.f_code, frame.f_lasti))


_SPANS: dict[tuple[int, int], tuple[CodeType, Span]] = {}
"""By code and instruction, with the code, so that its id stays its own."""


def _span(code: CodeType, instruction: int) -> Span:
    """Of the expression that an instruction belongs to.

    The instruction's own index would not do: once the interpreter has specialized a call, another one makes it.
    """
    known = _SPANS.get((id(code), instruction))
    if known is None:
        _, last_line, first, last = next(islice(code.co_positions(), instruction // 2, None))
        # without columns (python -X no_debug_ranges) the index is all there is
        span = (instruction,) if None in (first, last_line, last) else (first or 0, last_line or 0, last or 0)
        known = _SPANS[id(code), instruction] = code, span
    return known[1]


def shortened(file: str, folder: Path) -> str:
    """The file as people name it: relative to the folder, or to where packages are installed."""
    path = Path(file)
    # the more special folder first: the standard library's holds the packages'
    for root in (str(folder), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(_own_root())):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return str(path)


def _own_root() -> Path:
    return Path(__file__).parent.parent.parent
