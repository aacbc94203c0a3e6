"""Schedules that a spec names by class path: functions step -> multiplier, and torch's own schedulers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lrdoctor.core.schedule import Schedule, prepend_warmup
from lrdoctor.core.trial import Trial
from lrdoctor.errors import WorkloadError
from lrdoctor.training.importing import blame, build, parameters_of, resolve

LENGTHS = ("max_train_steps", "total_steps", "T_max", "num_training_steps")
"""Parameters of schedules, torch's and Hugging Face's, that are told how many updates there are after the warmup."""

EPOCHS = ("epochs", "steps_per_epoch")
"""What OneCycleLR takes in place of total_steps."""

PLATEAU = (
    "ReduceLROnPlateau follows the measured loss, so that trials of different learning rates would train by different "
    "schedules and could not be compared; take a schedule that depends on the step alone"
)

Momentum = Callable[[int], float | None]
"""step -> momentum (beta1 in the Adam family) that the schedule sets for it; None leaves the optimizer's own."""


@dataclass(frozen=True)
class Rates:
    """What a trial's schedule decides for each update, the warmup included."""

    rate: Schedule
    momentum: Momentum = lambda step: None

    def __call__(self, step: int) -> float:
        """The base learning rate of the update."""
        return self.rate(step)


@dataclass(frozen=True)
class Multiplier:
    """A schedule after the warmup, steps counted from 0."""

    of: Schedule
    momentum: Momentum = lambda step: None


def with_warmup(trial: Trial, then: Multiplier) -> Rates:
    """The schedule with the trial's warmup prepended, during which the momentum is that of its first update."""
    rate = prepend_warmup(trial.base_learning_rate, trial.warmup_steps, then.of)
    return Rates(rate, lambda step: then.momentum(max(0, step - trial.warmup_steps)))


def named_by_class_path(
    block: Mapping[str, Any], folder: str, trial: Trial, hyperparameters: Mapping[str, Any]
) -> Multiplier:
    """The schedule of a `{class_path, init_args}` block.

    A factory with a parameter `optimizer`, as torch's schedulers have, gets an optimizer with one parameter group whose
    rate is the trial's base learning rate; what the scheduler makes of that rate, step by step, is the multiplier.

    Args:
        block: the spec's.
        folder: the spec's folder.
        trial: decides the length and the base learning rate.
        hyperparameters: of the trial's optimizer, which a scheduler that changes the momentum looks at.

    Raises:
        WorkloadError: the factory raises, gives something else, or is a scheduler that follows the loss.
    """
    factory, path = resolve(block["class_path"], folder), block["class_path"]
    asked, given = parameters_of(factory), block.get("init_args") or {}
    told: dict[str, Any] = {name: trial.max_train_steps for name in LENGTHS if _is_asked(name, asked, given)}
    if set(EPOCHS) <= set(given):
        told.pop("total_steps", None)
    is_scheduler = inspect.isclass(factory) and issubclass(factory, LRScheduler)
    if is_scheduler and issubclass(factory, ReduceLROnPlateau):
        raise WorkloadError(f"schedule: {PLATEAU}")
    if not (is_scheduler or "optimizer" in asked):
        return _multiplier(build(block, folder, "schedule", **told), path, None)
    peak = given.get("max_lr", trial.base_learning_rate)
    if isinstance(peak, bool) or not isinstance(peak, (int, float)) or not 0 < peak < math.inf:
        raise WorkloadError(
            f"schedule: max_lr is {peak!r}, expected one positive number, or nothing: it is the trial's rate"
        )
    if "max_lr" in asked and "max_lr" not in given:
        told["max_lr"] = peak
    stand_in = _StandIn(float(peak), hyperparameters)
    if "optimizer" in asked:
        made = build(block, folder, "schedule", optimizer=stand_in, **told)
    else:
        made = build(block, folder, "schedule", stand_in, **told)
    return _multiplier(made, path, stand_in)


def unused_peak(block: Mapping[str, Any]) -> str | None:
    """What to say of a schedule that brings a peak rate of its own."""
    peak = (block.get("init_args") or {}).get("max_lr")
    if peak is None:
        return None
    return (
        f"schedule: the max_lr of {block['class_path']} is the learning rate of each trial; the given {peak} decides "
        "only what other rates of the schedule are relative to"
    )


def _is_asked(name: str, asked: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> bool:
    """Whether a length is to be told: the factory needs it, or has no value of its own for it."""
    if name not in asked or name in given:
        return False
    return name == LENGTHS[0] or asked[name].default in (inspect.Parameter.empty, None)


def _multiplier(made: Any, path: str, stand_in: _StandIn | None) -> Multiplier:
    if isinstance(made, ReduceLROnPlateau):
        raise WorkloadError(f"schedule: {PLATEAU}")
    if isinstance(made, LRScheduler) and stand_in is not None:
        read = _Read(made, stand_in, path)
        return Multiplier(read.multiplier, read.momentum)
    if not callable(made):
        raise WorkloadError(
            f"schedule: {path} gave {type(made).__name__}, expected a function step -> multiplier, or a scheduler of "
            "torch.optim.lr_scheduler made on the `optimizer` that the factory is given"
        )
    return Multiplier(lambda step: _checked(lambda: float(made(step)), path, step))


def _checked(value_of: Callable[[], float], path: str, step: int) -> float:
    try:
        value = value_of()
    except WorkloadError:
        raise
    except Exception as error:
        raise WorkloadError(f"schedule: {path} at step {step} raised {blame(error)}") from error
    if not math.isfinite(value):
        raise WorkloadError(f"schedule: {path} gave {value} at step {step}, expected a finite multiplier")
    return value


class _StandIn(torch.optim.Optimizer):
    """An optimizer with the settings of the real one that trains nothing: schedulers are made on it and read off."""

    def __init__(self, learning_rate: float, hyperparameters: Mapping[str, Any]) -> None:
        self.peak = learning_rate
        settings = {**hyperparameters, "lr": learning_rate}
        super().__init__([torch.zeros((), requires_grad=True)], settings)
        self.momentum_at_first = self.momentum()

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Schedulers expect it to be called between two steps of theirs."""

    def momentum(self) -> float | None:
        """Heavy-ball momentum or beta1; None for a rule without."""
        group = self.param_groups[0]
        if "betas" in group:
            return float(group["betas"][0])
        return float(group["momentum"]) if "momentum" in group else None


class _Read:
    """What a scheduler does to its optimizer, as functions of the step; read as far as it was asked for."""

    def __init__(self, scheduler: LRScheduler, stand_in: _StandIn, path: str) -> None:
        self._scheduler, self._stand_in, self._path = scheduler, stand_in, path
        self._changed_at: int | None = None
        self._read: list[tuple[float, float | None]] = []
        self._note()

    def multiplier(self, step: int) -> float:
        return _checked(lambda: self._at(step)[0] / self._stand_in.peak, self._path, step)

    def momentum(self, step: int) -> float | None:
        """None while the scheduler has left it as it was."""
        self._at(step)
        return self._read[step][1] if self._changed_at is not None and step >= self._changed_at else None

    def _at(self, step: int) -> tuple[float, float | None]:
        while len(self._read) <= step:
            self._stand_in.step()
            self._scheduler.step()
            self._note()
        return self._read[step]

    def _note(self) -> None:
        momentum = self._stand_in.momentum()
        if self._changed_at is None and momentum != self._stand_in.momentum_at_first:
            self._changed_at = len(self._read)
        self._read.append((float(self._stand_in.param_groups[0]["lr"]), momentum))
