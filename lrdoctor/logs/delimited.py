"""CSV, TSV and every other table of delimited cells, whoever wrote it.

The dialect is found in the head and the cells are read without knowing what they mean (`dialect`, `cells`); then the
first shape that fits the columns (`shapes`) makes tables of them: most files are one table as they stand, but W&B's
chart exports hold a run in every third column, and a long file a metric in every row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lrdoctor.errors import NoLogError
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.cells import Cells, read_cells
from lrdoctor.logs.dialect import DELIMITERS, sniff_dialect, split
from lrdoctor.logs.shapes import SHAPES
from lrdoctor.logs.text import head_text

NAME = "csv"

CONTROL = re.compile("[\0-\x08\r-\x1e]")
"""Characters of binary files; a text log holds none, once terminal codes and line ends are clean."""
NAMES = re.compile(rb"[A-Za-z_][A-Za-z0-9_./-]*(?:,[A-Za-z_][A-Za-z0-9_./-]*)*")
OF_NUMBERS = b"0123456789+-.eE,\n nafiNAFI"
"""What rows of numbers are written with, nan and inf among them."""
WORD = re.compile(r"[A-Za-z_][\w./-]*")
"""A name of a column in a line that is nothing but names."""


def sniff(source: Source) -> bool:
    """Whether the head splits into columns of which one is numbers."""
    head = head_text(source)
    return CONTROL.search(head) is None and not head.lstrip().startswith(("{", "[")) and sniff_dialect(head) is not None


def is_plain(source: Source) -> bool:
    """Whether the head is a line of names, and rows of numbers with commas between them.

    Every other format has words in its lines, or a signature, so that nothing else can know such a source.
    """
    header, _, rows = source.head.replace(b"\r\n", b"\n").partition(b"\n")
    return (
        b"," in header
        and NAMES.fullmatch(header) is not None
        and bool(rows.strip())
        and not rows.translate(None, OF_NUMBERS)
        and sniff(source)
    )


def is_header_only(source: Source) -> bool:
    """Whether the source is one line of names: a run that was stopped before it logged anything."""
    lines = [line for line in head_text(source).split("\n") if line.strip()]
    return len(lines) == 1 and any(_are_names(split(lines[0], delimiter)) for delimiter in DELIMITERS)


def _are_names(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and all(WORD.fullmatch(cell) for cell in cells)


def read(source: Source) -> Iterator[Table]:
    """The tables of the file.

    Raises:
        LogError: there is no column of numbers, or pandas cannot split the file.
    """
    dialect = sniff_dialect(head_text(source))
    if dialect is None:
        raise NoLogError(f"{source.name}: no column of numbers; expected rows of cells with a header line above them")
    yield from tables_of(read_cells(source, dialect), source.name, has_header=dialect.has_header)


def tables_of(cells: Cells, name: str, *, has_header: bool = True) -> Iterator[Table]:
    """The tables that cells hold by the first shape that fits them, whether they were in a file or in memory."""
    shape = next(shape for shape in SHAPES if shape.fits(cells))
    for table in shape.tables(cells, name):
        header = {} if has_header else {"no_header": True}
        used = set(table.facts.get("used", ()))
        yield replace(
            table,
            facts={**header, "shape": shape.NAME, **{k: v for k, v in table.facts.items() if k != "used"}},
            left_out={**{k: v for k, v in cells.left_out.items() if k not in used}, **table.left_out},
        )
