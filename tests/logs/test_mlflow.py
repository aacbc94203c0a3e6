from __future__ import annotations

import math
import sqlite3
from contextlib import closing

import pytest
from structured_samples import columns, file_source, sniffed_by, text_source

from lrdoctor.errors import LogError
from lrdoctor.logs import mlflow

LARGEST = 1.7976931348623157e308
NEW = "CREATE TABLE metrics (key TEXT, value DOUBLE, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN)"
OLD = "CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT)"
ROWS = [
    ("loss", 2.5, 100, "aa", 0, 0),
    ("lr", 0.1, 101, "aa", 0, 0),
    ("loss", 0.0, 200, "aa", 10, 1),
    ("loss", LARGEST, 300, "aa", 20, 0),
    ("loss", -LARGEST, 400, "aa", 30, 0),
    ("loss", 0.0, 150, "bb", 5, 0),
    ("loss", 1.5, 150, "cc", 5, 0),
]
NAMES = [("aa", "big"), ("bb", "small"), ("cc", "small")]


def database(path, schema=NEW, rows=ROWS, names=NAMES):
    with closing(sqlite3.connect(path)) as made:
        made.execute(schema)
        made.executemany(f"INSERT INTO metrics VALUES ({', '.join('?' * len(rows[0]))})", rows)
        if names is not None:
            made.execute("CREATE TABLE runs (run_uuid TEXT, name TEXT)")
            made.executemany("INSERT INTO runs VALUES (?, ?)", names)
        made.commit()
    return file_source(path)


def read(source):
    return {table.name: columns(table) for table in mlflow.read(source)}


EXPECTED = {
    "big": {"step": [0, 10, 20, 30], "loss": [2.5, "nan", math.inf, -math.inf], "lr": [0.1, None, None, None]},
    "small bb": {"step": [5], "loss": [0]},
    "small cc": {"step": [5], "loss": [1.5]},
}


def test_a_database_with_nan_and_inf_in_disguise(tmp_path) -> None:
    source = database(tmp_path / "mlflow.db")
    before = (tmp_path / "mlflow.db").read_bytes()
    assert sniffed_by(source) == ["mlflow"]
    assert read(source) == EXPECTED
    assert (tmp_path / "mlflow.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_database_on_standard_input(tmp_path) -> None:
    database(tmp_path / "mlflow.db")
    source = text_source((tmp_path / "mlflow.db").read_bytes())
    assert sniffed_by(source) == ["mlflow"]
    assert read(source) == EXPECTED


def test_a_database_of_an_old_version(tmp_path) -> None:
    source = database(tmp_path / "a?b.db", OLD, [("loss", 2.0, 2, "aa"), ("loss", 1.0, 1, "aa")], names=None)
    (table,) = mlflow.read(source)
    assert (table.name, columns(table)) == ("aa", {"loss": [1, 2]})
    assert table.left_out == {"step": "always 0: the run was logged without steps"}


def test_another_database_is_refused(tmp_path) -> None:
    source = database(tmp_path / "other.db", "CREATE TABLE metrics (a, b)", [(1, 2)], names=None)
    assert sniffed_by(source) == []
    with pytest.raises(LogError, match=r"other\.db: a database without MLflow's table of metrics"):
        read(source)


@pytest.mark.parametrize("kept", [16, 100, 4096, 5000])
def test_a_damaged_database_is_refused(tmp_path, kept) -> None:
    database(tmp_path / "mlflow.db")
    whole = (tmp_path / "mlflow.db").read_bytes()
    (tmp_path / "mlflow.db").write_bytes(whole[:kept])
    with pytest.raises(LogError, match=r"mlflow\.db: (the database cannot be read|a database without)"):
        read(file_source(tmp_path / "mlflow.db"))


@pytest.fixture
def run_folder(tmp_path):
    metrics = tmp_path / "metrics"
    (metrics / "train").mkdir(parents=True)
    (tmp_path / "meta.yaml").write_text("name: x\n")
    (metrics / "lr").write_text("1600000000100 0.1 0\n1600000000300 0.05 10\n")
    (metrics / "train" / "loss").write_text("1600000000100 2.5 0\n1600000000300 nan 10\n1600000000400 inf 20\n")
    return tmp_path


def test_a_run_of_the_file_store(run_folder) -> None:
    source = file_source(run_folder)
    assert sniffed_by(source) == ["mlflow"]
    expected = {"step": [0, 10, 20], "train/loss": [2.5, "nan", math.inf], "lr": [0.1, 0.05, None]}
    assert read(source) == {"": expected}


def test_a_metric_file_alone_is_named_as_the_file(run_folder) -> None:
    source = file_source(run_folder / "metrics" / "train" / "loss")
    assert sniffed_by(source) == ["mlflow"]
    assert read(source) == {"": {"step": [0, 10, 20], "loss": [2.5, "nan", math.inf]}}


def test_a_resumed_run_keeps_both_passes_in_order(run_folder) -> None:
    path = run_folder / "metrics" / "lr"
    path.write_text("1600000000100 3 0\n1600000000200 2 1\n1600000000900 2.5 1\n1600000000950 1 2\nnonsense\n")
    (table,) = mlflow.read(file_source(path))
    assert columns(table) == {"step": [0, 1, 1, 2], "lr": [3, 2, 2.5, 1]}
    assert table.left_out == {"1 line of lr": "not `timestamp value step`"}


@pytest.mark.parametrize("text", ["", "1600000000100\n", "step loss\n", "1600000000100 2.5 0\nstep loss\nx\n"])
def test_what_is_no_metric_file(text) -> None:
    assert not mlflow.sniff(text_source(text))


def test_a_text_without_metrics_is_refused() -> None:
    with pytest.raises(LogError, match="expected lines `timestamp value step`, as MLflow writes a metric"):
        read(text_source("step loss\n"))


def test_a_folder_without_metrics_is_refused(run_folder) -> None:
    for name in ("lr", "train/loss"):
        (run_folder / "metrics" / name).write_text("")
    with pytest.raises(LogError, match="expected lines `timestamp value step` below metrics/"):
        read(file_source(run_folder))
