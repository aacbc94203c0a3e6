"""The cells of a delimited file: numbers, and the few texts that name metrics and runs.

A file of few rows is read by `few_rows` where that can. All others are read by pandas, which is imported only then: its
C engine reads block after block, so memory holds the numbers and one block of text. It makes the same nan of
an empty cell and of the token `nan`; where a block holds such a token, the cells that became nan are read once more.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lrdoctor.core.curve import Values
from lrdoctor.errors import LogError
from lrdoctor.logs import few_rows
from lrdoctor.logs._growing import Growing
from lrdoctor.logs._names import Names, Texts
from lrdoctor.logs.base import Column, Marks, Source
from lrdoctor.logs.dialect import BLANKS, COMMENT, Dialect, split
from lrdoctor.logs.numbers import NAN, number, numbers, pandas_rounds
from lrdoctor.logs.text import BLOCK_BYTES, blocks

if TYPE_CHECKING:
    import pandas as pd

MORE_ROWS = 1.05
"""Room for rows that are shorter than those at the start of the file."""

MOST_CARRIED = 64 * BLOCK_BYTES
"""Text after an opening quote that is held back for its closing quote; beyond it, the quote is taken as a letter."""

EMPTY_TOKENS = ("NAN", "Nan", "-NaN", "+nan", "none", "NONE", "Null", "-", "--")
"""What pandas is to read as nan beside its own list; any other spelling is read by `numbers`, only more slowly."""

NAN_TOKEN = re.compile(rb"nan|1\.#(?:ind|qnan)", re.IGNORECASE)
PLAIN_TOKENS = (b"nan", b"NaN")
"""As Python and JavaScript write it."""
NAN_LETTERS = (b"n", b"N")
"""Looking for one letter is a hundred times faster than for a word; a block of numbers alone holds neither."""
BEFORE_LETTER = len("1.#q")
"""Characters of a token before its first such letter, at most."""

SKIPPED = re.compile(r"line (\d+): expected (\d+) fields, saw (\d+)")


@dataclass(frozen=True)
class Cells:
    """What a delimited file holds, row by row."""

    n_rows: int
    columns: dict[str, Column]
    """The columns that hold numbers."""
    texts: dict[str, Texts] = field(default_factory=dict)
    """The columns that hold few different texts, None where a cell is empty."""
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass
class Gathered:
    """One column, block by block."""

    value: Growing[np.float64] = field(default_factory=lambda: Growing(np.float64))
    logged: Growing[np.bool_] = field(default_factory=lambda: Growing(np.bool_))
    names: Names = field(default_factory=Names)
    n_numbers: int = 0
    n_unreadable: int = 0
    first_unreadable: str = ""

    def add(self, value: Values, logged: Marks, texts: Texts | None = None, unreadable: Marks | None = None) -> None:
        """Adds cells: their numbers, and as they were written where not all are numbers."""
        if texts is not None and unreadable is not None and unreadable.any():
            self.n_unreadable += int(unreadable.sum())
            self.first_unreadable = self.first_unreadable or str(texts[int(np.argmax(unreadable))])
        self.value.append(value)
        self.logged.append(logged)
        self.names.add(texts, len(value))
        self.n_numbers += int(logged.sum())


def read_cells(source: Source, dialect: Dialect) -> Cells:
    """Every row of the source.

    Raises:
        LogError: the source cannot be read to its end.
    """
    gathered = {name: Gathered() for name in dialect.names}
    left_out: dict[str, str] = {}
    if dialect.preamble:
        left_out[f"{len(dialect.preamble)} lines before the header"] = f"not rows, such as {dialect.preamble[0][:60]!r}"
    n_rows = n_long = n_repeated = 0
    are_few = _size(source) <= few_rows.MOST_BYTES
    for block in _rows(source, dialect, left_out):
        if are_few and (few := few_rows.rows_of(block, dialect)) is not None:
            found, n_more = few_rows.columns_of(few, dialect, _may_hold_nan(block))
            for one in found:
                gathered[one.name].add(one.value, one.logged, one.texts, one.unreadable)
            n_repeated += n_more
            n_rows += len(few) - n_more
            continue
        block, n_long_start = _without_long_start(block, dialect)
        options: dict[str, Any] = {"na_values": list(EMPTY_TOKENS), "decimal": dialect.decimal}
        frame, n_bad = _read_csv(source, block, dialect, options)
        n_long += n_bad + n_long_start
        keep = ~_repeats_header(frame, dialect)
        if not n_rows:
            # about as many as there are if the other rows are as long as those of this block
            room = int(MORE_ROWS * len(frame) * max(1.0, _size(source) / max(len(block), 1)))
            for column in gathered.values():
                column.value.reserve(room)
                column.logged.reserve(room)
        n_repeated += int((~keep).sum())
        columns = dict(frame.items())
        doubtful = [name for name in dialect.names if columns[name].isna().any()] if _may_hold_nan(block) else []
        with_token: Mapping[str, Marks] = {}
        if doubtful and not n_bad and all(columns[name].dtype.kind == "f" for name in doubtful):
            with_token = _nan_tokens(source, block, dialect, doubtful)
        again = _Again(source, block, dialect, doubtful, n_bad) if doubtful and not with_token else None
        for name in dialect.names:
            if name in with_token:
                gathered[name].add(*_kept(keep, np.asarray(columns[name], dtype=np.float64), with_token[name]))
                continue
            _gather(gathered[name], columns[name], keep, again, dialect)
        n_rows += int(keep.sum())
    if n_long:
        left_out[f"{n_long} lines"] = f"more cells than the {len(dialect.names)} columns"
    if n_repeated:
        left_out[f"{n_repeated} lines in mid-file"] = "the header once more, or a comment"
    return finished(gathered, n_rows, left_out)


def _size(source: Source) -> int:
    """Bytes of the source as it lies there, packed or not; 0 where it cannot be told."""
    try:
        return source.path.stat().st_size if source.path is not None else len(source.content or b"")
    except OSError:
        return 0


def _may_hold_nan(block: bytes) -> bool:
    first = min((at for at in map(block.find, NAN_LETTERS) if at >= 0), default=None)
    return first is not None and NAN_TOKEN.search(block, max(0, first - BEFORE_LETTER)) is not None


def _opens_quote(block: bytes) -> bool:
    """Whether a quote is opened and not closed."""
    return b'"' in block and block.count(b'"') % 2 == 1


def _rows(source: Source, dialect: Dialect, left_out: dict[str, str]) -> Iterator[bytes]:
    """Blocks of data lines: header skipped, quoted line ends kept together, a torn last line taken off."""
    carried = b""
    to_skip = dialect.data_line
    for block in blocks(source, left_out):
        while to_skip and block:
            _, _, block = block.partition(b"\n")
            to_skip -= 1
        if not block.strip(b"\n"):
            continue
        carried += block
        if _opens_quote(carried) and len(carried) < MOST_CARRIED:
            continue
        if not carried.endswith(b"\n"):  # the file's end
            break
        yield carried
        carried = b""
    if carried:
        end = carried.rfind(b"\n") + 1
        last = carried[end:]
        if last:
            carried = carried[:end] + _untorn(last.decode("utf-8", "replace"), dialect, left_out).encode()
        yield carried


def _untorn(line: str, dialect: Dialect, left_out: dict[str, str]) -> str:
    """The last line of a file that lacks its line end, without what the end may have cut off.

    `3.1` may have been `3.14` or `3.1e-4`, and a wrong last value would look like a rise. A value as long as the
    others is whole.
    """
    cells = split(line, dialect.delimiter)
    if len(cells) < len(dialect.names):
        left_out["the last line"] = f"cut off: {line[-60:]!r}"
        return ""
    last = cells[-1]
    if last and len(last) < dialect.shortest_last and number(last) is not None and last.lower() not in NAN:
        left_out["the last cell of the last line"] = f"may be cut off: {last!r}"
        return line[: line.rstrip('" ').rfind(last)].rstrip('"') + "\n"
    return line + "\n"


def _read_csv(source: Source, block: bytes, dialect: Dialect, options: dict[str, object]) -> tuple[pd.DataFrame, int]:
    """The block's cells, and how many lines had too many."""
    ours: dict[str, object] = {
        "sep": dialect.delimiter,
        "header": 0,
        "names": list(dialect.names),
        "index_col": False,
        "skipinitialspace": b" " in block,
        "low_memory": False,
        "encoding": "utf-8",
        "encoding_errors": "replace",
        "comment": COMMENT if dialect.comments else None,
        "quoting": csv.QUOTE_NONE if _opens_quote(block) else csv.QUOTE_MINIMAL,
        "on_bad_lines": "warn",
    }
    import pandas as pd

    if not pandas_rounds():
        ours["float_precision"] = "round_trip"
    # a first line of the right width, by which pandas measures all others; of different names, since it takes quadratic
    # time to make equal ones different
    first = (" " if dialect.delimiter == BLANKS else dialect.delimiter).join(map(str, range(len(dialect.names))))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame = pd.read_csv(io.BytesIO(first.encode() + b"\n" + block), **(ours | options))  # type: ignore[call-overload]
        except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
            raise LogError(f"{source.name}: not a table: {str(error).strip()}") from None
    return frame, sum(len(SKIPPED.findall(str(warning.message))) for warning in caught)


