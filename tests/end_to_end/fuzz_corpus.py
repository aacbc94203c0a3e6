"""Logs that fuzz tests damage: sample runs, the readers' samples of every format, and real logs."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import event_writer
import labelled_logs
import log_samples
import wandb_writer
from console_samples import SAMPLES

LARGEST = 200_000
"""Bytes that are taken of a real log."""
N = 60
DIALECT = "csv in the dialect: "
"""How the names of one CSV in all its dialects begin."""
ROOT = Path(__file__).parents[2]


def _rows() -> list[dict[str, float]]:
    return [{"step": k, "loss": 3 - k / 30, "grad_norm": 1 + k % 3, "lr": 1e-3} for k in range(N)]


def _events() -> bytes:
    return event_writer.version() + b"".join(
        event_writer.scalar(k, tag, value) for k in range(N) for tag, value in (("loss", 3 - k / 30), ("lr", 1e-3))
    )


def _database() -> bytes:
    """MLflow's, as bytes."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute(
            "CREATE TABLE metrics "
            "(key TEXT, value DOUBLE, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN)"
        )
        rows = [("loss", 3 - k / 30, 100 + k, "aa", k, k == 50) for k in range(N)]
        made.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
        made.commit()
        return made.serialize()


def _structured() -> dict[str, bytes]:
    history = [{"step": 10 * k, "loss": 3 - k / 30, "grad_norm": 1.0, "epoch": k / 9} for k in range(N)]
    return {
        "jsonl": "".join(json.dumps(row) + "\n" for row in _rows()).encode(),
        "trainer_state.json": json.dumps({"log_history": history, "logging_steps": 10}).encode(),
        "result.json": "".join(json.dumps({"training_iteration": k, "loss": k}) + "\n" for k in range(N)).encode(),
        "events": _events(),
        "mlflow.db": _database(),
        "wandb": wandb_writer.file_of([wandb_writer.OTHER, *(wandb_writer.row(row, row["step"]) for row in _rows())]),
        "mlflow metric": "".join(f"16000000001{k:02} {3 - k / 30} {k}\n" for k in range(N)).encode(),
    }


def corpus() -> dict[str, bytes]:
    """Name -> content."""
    found = {path.name: path.read_bytes()[:20_000] for path in sorted((ROOT / "sample_runs").glob("*.csv"))}
    found |= {f"{sample.format} {k}": sample.text.encode() for k, sample in enumerate(SAMPLES)}
    found |= {f"{DIALECT}{name}": content for name, content in log_samples.DIALECTS.items()}
    return found | _structured()


def real() -> dict[str, bytes]:
    """The beginnings of the files in the folders of labelled logs, if there are any."""
    files = sorted(path for folder in labelled_logs.folders() for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes()[:LARGEST] for path in files}
