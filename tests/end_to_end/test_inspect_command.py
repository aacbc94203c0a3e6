from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from projects import SPEC, in_process, project
from report_schema import SCHEMA, faults

NET = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.f = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x):
        return self.norm(x + self.f(x))


class Net(nn.Module):
    def __init__(self, broken=False):
        super().__init__()
        self.broken = broken
        self.first, self.head = nn.Linear(4, 8), nn.Linear(8, 3)
        self.blocks = nn.Sequential(Block(), Block())

    def forward(self, x):
        if self.broken and torch.overrides._get_current_function_mode_stack():
            raise RuntimeError("no modes, please")
        return self.head(self.blocks(self.first(x)))


def loaders():
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    data = [{"x": row, "y": (row[0] > 0).long()} for row in x]
    return torch.utils.data.DataLoader(data, 16), None


def loss_of(model, batch, loss_fn):
    return loss_fn(model(batch["x"]), batch["y"])
"""
SUM = next(i for i, line in enumerate(NET.splitlines(), 1) if "x + self.f(x)" in line)


def inspect(folder: Path, *more: object, code: int = 0) -> dict[str, Any]:
    spec = SPEC.replace("{class_path: torch.optim.AdamW, init_args: {weight_decay: 1e-2}}", "{name: momentum}")
    done = in_process("inspect", project(folder, spec, NET), "--json", *more, cwd=folder)
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert faults(document, SCHEMA) == []
    return document


def test_a_users_own_file(tmp_path: Path) -> None:
    document = inspect(tmp_path, "--sharpness")
    model = document["architecture"]
    assert [(s["where"], s["module"]) for s in model["sites"]] == [(f"work.py:{SUM}", f"blocks.{i}") for i in range(2)]
    assert (model["residual_adds"], model["post_norm_sites"], model["unknown_operations"]) == (2, 2, 0)
    assert [f["code"] for f in document["findings"]] == ["LRD703", "LRD704"]
    assert [f["name"] for f in document["fixes"]] == ["norm_placement", "zero_init_residual"]
    assert model["sharpness"]["is_converged"]
    assert model["sharpness"]["safe_learning_rate"] == pytest.approx(3.8 / model["sharpness"]["top_eigenvalue"])
    assert not (tmp_path / "lrdoctor_out").exists()
    assert inspect(tmp_path, "--sharpness", "--fail-on", "warning", code=1) == document


def test_a_model_that_does_not_run_under_the_recorder(tmp_path: Path) -> None:
    broken = ("--set", "model.init_args={broken: true}")
    document = inspect(tmp_path, *broken, "--sharpness", code=2)
    assert document["verdict"] == "inconclusive"
    assert "no modes, please" in document["skipped"][0]["reason"]
    assert document["architecture"]["sharpness"]["top_eigenvalue"] > 0


def test_a_model_that_does_not_run_at_all(tmp_path: Path) -> None:
    spec = project(tmp_path, work=NET.replace("self.first(x)", "self.first(x, x)"))
    done = in_process("inspect", spec)
    assert done.returncode == 2
    assert "the training step raised TypeError" in done.stderr