def _without_long_start(block: bytes, dialect: Dialect) -> tuple[bytes, int]:
    """The block without first lines of too many cells, the only ones that pandas takes without a word."""
    n = 0
    while line := block[: block.find(b"\n") + 1]:
        cells = split(line.decode("utf-8", "replace"), dialect.delimiter)
        if len(cells) <= len(dialect.names) or b'"' in line:
            break
        block, n = block[len(line) :], n + 1
    return block, n


def _nan_tokens(source: Source, block: bytes, dialect: Dialect, names: list[str]) -> dict[str, Marks]:
    """For columns of numbers, which cells were logged, those that say `nan` among them; empty where that takes a look
    at the text of each cell.

    The plainest tokens are made numbers and the block is read once more. What is nan even then is an empty cell, unless
    there are other tokens.
    """
    mark = dialect.delimiter.encode()
    if len(mark) != 1:
        return {}
    for token in PLAIN_TOKENS:
        for before, after in product((mark, b"\n"), repeat=2):
            # twice, since two of them in a row share the mark between them
            for _ in range(2):
                if token[:1] in block:
                    block = block.replace(before + token + after, before + b"0" + after)
    if _may_hold_nan(block):
        return {}
    options: dict[str, object] = {"na_values": list(EMPTY_TOKENS), "decimal": dialect.decimal, "usecols": names}
    frame, n_bad = _read_csv(source, block, dialect, options)
    if n_bad or any(frame[name].dtype.kind not in "iuf" for name in names):
        return {}
    return {name: ~np.isnan(np.asarray(frame[name], dtype=np.float64)) for name in names}


