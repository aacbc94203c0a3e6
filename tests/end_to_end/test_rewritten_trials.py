"""Trials of rewritten models in real worker processes: built there, resumed, and the same curve twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import curves, in_process, project, records
from report_schema import SCHEMA, faults, parse

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forkserver is POSIX")

NET = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.out = nn.Linear(8, 8), nn.Linear(8, 8)
        nn.init.xavier_uniform_(self.out.weight, gain=4)
        nn.init.xavier_uniform_(self.inner.weight, gain=4)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        f = self.out(torch.relu(self.inner(x)))
        return self.norm(x + f)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[Block() for _ in range(3)])
        self.drop, self.head = nn.Dropout(0.1), nn.Linear(8, 8)

    def forward(self, x):
        return self.head(self.drop(self.blocks(x)))


def loaders():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(128, 8, generator=generator)
    data = torch.utils.data.TensorDataset(x, torch.roll(x, 1, 1))
    return torch.utils.data.DataLoader(data, 32, shuffle=True), torch.utils.data.DataLoader(data, 128)
"""
SPEC = """\
name: residual
model: {class_path: "./work.py:Net"}
data: {class_path: "./work.py:loaders"}
loss: {class_path: torch.nn.MSELoss}
optimizer: {name: momentum, momentum: 0.9}
max_train_steps: 30
eval_every: 10
seeds: [0, 1]
sweep: {values: [0.01, 0.1]}
"""


def swept(folder: Path, out: str, *more: object) -> dict[str, Any]:
    done = in_process(
        "sweep", folder / "tiny.yaml", "--out", folder / out, "--json", "--fail-on", "never", "--jobs", 1, *more
    )
    # two seeds need not tell whether the best rate has room
    assert done.returncode in (0, 2), done.stderr
    return parse(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("rewritten")
    project(made, SPEC, NET)
    return made


FEW = ("--set", "sweep.values=[0.01,0.03]")
GATED = ("--set", "rewrite=rezero", *FEW)


@pytest.fixture(scope="module")
def gated(folder: Path) -> dict[str, Any]:
    """The report of a sweep of the gated model, by one worker."""
    return swept(folder, "gated", *GATED)


def test_the_same_curve_twice(folder: Path, gated: dict[str, Any]) -> None:
    """Whether a trial is the first one of its seed in its worker or a later one."""
    swept(folder, "again", *GATED, "--jobs", 2)
    first, second = curves(folder / "gated"), curves(folder / "again")
    assert len(first) > 4
    assert first == second
    assert {record["settings"]["rewrite"] for record in records(folder / "gated").values()} == {"rezero"}


def test_a_rewritten_model_trains_otherwise_than_the_plain_one(folder: Path, gated: dict[str, Any]) -> None:
    plain = swept(folder, "plain", *FEW)
    assert all("rezero" in run["name"] for run in gated["runs"])
    best = [[run["best_val_loss"] for run in report["runs"]][:4] for report in (plain, gated)]
    assert not set(best[0]) & set(best[1])


def test_rewritten_trials_are_saved_and_resumed(folder: Path, gated: dict[str, Any]) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.glob("gated/trials/*/*")}
    assert swept(folder, "gated", *GATED)["sweep"]["rates"] == gated["sweep"]["rates"]
    assert {path: path.stat().st_mtime_ns for path in folder.glob("gated/trials/*/*")} == before


def test_what_cannot_be_changed_is_an_error_that_says_why(tmp_path: Path) -> None:
    plain = NET.replace("self.norm(x + f)", "self.norm(f)")
    project(tmp_path, SPEC + "rewrite: rezero\n", plain)
    done = in_process("sweep", tmp_path / "tiny.yaml", "--out", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 2
    assert "rewrite: rezero can be made nowhere in the model: no residual add was recognised" in done.stderr


def test_inspect_shows_the_model_that_trials_train(folder: Path) -> None:
    done = in_process("inspect", folder / "tiny.yaml", "--json", "--fail-on", "never", "--set", "rewrite=move_norm")
    assert done.returncode == 0, done.stderr
    told = parse(done.stdout)["architecture"]
    assert (told["residual_adds"], told["post_norm_sites"], told["branches_not_norm_last"]) == (3, 0, 0)
    # the sums are normalized already
    done = in_process("inspect", folder / "tiny.yaml", "--set", "rewrite=add_norm")
    assert (done.returncode, "move_norm" in done.stderr) == (2, True)


def test_treat_tries_them_and_a_second_run_says_the_same(folder: Path) -> None:
    def treated() -> dict[str, Any]:
        done = in_process(
            "treat", folder / "tiny.yaml", "--out", folder / "treated", "--lr", 0.03, "--unstable-lr", 0.1, "--all",
            "--json", "--fail-on", "never",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return parse(done.stdout)

    report = treated()
    assert faults(report, SCHEMA) == []
    rows = {row["settings"]["rewrite"]: row for row in report["treat"]["tried"] if "rewrite" in row["settings"]}
    assert set(rows) == {"move_norm", "zero_init", "rezero"}
    for row in rows.values():
        assert row["rewriting"]["sites"] == 3
        (edit,) = row["rewriting"]["edits"]
        assert edit["where"].startswith("work.py:")
        assert edit["modules"] == ["blocks.0", "blocks.1", "blocks.2"]
        assert row["rates"]
    kinds = {record["settings"]["rewrite"] for record in records(folder / "treated").values()}
    assert kinds == {None, "move_norm", "zero_init", "rezero"}
    before = {path: path.stat().st_mtime_ns for path in folder.glob("treated/trials/*/*")}
    again = treated()
    assert {path: path.stat().st_mtime_ns for path in folder.glob("treated/trials/*/*")} == before
    assert json.dumps(again["treat"]) == json.dumps(report["treat"])
