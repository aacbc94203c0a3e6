"""Real logs of other people: each is read, by whichever reader knows it, with as many points as its index says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import labelled_logs
import pytest

from lrdoctor.logs import read_log

NAN_AS_EMPTY = {"ap-shampoo-criteo-a", "ap-shampoo-criteo-b"}
"""Their index counts the finite points; the empty cells at their ends are nan, and read as such."""
RUN_BY_RUN = {"cifar-multirun"}
"""Its index counts the points of all runs together."""


def indexed() -> Iterator[Any]:
    if not labelled_logs.folders():
        yield pytest.param(None, marks=pytest.mark.skip(reason=labelled_logs.NONE))
    for row in labelled_logs.rows():
        yield pytest.param(row, id=row["id"])


@pytest.mark.parametrize("row", list(indexed()))
def test_a_labelled_log_is_read(row: dict[str, str]) -> None:
    runs = read_log(Path(row["file"]))
    counts = [len(run.train_loss) for run in runs]
    if row["id"] in NAN_AS_EMPTY:
        assert len(runs[0].train_loss.finite) == pytest.approx(int(row["n_points"]), abs=2)
    elif row["id"] in RUN_BY_RUN:
        assert sum(counts) == pytest.approx(int(row["n_points"]), rel=0.02)
    else:
        assert max(counts) == pytest.approx(int(row["n_points"]), rel=0.03, abs=2)
