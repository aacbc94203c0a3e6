"""How a delimited file is written: delimiter, decimal mark, header, comments; found from the head alone."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lrdoctor.logs.numbers import is_missing, number

BLANKS = r"\s+"
"""Stands for any number of blanks between two cells, as pandas has it."""

NONE = "\x01"
"""The delimiter of a file of one column: one that no line holds."""

DELIMITERS = (",", "\t", ";", "|")
"""Where two split a head equally well, the first is taken."""

LAST_DELIMITERS = (BLANKS, NONE)
"""What is tried when none of the others fits: lines of text have blanks, too."""

LOOKED_AT = 300
"""Lines of the head that are split: enough to outvote a preamble, few enough to be fast."""

REGULAR = 0.7
"""Share of the lines that must have the same number of cells; logs with eval rows and torn lines have some others."""

NUMERIC = 0.6
"""Share of a column's filled cells that must be numbers for it to be a column of numbers."""

ENOUGH_ROWS = 3
"""Rows that a file without delimiter, or with blanks for one, needs: a shorter one may be anything."""

COMMENT = "#"
UNNAMED = "(unnamed)"


@dataclass(frozen=True)
class Dialect:
    """How to split the lines of a file."""

    delimiter: str
    decimal: str
    names: tuple[str, ...]
    """One a column, all different."""
    has_header: bool
    data_line: int
    """Lines before the first row of cells: preamble, comments, blank lines and header."""
    comments: bool
    """Whether lines that start with `#` are comments."""
    preamble: tuple[str, ...] = ()
    """Lines before the header that are neither comments nor rows."""
    shortest_last: int = 0
    """Characters of the shortest last cell in the head: a shorter one at the end of a torn file may be cut off."""


def split(line: str, delimiter: str) -> list[str]:
    """The cells of a line, unquoted and without blanks around them."""
    if delimiter == BLANKS:
        return line.split()
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    except (csv.Error, StopIteration):
        return [cell.strip() for cell in line.split(delimiter)]


