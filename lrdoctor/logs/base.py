"""What a reader takes and gives.

A reader turns a source into *tables*: columns of numbers, row by row as they were logged. It decides what was logged
and what was not, and nothing else; which column is the training loss, what a repeated step means and what kind of
log this is, is worked out for all formats alike in `logs.runs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Values

Marks = npt.NDArray[np.bool_]

HEAD_BYTES = 256 * 1024
"""How much of a source a sniffer may look at: logs start with settings, warnings and tracebacks of failed starts."""


@dataclass(frozen=True)
class Source:
    """One file, or standard input read into memory."""

    name: str
    """What messages and reports call it: the path as given, or `-`."""
    path: Path | None
    """None for standard input."""
    head: bytes
    """The first `HEAD_BYTES` bytes, decompressed when the file is gzipped."""
    content: bytes | None = None
    """The whole of standard input as it came, packed or not; None for files, which are read from their path."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        value: float64[n]; nan where nothing was logged, and where nan was logged.
        logged: bool[n]; whether the row has an entry for the column. An empty cell has none; `nan` is one.
    """

    value: Values
    logged: Marks

    def __post_init__(self) -> None:
        if self.value.shape != self.logged.shape:
            raise ValueError(f"{self.value.size} values and {self.logged.size} marks")


@dataclass(frozen=True)
class Table:
    """The rows of one run, or of several that `logs.runs` takes apart, in the order in which they were written."""

    name: str
    """The run's name within its source; "" when the source holds one run."""
    columns: Mapping[str, Column]
    """By the name that the log uses, all of one length."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the format says about its values (keys of Run.provenance).

    `averaged`: the number of steps that a value is the mean of, "interval" when that number is not known, or "epoch".
    `nan_is_empty`: nan is written as nothing. `nan_filter`: non-finite losses may have been left out of a mean.
    `significant_digits`: to how many digits values are rounded. `sampled`, `loss_unit`, `notes`.
    """
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What was not read -> why."""


class Reader(Protocol):
    """A module of this shelf."""

    NAME: str
    """What --format calls it."""

    def sniff(self, source: Source) -> bool:
        """Whether the content of `source.head` is of this format; never raises."""

    def read(self, source: Source) -> Iterator[Table]:
        """The tables of the source, one after another.

        Raises:
            LogError: the content is not of this format, or is damaged beyond reading; the message says where.
        """
