"""A trial: one training run with settings chosen by lrdoctor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lrdoctor.core.changes import SETTINGS, Changes

TRAINING_VERSION = "2"
"""Grows when the loop trains or measures the same trial to other numbers. 2: evaluation in batches of the spec's own
size and without a trace, parameters of the loss trained, complex parameters as pairs of real ones."""

LATER = ("stop_after", "eval_examples", "control", *(name for name, of in SETTINGS.items() if of.is_later))
"""Settings that came after the first saved studies."""


@dataclass(frozen=True, kw_only=True)
class Trial(Changes):
    """Everything lrdoctor chooses about one training run; the workload itself comes from the spec."""

    base_learning_rate: float
    """Peak learning rate: the schedule multiplies it."""

    seed: int
    """Decides the initial weights and the order of the batches; trials of a seed see the same batches."""

    max_train_steps: int
    """Updates of the baseline schedule, warmup not counted."""

    eval_every: int
    """Updates between two evaluations on the validation data; the last update is always followed by one."""

    optimizer: str
    """The update rule and its settings, as canonical JSON of the spec's `optimizer` block."""

    procedure: str = "sweep"
    """The command that first asked for the trial; it does not change the numbers, so it is not in the key."""

    warmup_steps: int = 0
    """Updates of the linear ramp from 0, prepended to the schedule."""

    post_warmup_steps: int | None = None
    """Updates at the constant base rate after the ramp, in place of the schedule; None runs the schedule."""

    stop_hopeless: bool = True
    """Whether the trial stops when its loss stays pinned far above where it started."""

    stop_after: int | None = None
    """Updates after which the trial stops though its schedule goes on: it is the first part of the longer training.
    None runs the whole schedule."""

    eval_examples: int | None = None
    """Validation examples of an evaluation: as many of the first whole batches as fit, one at least. None: all."""

    control: bool = False
    """Nothing is updated: a forward pass a step tells what the untrained weights lose on the batches of the seed, so
    what the data do to a loss curve by themselves."""

    @property
    def schedule_steps(self) -> int:
        """Updates of the whole schedule: the warmup and what follows it."""
        after = self.max_train_steps if self.post_warmup_steps is None else self.post_warmup_steps
        return self.warmup_steps + after

    @property
    def n_steps(self) -> int:
        """Updates that the trial runs: its schedule, or the first `stop_after` of it."""
        return self.schedule_steps if self.stop_after is None else min(self.schedule_steps, self.stop_after)

    @property
    def optimizer_name(self) -> str:
        """The update rule's short name, or its class path."""
        block = json.loads(self.optimizer)
        return str(block.get("name") or block.get("class_path"))

    def settings(self) -> dict[str, Any]:
        """What decides the trial's numbers, as plain values."""
        settings = asdict(self)
        del settings["procedure"]
        return settings

    def key(self, workload: Mapping[str, Any]) -> str:
        """16 hexadecimal digits that name the trial in a study folder.

        Args:
            workload: whatever else decides the numbers (model, data, loss, versions), as plain values.
        """
        # left out where they say nothing: the keys of studies that were saved before there were such settings hold
        settings = {n: value for n, value in self.settings().items() if n not in LATER or value not in (None, False)}
        text = canonical_json({"trial": settings, "workload": workload})
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def canonical_json(value: object) -> str:
    """JSON text that is the same for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