@lru_cache(maxsize=2)  # asked by sniff() and then by read()
def sniff_dialect(head: str) -> Dialect | None:
    """The dialect of a head, None when it is no table with a column of numbers."""
    lines = head.split("\n")[:LOOKED_AT]
    filled = [at for at, line in enumerate(lines) if line.strip() and not line.startswith(COMMENT)]
    for delimiters in (DELIMITERS, LAST_DELIMITERS):
        found = [(_share_of_numbers(lines, filled, delimiter), -rank) for rank, delimiter in enumerate(delimiters)]
        best, rank = max(found)
        if best > 0:
            return _dialect(lines, filled, delimiters[-rank])
    return None


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Cells of most rows; the later rows speak louder than a preamble."""
    return Counter(len(row) for row in rows[len(rows) // 5 :]).most_common(1)[0][0] if rows else 0


def _share_of_numbers(lines: Sequence[str], filled: Sequence[int], delimiter: str) -> float:
    """How well a delimiter splits the lines: the share of filled cells that are numbers, 0 when it does not fit."""
    if len(delimiter) == 1 and delimiter != NONE and sum(delimiter in lines[at] for at in filled) < len(filled) / 2:
        return 0.0
    rows = [split(lines[at], delimiter) for at in filled]
    width = _width(rows)
    regular = [row for row in rows if len(row) == width]
    if len(regular) < REGULAR * (len(rows) - 1) or (width == 1) != (delimiter == NONE) or len(regular) < 1:
        return 0.0
    if delimiter in (BLANKS, NONE) and len(regular) < ENOUGH_ROWS:
        return 0.0
    kinds = [[_kind(cell, delimiter) for cell in column] for column in zip(*regular[-LOOKED_AT:], strict=True)]
    n_filled = sum(kind != "" for column in kinds for kind in column)
    n_numbers = sum(kind == "number" for column in kinds for kind in column)
    header_only = width * (len(regular) == 1)
    if header_only and n_numbers < width:
        return 0.0
    numeric = [column for column in kinds if _is_numeric(column[1:] if len(column) > 1 else column)]
    if delimiter in (BLANKS, NONE) and len(numeric) < width:
        return 0.0
    return n_numbers / n_filled if numeric and n_filled else 0.0


def _kind(cell: str, delimiter: str) -> str:
    if is_missing(cell):
        return ""
    return "number" if number(cell, decimal="," if delimiter == ";" and "," in cell else ".") is not None else "text"


def _is_numeric(kinds: Sequence[str]) -> bool:
    n = sum(kind != "" for kind in kinds)
    return n > 0 and sum(kind == "number" for kind in kinds) >= NUMERIC * n


def _dialect(lines: Sequence[str], filled: Sequence[int], delimiter: str) -> Dialect:
    """The dialect with this delimiter, which is known to fit."""
    rows = {at: split(lines[at], delimiter) for at in filled}
    width = _width(list(rows.values()))
    start = _start(rows, width, delimiter)
    body = [row for at, row in rows.items() if at > start and len(row) == width] or [rows[start]]
    numeric = [_is_numeric([_kind(row[i], delimiter) for row in body]) for i in range(width)]
    header, first = _header(rows[start], numeric, delimiter), start
    if header is not None:
        first = next((at for at in filled if at > start), start + 1)
        if len(header) < width:  # one name short: a row index in front, or a delimiter at the end of the lines
            header = [*header, ""] if all(row[-1] == "" for row in body) else ["", *header]
    else:
        header = _header_in_comment(lines[:start], width, delimiter)
    marked = {at for at, line in enumerate(lines) if line.startswith(COMMENT)}
    return Dialect(
        delimiter=delimiter,
        decimal="," if delimiter == ";" and _has_decimal_commas([cell for row in body for cell in row]) else ".",
        names=unique([f"column_{i + 1}" for i in range(width)] if header is None else header),
        has_header=header is not None,
        data_line=first,
        comments=bool(marked) and not any(COMMENT in lines[at] for at in filled),
        preamble=tuple(lines[at] for at in filled if at < start),
        shortest_last=min((len(row[-1]) for row in body[:-1] if row[-1]), default=0),
    )


def _start(rows: Mapping[int, list[str]], width: int, delimiter: str) -> int:
    """The line of the header, or of the first row when there is none; a header may be one name short."""
    start = next(at for at, row in rows.items() if len(row) in (width, width - 1) and row)
    if len(rows[start]) != width and _has_row(rows, start, width, delimiter):
        start = next(at for at, row in rows.items() if len(row) == width)
    return start


def _has_row(rows: Mapping[int, list[str]], start: int, width: int, delimiter: str) -> bool:
    """Whether the first line, one cell short, is a row or a remark rather than a header."""
    after = [row for at, row in rows.items() if at > start][:1]
    texts = all(_kind(cell, delimiter) == "text" for cell in rows[start])
    return not (texts and after and len(after[0]) == width and _is_numeric([_kind(c, delimiter) for c in after[0]]))


def _header(row: Sequence[str], numeric: Sequence[bool], delimiter: str) -> list[str] | None:
    """The row when it names the columns: text above a column of numbers, or text alone."""
    kinds = [_kind(cell, delimiter) for cell in row]
    shift = len(numeric) - len(row)
    named = [kind == "text" for kind, is_number in zip(kinds, numeric[shift:], strict=True) if is_number]
    return list(row) if any(named) else None


def _header_in_comment(before: Sequence[str], width: int, delimiter: str) -> list[str] | None:
    """`# step loss` above rows of numbers."""
    for line in reversed(before):
        names = split(line.lstrip(COMMENT).strip(), delimiter)
        if line.startswith(COMMENT) and len(names) == width and "text" in {_kind(name, delimiter) for name in names}:
            return names
    return None


def _has_decimal_commas(cells: Sequence[str]) -> bool:
    return any("," in cell and number(cell, decimal=",") is not None for cell in cells)


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names with a count behind those that came before, and one for those that are blank."""
    seen: Counter[str] = Counter()
    out: list[str] = []
    for name in names:
        name = name.strip() or UNNAMED
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return tuple(out) if len(set(out)) == len(out) else unique([f"{name}_{i + 1}" for i, name in enumerate(out)])
