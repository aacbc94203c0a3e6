"""Logs of other people, outside the repository: every table is read, and its training loss is the labelled one."""

from __future__ import annotations

from pathlib import Path

import labelled_logs
import pytest

from lrdoctor.logs import read_log

TABLES = {"csv", "lightning_csv", "other"}

pytestmark = pytest.mark.skipif(not labelled_logs.folders(), reason=labelled_logs.NONE)


def labelled() -> list[dict[str, str]]:
    """The rows of INDEX.csv that are tables of delimited cells."""
    return [row for row in labelled_logs.rows(labelled_logs.first()) if row["format"] in TABLES]


@pytest.mark.parametrize("row", labelled(), ids=lambda row: row["id"])
def test_the_labelled_loss_is_read(row: dict[str, str]) -> None:
    runs = read_log(Path(row["file"]))
    for run in runs:
        columns = run.provenance["columns"]
        # W&B's exports name the run before the column, and the label says which runs there are behind it
        assert columns["train_loss"] == row["loss_column"] or f'- {columns["train_loss"]}"' in row["loss_column"]
        assert columns["step"] == row["step_column"] or row["step_column"] == "(unnamed index)"
    diverged = any(run.train_loss.first_non_finite is not None for run in runs)
    assert diverged or row["label"] != "nan"
    assert not diverged or row["label"] in {"nan", "divergence"}
    if len(runs) == 1:
        # the labels count the points that a plot can show, some of them what is finite and some what is not
        n_finite = len(runs[0].train_loss.finite)
        assert n_finite <= int(row["n_points"]) <= len(runs[0].train_loss)
