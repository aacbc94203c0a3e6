"""What is no text is refused by name; Trackio's database is read."""

from __future__ import annotations

import io
import json
import pickle
import random
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from log_samples import CSV, Read, simple, walk

from lrdoctor.errors import LogError, NoLogError
from lrdoctor.logs import read_log
from lrdoctor.logs.gather import gather

N = 60
LOSS = walk(N)


def zipped(compression: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        archive.writestr("log.csv", CSV)
    return held.getvalue()


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        entry = tarfile.TarInfo("log.csv")
        entry.size = len(CSV)
        archive.addfile(entry, io.BytesIO(CSV.encode()))
    return held.getvalue()


def arrays() -> bytes:
    held = io.BytesIO()
    np.savez(held, loss=np.array(LOSS))
    return held.getvalue()


def array() -> bytes:
    held = io.BytesIO()
    np.save(held, np.array(LOSS))
    return held.getvalue()


CONTAINERS = {
    "zip": (zipped(), "a zip archive"),
    "packed zip": (zipped(zipfile.ZIP_DEFLATED), "a zip archive"),
    "tar": (tarred(), "a tar archive"),
    "npz": (arrays(), "a zip archive"),
    "npy": (array(), "a NumPy array"),
    "pickle": (pickle.dumps({"loss": LOSS}), "a Python pickle"),
    "parquet": (b"PAR1" + bytes(200), "a Parquet file"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(200), "an HDF5 file"),
    "xz": (b"\xfd7zXZ\x00" + bytes(200), "packed with xz"),
    "zstandard": (b"\x28\xb5\x2f\xfd" + bytes(200), "packed with zstandard"),
    "anything": (random.Random(0).randbytes(5000), "no text"),
    "records between text": (b"".join(b"loss: %f\x00\x01\x02\x07" % v for v in LOSS), "no text"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_is_no_text_is_refused_by_name(read: Read, name: str) -> None:
    content, what = CONTAINERS[name]
    with pytest.raises(NoLogError, match=f"is {what}.*expected a log; "):
        read(content, "log.bin")


def test_a_hole_that_a_crash_left_is_no_reason(read: Read) -> None:
    lines = [f"step {k} loss {v}\n".encode() for k, v in enumerate(LOSS)]
    (run,) = read(b"".join(lines[:30]) + bytes(4096) + b"\n" + b"".join(lines[30:]), "run.log")
    assert run.train_loss.value.tolist() == LOSS


def trackio(path: Path, runs: dict[str, list[float]], *, ids: bool = True, wal: bool = False) -> None:
    """A database as Trackio writes it; non-finite numbers are strings."""
    database = sqlite3.connect(path)
    if wal:
        database.execute("PRAGMA journal_mode=WAL")
    run_id = "run_id TEXT NOT NULL, " if ids else ""
    database.execute(
        f"CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, {run_id}timestamp TEXT NOT NULL, "
        "run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL)"
    )
    for k in range(N):  # the runs at the same time
        for at, (name, loss) in enumerate(runs.items()):
            value = loss[k] if np.isfinite(loss[k]) else {"nan": "NaN", "inf": "Infinity"}[str(loss[k])]
            row = ([f"id{at}"] if ids else []) + [
                "t",
                name.split("#")[0],
                k,
                json.dumps({"train/loss": value, "lr": 0.1}).encode(),
            ]
            names = "run_id, timestamp" if ids else "timestamp"
            database.execute(
                f"INSERT INTO metrics ({names}, run_name, step, metrics) VALUES ({', '.join('?' * len(row))})", row
            )
    database.commit()
    database.close()


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("wal", [True, False])
def test_trackio(tmp_path: Path, read: Read, ids: bool, wal: bool) -> None:
    blown_up = [*LOSS[:-2], float("inf"), float("nan")]
    trackio(tmp_path / "project.db", {"b": LOSS, "a": blown_up}, ids=ids, wal=wal)
    before = sorted(tmp_path.iterdir())
    first, second = read_log(tmp_path / "project.db")
    assert sorted(tmp_path.iterdir()) == before  # nothing is written beside it
    assert (first.name, second.name) == ("b", "a")
    for run, loss in ((first, LOSS), (second, blown_up)):
        (twin,) = read(simple(loss))
        assert run.train_loss == twin.train_loss
        assert run.curve("learning_rate").value.tolist() == [0.1] * N


def test_runs_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    trackio(tmp_path / "project.db", {"a": LOSS, "a#again": LOSS})
    assert [run.name for run in read_log(tmp_path / "project.db")] == ["a id0", "a id1"]


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE losses (loss REAL)")
    database.commit()
    database.close()
    with pytest.raises(LogError, match="is an SQLite database, expected a log; known are those of MLflow and Trackio"):
        read_log(path)


@pytest.mark.parametrize("content", ['{"_version": 2}', '{"loss": 0.5, "accuracy": 0.9}', "loss\n0.5\n"])
def test_a_single_number_is_no_log(tmp_path: Path, content: str) -> None:
    (tmp_path / "metadata.json").write_text(content)
    (tmp_path / "train.csv").write_text(CSV)
    found = gather([tmp_path])
    assert len(found.runs) == 1
    assert not found.unread
    assert [Path(log.source).name for log in found.no_logs] == ["metadata.json"]
    with pytest.raises(LogError):
        read_log(tmp_path / "metadata.json")


def test_a_single_nan_is_a_log(read: Read) -> None:
    (run,) = read("step,loss\n0,nan\n")
    assert len(run.train_loss) == 1
