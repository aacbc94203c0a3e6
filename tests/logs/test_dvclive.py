from __future__ import annotations

import math

import pytest
from structured_samples import columns, file_source, sniffed_by, text_source

from lrdoctor.errors import LogError
from lrdoctor.logs import dvclive


@pytest.fixture
def folder(tmp_path):
    metrics = tmp_path / "dvclive" / "plots" / "metrics"
    (metrics / "train").mkdir(parents=True)
    (metrics / "lr.tsv").write_text("step\tlr\n0\t0.5\n2\t0.25\n")
    (metrics / "train" / "loss.tsv").write_text("timestamp\tstep\tloss\n1\t0\t2.5\n2\t1\tnan\n3\t2\tinf\n")
    return tmp_path / "dvclive"


def test_one_file_a_metric_is_merged_by_step(folder) -> None:
    assert sniffed_by(file_source(folder)) == ["dvclive"]
    (table,) = dvclive.read(file_source(folder))
    assert columns(table) == {"step": [0, 1, 2], "lr": [0.5, None, 0.25], "train/loss": [2.5, "nan", math.inf]}
    assert table.left_out == {}


def test_what_was_left_out_is_said(folder) -> None:
    metrics = folder / "plots" / "metrics"
    (metrics / "odd.tsv").write_text("a\tb\n1\t2\n")
    (metrics / "cut.tsv").write_text("step\tcut\n0\t1\n1\n")
    (table,) = dvclive.read(file_source(folder))
    assert table.left_out == {
        "odd.tsv": "expected a column `step` before the metric, found a, b",
        "1 line of cut.tsv": "no step in them",
    }


def test_another_folder_is_refused(tmp_path) -> None:
    assert not dvclive.sniff(file_source(tmp_path))
    with pytest.raises(LogError, match=r"expected a DVCLive folder with plots/metrics/\*\.tsv"):
        list(dvclive.read(file_source(tmp_path)))
    with pytest.raises(LogError, match="expected a DVCLive folder"):
        list(dvclive.read(text_source("step\tloss\n")))


def test_a_folder_without_rows_is_refused(folder) -> None:
    for file in folder.rglob("*.tsv"):
        file.write_text("step\tx\n")
    with pytest.raises(LogError, match="no metric with a step"):
        list(dvclive.read(file_source(folder)))
