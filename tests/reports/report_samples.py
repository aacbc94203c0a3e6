"""Made-up reports and studies that the tests of every format share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from section_samples import section, with_sections

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Fix, Report, RunSummary, Skip
from lrdoctor.core.run import Run, Status
from lrdoctor.core.sections import Sweep
from lrdoctor.core.study import Rate, Stage, Study
from lrdoctor.core.trial import Trial


def trial(lr: float = 0.01, seed: int = 0, n_steps: int = 1000, **changes: Any) -> Trial:
    return Trial(
        base_learning_rate=lr,
        seed=seed,
        max_train_steps=n_steps,
        eval_every=10,
        optimizer='{"name":"sgd"}',
        **changes,
    )


def run(
    lr: float = 0.01,
    seed: int = 0,
    train: Sequence[float] | np.ndarray = (1.0, 0.5),
    val: Sequence[float] = (0.4,),
    status: Status = "completed",
    exit_reason: str | None = None,
) -> Run:
    return Run(
        name=f"lr={lr:g} seed={seed}",
        source=f"trials/{lr:g}-{seed}",
        curves={"train_loss": Curve.of(train), "val_loss": Curve.of(val)},
        status=status,
        exit_reason=exit_reason,
        trial=trial(lr, seed, max(len(train), 1)),
    )


def rate(
    lr: float, objective: float = 0.2, feasible: int = 5, stage: Stage = "grid", n: int = 5, **changes: Any
) -> Rate:
    """A rate of `n` judged seeds; the seeds that are not feasible are unstable."""
    objective = objective if n else math.nan
    around = 0.1 * abs(objective) if n > 1 else 0.0
    fields: dict[str, Any] = {
        "base_learning_rate": lr,
        "stage": stage,
        "n_judged": n,
        "n_feasible": feasible,
        "n_unstable": n - feasible,
        "objective": objective if 2 * feasible > n or not n else math.inf,
        "objective_low": objective - around,
        "objective_high": objective + around if feasible == n else math.inf,
        "final_loss": objective,
    }
    return Rate(**(fields | changes))


def sweep_of(rates: Sequence[Rate], **changes: Any) -> Sweep:
    """`Report.sweep` as the judge writes it."""
    made: Sweep = section("sweep", {"stable_up_to": 10.0, "rates": rates, **changes})
    return made


RATES = (
    rate(0.001, 0.9),
    rate(0.0021544, 0.4),
    rate(0.0046416, 0.2, feasible=4, events={"early blow-up": 1}),
    rate(0.01, feasible=0, events={"early blow-up": 4, "non-finite": 1}),
    rate(0.0232, feasible=0, stage="check", n=3, n_failed=2, events={"non-finite": 3}),
)


def summary(name: str = "lr=0.01 seed=0", **changes: Any) -> RunSummary:
    fields: dict[str, Any] = {
        "name": name,
        "source": "trials/0123456789abcdef",
        "verdict": "unstable",
        "n_points": 7,
        "first_step": 0,
        "last_step": 6,
        "base_learning_rate": 0.01,
        "seed": 0,
        "warmup_steps": 0,
        "clip_norm": None,
        "optimizer": "sgd",
        "status": "diverged",
        "exit_reason": "train_loss is nan at step 6",
        "feasible": False,
        "best_val_loss": math.inf,
        "final_train_loss": math.nan,
    }
    return RunSummary(**(fields | changes))


def finding(message: str, run: str | None = None, **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "code": "LRD301",
        "name": "best-at-the-edge",
        "severity": "error",
        "instability": "edge",
        "message": message,
        "observed": 2.15,
        "threshold": 2.0,
        "run": run,
    }
    return Finding(**(fields | changes))


def report(sweep: Sweep | Mapping[str, Any] | None = None, **changes: Any) -> Report:
    """An unstable sweep with one of everything; sections may be given as plain data, `{}` for none."""
    fields: dict[str, Any] = {
        "command": "sweep",
        "verdict": "unstable",
        "summary": "the best learning rate sits at the edge of what is feasible",
        "runs": (summary(),),
        "findings": (
            finding("lr* is the last feasible rate"),
            finding("loss went from 2.3 to 40", run="lr=0.01 seed=0", code="LRD201", observed=math.inf),
        ),
        "skipped": tuple(
            Skip(code="LRD105", reason="gradient norm was not measured", run=f"lr=0.01 seed={s}") for s in range(12)
        ),
        "fixes": (
            Fix(
                rank=1,
                name="warmup",
                status="recommended",
                why="the loss rises in the first steps",
                because=("LRD201",),
                settings={"base_learning_rate": 0.1, "warmup_steps": 100},
                snippet="warmup: {steps: [100]}",
                gain={"highest_stable_learning_rate": math.inf, "best_val_loss": None},
            ),
            Fix(
                rank=2,
                name="clip_gradients",
                status="recommended",
                why="it caps one step",
                because=("LRD201",),
            ),
        ),
        "best_learning_rate": 0.0046416,
        "unstable_base_learning_rate": 0.01,
        "stability_margin": 0.01 / 0.0046416,
        "lr_sensitivity": 0.41234,
        "sweep": sweep_of(RATES, notes=["extended the grid by 1 rate"], figures=["figures/figure_7a.png"])
        if sweep is None
        else sweep,
        "next_steps": ("lrdoctor warmup lrdoctor.yaml",),
    }
    return Report(**with_sections(fields | changes))


def study(rates: Sequence[Rate], runs: Sequence[Run] = (), **changes: Any) -> Study:
    fields: dict[str, Any] = {"name": "mlp10", "loss_at_init": 2.3} | changes
    return Study(rates=tuple(rates), runs=tuple(runs), **fields)


def falling(n: int = 300, low: float = 0.1) -> np.ndarray:
    return low + 2.0 * np.exp(-np.arange(n) / 40)


def one_seed(lr: float, objective: float = 0.2, feasible: int = 1, **changes: Any) -> Rate:
    return rate(lr, objective, feasible, n=1, **changes)


def sweep(lrs: tuple[float, ...], **changes: Any) -> Study:
    """A study of one seed with a feasible, completed run at each rate."""
    return study([one_seed(lr) for lr in lrs], [run(lr, train=falling()) for lr in lrs], **changes)
