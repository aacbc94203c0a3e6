"""What a workload of the zoo is: an ordinary spec with a fixed grid of rates."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

Kind = Literal["noise", "healthy", "finetuning", "collapse", "not_the_rate"]
Half = Literal["developed", "held_out", "fresh", "fresh2"]

SEEDS = (0, 1, 2)
N_RATES = 7
FIRST_HALF: dict[Kind, int] = {"noise": 0, "healthy": 1, "finetuning": 0, "collapse": 1, "not_the_rate": 0}
"""kind -> whether its first workload in the order of ZOO is developed (0) or held out (1); then they alternate.

So both halves have every kind, and which workload is in which follows from the order in which they were written down.
A new one goes to a part of its own: anywhere else it would belong to one that has been looked at.
"""


@dataclass(frozen=True)
class Workload:
    """One workload of the zoo.

    Args:
        name: unique; the spec's name and that of its folder.
        kind: what it is there for. Not its verdict: a `healthy` workload breaks at a high enough rate.
        low, high: the least and the greatest rate; N_RATES lie evenly between them on a log scale.
        model, data: class path below this package, such as "nets:Mlp", and its init_args.
        batch_size: None where the data come in batches.
        loss: a class path below this package, or a full one.
        optimizer: as in a spec.
        max_train_steps: of every trial.
        step: a step hook below this package.
        trivial: how the loss of the best constant prediction follows from the training targets, see `trivial.py`;
            None where there is no such thing.
    """

    name: str
    kind: Kind
    low: float
    high: float
    model: tuple[str, dict[str, Any]]
    data: tuple[str, dict[str, Any]]
    batch_size: int | None
    optimizer: dict[str, Any]
    loss: str = "torch.nn.CrossEntropyLoss"
    max_train_steps: int = 300
    step: str | None = None
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "constant"})
    trivial: str | None = "entropy"

    @property
    def rates(self) -> tuple[float, ...]:
        """The fixed grid, three digits each."""
        return tuple(float(f"{r:.3g}") for r in np.geomspace(self.low, self.high, N_RATES))

    @property
    def eval_every(self) -> int:
        """Updates between two evaluations: ten a trial."""
        return self.max_train_steps // 10

    @property
    def half(self) -> Half:
        """See FIRST_HALF; what is in FRESH or FRESH_2 is in neither of the two."""
        from benchmarks.trials.workloads import FRESH, FRESH_2, ZOO  # which are made of workloads

        if self.name in {w.name for w in FRESH}:
            return "fresh"
        if self.name in {w.name for w in FRESH_2}:
            return "fresh2"
        position = [w.name for w in ZOO if w.kind == self.kind].index(self.name)
        return "developed" if (position + FIRST_HALF[self.kind]) % 2 == 0 else "held_out"

    def spec(self) -> dict[str, Any]:
        """The spec as a mapping."""
        data = {"class_path": _path(self.data[0]), "init_args": self.data[1]}
        spec = {
            "name": self.name,
            "model": {"class_path": _path(self.model[0]), "init_args": self.model[1]},
            "data": data if self.batch_size is None else {**data, "batch_size": self.batch_size},
            "loss": {"class_path": _path(self.loss)},
            "step": _path(self.step) if self.step else None,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "max_train_steps": self.max_train_steps,
            "eval_every": self.eval_every,
            "seeds": list(SEEDS),
            "device": "cpu",
            "sweep": {"values": list(self.rates)},
        }
        return {key: value for key, value in spec.items() if value is not None}

    def write(self, folder: Path) -> Path:
        """Writes the spec as YAML into the folder, as NAME.yaml, and returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump(self.spec(), sort_keys=False))
        return path


def _path(short: str) -> str:
    """ "nets:Mlp" -> "benchmarks.trials.nets:Mlp"; what is no module of this package stays as it is."""
    return f"benchmarks.trials.{short}" if ":" in short else short


SGD: dict[str, Any] = {"name": "sgd"}
MOMENTUM: dict[str, Any] = {"name": "momentum", "momentum": 0.9}
ADAM: dict[str, Any] = {"name": "adam"}
ADAMW: dict[str, Any] = {"name": "adamw", "weight_decay": 0.01}
RMSPROP: dict[str, Any] = {"name": "rmsprop"}
MSE = "torch.nn.MSELoss"
