"""What the trials of the clipping study amount to: gradient norms, shares of updates clipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from lrdoctor.core.curve import Values
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Objective, Rate
from lrdoctor.procedures.sweep import objective_of, summarize

DIGITS = 4
"""Significant digits of the thresholds and rates that lrdoctor chooses, as in the sweep."""
AGGRESSIVE = 0.5
"""Share of updates clipped from which on clipping is a way of lowering the learning rate (tuning playbook)."""


@dataclass(frozen=True)
class Threshold:
    percentile: float
    """Of the unclipped norms at lr*."""
    clip_norm: float


@dataclass(frozen=True)
class Setting:
    """One thing to try, over all seeds."""

    base_learning_rate: float
    threshold: Threshold | None = None
    """None: as the spec trains."""


@dataclass(frozen=True, kw_only=True)
class Norms:
    """Unclipped gradient norms of the trials that held at lr*: the percentile of a diverged run means nothing."""

    base_learning_rate: float
    by_seed: Mapping[int, Values]
    """Finite norms of every update, one array a seed."""
    left_out: tuple[int, ...] = ()
    """Seeds whose trial did not hold, or failed."""

    def percentile(self, q: float) -> float:
        """Median over the seeds of each seed's percentile; q = 100 is the largest norm.

        Not the percentile of all norms pooled: every seed counts alike, so that one with outliers does not decide the
        top alone, and what is compared is what a user of one run would compute.
        """
        return median(self.percentile_by_seed(q))

    def percentile_by_seed(self, q: float) -> list[float]:
        return [float(np.percentile(norms, q)) for norms in self.by_seed.values()]

    def rank(self, limit: float) -> float:
        """Median over the seeds of the percentage of norms at or below the limit."""
        return median(100.0 * float(np.mean(norms <= limit)) for norms in self.by_seed.values())

    def threshold(self, q: float) -> Threshold:
        # rounded, so that the number in the report is the one that was trained with
        return Threshold(q, rounded(self.percentile(q)))


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What the trials of one setting did, over the seeds."""

    setting: Setting
    rate: Rate
    """Counts and objective, as in the sweep."""
    objectives: Mapping[int, float]
    """Objective by seed; inf where the seed is infeasible. Seeds whose trial failed are absent."""
    shares: Mapping[int, float]
    """Share of updates clipped, by seed; empty where nothing is clipped."""

    @property
    def n_held(self) -> int:
        """Seeds without an error and without a warning."""
        return self.rate.n_judged - self.rate.n_unstable

    @property
    def holds(self) -> bool:
        """A majority of the judged seeds held."""
        return 2 * self.n_held > self.rate.n_judged

    @property
    def share(self) -> float | None:
        """Median over the seeds of the share of updates clipped; None where nothing is clipped."""
        return median(self.shares.values()) if self.shares else None

    @property
    def is_aggressive(self) -> bool:
        """More than half of the updates are clipped."""
        return self.share is not None and self.share > AGGRESSIVE


def measure(setting: Setting, runs: Sequence[Run], findings: Sequence[Finding], objective: Objective) -> Attempt:
    """What the trials of one setting did.

    Args:
        setting: the setting.
        runs: its trials, one a seed.
        findings: of these runs (others are ignored).
        objective: what is minimized.
    """
    infeasible = {f.run for f in findings if f.severity == "error"}
    judged = {run.trial.seed: run for run in runs if run.trial is not None and run.status != "failed"}
    values = {s: np.inf if run.name in infeasible else objective_of(run, objective) for s, run in judged.items()}
    limit = setting.threshold.clip_norm if setting.threshold else None
    shares = {} if limit is None else {s: share_clipped(run, limit) for s, run in judged.items() if len(run.grad_norm)}
    return Attempt(
        setting=setting,
        rate=summarize(setting.base_learning_rate, "check", runs, findings, objective),
        objectives=values,
        shares=shares,
    )


def share_clipped(run: Run, limit: float) -> float:
    """Share of the updates whose unclipped norm is above the limit; a norm of inf is, nan tells nothing."""
    norms = run.grad_norm.value[~np.isnan(run.grad_norm.value)]
    return float(np.mean(norms > limit)) if len(norms) else 0.0


def share_autoclipped(run: Run, percentile: float) -> float:
    """Share of the updates whose unclipped norm is above that percentile of the norms up to it."""
    norms = run.grad_norm.finite.value
    # AutoClip knows the norms up to its step alone, its own among them
    limits = [np.percentile(norms[: i + 1], percentile) for i in range(len(norms))]
    return float(np.mean(norms > limits)) if len(norms) else 0.0


def norms_of(runs: Iterable[Run], findings: Sequence[Finding]) -> Norms | None:
    """The norms of the trials at lr* without an error or a warning; None when there is no such trial.

    Args:
        runs: the unclipped trials at lr*, one a seed.
        findings: of these runs (others are ignored).
    """
    trials = [(run.trial, run) for run in runs if run.trial is not None]
    unstable = {f.run for f in findings if f.severity in ("error", "warning")}
    used: dict[int, Values] = {}
    for trial, run in trials:
        norms = run.grad_norm.finite.value
        # of a trial that did not hold the norms are those of its trouble, and would set the threshold too high
        if run.status == "completed" and run.name not in unstable and len(norms):
            used[trial.seed] = norms
    if not used:
        return None
    return Norms(
        base_learning_rate=trials[0][0].base_learning_rate,
        by_seed=used,
        left_out=tuple(trial.seed for trial, _ in trials if trial.seed not in used),
    )


def effective_rate(attempt: Attempt, runs: Sequence[Run]) -> float:
    """The rate that clipping amounts to: base rate x mean over the updates of min(1, threshold / norm), the median over
    the seeds of that; a plain training at that rate scales its gradients by as much on average."""
    assert attempt.setting.threshold is not None
    scales = mean_scales(runs, attempt.setting.threshold.clip_norm)
    return rounded(attempt.setting.base_learning_rate * median(scales))


def mean_scales(runs: Iterable[Run], limit: float) -> list[float]:
    """By how much clipping scales the gradients on average, for each run that has norms: 1 where it clips nothing."""
    norms = [run.grad_norm.finite.value for run in runs if run.status != "failed"]
    # 1 where the norm is below the limit, and never a division by a norm of 0
    return [float(np.mean(np.minimum(1.0, limit / np.maximum(values, limit)))) for values in norms if len(values)]


def rounded(value: float) -> float:
    """The value with `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS - 1}e}")
