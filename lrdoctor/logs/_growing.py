"""An array that grows at its end, for logs whose length nobody knows beforehand."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Element = TypeVar("Element", bound=np.generic)

GROWTH = 1.5
"""How many times larger an array becomes that is full."""


class Growing(Generic[Element]):
    """Elements of one kind, appended block by block.

    Blocks in a list, joined at the end, would need the memory twice. Room that is never used costs nothing: the
    operating system gives memory to what is written.

    Args:
        kind: the type of the elements.
    """

    def __init__(self, kind: type[Element]) -> None:
        self._array: npt.NDArray[Element] = np.empty(0, dtype=kind)
        self.size = 0

    def reserve(self, room: int) -> None:
        """Makes room for that many elements, so that nothing is to be moved until they are there."""
        if room > len(self._array):
            array = np.empty(room, dtype=self._array.dtype)
            array[: self.size] = self._array[: self.size]
            self._array = array

    def append(self, block: npt.NDArray[Element] | Any, length: int | None = None) -> None:
        """Adds the elements of a block, or one element `length` times."""
        end = self.size + (len(block) if length is None else length)
        if end > len(self._array):
            self.reserve(max(end, int(len(self._array) * GROWTH)))
        self._array[self.size : end] = block
        self.size = end

    def finish(self) -> npt.NDArray[Element]:
        """The elements, read-only; nothing is to be appended afterwards."""
        self._array.flags.writeable = False
        return self._array[: self.size]

    def now(self) -> npt.NDArray[Element]:
        """The elements so far."""
        return self._array[: self.size]
