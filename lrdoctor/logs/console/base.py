"""What the text formats share: how a number looks, and a reader made of a telling line and a parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lrdoctor.errors import LogError
from lrdoctor.logs._decode import whole_text
from lrdoctor.logs._rows import counted
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.text import head_text

NUMBER = (
    r"[-+]?(?:(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,40})(?:\.\d{0,40})?(?:[eE][-+]?\d{1,4})?"
    r"|\.\d{1,40}(?:[eE][-+]?\d{1,4})?|(?i:nan|inf(?:inity)?))"
)
"""A number as programs print it, thousands separators included. Every repetition in the patterns of this shelf is
bounded, so that a line of ten million characters takes no longer than as many short ones."""


class TextFormat:
    """A reader of one text format.

    Args:
        name: what --format calls it.
        telling: matches a line that only this format has; fast where it begins with a word, not with a boundary.
        parse: the table of a text; an empty one where nothing fits.
    """

    def __init__(self, name: str, telling: re.Pattern[str], parse: Callable[[str], Table]) -> None:
        self.NAME = name
        self.telling = telling
        self.parse = parse

    def __repr__(self) -> str:
        return f"TextFormat({self.NAME!r})"

    def sniff(self, source: Source) -> bool:
        """Whether the head of the text has a telling line."""
        return self.telling.search(head_text(source)) is not None

    def read(self, source: Source) -> Iterator[Table]:
        """The one table of the text.

        Raises:
            LogError: no line of this format.
        """
        text, dropped = finished(whole_text(source))
        table = self.parse(text)
        if not table.columns:
            raise LogError(f"{source.name}: no line of the format {self.NAME} with a number in it")
        yield Table(table.name, table.columns, table.facts, {**table.left_out, **dropped})


def finished(text: str) -> tuple[str, dict[str, str]]:
    """The text up to its last line end: a number at the very end of a log may have lost digits."""
    if not text or text.endswith("\n"):
        return text, {}
    complete, end, _ = text.rpartition("\n")
    return complete + end, {"last line": "unfinished, so its numbers may be cut"}


def other_lines(text: str, read: int) -> dict[str, str]:
    """What to say of the lines that are no records."""
    others = sum(1 for line in text.split("\n") if line.strip()) - read
    return {counted(others, "line"): "no records of this format"} if others > 0 else {}


def cells(text: str) -> Iterator[tuple[str, str]]:
    """Key and value of `key: value | key: value |`."""
    for cell in text.split("|"):
        key, colon, value = cell.partition(":")
        if colon:
            yield key.strip(), value.strip()
