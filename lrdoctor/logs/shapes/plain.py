"""One run, one column a quantity, as Lightning's, Keras', timm's and fastai's loggers and most scripts write it.

Lightning writes the rate, the training loss and the validation loss of one step in rows of their own; every column
knows its own rows, so nothing is to be put together.
"""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.logs.base import Table
from lrdoctor.logs.cells import Cells

NAME = "plain"


def fits(cells: Cells) -> bool:
    return True


def tables(cells: Cells, source: str) -> Iterator[Table]:
    yield Table("", cells.columns)
