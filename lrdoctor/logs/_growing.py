"""An array that grows at its end, for logs whose length nobody knows beforehand."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Element = TypeVar("Element", bound=np.generic)

FIRST_ROOM = 4096
"""Elements that the first allocation has room for."""

GROWTH = 8
"""An array that is full grows by an eighth: a list of blocks joined at the end would need the memory twice."""


class Growing(Generic[Element]):
    """Elements of one kind, appended block by block.

    Args:
        kind: the type of the elements.
    """

    def __init__(self, kind: type[Element]) -> None:
        self._array: npt.NDArray[Element] = np.empty(0, dtype=kind)
        self.size = 0

    def append(self, block: npt.NDArray[Element] | Any, length: int | None = None) -> None:
        """Adds the elements of a block, or one element `length` times."""
        end = self.size + (len(block) if length is None else length)
        if end > len(self._array):
            # the operating system moves pages of a large array instead of copying them; nobody else holds a view
            self._array.resize(max(end, len(self._array) * (GROWTH + 1) // GROWTH, FIRST_ROOM), refcheck=False)
        self._array[self.size : end] = block
        self.size = end

    def finish(self) -> npt.NDArray[Element]:
        """The elements, read-only, in an array of their number; nothing is to be appended afterwards."""
        array, self._array = self._array, self._array[:0].copy()
        array.resize(self.size, refcheck=False)
        array.flags.writeable = False
        return array
