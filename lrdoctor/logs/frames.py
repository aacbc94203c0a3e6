"""Tables that are in memory already: a pandas DataFrame, or a mapping of columns, read as a CSV of its cells would be.

In a mapping None is an empty cell, and nan is a value. pandas has one nan for both. So in a DataFrame nan is an empty
cell, as it is in the CSV that pandas writes of it, but for the training loss of a run that ended in nan: where more nan
follow its last number than stand in a row anywhere before, the rows did not merely go on without it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import numpy.typing as npt

from lrdoctor.errors import LogError
from lrdoctor.logs import aliases
from lrdoctor.logs._names import Texts
from lrdoctor.logs.base import Column, Table
from lrdoctor.logs.cells import Cells, Gathered, finished
from lrdoctor.logs.delimited import tables_of
from lrdoctor.logs.dialect import unique
from lrdoctor.logs.numbers import numbers
from lrdoctor.logs.shapes import plain, run_column, ultralytics

if TYPE_CHECKING:
    import pandas as pd

NAME = "table"
DATA_FRAME, MAPPING = "DataFrame", "mapping"
"""What reports call the log."""

ONE_RUN = (plain.NAME, run_column.NAME, ultralytics.NAME)
"""Shapes with a table a run; where runs stand beside each other, a short one ends in empty cells."""

LEVELS_BETWEEN = "/"
"""Between the levels of a column's name."""


def is_table(data: object) -> bool:
    """Whether it is read here."""
    return isinstance(data, Mapping) or _is_frame(data)


def _is_frame(data: object) -> TypeGuard[pd.DataFrame]:
    """Whether it is a DataFrame, which there is none of before pandas is imported."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def name_of(data: pd.DataFrame | Mapping[str, Iterable[Any]]) -> str:
    """What reports call it."""
    return DATA_FRAME if _is_frame(data) else MAPPING


def tables(
    data: pd.DataFrame | Mapping[str, Iterable[Any]], columns: Mapping[str, str] | None = None
) -> Iterator[Table]:
    """The tables of the data.

    Args:
        data: a frame, whose index is a column unless it merely counts the rows; or name -> the column's values.
        columns: the user's mapping, as for `read_log`.

    Raises:
        ValueError: the columns of a mapping have different lengths, or one is not one-dimensional.
        TypeError: a column of a mapping is no sequence of values.
    """
    if _is_frame(data):
        for table in tables_of(_cells(_columns_of(data), nan_is_empty=True), DATA_FRAME):
            yield _with_nan_end(table, columns) if table.facts["shape"] in ONE_RUN else table
    else:
        assert isinstance(data, Mapping)
        yield from tables_of(_cells(_checked(data), nan_is_empty=False), MAPPING)


def _columns_of(frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """The columns by names that differ from each other, with the index in front where it says anything."""
    import pandas as pd

    index, arrays = frame.index, [frame.iloc[:, i] for i in range(frame.shape[1])]
    names: list[Any] = list(frame.columns)
    if not (isinstance(index, pd.RangeIndex) and index.name is None and index.start == 0 and index.step == 1):
        levels = range(index.nlevels)
        names = ["" if name is None else name for name in index.names] + names
        arrays = [index.get_level_values(level).to_series() for level in levels] + arrays
    called = (LEVELS_BETWEEN.join(map(str, name)) if isinstance(name, tuple) else str(name) for name in names)
    return dict(zip(unique(list(called)), map(np.asarray, arrays), strict=True))


def _checked(data: Mapping[str, Iterable[Any]]) -> dict[str, npt.NDArray[Any]]:
    arrays = {str(name): _array(str(name), values) for name, values in data.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name!r} {length}" for name, length in list(lengths.items())[:12])
        raise ValueError(f"{MAPPING}: columns of different lengths: {said}; put None where a column has no value")
    return arrays


def _array(name: str, values: Iterable[Any]) -> npt.NDArray[Any]:
    """The values in one dimension, of whatever type."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise TypeError(f"{MAPPING}[{name!r}]: found {type(values).__name__}, expected a sequence of values")
    held = values if isinstance(values, Sequence) or hasattr(values, "__array__") else list(values)
    try:
        array = np.asarray(held)
    except (ValueError, TypeError, RuntimeError) as error:
        expected = "expected numbers in one dimension, as loss.item() or tensor.tolist() give them"
        raise ValueError(f"{MAPPING}[{name!r}]: {error}; {expected}") from None
    if array.ndim != 1:
        raise ValueError(f"{MAPPING}[{name!r}]: found {array.ndim} dimensions, expected one value a row")
    return array


def _cells(arrays: Mapping[str, npt.NDArray[Any]], *, nan_is_empty: bool) -> Cells:
    gathered: dict[str, Gathered] = {}
    for name, array in arrays.items():
        column = gathered[name] = Gathered()
        if array.dtype.kind in "ifub":
            value = array.astype(np.float64)
            logged = ~np.isnan(value) if nan_is_empty else np.ones(len(value), dtype=np.bool_)
            column.add(value, logged)
        else:
            texts = _texts(array)
            read = numbers(texts)
            column.add(read.value, read.logged & ~(nan_is_empty & np.isnan(read.value)), texts, read.unreadable)
    return finished(gathered, len(next(iter(arrays.values()), ())), {})


def _texts(array: npt.NDArray[Any]) -> Texts:
    """object[n]: the cells as a file would have them, None where there is nothing."""
    texts = np.empty(len(array), dtype=object)
    texts[:] = [_text(cell) for cell in array]
    return texts


def _text(cell: Any) -> str | None:
    pandas = sys.modules.get("pandas")
    if cell is None or (pandas is not None and (cell is pandas.NA or cell is pandas.NaT)):
        return None
    if isinstance(cell, str):
        return str(cell)
    try:
        return repr(float(cell))
    except (TypeError, ValueError, RuntimeError):
        return str(cell)


def _with_nan_end(table: Table, columns: Mapping[str, str] | None) -> Table:
    """The table of a run with the nan at the end of its training loss as values, where it ended in nan."""
    name = _training_loss(table, columns)
    rows = np.flatnonzero(table.columns[name].logged) if name is not None else np.zeros(0, dtype=np.int64)
    if name is None or not len(rows):
        return table
    column, n_after = table.columns[name], len(table.columns[name].value) - 1 - int(rows[-1])
    longest = int(np.diff(rows, prepend=-1).max()) - 1
    if n_after > longest:
        logged = column.logged.copy()
        logged[rows[-1] + 1 :] = True
        column = Column(column.value, logged)
    n_empty = int((~column.logged).sum())
    said = {f"{n_empty} rows of {name}": "nan in a DataFrame, taken as empty cells"} if n_empty else {}
    return replace(table, columns={**table.columns, name: column}, left_out={**table.left_out, **said})


def _training_loss(table: Table, columns: Mapping[str, str] | None) -> str | None:
    """The column that will be read as the training loss; None where none will be, which is said later."""
    filled = [name for name, column in table.columns.items() if column.logged.any()]
    empty = [name for name in table.columns if name not in filled]
    with suppress(LogError):
        given = aliases.user_mapping(columns, list(table.columns), DATA_FRAME)
        if "loss_column" in table.facts:
            given.setdefault("train_loss", str(table.facts["loss_column"]))
        return aliases.choose(filled, empty, given, DATA_FRAME)[0].get("train_loss")
    return None
