"""The learning-rate sweep: find lr*, then how close above it training becomes unstable.

A pure planner: from the rates tried so far to the rates to try next. Stages, each planned when the one before is
done: the grid; its extension while the best rate is an end of it; the checks at 5 and 10 times the best rate; the
bisection of the lowest unstable rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from lrdoctor.core.report import Finding, Severity, by_run
from lrdoctor.core.run import Run
from lrdoctor.core.study import Objective, Rate, Stage, Study
from lrdoctor.measures import level
from lrdoctor.procedures.validity import below_best, has_learned, obstacle

SWEPT: tuple[Stage, ...] = ("grid", "extension")


@dataclass(frozen=True)
class Settings:
    grid: tuple[float, ...]
    """Base learning rates of the grid, ascending."""
    decades: float = 2.0
    """How far the grid is extended beyond either end, at most."""
    extend_by: float = 0.5
    """Decades added at a time: the playbook's sweeps cover 2 to 3 decades in all, so a quarter of that."""
    checks: tuple[float, ...] = (5.0, 10.0)
    """Multiples of the best rate that are checked (tuning playbook, Figure 7b)."""
    same: float = 0.1
    """A tried rate this close (relative) to a check stands for it."""
    resolution: float = 1.25
    """The unstable rate is located up to this factor."""
    digits: int = 4
    """Significant digits of the rates that lrdoctor chooses."""


@dataclass(frozen=True)
class SweepPlan:
    """Rates to try next, over all seeds."""

    stage: Stage
    rates: tuple[float, ...]
    note: str | None = None
    """What the user should know about the plan."""


def next_plan(settings: Settings, tried: Sequence[Rate]) -> SweepPlan | None:
    """What to try next; None when the sweep is done.

    Args:
        settings: of the sweep.
        tried: every rate whose trials are finished, ascending.
    """
    known = {r.base_learning_rate for r in tried}
    # all of the grid before anything is concluded: where its best rate lies decides what follows
    missing = tuple(rate for rate in settings.grid if rate not in known)
    if missing:
        return SweepPlan("grid", missing)
    # in this order: the checks need lr*, which an extension may move, and the bisection needs what the checks find
    return extension(settings, tried) or checks(settings, tried) or refinement(settings, tried)


def best_rate(tried: Sequence[Rate]) -> Rate | None:
    """lr*: the swept rate with the best median objective among the feasible that learn; the lower of two equal ones."""
    feasible = [
        r
        for r in tried
        if r.stage in SWEPT and r.n_judged and r.is_feasible and math.isfinite(r.objective) and has_learned(r)
    ]
    return min(feasible, key=lambda r: (r.objective, r.base_learning_rate), default=None)


def lowest_unstable(tried: Sequence[Rate]) -> Rate | None:
    """The lowest rate at which a majority of seeds is infeasible or shows a rise."""
    return next((r for r in sorted(tried, key=lambda r: r.base_learning_rate) if r.n_judged and r.is_unstable), None)


def extension(settings: Settings, tried: Sequence[Rate]) -> SweepPlan | None:
    """More rates beyond the end at which the best one lies; downward when none is feasible."""
    swept = [r.base_learning_rate for r in tried if r.stage in SWEPT]
    best = best_rate(tried)
    low, high = min(swept), max(swept)
    # downward first: where the lowest rate is the best, or none holds, nothing above tells where lr* is
    if best is None or best.base_learning_rate == low:
        why = "no rate is feasible" if best is None else f"the best rate {low:.4g} is the lowest one"
        further = [rate for rate in _beyond(settings, -1) if rate < low]
        return _extended(settings, further, f"{why}: grid extended downward")
    if best.base_learning_rate == high:
        further = [rate for rate in _beyond(settings, +1) if rate > high]
        return _extended(settings, further, f"the best rate {high:.4g} is the highest one: grid extended upward")
    return None


