"""The untrained weights on the batches of a seed: what is measured, and what ends it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from training_samples import blocks, column, rows_of, trial, workload

from lrdoctor.core.trial import Trial
from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.store.trial_files import StepsFile, read_steps
from lrdoctor.training import control
from lrdoctor.training.control import observe
from lrdoctor.training.loop import Ending, Row
from lrdoctor.training.session import open_session
from lrdoctor.training.workload import Workload

NOISY = {"init_args": {"dropout": 0.5, "norm": True}}


def of_seed(seed: int = 0, n_steps: int = 20, **changes: Any) -> Trial:
    """A control, as the laboratory asks for it."""
    return replace(trial(0.0), seed=seed, max_train_steps=n_steps, eval_every=n_steps, control=True, **changes)


def observed(work: Workload, one: Trial, stopped: Callable[[], bool] = lambda: False) -> tuple[list[Row], Ending]:
    rows: list[Row] = []

    def emit(some: Sequence[Row]) -> None:
        rows.extend(some)

    return rows, observe(work, one, emit, stopped)


@pytest.mark.parametrize("rate", [1e-4, 0.05, 10.0])
@pytest.mark.parametrize(
    "changes",
    [
        {}, NOISY, {"model": "wasteful", **NOISY}, {"model": "lazy"}, {"model": "Inplace"},
        {"data": "loaders", "batch_size": None},
    ],
    ids=["plain", "dropout and batch norm", "much drawn in the making", "lazy", "in place", "loaders"],
)  # fmt: skip
def test_the_first_loss_is_that_of_a_trial_at_any_rate(rate: float, changes: dict[str, Any]) -> None:
    work = workload(**changes)
    for seed in (0, 3):
        (first, *_), _ = observed(work, of_seed(seed))
        assert first.train_loss == rows_of(work, trial(rate, seed=seed))[0][0].train_loss


def test_the_losses_are_those_of_a_trial_that_learns_nothing() -> None:
    """A rate of 0 leaves the weights; dropout draws and batch norm moves as in the trial."""
    still, _ = rows_of(workload(**NOISY), trial(0.0))
    rows, ending = observed(workload(**NOISY), of_seed())
    assert column(rows, "train_loss") == column(still, "train_loss")
    assert rows[-1].val_loss == still[-1].val_loss
    assert ending[:2] == ("completed", None)


def test_what_is_logged() -> None:
    rows, _ = observed(workload(), of_seed(n_steps=7))
    assert column(rows, "step") == list(range(7))
    assert set(column(rows, "learning_rate")) == {0.0}
    assert set(column(rows, "grad_norm")) == {None}
    assert [row.step for row in rows if row.val_loss is not None] == [6]
    without, _ = observed(workload(data="without_validation"), of_seed(n_steps=7))
    assert set(column(without, "val_loss")) == {None}


def test_no_gradient_norm_is_a_blank_cell(tmp_path: Path) -> None:
    rows, _ = observed(workload(), of_seed(n_steps=3))
    file = StepsFile(tmp_path / "steps.csv")
    file.append([tuple(row) for row in rows])
    file.finish()
    assert [line.split(",")[3] for line in (tmp_path / "steps.csv").read_text().splitlines()] == [
        "grad_norm",
        "",
        "",
        "",
    ]
    curves = read_steps(tmp_path / "steps.csv", 3)
    assert curves["train_loss"].value.tolist() == column(rows, "train_loss")
    assert len(curves["grad_norm"]) == 0


@pytest.mark.parametrize("what", ["nan", "inf"])
def test_a_batch_without_a_finite_loss_does_not_end_it(what: str) -> None:
    rows, ending = observed(workload("Poisoned", init_args={"calls": 4, "what": what}), of_seed(n_steps=9))
    assert ending.status == "completed"
    assert [math.isfinite(row.train_loss) for row in rows] == [True] * 4 + [False] * 5


@pytest.mark.parametrize("data", ["regression", "loaders"])
def test_the_same_control_gives_the_same_bits(data: str) -> None:
    size = 8 if data == "regression" else None
    expected = observed(workload(data=data, batch_size=size, **NOISY), of_seed())
    worker = workload(data=data, batch_size=size, **NOISY)
    rows_of(worker, trial(0.5))
    assert observed(worker, of_seed()) == expected, "after a trial"
    assert observed(worker, of_seed()) == expected
    assert observed(worker, of_seed(1))[0] != expected[0]


@pytest.mark.parametrize("model", ["net", "Inplace"])
def test_a_control_changes_no_bit_of_a_trial_after_it(model: str) -> None:
    worker = workload(model)
    observed(worker, of_seed())
    assert rows_of(worker, trial()) == rows_of(workload(model), trial())


@pytest.mark.parametrize(("calls", "n_rows", "status"), [(99, 10, "completed"), (7, 7, "failed")])
def test_an_accelerator_whose_losses_are_read_some_steps_later(
    calls: int, n_rows: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> Workload:
        return workload("Poisoned", "without_validation", init_args={"calls": calls, "what": "raise"})

    expected, _ = observed(work(), of_seed(n_steps=10))
    late = work()
    model, _, loss_fn = late.model(0), late.batches(0), late.loss()  # made on the device that there is
    monkeypatch.setattr(late, "model", lambda seed: model)
    monkeypatch.setattr(late, "loss", lambda: loss_fn)
    monkeypatch.setattr(late, "device", SimpleNamespace(type="xpu"))
    monkeypatch.setattr(control, "STEPS_A_SYNC", 4)
    rows, ending = observed(late, of_seed(n_steps=10))
    assert (rows, len(rows), ending.status) == (expected, n_rows, status)


def test_stopping_abandons_it() -> None:
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        observed(workload(), of_seed(), stopped=lambda: next(asked))


@pytest.mark.parametrize(("calls", "n_rows"), [(1, 1), (12, 12)])
def test_an_error_of_the_users_code_fails_it_and_keeps_what_was_seen(calls: int, n_rows: int) -> None:
    rows, ending = observed(workload("Poisoned", init_args={"calls": calls, "what": "raise"}), of_seed())
    assert ending.status == "failed"
    assert ending.reason is not None
    assert ending.reason.startswith("the training step raised RuntimeError: out of luck (training_samples.py:")
    assert column(rows, "step") == list(range(n_rows))


@pytest.mark.parametrize(
    ("model", "init_args", "message"),
    [
        ("Poisoned", {"calls": 0, "what": "raise"}, "the training step raised RuntimeError: out of luck"),
        ("frozen", {}, "does not depend on any trainable parameter"),
        ("absent", {}, "absent"),
    ],
)
def test_what_fails_at_the_first_step_is_the_workloads_fault(model: str, init_args: Any, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        observed(workload(model, init_args=init_args), of_seed())


def test_a_worker_runs_it_when_the_trial_says_so() -> None:
    rows: list[Any] = []
    session = open_session(blocks(), worker=0)
    result = session.run({"kind": "trial", "trial": asdict(of_seed())}, rows.extend, lambda: False)
    expected, ending = observed(workload(), of_seed())
    assert rows == expected
    assert {type(row) for row in rows} == {tuple}, "plain values, which the parent can read without torch"
    assert result == {"status": "completed", "reason": None, "facts": dict(ending.facts)}
    assert set(ending.facts) == {"constant_loss", "output_spread"}


@pytest.mark.parametrize(
    ("rows", "seconds", "sizes"), [(8, math.inf, [8, 8, 4]), (99, math.inf, [20]), (99, -1.0, [1] * 20)]
)
def test_rows_come_in_messages(monkeypatch: pytest.MonkeyPatch, rows: int, seconds: float, sizes: list[int]) -> None:
    monkeypatch.setattr(control, "ROWS_A_MESSAGE", rows)
    monkeypatch.setattr(control, "SECONDS_A_MESSAGE", seconds)
    seen: list[int] = []
    observe(workload(), of_seed(), lambda rows: seen.append(len(rows)), lambda: False)
    assert seen == sizes
