"""Made-up trials of clipping studies that several tests share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run, Status
from lrdoctor.core.study import Rate, Study
from lrdoctor.core.trial import Trial
from lrdoctor.procedures.clip_measures import Attempt, Setting, Threshold


def run(
    lr: float = 0.01,
    seed: int = 0,
    norms: Sequence[float] = (1.0, 2.0, 3.0),
    val: float = 0.5,
    clip: float | None = None,
    status: Status = "completed",
) -> Run:
    steps = max(len(norms), 1)
    trial = Trial(
        base_learning_rate=lr,
        seed=seed,
        max_train_steps=steps,
        eval_every=1,
        optimizer='{"name":"sgd"}',
        clip_norm=clip,
    )
    curves = {
        "train_loss": Curve.of(np.linspace(2.0, 1.0, steps)),
        "grad_norm": Curve.of(norms),
        "val_loss": Curve([steps - 1], [val]),
    }
    name = f"lr={lr:g} seed={seed}" + (f" clip={clip:g}" if clip else "")
    return Run(name, f"trials/{name}/steps.csv", curves, status=status, trial=trial)


def finding(run: Run, severity: Any = "error") -> Finding:
    return Finding(
        code="LRD101", name="non-finite", severity=severity, instability="non_finite", message="it broke",
        observed=None, threshold=None, run=run.name,
    )  # fmt: skip


def rate(lr: float, held: int = 3, objective: float = 0.5, n: int = 3) -> Rate:
    objective = objective if 2 * held > n else np.inf
    return Rate(
        base_learning_rate=lr, stage="grid", n_judged=n, n_feasible=held, n_unstable=n - held, objective=objective,
        objective_low=objective, objective_high=objective, final_loss=objective,
    )  # fmt: skip


def attempt(
    lr: float,
    clip: Threshold | None = None,
    held: int = 3,
    val: Sequence[float] = (0.5, 0.5, 0.5),
    share: float = 0.1,
) -> Attempt:
    objectives = {s: v if s < held else float("inf") for s, v in enumerate(val)}
    return Attempt(
        setting=Setting(lr, clip),
        rate=rate(lr, held, float(np.median(val)) if val else np.nan, len(val)),
        objectives=objectives,
        shares=dict.fromkeys(objectives, share) if clip else {},
    )


def study(*rates: Rate, best: float | None = 0.01, unstable: float | None = 0.03, **changes: Any) -> Study:
    fields: dict[str, Any] = {"runs": (), "best_learning_rate": best, "unstable_base_learning_rate": unstable}
    return Study(name="made up", rates=rates, **(fields | changes))