def _beyond(settings: Settings, direction: int) -> list[float]:
    """The grid continued beyond its lower (-1) or upper (+1) end at its own spacing, from the end outward.

    Always counted from the grid's end: rates reckoned from rounded ones would drift off and miss the last.
    """
    end = settings.grid[0] if direction < 0 else settings.grid[-1]
    n = math.floor(settings.decades / _spacing(settings) * (1 + 1e-9))
    # 0.03162 of a grid of half decades is no more exact than this, and is followed by 0.1 and not by 0.09999
    error = 0.5 * 10 ** (math.floor(math.log10(end)) + 1 - settings.digits) / end
    further = (end * 10 ** (direction * k * _spacing(settings)) for k in range(1, n + 1))
    return [_shortest(rate, settings.digits, error) for rate in further]


def _shortest(rate: float, digits: int, error: float) -> float:
    """The number of the fewest digits, so many at most, that differs from the rate by a relative error up to this."""
    numbers = (_rounded(rate, n) for n in range(1, digits))
    return next((number for number in numbers if abs(number / rate - 1) <= error), _rounded(rate, digits))


def _spacing(settings: Settings) -> float:
    """Decades from one rate to the next, never so few that neighbours would stand for each other."""
    if len(settings.grid) == 1:
        return settings.extend_by
    decades = math.log10(settings.grid[-1] / settings.grid[0]) / (len(settings.grid) - 1)
    return max(decades, math.log10(1 + settings.same))


def _extended(settings: Settings, further: Sequence[float], note: str) -> SweepPlan | None:
    """The nearest of these rates, half a decade of them."""
    chosen = further[: max(1, round(settings.extend_by / _spacing(settings)))]
    return SweepPlan("extension", tuple(sorted(chosen)), f"{note} to {chosen[-1]:.4g}") if chosen else None


def checks(settings: Settings, tried: Sequence[Rate]) -> SweepPlan | None:
    """The multiples of the best rate that no tried rate stands for."""
    best = best_rate(tried)
    if best is None:
        return None
    targets = [_rounded(factor * best.base_learning_rate, settings.digits) for factor in settings.checks]
    missing = tuple(target for target in targets if stand_in(settings, tried, target) is None)
    return SweepPlan("check", missing) if missing else None


def stand_in(settings: Settings, tried: Sequence[Rate], target: float) -> Rate | None:
    """The tried rate nearest to the target, when it is close enough to stand for it."""
    # by ratio, as rates are spaced
    nearest = min(tried, key=lambda r: abs(math.log(r.base_learning_rate / target)), default=None)
    if nearest is None or abs(nearest.base_learning_rate / target - 1) > settings.same:
        return None
    return nearest


def refinement(settings: Settings, tried: Sequence[Rate]) -> SweepPlan | None:
    """The geometric middle between the lowest unstable rate and the rate below it, while they are far apart."""
    unstable = lowest_unstable(tried)
    if unstable is None:
        return None
    below = [r.base_learning_rate for r in tried if r.base_learning_rate < unstable.base_learning_rate and r.n_judged]
    if not below or unstable.base_learning_rate / max(below) <= settings.resolution:
        return None
    middle = _rounded(math.sqrt(unstable.base_learning_rate * max(below)), settings.digits)
    if any(r.base_learning_rate == middle for r in tried):
        return None  # its trials failed: asking again would not end
    return SweepPlan("refinement", (middle,))


def _rounded(rate: float, digits: int) -> float:
    return float(f"{rate:.{digits - 1}e}")


# What the runs of one rate amount to.