class _Again:
    """A block read a second time, for the text of cells that became nan."""

    def __init__(self, source: Source, block: bytes, dialect: Dialect, names: list[str], n_bad: int) -> None:
        # a line of too many cells is only recognised, and skipped as it was before, when all columns are read
        usecols = None if n_bad else names
        self.frame, _ = _read_csv(source, block, dialect, {"usecols": usecols, "dtype": str, "na_filter": False})

    def texts(self, name: str) -> Texts:
        return np.asarray(self.frame[name], dtype=object)


def _repeats_header(frame: pd.DataFrame, dialect: Dialect) -> Marks:
    """Rows that are the header once more, or a comment that the head gave no sign of."""
    marks = np.zeros(len(frame), dtype=bool)
    for i, name in enumerate(dialect.names):
        if frame[name].dtype.kind in "ifub":
            continue
        cells = np.asarray(frame[name], dtype=object)
        marks |= cells == name
        if i == 0:
            marks |= np.fromiter((isinstance(c, str) and c.startswith(COMMENT) for c in cells), bool, len(cells))
    return marks


def _gather(into: Gathered, series: pd.Series, keep: Marks, again: _Again | None, dialect: Dialect) -> None:
    """Adds one block's cells of one column."""
    import pandas as pd

    texts = unreadable = None
    if series.dtype.kind in "ifub":
        value = np.asarray(series, dtype=np.float64)
        logged = ~np.isnan(value)
        if again is not None and not logged.all():
            logged |= _is_nan_token(again.texts(str(series.name)), ~logged)
    else:
        cells = np.asarray(series, dtype=object)
        if again is not None and series.isna().any():
            cells = np.where(pd.isna(cells), again.texts(str(series.name)), cells)
        read = numbers(cells, decimal=dialect.decimal)
        value, logged = read.value, read.logged
        texts, unreadable = cells[keep], read.unreadable[keep]
    into.add(*_kept(keep, value, logged), texts, unreadable)


def _kept(keep: Marks, value: Values, logged: Marks) -> tuple[Values, Marks]:
    return (value, logged) if keep.all() else (value[keep], logged[keep])


def _is_nan_token(texts: Texts, where: Marks) -> Marks:
    marks = np.zeros(len(texts), dtype=bool)
    at = np.flatnonzero(where & (texts != ""))
    marks[at] = [text in NAN or text.strip().strip("\"'").lower() in NAN for text in texts[at]]
    return marks


def finished(gathered: Mapping[str, Gathered], n_rows: int, left_out: dict[str, str]) -> Cells:
    """What was gathered, told apart into numbers and names; nothing is to be added afterwards."""
    columns: dict[str, Column] = {}
    texts: dict[str, Texts] = {}
    for name, column in gathered.items():
        value, logged = column.value.finish(), column.logged.finish()
        if column.n_unreadable > column.n_numbers:
            if column.names.few:
                texts[name] = column.names.texts(value)
            left_out[name] = f"text, such as {column.first_unreadable[:40]!r}"
            continue
        if column.n_unreadable:
            left_out[f"{column.n_unreadable} cells of {name}"] = f"no number: {column.first_unreadable[:40]!r}"
        if n_rows:
            columns[name] = Column(value, logged)
    return Cells(n_rows, columns, texts, left_out)
