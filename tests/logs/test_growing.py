"""Arrays that grow, and entries that only some rows have."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.logs._entries import Entries
from lrdoctor.logs._growing import Growing


@pytest.mark.parametrize("room", [0, 3, 1000])
def test_blocks_of_any_length_are_joined(room: int) -> None:
    growing = Growing(np.int64)
    growing.reserve(room)
    blocks = [np.arange(k) for k in (0, 1, 5, 200, 3)]
    for block in blocks:
        growing.append(block)
    growing.append(7, 2)
    assert growing.now().tolist() == np.concatenate([*blocks, [7, 7]]).tolist()
    finished = growing.finish()
    assert finished.tolist() == np.concatenate([*blocks, [7, 7]]).tolist()
    assert not finished.flags.writeable


ALL = np.ones(2, dtype=bool)


@pytest.mark.parametrize(
    ("rows", "marks", "logged"),
    [
        ([[0, 1], [2, 3]], [ALL, ALL], [0, 1, 2, 3]),
        ([[0, 1], [3, 4]], [ALL, ALL], [0, 1, 3, 4]),
        ([[1, 2], [3, 4]], [ALL, ALL], [1, 2, 3, 4]),
        ([[0, 1], [2, 3]], [ALL, np.array([False, True])], [0, 1, 3]),
        ([[0, 1], [2, 3]], [~ALL, ALL], [2, 3]),
        ([[0, 2], [3, 4]], [ALL, ALL], [0, 2, 3, 4]),
    ],
)
def test_entries_stand_in_their_rows(rows: list[list[int]], marks: list[np.ndarray], logged: list[int]) -> None:
    entries = Entries()
    for some, which in zip(rows, marks, strict=True):
        entries.add(np.array(some), np.array(some, dtype=float) + 0.5, which)
    assert sorted(entries.rows().tolist()) == sorted(row for some in rows for row in some)
    column = entries.column(6)
    assert np.flatnonzero(column.logged).tolist() == logged
    assert column.value[column.logged].tolist() == [row + 0.5 for row in logged]
    assert np.isnan(column.value[~column.logged]).all()
