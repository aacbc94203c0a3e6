"""What a worker does besides training: it looks at models, and changes those of trials that ask for it."""

from __future__ import annotations

import builtins
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lrdoctor.core.rewriting import REWRITES, Rewrite
from lrdoctor.core.trial import Trial
from lrdoctor.errors import WorkloadError
from lrdoctor.worker import WorkerSession, open_session

HERE = str(Path(__file__))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out, self.norm = nn.Linear(4, 4), nn.LayerNorm(4)

    def forward(self, x: Tensor) -> Tensor:
        normalized: Tensor = self.norm(x + self.out(torch.tanh(x)))
        return normalized


def net() -> nn.Module:
    return nn.Sequential(Block(), nn.Dropout(0.1), Block(), nn.Linear(4, 1))


def branch_alone() -> nn.Module:
    """Nothing but the branch is trained: behind a gate of 0 it has no gradient, so that only the gate can move."""
    model = nn.Sequential(Block(), nn.Linear(4, 1))
    for p in (*model[1].parameters(), *model[0].norm.parameters()):
        p.requires_grad_(False)
    return model


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))


def data() -> Any:
    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
    return {"train": (x, x.sum(1, keepdim=True)), "validation": (x, x.sum(1, keepdim=True))}


def session(model: str, **init_args: str) -> WorkerSession:
    blocks = {
        "model": {"class_path": f"{HERE}:{model}", "init_args": init_args},
        "data": {"class_path": f"{HERE}:data", "batch_size": 32, "init_args": {}},
        "loss": {"class_path": "torch.nn.MSELoss", "init_args": {}},
        "step": None,
        "schedule": {"name": "constant"},
        "device": "cpu",
        "folder": str(Path(HERE).parent),
    }
    return open_session(blocks, worker=0)


def losses(worker: WorkerSession, rewrite: Rewrite | None, seed: int = 0, rate: float = 0.1) -> list[float]:
    trial = Trial(
        base_learning_rate=rate, seed=seed, max_train_steps=8, eval_every=4, optimizer='{"name":"sgd"}', rewrite=rewrite
    )
    rows: list[Any] = []
    payload: Mapping[str, Any] = {"kind": "trial", "trial": asdict(trial), "seed": seed}
    ended = worker.run(payload, rows.extend, lambda: False)
    assert ended["status"] == "completed"
    return [row[2] for row in rows]


@pytest.mark.parametrize("name", ["zero_init", "rezero", "move_norm"])
def test_a_curve_depends_on_the_trial_alone(name: Rewrite) -> None:
    """Not on whether its model was the first of its seed, or what else the worker has trained."""
    worker = session("net")
    first = losses(worker, name)
    losses(worker, None)
    losses(worker, name, seed=1)
    losses(worker, name, rate=0.01)
    assert losses(worker, name) == first == losses(session("net"), name)
    assert losses(worker, None) != first


def test_the_optimizer_is_made_after_the_change() -> None:
    """Trap: an optimizer made before knows no gate, which then stays 0 for ever."""
    changed = losses(session("branch_alone"), "rezero")
    assert len(set(changed)) == len(changed)
    assert changed[-1] < changed[0]


def test_what_a_fix_cannot_change_ends_the_trial_with_the_reason() -> None:
    with pytest.raises(WorkloadError, match="rezero can be made nowhere in the model: no residual add was recognised"):
        losses(session("plain"), "rezero")
    with pytest.raises(WorkloadError, match=r"add_norm can be made nowhere in the model: .*move_norm"):
        losses(session("net"), "add_norm")


def test_what_is_possible() -> None:
    found = session("net").run({"kind": "possible", "seed": 0}, lambda value: None, lambda: False)
    assert found.model is not None
    assert {name: found.rewritings[name].n_sites for name in REWRITES} == {
        "zero_init": 2, "rezero": 2, "move_norm": 2, "add_norm": 0,
    }  # fmt: skip
    assert [len(found.rewritings[name].edits) for name in REWRITES] == [1, 1, 1, 0]
    none = session("plain").run({"kind": "possible", "seed": 0}, lambda value: None, lambda: False)
    assert none.model is not None
    assert (none.model.sites, none.rewritings) == ((), {})


def test_a_look_at_a_changed_model() -> None:
    payload = {"kind": "inspect", "seed": 0, "rewrite": "move_norm", "sharpness": False}
    found = session("net").run(payload, lambda value: None, lambda: False)
    assert found.model is not None
    assert [(site.post_norm, site.is_norm_last) for site in found.model.sites] == [(False, True)] * 2


def broken(kind: str) -> nn.Module:
    """A model whose forward pass takes Python apart."""
    return Breaking(kind)


class Breaking(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inner, self.kind = nn.Linear(4, 1), kind

    def forward(self, x: Tensor) -> Tensor:
        DEEDS[self.kind]()
        found: Tensor = self.inner(x)
        return found


DEEDS: Mapping[str, Callable[[], object]] = {
    "no builtins": vars(builtins).clear,
    "no exceptions": lambda: [delattr(builtins, name) for name in ("Exception", "BaseException", "isinstance")],
    "no modules": sys.modules.clear,
    "own lines": lambda: {}["missing"],
}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("no exceptions", "3 functions (builtins."),
        ("own lines", "KeyError: 'missing' (test_worker.py:"),
    ],
)
def test_a_workload_that_takes_its_process_apart_is_told_what_it_did(kind: str, told: str) -> None:
    worker = session("broken", kind=kind)
    with pytest.raises(WorkloadError) as raised:
        worker.run({"kind": "check", "seed": 0}, print, lambda: False)
    assert told in str(raised.value)
    assert ("own code has changed what everything in its process needs" in str(raised.value)) == (kind != "own lines")


@pytest.mark.parametrize(
    ("kind", "told"), [("no modules", "are not in sys.modules any more"), ("no builtins", "functions (builtins.")]
)
def test_so_is_one_that_leaves_nothing_of_it(kind: str, told: str) -> None:
    """In a process of its own, which is of little use afterwards."""
    begin = (
        "import test_worker\n"
        "try:\n"
        f"    test_worker.session('broken', kind={kind!r}).run({{'kind': 'check', 'seed': 0}}, print, lambda: False)\n"
        "except test_worker.WorkloadError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", begin], cwd=Path(HERE).parent, capture_output=True, text=True, timeout=90
    )
    assert told in done.stdout, done.stderr


def test_a_bug_in_an_untouched_process_stays_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = session("plain")
    monkeypatch.setattr(worker.training, "check", None)
    with pytest.raises(TypeError):
        worker.run({"kind": "check", "seed": 0}, print, lambda: False)
