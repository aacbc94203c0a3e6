"""Those who are compared, by name: lrdoctor, five lines of numpy, and the other tools that are installed."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from benchmarks import peers
from benchmarks.judged import Judge, Judged
from lrdoctor.core.run import Run

ALPHA = 0.01
LEAST_RISE = np.log(1.02)
OVER = 1.3


def blockrise(run: Run) -> Judged:
    """Block medians of the log loss against their own running minimum; anything not finite is trouble too."""
    loss, finite = run.train_loss, run.train_loss.finite
    flagged = [] if loss.first_non_finite is None else [loss.first_non_finite]
    length = max(5, len(finite) // 80)
    n = len(finite) // length
    if n > 1:
        size = np.quantile(np.abs(finite.value), 0.75) or 1.0
        y = np.log(finite.value) if finite.value.min() > 0 else finite.value / size
        medians = np.median(y[: n * length].reshape(n, length), axis=1)
        change = np.diff(medians)
        noise = 1.4826 * np.median(np.abs(change - np.median(change))) / np.sqrt(2)
        rise = medians - np.minimum.accumulate(medians)
        limit = max(2 * NormalDist().inv_cdf(1 - ALPHA / (2 * n)) * noise, LEAST_RISE)
        flagged.extend(finite.step[length * np.flatnonzero(rise > limit)[:1]].tolist())
    return Judged("unstable", min(flagged)) if flagged else Judged("stable")


def over_the_first(run: Run) -> Judged:
    """One line: any point above 1.3 times the first, or not finite."""
    loss = run.train_loss
    bad = ~np.isfinite(loss.value) | (loss.value > OVER * loss.value[:1].sum())
    return Judged("unstable", int(loss.step[np.argmax(bad)])) if bad.any() else Judged("stable")


def lrdoctor(run: Run) -> Judged:
    """What `lrdoctor diagnose` says."""
    from lrdoctor.assess import judge_runs, log_verdict
    from lrdoctor.core.study import Study

    findings, skips = judge_runs(Study(name=run.name, runs=(run,)))
    verdict = log_verdict(findings, skips)
    errors = [f for f in findings if f.severity == "error"]
    onset = min((f.first_step for f in errors if f.first_step is not None), default=None)
    beside = tuple(f"{f.code} ({f.severity}) {f.message}" for f in findings)
    return Judged(verdict, onset, beside + tuple(f"{s.code} skipped: {s.reason}" for s in skips))


JUDGES: dict[str, Judge] = {
    "lrdoctor": lrdoctor,
    "blockrise": blockrise,
    "over_the_first": over_the_first,
    **peers.judges(),
}
"""Name -> judge."""
