"""Real logs with labels: a folder with an INDEX.csv that names file, format, columns, label and spike steps."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run

Frame = pd.DataFrame

UNSTABLE = {"nan", "divergence", "spike", "early_instability", "oscillating"}
STABLE = {"stable"}

NUMBER = r"\s*([-+]?(?:nan|inf|[\d.,]+(?:e[-+]?\d+)?))"
"""A number as text logs write it."""


@dataclass(frozen=True)
class Log:
    """One labelled log: its runs, several where the file holds several."""

    id: str
    label: str
    spike_steps: tuple[int, ...]
    runs: tuple[Run, ...]

    @property
    def half(self) -> str:
        """`tune` or `hold-out`, fixed for ever by the id."""
        return "tune" if hashlib.sha256(self.id.encode()).digest()[0] % 2 == 0 else "hold-out"


def load(folder: Path) -> Iterator[Log]:
    """The logs of the folder, in the order of its index."""
    for row in pd.read_csv(folder / "INDEX.csv", dtype=str, keep_default_na=False).to_dict("records"):
        frame = READ[row["format"]](folder / row["file"], row)
        yield Log(
            id=row["id"],
            label=row["label"],
            spike_steps=tuple(int(step) for step in row["spike_steps"].split(";") if step),
            runs=tuple(_runs(row["id"], frame)),
        )


def _runs(name: str, frame: Frame) -> Iterator[Run]:
    """The runs in a frame with the columns step, loss, maybe grad_norm, and run where there are several."""
    several = frame.groupby("run", sort=False) if "run" in frame else [(name, frame)]
    for of, part in several:
        curves = {
            curve: _curve(part, column)
            for column, curve in {"loss": "train_loss", "grad_norm": "grad_norm"}.items()
            if column in part
        }
        yield Run(str(of), name, curves)


def _curve(frame: Frame, column: str) -> Curve:
    """What was logged last for each step; NaN stands for a logged nan in the loss, for a missing gradient norm."""
    if column != "loss":
        frame = frame[frame[column].notna()]
    last = frame[["step", column]].drop_duplicates("step", keep="last").sort_values("step")
    return Curve(last["step"].to_numpy(dtype=np.int64), last[column].to_numpy(dtype=np.float64))


def _csv(path: Path, row: dict[str, str]) -> Frame:
    raw = pd.read_csv(path, encoding="utf-8-sig")
    if "runs, wide" in row["loss_column"]:
        return _wide(raw, row)
    step = raw[row["step_column"]] if row["step_column"] in raw else pd.Series(range(len(raw)))
    frame = pd.DataFrame({"step": step, "loss": raw[row["loss_column"]]})
    if "grad_norm" in raw:
        frame["grad_norm"] = raw["grad_norm"]
    # an empty cell is missing, unless the format writes nan so: then the whole row behind the step is empty
    died = "NaN written as empty cell" in row["notes"]
    empty = raw.drop(columns=row["step_column"], errors="ignore").isna().all(axis=1) if died else False
    return frame[frame["loss"].notna() | empty]


def _wide(raw: Frame, row: dict[str, str]) -> Frame:
    """The run that the index names, since the label was made for it: `"name - loss" (8 runs, wide)`."""
    name = row["loss_column"].split('"')[1]
    return raw[[row["step_column"], name]].set_axis(["step", "loss"], axis=1).dropna()


def _records(rows: list[dict[str, Any]], row: dict[str, str]) -> Frame:
    """Rows of JSON: those that have the loss."""
    norms = ("grad_norm", "train/grad_norm")
    kept = [r for r in rows if r.get(row["loss_column"]) is not None and r.get(row["step_column"]) is not None]
    frame = pd.DataFrame({
        "step": [int(r[row["step_column"]]) for r in kept],
        "loss": [float(r[row["loss_column"]]) for r in kept],
        "grad_norm": [next((float(r[n]) for n in norms if r.get(n) is not None), None) for r in kept],
    })  # fmt: skip
    return frame.drop(columns="grad_norm") if row["has_grad_norm"] == "0" else frame


def _jsonl(path: Path, row: dict[str, str]) -> Frame:
    return _records([json.loads(line) for line in path.read_text().splitlines() if line.strip()], row)


def _trainer_state(path: Path, row: dict[str, str]) -> Frame:
    return _records(json.loads(path.read_text())["log_history"], row)


def _table(path: Path, row: dict[str, str]) -> Frame:
    raw = pd.read_csv(path, sep="\t")
    return pd.DataFrame({"step": raw[row["step_column"]], "loss": raw[row["loss_column"]]})


def _mlflow(path: Path, row: dict[str, str]) -> Frame:
    return pd.read_csv(path, sep=" ", names=["time", "loss", "step"])


def _events(path: Path, row: dict[str, str]) -> Frame:
    from lrdoctor.logs import tensorboard
    from lrdoctor.logs.base import Source

    (table,) = tensorboard.read(Source(str(path), path, b""))
    loss = table.columns[row["loss_column"]]
    return pd.DataFrame({
        "step": table.columns["step"].value[loss.logged].astype(int),
        "loss": loss.value[loss.logged],
    })  # fmt: skip


STEP_BEFORE: dict[tuple[str, str], tuple[str, str, str | None]] = {
    ("loss", "step"): (r"^step\s+(\d+)/", rf"\| loss{NUMBER}", rf"norm{NUMBER}"),
    ("trl", "s"): (r"^s:(\d+) trl", rf"trl:{NUMBER}", rf"norm:{NUMBER}"),
    ("train/CrossEntropyLoss", "step="): (r"\[step=(\d+)", rf"train/CrossEntropyLoss={NUMBER}", None),
    ("| > loss:", "GLOBAL_STEP"): (r"GLOBAL_STEP: (\d+)", rf"\| > loss:{NUMBER}", None),
    ("train_loss", "step:"): (r"^step:(\d+)/\d+ train_loss", rf"train_loss:{NUMBER}", None),
    ("Train Loss", "Epoch"): (r"Epoch (\d+)[/:]", rf"Train Loss[:=]{NUMBER}", None),
    ("Train Loss", "Epoch (resets per config)"): (r"Epoch (\d+)[/:]", rf"Train Loss[:=]{NUMBER}", None),
    ("Loss", "Step"): (r"Step (\d+) \| Loss", rf"\| Loss:{NUMBER}", None),
}
"""(loss column, step column) of the index -> patterns of step, loss and gradient norm, on one line or after it."""


def _text(path: Path, row: dict[str, str]) -> Frame:
    patterns = STEP_BEFORE[row["loss_column"], row["step_column"]]
    find_step, find_loss, find_norm = (re.compile(p, re.I) if p else None for p in patterns)
    text = re.sub(r"\x1b\[[\d;]*m", "", path.read_bytes().decode("utf-8", "replace")).replace("\r", "\n")
    rows, step, run = [], None, 0
    for line in text.split("\n"):
        if find_step and (at := find_step.search(line)):
            run += step is not None and int(at[1]) < step and "resets" in row["step_column"]
            step = int(at[1])
        if find_loss and (loss := find_loss.search(line)) and step is not None:
            norm = find_norm.search(line) if find_norm else None
            rows.append((step, _number(loss[1]), _number(norm[1]) if norm else np.nan, f"run {run}"))
    frame = pd.DataFrame(rows, columns=["step", "loss", "grad_norm", "run"])
    return frame if find_norm else frame.drop(columns="grad_norm")


def _number(text: str) -> float:
    return float(text.replace(",", ""))


READ: dict[str, Callable[[Path, dict[str, str]], Frame]] = {
    "csv": _csv,
    "lightning_csv": _csv,
    "jsonl": _jsonl,
    "trainer_state": _trainer_state,
    "tfevents": _events,
    "mlflow": _mlflow,
    "text": _text,
    "other": _table,
}
