"""Columns of text in which few different texts stand again and again: names of metrics and of runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Values
from lrdoctor.logs._growing import Growing

Texts = npt.NDArray[np.object_]

MOST_TEXTS = 20_000
"""A column of more different texts names neither metrics nor runs; it is times or remarks and is not kept."""

IS_NUMBER = -1
"""Stands in the codes of a column of texts for a cell of a block that pandas read as numbers."""


FEW = 50_000
"""Cells up to which a loop over them takes less than importing pandas."""


def factorized(cells: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], Sequence[Any]]:
    """The number of each cell's entry, by first appearance, -1 for None and nan, and the entries, each once."""
    if len(cells) > FEW and pandas_tells_apart():
        import pandas as pd

        codes, entries = pd.factorize(cells)
        return codes.astype(np.int64), list(entries)
    number: dict[Any, int] = {}
    at = [-1 if c is None or c != c else number.setdefault(c, len(number)) for c in cells.tolist()]  # nan is not itself
    return np.array(at, dtype=np.int64), list(number)


@cache
def pandas_tells_apart() -> bool:
    """Whether the installed pandas looks at texts to their end; before 3 it takes those for one that differ after a
    NUL."""
    import pandas as pd

    return len(pd.unique(np.array(["1", "1\0"], dtype=object))) == 2


class Names:
    """The texts of a column as numbers of different texts, as long as these are few."""

    def __init__(self) -> None:
        self.number: dict[object, int] = {None: 0}
        self.codes: Growing[np.int16] = Growing(np.int16)
        self.n_pending = 0

    @property
    def few(self) -> bool:
        return len(self.number) <= MOST_TEXTS

    def add(self, cells: Texts | None, length: int) -> None:
        """Adds the cells of one block, None for a block of numbers."""
        if cells is None:
            self.n_pending += length
        elif self.few:
            self._add_numbers()
            at, distinct = factorized(cells)
            stripped = [c.strip() or None if isinstance(c, str) else None for c in distinct]
            for text in stripped:
                self.number.setdefault(text, len(self.number))
            # the last one is for the place -1, which stands for what is no text
            known = np.array([*(self.number[text] for text in stripped), 0])
            self.codes.append(known[at] if self.few else 0, length)

    def _add_numbers(self) -> None:
        """Adds the blocks of numbers so far, which most columns hold alone."""
        self.codes.append(IS_NUMBER, self.n_pending)
        self.n_pending = 0

    def texts(self, value: Values) -> Texts:
        """object[n]: the texts, None where a cell is empty; numbers of a block of numbers as texts."""
        self._add_numbers()
        codes = self.codes.finish()
        cells = np.array([*self.number, None], dtype=object)[codes]
        numeric = (codes == IS_NUMBER) & ~np.isnan(value)
        cells[numeric] = [f"{number:g}" for number in value[numeric]]
        return cells