def objective_of(run: Run, objective: Objective) -> float:
    """Best validation loss over the run (retrospective checkpoint selection), or best training loss.

    The training loss of a single batch is noise, so its best is that of means over a twentieth of the run.
    inf when there is no finite value.
    """
    if objective == "best_val_loss":
        values = run.val_loss.finite.value
        return float(values.min()) if len(values) else math.inf
    values = run.train_loss.finite.value
    width = max(1, len(values) // 20)
    means = [float(values[i : i + width].mean()) for i in range(0, len(values) - width + 1, width)]
    return min(means, default=math.inf)


def summarize(
    base_learning_rate: float,
    stage: Stage,
    runs: Sequence[Run],
    findings: Sequence[Finding],
    objective: Objective,
) -> Rate:
    """What the trials at one rate did.

    Args:
        base_learning_rate: the rate.
        stage: why it was tried.
        runs: its trials, one a seed.
        findings: of these runs (others are ignored).
        objective: what is minimized.
    """
    judged = [run for run in runs if run.status != "failed"]
    every = by_run(findings)
    found_in = {run.name: every.get(run.name, ()) for run in judged}
    # an error ends the use of a trial; a warning leaves a loss that counts, but room is up to the first rise
    infeasible = {name for name, found in found_in.items() if _has(found, "error")}
    unstable = {name for name, found in found_in.items() if _has(found, "error") or _has(found, "warning")}
    values = [math.inf if run.name in infeasible else objective_of(run, objective) for run in judged]
    events: dict[str, int] = {}
    for found in found_in.values():
        for name in dict.fromkeys(f.name for f in found):
            events[name] = events.get(name, 0) + 1
    return Rate(
        base_learning_rate=base_learning_rate,
        stage=stage,
        n_judged=len(judged),
        n_feasible=len(judged) - len(infeasible),
        n_unstable=len(unstable),
        objective=median(values) if values else math.nan,
        objective_low=min(values, default=math.nan),
        objective_high=max(values, default=math.nan),
        n_learned=_n_learned(judged),
        final_loss=median([_final_loss(run, objective) for run in judged]) if judged else math.nan,
        events=events,
        n_failed=len(runs) - len(judged),
    )


def _n_learned(judged: Sequence[Run]) -> int | None:
    known = [level.learned(run) for run in judged]
    return None if None in known else sum(map(bool, known))


def _has(findings: Sequence[Finding], severity: Severity) -> bool:
    return any(f.severity == severity for f in findings)


def _final_loss(run: Run, objective: Objective) -> float:
    """The last loss of the kind that is minimized; the loss at initialization for a run that ended early."""
    at_init = float(run.train_loss.value[0]) if len(run.train_loss) else math.nan
    curve = run.val_loss if objective == "best_val_loss" else run.train_loss
    if run.status != "completed" or not len(curve) or not math.isfinite(curve.value[-1]):
        return at_init
    return float(curve.value[-1])


def measure(study: Study, findings: Sequence[Finding] = ()) -> Study:
    """The study with lr*, unstable_base_learning_rate, loss at init and LR sensitivity filled in from its rates.

    Args:
        study: with its rates.
        findings: of its trials, which tell whether the rate is their cause.
    """
    best = best_rate(study.rates)
    # what makes every figure meaningless comes before the figures: none of them is given then
    found = obstacle(study, findings) or below_best(study.rates, best)
    unstable = lowest_unstable(study.rates)
    if found:
        best = unstable = None
    first = [float(run.train_loss.value[0]) for run in study.runs if len(run.train_loss) and run.status != "failed"]
    at_init = median(first) if first else None
    return replace(
        study,
        obstacle=found,
        best_learning_rate=best.base_learning_rate if best else None,
        unstable_base_learning_rate=unstable.base_learning_rate if unstable else None,
        loss_at_init=at_init,
        lr_sensitivity=_sensitivity(study.rates, at_init),
    )


def afterthoughts(study: Study) -> list[str]:
    """What a reader of the finished sweep might stumble over."""
    notes = []
    if study.objective == "best_train_loss":
        notes.append(
            "no validation data: the objective is the best training loss, of means over a twentieth of the run"
        )
    best = best_rate(study.rates)
    if best is None:
        return notes
    others = [r for r in study.rates if r.stage not in SWEPT and r.n_judged and r.objective < best.objective]
    if not others:
        return notes
    lowest = min(others, key=lambda r: r.objective)
    return [
        *notes,
        f"{lowest.base_learning_rate:.4g}, tried to find where training becomes unstable, reached "
        f"{lowest.objective:.4g} against {best.objective:.4g} at lr*; only the swept rates can become lr*: add it to "
        "them to let it be chosen",
    ]


def _sensitivity(rates: Sequence[Rate], at_init: float | None) -> float | None:
    """Wortsman et al. (2023): mean over the swept rates of min(final loss, loss at init), less the lowest of them."""
    if at_init is None:
        return None
    # cut at the loss at initialization: how far a rate diverged is no part of the measure
    reached = [min(r.final_loss, at_init) for r in rates if r.stage in SWEPT and math.isfinite(r.final_loss)]
    return sum(reached) / len(reached) - min(reached) if reached else None
