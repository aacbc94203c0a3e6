"""What is wrong with a spec, and where: one line a fault, all of them in one error."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from lrdoctor.errors import SpecError

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the root of the document to a value."""

_SHOWN_LENGTH = 60
"""A value longer than this is cut in a message: the place already tells where it is."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a key or value was written; ordered as the reader meets them."""

    source: int
    """0 for the file, n for the n-th `--set`."""
    line: int
    column: int
    text: str
    """`file:line:column`, or the `--set` itself."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the spec."""

    place: Place
    path: KeyPath
    text: str
    """What was found, and what was expected."""

    def __str__(self) -> str:
        key = ".".join(map(str, self.path))
        line = ": ".join(part for part in (self.place.text, key, self.text) if part)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def refusal(faults: Iterable[Fault]) -> SpecError:
    """The error that lists every fault, a line each, in the order of their places."""
    return SpecError("\n".join(str(fault) for fault in sorted(faults, key=lambda fault: fault.place)))


def shown(value: object) -> str:
    """A plain value as a message shows it: text in double quotes, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "..."
