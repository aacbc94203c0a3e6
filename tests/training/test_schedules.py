"""Schedules by class path, beside the same schedulers in a plain torch loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from training_samples import MOMENTUM, blocks, column, net, rows_of, trial

from lrdoctor.errors import WorkloadError
from lrdoctor.training import torch_optimizers
from lrdoctor.training.session import TrainingSession
from lrdoctor.training.workload import Workload

ME = "test_schedules"
CPU = torch.device("cpu")
N = 20
"""Updates of a trial."""


def sequential(optimizer: torch.optim.Optimizer, max_train_steps: int) -> Any:
    first = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5)
    then = lr_scheduler.CosineAnnealingLR(optimizer, max_train_steps - 5)
    return lr_scheduler.SequentialLR(optimizer, [first, then], [5])


def decaying(optimizer: torch.optim.Optimizer) -> Any:
    return lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))


class Halving(lr_scheduler.LRScheduler):
    """A user's own."""

    def __init__(self, opt: torch.optim.Optimizer, every: int) -> None:
        self.every = every
        super().__init__(opt)

    def get_lr(self) -> list[float]:
        return [base * 0.5 ** (self.last_epoch // self.every) for base in self.base_lrs]


def hugging(optimizer: torch.optim.Optimizer, num_warmup_steps: int, num_training_steps: int) -> Any:
    def multiplier(step: int) -> float:
        if step < num_warmup_steps:
            return step / num_warmup_steps
        return (num_training_steps - step) / (num_training_steps - num_warmup_steps)

    return lr_scheduler.LambdaLR(optimizer, multiplier)


def until(max_train_steps: int = 7) -> Callable[[int], float]:
    return lambda step: 1 - step / max_train_steps


def plateau(optimizer: torch.optim.Optimizer) -> Any:
    return lr_scheduler.ReduceLROnPlateau(optimizer)


def a_text() -> str:
    return "cosine"


def schedule(class_path: str, **init_args: Any) -> dict[str, Any]:
    return {"schedule": {"class_path": class_path, "init_args": init_args}}


def work(**changes: Any) -> Workload:
    return Workload({**blocks(), **changes}, CPU)


Torchs = Callable[[torch.optim.Optimizer, float], Any]
TORCH = "torch.optim.lr_scheduler"

CASES: dict[str, tuple[dict[str, Any], Torchs]] = {
    "cosine": (
        schedule(f"{TORCH}.CosineAnnealingLR", eta_min=0.001),
        lambda o, rate: lr_scheduler.CosineAnnealingLR(o, N, eta_min=0.001),
    ),
    "cosine of its own length": (
        schedule(f"{TORCH}:CosineAnnealingLR", T_max=6),
        lambda o, rate: lr_scheduler.CosineAnnealingLR(o, 6),
    ),
    "one cycle": (schedule(f"{TORCH}.OneCycleLR"), lambda o, rate: lr_scheduler.OneCycleLR(o, rate, total_steps=N)),
    "one cycle with a peak of its own": (
        schedule(f"{TORCH}.OneCycleLR", max_lr=3.0, pct_start=0.5),
        lambda o, rate: lr_scheduler.OneCycleLR(o, rate, total_steps=N, pct_start=0.5),
    ),
    "one cycle by epochs": (
        schedule(f"{TORCH}.OneCycleLR", epochs=3, steps_per_epoch=8),
        lambda o, rate: lr_scheduler.OneCycleLR(o, rate, total_steps=24),
    ),
    "one cycle at a fixed momentum": (
        schedule(f"{TORCH}.OneCycleLR", cycle_momentum=False),
        lambda o, rate: lr_scheduler.OneCycleLR(o, rate, total_steps=N, cycle_momentum=False),
    ),
    "cyclic": (
        schedule(f"{TORCH}.CyclicLR", base_lr=0.1, max_lr=1.0, step_size_up=3),
        lambda o, rate: lr_scheduler.CyclicLR(o, 0.1 * rate, rate, step_size_up=3),
    ),
    "step": (schedule(f"{TORCH}.StepLR", step_size=4), lambda o, rate: lr_scheduler.StepLR(o, 4)),
    "polynomial": (
        schedule(f"{TORCH}.PolynomialLR", total_iters=12, power=2.0),
        lambda o, rate: lr_scheduler.PolynomialLR(o, 12, 2.0),
    ),
    "restarts": (
        schedule(f"{TORCH}.CosineAnnealingWarmRestarts", T_0=4, T_mult=2),
        lambda o, rate: lr_scheduler.CosineAnnealingWarmRestarts(o, 4, 2),
    ),
    "sequential": (schedule(f"{ME}:sequential"), lambda o, rate: sequential(o, N)),
    "lambda": (schedule(f"{ME}:decaying"), lambda o, rate: decaying(o)),
    "a user's own class": (schedule(f"{ME}:Halving", every=3), lambda o, rate: Halving(o, 3)),
    "as Hugging Face makes them": (schedule(f"{ME}:hugging", num_warmup_steps=4), lambda o, rate: hugging(o, 4, N)),
    "a function told the length": (
        schedule(f"{ME}:until"),
        lambda o, rate: lr_scheduler.LambdaLR(o, until(N)),
    ),
}

OPTIMIZERS: dict[str, tuple[str, Callable[[Any], torch.optim.Optimizer]]] = {
    "momentum": (MOMENTUM, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    "AdamW": ('{"name":"adamw"}', lambda p: torch.optim.AdamW(p, lr=0.05)),
    "Adam": ('{"class_path":"torch.optim.Adam"}', lambda p: torch.optim.Adam(p, lr=0.05)),
}


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("case", CASES)
def test_rates_and_losses_are_those_of_a_plain_torch_loop(case: str, optimizer: str) -> None:
    """The losses tell whether the momentum is cycled, too."""
    changes, make = CASES[case]
    text, make_optimizer = OPTIMIZERS[optimizer]
    mine, one = work(**changes), trial(0.05, optimizer=text, max_train_steps=N)
    TrainingSession(mine, CPU).check(0, one)
    rows, ending = rows_of(mine, one)
    assert ending.status == "completed"
    model, loss_fn = mine.model(0), nn.MSELoss()
    torchs = make_optimizer(model.parameters())
    scheduler, expected = make(torchs, 0.05), []
    for _, (inputs, targets) in zip(range(N), mine.batches(0).train, strict=False):
        torchs.zero_grad()
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        expected.append((torchs.param_groups[0]["lr"], loss.item()))
        torchs.step()
        scheduler.step()
    assert [(row.learning_rate, row.train_loss) for row in rows] == [
        (pytest.approx(rate, rel=1e-9, abs=1e-15), pytest.approx(loss, rel=1e-4)) for rate, loss in expected
    ]


@pytest.mark.parametrize("name", ["momentum", "nesterov", "rmsprop", "adam", "nadam"])
def test_every_named_rule_with_a_momentum_can_have_it_cycled(name: str) -> None:
    one = trial(0.01, optimizer=f'{{"name":"{name}",{SETTINGS[name]}}}', max_train_steps=N)
    cycled = rows_of(work(**schedule(f"{TORCH}.OneCycleLR")), one)[0]
    fixed = rows_of(work(**schedule(f"{TORCH}.OneCycleLR", cycle_momentum=False)), one)[0]
    assert column(cycled, "learning_rate") == column(fixed, "learning_rate")
    assert column(cycled, "train_loss")[0] == column(fixed, "train_loss")[0]
    assert column(cycled, "train_loss")[-1] != column(fixed, "train_loss")[-1]


SETTINGS = {
    "momentum": '"momentum":0.9',
    "nesterov": '"momentum":0.9',
    "rmsprop": '"rho":0.9,"momentum":0.9,"eps":1e-8',
    "adam": '"betas":[0.9,0.999],"eps":1e-8',
    "nadam": '"betas":[0.9,0.999],"eps":1e-8',
}


def test_a_warmup_goes_before_a_scheduler() -> None:
    mine = work(**schedule(f"{TORCH}.CosineAnnealingLR"))
    plain = column(rows_of(mine, trial(0.2, max_train_steps=6))[0], "learning_rate")
    warmed = column(rows_of(mine, trial(0.2, max_train_steps=6, warmup_steps=4))[0], "learning_rate")
    assert warmed == pytest.approx([0.0, 0.05, 0.1, 0.15, *plain])
    short = column(rows_of(mine, trial(0.2, warmup_steps=2, post_warmup_steps=2))[0], "learning_rate")
    assert short == pytest.approx([0.0, 0.1, 0.2, 0.2])


def test_groups_keep_their_ratio_under_a_scheduler() -> None:
    model = net()
    text = f'{{"class_path":"{ME}:two_groups"}}'
    rule = torch_optimizers.make(text, model, ".")
    rates = work(**schedule(f"{TORCH}.StepLR", step_size=1)).schedule(trial(0.2), rule.hyperparameters)
    rule.update(rates(1), None)
    assert isinstance(rule, torch_optimizers.Torch)
    assert [group["lr"] for group in rule.optimizer.param_groups] == pytest.approx([0.02, 0.005])


def two_groups(params: Any, lr: float) -> torch.optim.Optimizer:
    first, *others = params
    return torch.optim.SGD([{"params": others}, {"params": [first], "lr": lr / 4}], lr=lr)


@pytest.mark.parametrize(
    ("changes", "optimizer", "message"),
    [
        (schedule(f"{TORCH}.ReduceLROnPlateau"), MOMENTUM, "ReduceLROnPlateau follows the measured loss"),
        (schedule(f"{ME}:plateau"), MOMENTUM, "ReduceLROnPlateau follows the measured loss"),
        (schedule(f"{TORCH}.OneCycleLR"), '{"name":"sgd"}', "OneCycleLR raised ValueError: optimizer must support mom"),
        (
            schedule(f"{TORCH}.OneCycleLR", total_steps=5),
            MOMENTUM,
            "OneCycleLR at step 6 raised ValueError: Tried to st",
        ),
        (
            schedule(f"{TORCH}.OneCycleLR", max_lr=[0.1, 0.2]),
            MOMENTUM,
            r"max_lr is \[0.1, 0.2\], expected one positive",
        ),
        (schedule(f"{TORCH}.StepLR"), MOMENTUM, "StepLR raised TypeError: .*step_size"),
        (
            schedule(f"{ME}:a_text"),
            MOMENTUM,
            "gave str, expected a function step -> multiplier, or a scheduler",
        ),
    ],
)
def test_refused_before_any_trial(changes: dict[str, Any], optimizer: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=f"schedule: .*{message}" if "max_lr" not in message else message):
        TrainingSession(work(**changes), CPU).check(0, trial(0.1, optimizer=optimizer, max_train_steps=N))


@pytest.mark.parametrize(("peak", "said"), [({}, 0), ({"max_lr": 0.3}, 1)])
def test_a_peak_of_its_own_is_said_to_be_unused(peak: dict[str, float], said: int) -> None:
    mine = work(**schedule(f"{TORCH}.OneCycleLR", **peak))
    notes = TrainingSession(mine, CPU).check(0, trial(0.1))["notes"]
    assert len(notes) == said
    assert all("max_lr of torch.optim.lr_scheduler.OneCycleLR is the learning rate of each trial" in n for n in notes)
