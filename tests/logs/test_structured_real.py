"""Logs of other people, which are not part of this repository: LRDOCTOR_LOGS names a folder that holds them.

Its INDEX.csv says of every log where it lies (`file`), which format it has, which column is the training loss
(`loss_column`) and how many values that has (`n_points`).
"""

from __future__ import annotations

import re
from pathlib import Path

import labelled_logs
import pytest
from structured_samples import file_source, reader_of, sniffed_by

OTHER_READERS = ("csv", "lightning_csv", "tfevents", "other")
FORMATS = {"jsonl": {"jsonl"}, "trainer_state": {"hf-trainer"}, "mlflow": {"mlflow"}}
TEXT_FORMATS = {"llm.c", "llm.c-main", "olmo", "coqui", "modded-nanogpt", "text"}
TOLERANCE = 0.01
"""INDEX.csv counts the lines that a person would; a cut last line may be among them."""


if not labelled_logs.folders():
    pytest.skip(labelled_logs.NONE, allow_module_level=True)


def bare(name) -> str:
    return re.sub("[^a-z]", "", name.lower())


def loss_name(entry) -> str:
    # MLflow's files have no header: the file is named as the metric
    return Path(entry["file"]).name if entry["format"] == "mlflow" else entry["loss_column"]


def test_there_are_logs() -> None:
    assert sum(entry["format"] not in OTHER_READERS for entry in labelled_logs.rows(labelled_logs.first())) > 10


@pytest.mark.parametrize(
    "entry",
    [one for one in labelled_logs.rows(labelled_logs.first()) if one["format"] not in OTHER_READERS],
    ids=lambda one: one["id"],
)
def test_the_right_reader_finds_the_loss(entry) -> None:
    source = file_source(Path(entry["file"]))
    (name,) = sniffed_by(source)
    assert name in FORMATS.get(entry["format"], TEXT_FORMATS)
    points = int(entry["n_points"])
    counts = [
        int(column.logged.sum())
        for table in reader_of(source).read(source)
        for key, column in table.columns.items()
        if bare(key) == bare(loss_name(entry))
    ]
    assert counts == [pytest.approx(points, rel=TOLERANCE)]


@pytest.mark.parametrize(
    "entry",
    [one for one in labelled_logs.rows(labelled_logs.first()) if one["format"] in OTHER_READERS],
    ids=lambda one: one["id"],
)
def test_files_of_other_formats_are_left_to_their_readers(entry) -> None:
    assert sniffed_by(file_source(Path(entry["file"]))) == []
