"""Made-up runs and studies to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate, Study
from lrdoctor.core.trial import Trial
from lrdoctor.rules import RULES, judge_run

Values = npt.NDArray[np.float64]


def rule(code: str) -> Any:
    return next(r for r in RULES if r.code == code)


def decay(n: int = 400, seed: int = 0, noise: float = 0.1, first: float = 2.3, last: float = 0.3) -> Values:
    """A healthy training loss: a power of t from `first` towards `last`, with noise in proportion to the loss."""
    t = np.arange(n)
    trend = last + (first - last) * (1 + t / 20) ** -0.9
    return trend * np.exp(np.random.default_rng(seed).normal(0, noise, n))


def run_of(
    loss: Sequence[float] | Values, name: str = "run", rate: float | None = 0.1, first_step: int = 0, **more: Any
) -> Run:
    """A run with this training loss, of a trial at this rate (None for a log)."""
    one = None
    if rate is not None:
        one = Trial(
            base_learning_rate=rate,
            seed=more.pop("seed", 0),
            max_train_steps=more.pop("max_train_steps", max(len(loss), 1)),
            eval_every=10,
            optimizer='{"name":"sgd"}',
            warmup_steps=more.pop("warmup_steps", 0),
        )
    curves: Mapping[str, Curve] = {"train_loss": Curve.of(loss, first_step), **more.pop("curves", {})}
    return Run(name, f"{name}.csv", curves, trial=one, **more)


def study_of(*runs: Run, **more: Any) -> Study:
    return Study(name="study", runs=runs, **more)


def codes(run: Run, study: Study | None = None) -> list[str]:
    """Codes of the findings of all rules that judge such a run, skips left out."""
    return [f.code for f in found(run, study) if isinstance(f, Finding)]


def found(run: Run, study: Study | None = None) -> list[Finding | Skip]:
    """What the rules say: those for trials of a run with a trial, those for logs of any other."""
    return list(judge_run(run, study or study_of(run)))


def rate(base_learning_rate: float, *, unstable: bool = False, n_judged: int = 3, **more: Any) -> Rate:
    """What three seeds did at a rate: all feasible, or all infeasible."""
    bad = n_judged if unstable else 0
    objective = np.inf if unstable else more.pop("objective", 1.0)
    return Rate(
        base_learning_rate=base_learning_rate,
        stage=more.pop("stage", "grid"),
        n_judged=n_judged,
        n_feasible=n_judged - bad,
        n_unstable=bad,
        objective=objective,
        objective_low=objective,
        objective_high=objective,
        final_loss=1.0,
        **more,
    )
