"""A lower learning rate: the last resort.

It always removes the instability and always gives away what a higher rate would have brought. (Tuning playbook.)

From a log: half of its own peak learning rate, up to the step of its first non-finite loss where there is one. The
whole schedule is scaled.
"""

from __future__ import annotations

from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.fixes._log import concerns_updates, events, rates_of, run_of
from lrdoctor.fixes.base import Findings, FixRule, Settings

FROM_UNSTABLE = 0.5
"""At half the lowest unstable rate the playbook's short run at twice the rate just reaches the edge. Where the best
rate is lower than that, it has this room itself and is the one to keep."""


def settings(study: Study, findings: Findings) -> Settings:
    run = run_of(study)
    if run is not None:
        peak = _peak(run, findings)
        return {} if peak is None else {"base_learning_rate": float(f"{FROM_UNSTABLE * peak:.4g}")}
    if study.unstable_base_learning_rate is None:
        return {}
    half = float(f"{FROM_UNSTABLE * study.unstable_base_learning_rate:.4g}")
    best = study.best_learning_rate
    return {"base_learning_rate": half if best is None else min(half, best)}


def _peak(run: Run, findings: Findings) -> float | None:
    """The highest rate that the run trained at, None when it is not known or 0."""
    rates = rates_of(run)
    if rates is None:
        return None
    ends = [f.first_step for f in events(run, findings) if f.instability == "non_finite" and f.first_step is not None]
    trained = rates.curve.before(ends[0] + 1).value if ends else rates.curve.value
    return float(trained.max()) if len(trained) and trained.max() > 0 else None


def why(study: Study, findings: Findings) -> str | None:
    run = run_of(study)
    if run is None:
        return None
    peak = _peak(run, findings)
    if peak is None:
        return "the log does not tell the learning rate: halve it"
    return f"{FROM_UNSTABLE * peak:.4g} is half of this run's peak, and the whole schedule is scaled with it"


def snippet(settings: Settings) -> str:
    if "base_learning_rate" not in settings:
        return 'for group in optimizer.param_groups:\n    group["lr"] *= 0.5  # before the scheduler is made'
    rate = settings["base_learning_rate"]
    return f'for group in optimizer.param_groups:\n    group["lr"] = {rate}  # before the scheduler is made'


FIX = FixRule(
    name="lower_learning_rate",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "gradient", "edge"}),
    summary="lower the learning rate, when nothing else helps",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
    why=why,
    applies=concerns_updates,
)
