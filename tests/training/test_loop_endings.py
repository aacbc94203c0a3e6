"""How a trial ends when it does not run to its last step, and what is whose fault."""

from __future__ import annotations

import math
from typing import Any

import pytest
from training_samples import column, rows_of, trial, workload

from lrdoctor.errors import WorkloadError
from lrdoctor.training import loop
from lrdoctor.training.workload import Workload


def poisoned(calls: int, what: str, **changes: Any) -> Workload:
    return workload("Poisoned", init_args={"calls": calls, "what": what}, **changes)


@pytest.fixture(params=[1, 4, 32], ids=lambda n: f"read every {n}")
def sync_every(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """1 is how a CPU trains; more is how an accelerator does, whose losses are read some steps later."""
    original = loop._Loop.__init__

    def patched(self: Any, *args: Any) -> None:
        original(self, *args)
        self.sync_every = request.param

    monkeypatch.setattr(loop._Loop, "__init__", patched)
    return int(request.param)


def test_rows_do_not_depend_on_when_they_are_read(sync_every: int) -> None:
    one = trial(max_train_steps=50, eval_every=9, warmup_steps=5, clip_norm=0.7)
    work = workload(init_args={"dropout": 0.5, "norm": True})
    rows, ending = rows_of(work, one)
    assert ending[:2] == ("completed", None)
    assert column(rows, "step") == list(range(55))
    plain = loop._Loop(work, one, None)
    plain.sync_every = 1
    expected: list[loop.Row] = []
    plain.run(expected.extend, lambda: False)
    assert rows == expected


@pytest.mark.parametrize("eval_every", [1, 7, 100])
@pytest.mark.parametrize(("what", "first"), [("nan", 3), ("inf", 6), ("nan", 40)])
def test_the_first_non_finite_loss_is_the_last_row(sync_every: int, what: str, first: int, eval_every: int) -> None:
    rows, ending = rows_of(poisoned(first, what), trial(max_train_steps=50, eval_every=eval_every))
    assert ending == ("diverged", f"the loss is {what} at step {first}", {})
    assert column(rows, "step") == list(range(first + 1))
    assert [math.isfinite(row.train_loss) for row in rows] == [True] * first + [False]
    assert [r.step for r in rows if r.val_loss is not None] == [s for s in range(first) if (s + 1) % eval_every == 0]


def test_divergence_by_the_learning_rate(sync_every: int) -> None:
    rows, ending = rows_of(workload(), trial(50.0, max_train_steps=200, stop_hopeless=False))
    assert ending.status == "diverged"
    last = rows[-1]
    assert ending.reason == f"the {'loss' if not math.isfinite(last.train_loss) else 'gradient norm'} is " + (
        f"{last.train_loss if not math.isfinite(last.train_loss) else last.grad_norm} at step {last.step}"
    )
    assert all(math.isfinite(row.train_loss) and math.isfinite(row.grad_norm) for row in rows[:-1])


def test_an_error_that_the_divergence_caused_is_a_divergence(sync_every: int) -> None:
    """Code that refuses nan raises one step after it, which an accelerator sees before it reads the losses."""
    rows, ending = rows_of(workload("OnNaN"), trial(1e30, eval_every=100))
    assert ending.status == "diverged"
    assert not math.isfinite(rows[-1].train_loss)


def test_an_error_of_the_users_code_fails_the_trial(sync_every: int) -> None:
    rows, ending = rows_of(poisoned(12, "raise"), trial(eval_every=100))
    assert ending.status == "failed"
    assert ending.reason is not None
    assert ending.reason.startswith("the training step raised RuntimeError: out of luck (training_samples.py:")
    assert ending.reason.endswith(", in forward)")
    assert column(rows, "step") == list(range(12)), "what was measured until then is kept"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nan", "the loss is nan at step 0 with seed 4, before any update: no learning rate can be blamed"),
        ("inf", "the loss is inf at step 0"),
        ("raise", r"the training step raised RuntimeError: out of luck \(training_samples.py:\d+, in forward\)"),
    ],
)
def test_what_fails_before_any_update_is_the_workloads_fault(sync_every: int, what: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        rows_of(poisoned(0, what), trial(seed=4))


def test_a_non_finite_gradient_at_step_0() -> None:
    with pytest.raises(WorkloadError, match=r"the gradient norm is (nan|inf) at step 0"):
        rows_of(workload("Root"), trial())


def test_a_hopeless_trial_is_cut_short(sync_every: int) -> None:
    rows, ending = rows_of(poisoned(20, "30"), trial(1e-9, max_train_steps=200))
    assert ending.status == "truncated"
    assert ending.reason is not None
    assert ending.reason.startswith("hopeless: the training loss stayed above ")
    losses, limit = column(rows, "train_loss"), 2 * rows[0].train_loss
    assert min(losses[-50:]) > limit > losses[-51]


def test_a_hopeless_trial_goes_on_when_asked_to() -> None:
    one = trial(1e-9, max_train_steps=200, stop_hopeless=False)
    rows, ending = rows_of(poisoned(20, "30"), one)
    assert (ending.status, len(rows)) == ("completed", 200)
