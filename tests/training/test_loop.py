"""What is logged, when, and that nothing but the trial decides it."""

from __future__ import annotations

import math
from importlib import import_module
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from training_samples import blocks, column, rows_of, trial, workload

from lrdoctor.core.schedule import cosine
from lrdoctor.errors import Interrupted
from lrdoctor.training import batches, loop

NOISY = {"init_args": {"dropout": 0.5, "norm": True}}
"""A model whose every step draws random numbers and whose evaluation reads what training left in buffers."""


def test_the_same_trial_gives_the_same_bits() -> None:
    one = trial(0.02)
    expected = rows_of(workload(**NOISY), one)
    assert rows_of(workload(**NOISY), one) == expected, "in a fresh worker"
    worker = workload(**NOISY)
    rows_of(worker, trial(0.5, seed=1))
    rows_of(worker, trial(0.1, max_train_steps=7))
    torch.rand(5)
    assert rows_of(worker, one) == expected, "after other trials"
    assert rows_of(worker, one) == expected, "with its batches cached"


@pytest.mark.parametrize("data", ["regression", "loaders"])
def test_streamed_batches_give_the_same_bits(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 8 if data == "regression" else None
    expected = rows_of(workload(data=data, batch_size=size, **NOISY), trial())
    defaults = {**batches.Batches.__init__.__kwdefaults__, "cache_bytes": 100}
    monkeypatch.setattr(batches.Batches.__init__, "__kwdefaults__", defaults)
    worker = workload(data=data, batch_size=size, **NOISY)
    assert rows_of(worker, trial()) == expected
    assert rows_of(worker, trial()) == expected


@pytest.mark.parametrize("eval_every", [1, 3, 50])
def test_evaluating_changes_no_number_of_the_training(eval_every: int) -> None:
    def training(every: int) -> list[Any]:
        rows, _ = rows_of(workload(**NOISY), trial(eval_every=every))
        return [row._replace(val_loss=None) for row in rows]

    assert training(eval_every) == training(7)


def test_what_is_drawn_in_training_does_not_depend_on_the_models_making() -> None:
    assert rows_of(workload("wasteful", **NOISY), trial()) == rows_of(workload("net", **NOISY), trial())


def test_a_threshold_that_no_gradient_reaches_changes_no_bit() -> None:
    assert rows_of(workload(), trial(clip_norm=1e6)) == rows_of(workload(), trial())


def test_seeds_differ() -> None:
    losses = {tuple(column(rows_of(workload(), trial(seed=seed))[0], "train_loss")) for seed in range(3)}
    assert len(losses) == 3


def test_a_model_that_changes_its_batch_leaves_no_trace() -> None:
    worker = workload("Inplace")
    expected = rows_of(worker, trial())
    assert rows_of(worker, trial()) == expected
    worker = workload("Inplace")
    rows_of(worker, trial(max_train_steps=1))
    assert rows_of(worker, trial()) == expected


@pytest.mark.parametrize(
    ("n_steps", "eval_every", "evaluated"),
    [(10, 5, [4, 9]), (10, 4, [3, 7, 9]), (10, 100, [9]), (3, 1, [0, 1, 2]), (1, 2, [0])],
)
def test_validation_after_every_nth_update_and_the_last(n_steps: int, eval_every: int, evaluated: list[int]) -> None:
    rows, ending = rows_of(workload(), trial(max_train_steps=n_steps, eval_every=eval_every))
    assert ending[:2] == ("completed", None)
    assert column(rows, "step") == list(range(n_steps))
    assert [row.step for row in rows if row.val_loss is not None] == evaluated


def test_no_validation_data_no_validation_loss() -> None:
    rows, ending = rows_of(workload(data="without_validation"), trial())
    assert ending.status == "completed"
    assert set(column(rows, "val_loss")) == {None}


def test_the_logged_numbers_are_those_of_a_plain_torch_loop() -> None:
    """Losses and unclipped norms before the update, the rate used by it, the validation mean after it."""
    work, one = workload(batch_size=4), trial(0.05, clip_norm=0.5, max_train_steps=12, eval_every=4)
    model, loss_fn = work.model(one.seed), nn.MSELoss()
    torchs = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    (x, y), expected = workload()._data().validation, []
    for step, (inputs, targets) in zip(range(12), work.batches(one.seed).train, strict=False):
        torchs.zero_grad()
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        torchs.step()
        value = loss_fn(model(x), y).item() if (step + 1) % 4 == 0 else math.nan
        expected.append((step, 0.05, loss.item(), norm.item(), value))
    rows, _ = rows_of(work, one)
    assert any(row.grad_norm > 0.5 for row in rows)
    assert len(x) % (4), "the last validation batch is shorter"
    for row, wanted in zip(rows, expected, strict=True):
        filled = row._replace(val_loss=math.nan if row.val_loss is None else row.val_loss)
        assert filled == pytest.approx(wanted, rel=1e-5, nan_ok=True)


def half_after(steps: int) -> Any:
    return lambda step: 1.0 if step < steps else 0.5


@pytest.mark.parametrize(
    ("changes", "schedule", "rates"),
    [
        ({"max_train_steps": 3}, {"name": "constant"}, [0.2, 0.2, 0.2]),
        ({"max_train_steps": 4}, {"name": "linear"}, [0.2, 0.15, 0.1, 0.05]),
        ({"max_train_steps": 4}, {"name": "cosine"}, [0.2 * cosine(4)(t) for t in range(4)]),
        ({"max_train_steps": 2, "warmup_steps": 4}, {"name": "linear"}, [0.0, 0.05, 0.1, 0.15, 0.2, 0.1]),
        ({"warmup_steps": 2, "post_warmup_steps": 3}, {"name": "linear"}, [0.0, 0.1, 0.2, 0.2, 0.2]),
        (
            {"max_train_steps": 3, "warmup_steps": 1},
            {"class_path": "test_loop:half_after", "init_args": {"steps": 2}},
            [0.0, 0.2, 0.2, 0.1],
        ),
    ],
)
def test_the_learning_rate_is_the_schedule_with_the_warmup_prepended(
    changes: dict[str, int], schedule: dict[str, Any], rates: list[float]
) -> None:
    rows, _ = rows_of(workload(schedule=schedule), trial(0.2, **changes))
    assert column(rows, "learning_rate") == pytest.approx(rates)
    if rates[0] == 0.0:
        assert rows[0].train_loss == rows_of(workload(), trial(0.3))[0][0].train_loss


@pytest.mark.parametrize(
    ("rows", "seconds", "sizes"), [(64, math.inf, [64, 64, 22]), (10**9, math.inf, [150]), (10**9, -1.0, [1] * 150)]
)
def test_rows_come_in_messages(monkeypatch: pytest.MonkeyPatch, rows: int, seconds: float, sizes: list[int]) -> None:
    monkeypatch.setattr(loop, "ROWS_A_MESSAGE", rows)
    monkeypatch.setattr(loop, "SECONDS_A_MESSAGE", seconds)
    seen: list[int] = []
    loop.train(workload(), trial(max_train_steps=150), lambda rows: seen.append(len(rows)), lambda: False)
    assert seen == sizes


def test_stopping_abandons_the_trial() -> None:
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        rows_of(workload(), trial(), stopped=lambda: next(asked))


noted: SimpleQueue[str] = SimpleQueue()
"""What an evaluation puts into a list of the user's would be taken out again after it."""


def noted_step(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    if not model.training:
        noted.put("evaluated")
    return loss_fn(model(batch[0]), batch[1])


@pytest.mark.parametrize("n_before", [1, 2])
def test_an_evaluation_can_be_abandoned_between_two_batches(n_before: int) -> None:
    """22 examples in batches of 8 are 3 of them."""
    work = workload(step="test_loop:noted_step")
    noted = import_module("test_loop").noted  # of the module that the spec names
    already = noted.qsize()
    with pytest.raises(Interrupted):
        rows_of(work, trial(eval_every=1), stopped=lambda: noted.qsize() - already == n_before)
    assert noted.qsize() - already == n_before


def test_lazy_modules_are_given_their_shapes_first() -> None:
    one = trial(0.02, max_train_steps=200, eval_every=1)
    rows, ending = rows_of(workload("lazy"), one)
    assert ending.status == "completed"
    assert rows[-1].val_loss < 0.8 * rows[0].val_loss
    assert rows_of(workload("lazy"), one)[0] == rows


class WithLoss(nn.Module):
    """Takes the batch by name and gives its own loss, as Hugging Face's models do."""

    def __init__(self, as_mapping: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 1)
        self.as_mapping = as_mapping

    def forward(self, x: Tensor, labels: Tensor) -> Any:
        loss = (self.inner(x) - labels).square().mean()
        return {"loss": loss} if self.as_mapping else type("Output", (), {"loss": loss})()


def by_name() -> dict[str, Any]:
    """A mapping a batch."""
    x = torch.linspace(-1, 1, 90).view(30, 3)
    named = {"x": x, "labels": x[:, :1] * 2}
    return {"train": named, "validation": named}


def popping_step(model: nn.Module, batch: dict[str, Tensor], loss_fn: Any) -> Tensor:
    return loss_fn(model.inner(batch["x"]), batch.pop("labels"))


@pytest.mark.parametrize("as_mapping", [True, False])
@pytest.mark.parametrize("step", [None, "test_loop:popping_step"])
def test_batches_by_name(as_mapping: bool, step: str | None) -> None:
    plain = blocks(step=step)
    plain["model"] = {"class_path": "test_loop:WithLoss", "init_args": {"as_mapping": as_mapping}}
    plain["data"] = {"class_path": "test_loop:by_name", "batch_size": 10}
    work = loop.Workload(plain, torch.device("cpu"))
    rows, ending = rows_of(work, trial(0.1, max_train_steps=40))
    assert ending.status == "completed"
    assert rows[-1].train_loss < 0.1 * rows[0].train_loss
    assert rows_of(work, trial(0.1, max_train_steps=40))[0] == rows


FIRST_PART = {"stop_after": 9, "eval_every": 1, "eval_examples": 6}


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("warmup_steps", [0, 4])
def test_a_trial_that_stops_early_is_the_first_part_of_the_whole(schedule: str, warmup_steps: int) -> None:
    worker = workload(schedule={"name": schedule}, **NOISY)
    whole, _ = rows_of(worker, trial(0.05, eval_every=3, warmup_steps=warmup_steps))
    part, ending = rows_of(worker, trial(0.05, warmup_steps=warmup_steps, **FIRST_PART))
    assert ending[:2] == ("completed", None)
    assert len(part) == 9
    assert [row._replace(val_loss=None) for row in part] == [row._replace(val_loss=None) for row in whole[:9]]


def test_an_evaluation_on_the_first_examples_is_that_of_their_batches() -> None:
    worker = workload(data="loaders", batch_size=None)
    part, _ = rows_of(worker, trial(eval_every=1, eval_examples=11))
    whole, _ = rows_of(worker, trial(eval_every=1))
    assert all(row.val_loss is not None for row in part)
    assert column(part, "val_loss") != column(whole, "val_loss")
    assert column(part, "train_loss") == column(whole, "train_loss")
    assert rows_of(worker, trial(eval_every=1, eval_examples=22))[0] == whole
