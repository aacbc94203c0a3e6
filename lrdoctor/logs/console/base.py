"""What the text formats share: how a number looks, and a reader made of a telling line and a parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain

from lrdoctor.errors import LogError
from lrdoctor.logs._rows import counted
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.statements import Finder
from lrdoctor.logs.text import blocks, head_text

NUMBER = (
    r"[-+]?(?:(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,40})(?:\.\d{0,40})?(?:[eE][-+]?\d{1,4})?"
    r"|\.\d{1,40}(?:[eE][-+]?\d{1,4})?|(?i:nan|inf(?:inity)?))"
)
"""A number as programs print it, thousands separators included. Every repetition in the patterns of this shelf is
bounded, so that a line of ten million characters takes no longer than as many short ones."""


class Text:
    """The complete lines of a log, a block of them at a time; it can be gone through more than once.

    A last line without its end is left out: a number at the very end of a log may have lost digits.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.left_out: dict[str, str] = {}
        self.n_filled = 0
        """Lines that are not blank, once the text was gone through."""
        self.finder = Finder()
        """What the text says in words, once it was gone through."""

    def __iter__(self) -> Iterator[str]:
        self.n_filled = 0
        self.finder = Finder()
        for block in blocks(self.source, self.left_out):
            if not block.strip():
                continue
            end = block.rfind(b"\n") + 1
            if end < len(block):
                self.left_out["last line"] = "unfinished, so its numbers may be cut"
                self.finder.add(block.decode("utf-8", "replace"))
            text = block[:end].decode("utf-8", "replace")
            if end == len(block):
                self.finder.add(text)
            self.n_filled += sum(map(bool, map(str.strip, text.split("\n"))))
            yield text

    def matches(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """The matches of a pattern that fits lines."""
        return chain.from_iterable(map(pattern.finditer, self))

    def groups(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, ...]]:
        """The groups of these matches, of a pattern that has several; "" where one matched nothing."""
        return chain.from_iterable(map(pattern.findall, self))

    def others(self, read: int) -> dict[str, str]:
        """What to say of the lines that are no records, once the text was gone through."""
        n = self.n_filled - read
        return {counted(n, "line"): "no records of this format"} if n > 0 else {}


class TextFormat:
    """A reader of one text format.

    Args:
        name: what --format calls it.
        telling: matches a line that only this format has; fast where it begins with a word, not with a boundary.
        parse: the table of a text; an empty one where nothing fits.
    """

    def __init__(self, name: str, telling: re.Pattern[str], parse: Callable[[Text], Table]) -> None:
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
        text = Text(source)
        table = self.parse(text)
        if not table.columns:
            raise LogError(f"{source.name}: no line of the format {self.NAME} with a number in it")
        said = text.finder.said()
        facts = {**table.facts, **({"said": said} if said else {})}
        yield Table(table.name, table.columns, facts, {**table.left_out, **text.left_out})


def cells(text: str) -> Iterator[tuple[str, str]]:
    """Key and value of `key: value | key: value |`."""
    for cell in text.split("|"):
        key, colon, value = cell.partition(":")
        if colon:
            yield key.strip(), value.strip()
