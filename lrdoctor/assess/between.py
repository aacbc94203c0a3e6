"""Studies held against each other: which trains better, and which leaves more room, by more than chance. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, get_args

from lrdoctor.core.compared import Compared, ComparedStudy, Difference, Outcome, Pair, SeedObjective, StudyComparison
from lrdoctor.core.fix_sections import WarmupResult
from lrdoctor.core.report import Report
from lrdoctor.core.run import Run
from lrdoctor.core.study import Objective, Rate
from lrdoctor.core.trial import Trial
from lrdoctor.procedures.certainty import SETTINGS
from lrdoctor.procedures.comparison import ratio_interval, shift
from lrdoctor.procedures.sweep import objective_of

VALIDATION = "first validation batch"
"""The fact of a study's data that tells whether two studies are evaluated on the same examples."""
MEANING = ("loss", "step")
"""Blocks of a spec that decide what a loss means."""

MODEL = (
    "Best losses: those of each seed at the study's own lr*, drawn independently in both studies from distributions of "
    "one shape that differ by a shift (Hodges and Lehmann's estimate, with the interval of the exact rank-sum test). "
    "Margins: the interval of each study, over seeds that one might have taken, put together as independent on the "
    "logarithms (Zou and Donner's MOVER). Both lr* are the best of the rates tried, so that both losses are a little "
    "lower than those of fresh seeds."
)


@dataclass(frozen=True, kw_only=True)
class Side:
    """What is compared of one study folder."""

    name: str
    source: str
    report: Report
    runs: tuple[Run, ...]
    """Its trials, those of other procedures and controls among them."""
    identity: Mapping[str, Any]
    """What decides how it trains, as study.json has it: dotted key of the spec -> value."""
    data: Mapping[str, Any]
    """What is known of its data, such as a hash of the first validation batch."""

    @property
    def warmup_steps(self) -> int | None:
        """The warmup that stands before the training that is shown; None where it is the spec's own."""
        found = self.warmed
        return None if found is None else found.warmup_steps

    @property
    def warmed(self) -> WarmupResult | None:
        """The warmup, where its whole schedule is what is shown."""
        found = self.report.warmup if self.report.command == "warmup" else None
        return found if found is not None and found.with_warmup else None

    @property
    def label(self) -> str:
        """The study's name, and the warmup where it is not the spec's own training."""
        steps = self.warmup_steps
        return self.name if steps is None else f"{self.name}, warmup {steps} step{'' if steps == 1 else 's'}"

    def trials(self) -> list[Run]:
        """The whole trainings that are compared: the sweep's, or those with the warmup; of the sweep's seeds alone."""
        found = [
            run for run in self.runs if (trial := run.trial) is not None and not trial.control and self._is_shown(trial)
        ]
        seeds = sorted({run.trial.seed for run in found if run.trial is not None})
        # fresh seeds, which confirm a fix, are numbered on after those of the search
        if self.warmed is not None:
            seeds = seeds[: max(rate.n_tried for rate in self.warmed.with_warmup)]
        elif self.report.sweep is not None:
            seeds = seeds[: self.report.sweep.n_seeds]
        return [run for run in found if run.trial is not None and run.trial.seed in seeds]

    def _is_shown(self, trial: Trial) -> bool:
        steps = self.warmup_steps
        if steps is None:
            return trial.procedure == "sweep" and trial.stop_after is None
        # those with a length after the ramp are short runs of the search
        return trial.procedure == "warmup" and trial.warmup_steps == steps and trial.post_warmup_steps is None


def compare_studies(sides: Sequence[Side]) -> StudyComparison:
    """Each study against the first: the best loss, and the stability margin.

    Args:
        sides: two or more studies.
    """
    studies = tuple(map(_study, sides))
    pairs = tuple(
        _pair((sides[0], studies[0]), (side, study)) for side, study in zip(sides[1:], studies[1:], strict=True)
    )
    return StudyComparison(
        outcome=_worst([pair.outcome for pair in pairs]),
        summary="; ".join(_summary(pair) for pair in pairs),
        confidence=SETTINGS.confidence,
        model=MODEL,
        studies=studies,
        pairs=pairs,
        differences=tuple(differences(sides)),
    )


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    order: tuple[Outcome, ...] = get_args(Outcome)
    return min(outcomes, key=order.index)


def _study(side: Side) -> ComparedStudy:
    report, sweep = side.report, side.report.sweep
    objective: Objective = sweep.objective if sweep else "best_val_loss"
    known = sweep.intervals if sweep else None
    best, unstable, rates = report.best_learning_rate, report.unstable_base_learning_rate, sweep.rates if sweep else ()
    margin, interval = report.stability_margin, known.stability_margin if known else None
    stable_up_to = sweep.stable_up_to if sweep else None
    if (warmed := side.warmed) is not None:
        rates = warmed.with_warmup
        best = warmed.comparison.base_learning_rate if warmed.comparison else None
        unstable = next((rate.base_learning_rate for rate in rates if rate.is_unstable), None)
        margin, interval = (None if best is None or unstable is None else max(1.0, unstable / best)), None
        below = [r.base_learning_rate for r in rates if unstable is None or r.base_learning_rate < unstable]
        stable_up_to = max(below) / best if below and best else None
    objectives = _objectives(side, objective, best, rates)
    return ComparedStudy(
        name=side.label,
        source=side.source,
        warmup_steps=side.warmup_steps,
        verdict=report.verdict,
        objective=objective,
        n_seeds=len(objectives),
        best_learning_rate=best,
        unstable_base_learning_rate=unstable,
        stability_margin=margin,
        stability_margin_interval=interval,
        stable_up_to=stable_up_to,
        lr_sensitivity=report.lr_sensitivity if side.warmup_steps is None else None,
        best_objective=median(objectives.values()) if objectives else None,
        objectives=tuple(SeedObjective(seed=seed, objective=value) for seed, value in sorted(objectives.items())),
        rates=rates,
        incomplete=tuple(_incomplete(side, best, rates, objectives)),
    )


def _objectives(side: Side, objective: Objective, best: float | None, rates: Sequence[Rate]) -> dict[int, float]:
    """Seed -> objective at lr*; inf for every seed where each rate that was judged is infeasible."""
    trials = [run for run in side.trials() if run.trial is not None and run.status != "failed"]
    if best is None:
        judged = [rate for rate in rates if rate.n_judged]
        if side.report.sweep and side.report.sweep.obstacle:
            return {}
        if not judged or any(rate.is_feasible for rate in judged):
            return {}
        return {run.trial.seed: math.inf for run in trials if run.trial is not None}
    infeasible = {run.name for run in side.report.runs if run.feasible is False}
    return {
        run.trial.seed: math.inf if run.name in infeasible else objective_of(run, objective)
        for run in trials
        if run.trial is not None and run.trial.base_learning_rate == best
    }


def _incomplete(
    side: Side, best: float | None, rates: Sequence[Rate], objectives: Mapping[int, float]
) -> Iterator[str]:
    sweep = side.report.sweep
    if sweep is None or not sweep.rates:
        yield "no learning rate was swept in it; sweep its spec"
        return
    if sweep.obstacle:
        yield f"its sweep says nothing of the learning rate: {sweep.obstacle.reason}; {sweep.obstacle.advice}"
    elif best is None and not objectives:
        yield "it has no best learning rate"
    failed = sum(run.status == "failed" for run in side.trials())
    if failed and side.warmup_steps is None:
        trials = "1 trial" if failed == 1 else f"{failed} trials"
        yield f"{trials} of its sweep could not be judged; the same command runs them again"


def _pair(first: tuple[Side, ComparedStudy], second: tuple[Side, ComparedStudy]) -> Pair:
    notes: list[str] = []
    objective = _compared_objective(first, second, notes)
    margin = _compared_margin(first[1], second[1])
    outcome = _worst([objective.outcome, margin.outcome])
    if {objective.outcome, margin.outcome} == {"worse", "better"}:
        outcome = "mixed"
    elif {objective.outcome, margin.outcome} == {"no_difference", "better"}:
        outcome = "better"
    return Pair(
        first=first[1].name,
        second=second[1].name,
        outcome=outcome,
        objective=objective,
        stability_margin=margin,
        notes=tuple(notes),
    )


def _unknown(first: float | None, second: float | None, why: str) -> Compared:
    return Compared(outcome="inconclusive", first=first, second=second, change=None, low=None, high=None, words=why)


def _compared_objective(
    first: tuple[Side, ComparedStudy], second: tuple[Side, ComparedStudy], notes: list[str]
) -> Compared:
    a, b = first[1], second[1]
    what = a.objective.replace("_val_", " validation ").replace("_train_", " training ")
    for study in (a, b):
        if not study.objectives:
            why = study.incomplete[0] if study.incomplete else "no trial was judged at its lr*"
            return _unknown(a.best_objective, b.best_objective, f"{what} not compared, {study.name}: {why}")
    if why := _other_meaning(first, second, notes):
        return _unknown(a.best_objective, b.best_objective, f"{what} not compared: {why}")
    found = shift([s.objective for s in a.objectives], [s.objective for s in b.objectives], SETTINGS.confidence)
    if found is None:
        few = a if a.n_seeds <= b.n_seeds else b
        seeds = "1 seed" if few.n_seeds == 1 else f"{few.n_seeds} seeds"
        return _unknown(
            a.best_objective,
            b.best_objective,
            f"{what} not compared: {seeds} of {few.name} cannot tell a difference from chance; try --seeds 3",
        )
    outcome: Outcome = "worse" if found.low > 0 else "better" if found.high < 0 else "no_difference"
    ends = f"{SETTINGS.confidence:.0%}".replace("%", " %") + f": {found.low:+.3g} to {found.high:+.3g}"
    level = f"{_loss(b.best_objective)} against {_loss(a.best_objective)}"
    if outcome == "no_difference":
        words = f"{what} {level}: no difference beyond chance ({ends})"
    else:
        words = f"{what} {'higher' if outcome == 'worse' else 'lower'}: {level}, by {found.estimate:+.3g} ({ends})"
    return Compared(
        outcome=outcome,
        first=a.best_objective,
        second=b.best_objective,
        change=found.estimate,
        low=found.low,
        high=found.high,
        words=words,
    )


def _loss(value: float | None) -> str:
    return "none" if value is None else "infeasible" if math.isinf(value) else f"{value:.4g}"


def _other_meaning(first: tuple[Side, ComparedStudy], second: tuple[Side, ComparedStudy], notes: list[str]) -> str:
    """Why the two losses are not of one kind; empty where nothing says so."""
    (a, one), (b, other) = first, second
    if one.objective != other.objective:
        return f"it is {one.objective} in one and {other.objective} in the other"
    for key in MEANING:
        if _block(a, key) != _block(b, key):
            return f"the specs have another `{key}`, so that their losses are of two kinds"
    mine, others = a.data.get(VALIDATION), b.data.get(VALIDATION)
    if mine and others and mine != others:
        return "they are evaluated on other examples (the first validation batch differs)"
    if not (mine and others):
        notes.append("that both are evaluated on the same examples is not known: at least one study does not say")
    updates = [side.identity.get("max_train_steps") for side in (a, b)]
    if updates[0] != updates[1]:
        notes.append(f"they train for {updates[0]} and {updates[1]} updates")
    return ""


def _compared_margin(a: ComparedStudy, b: ComparedStudy) -> Compared:
    """The margins, of which a study without instability has a lower bound only."""
    intervals = []
    for study in (a, b):
        if study.best_learning_rate is None:
            why = study.incomplete[0] if study.incomplete else "no rate of it is feasible, so that it has none"
            return _unknown(
                a.stability_margin, b.stability_margin, f"stability margin not compared, {study.name}: {why}"
            )
        if study.warmup_steps is not None:
            n = len(study.rates)
            return _unknown(
                a.stability_margin,
                b.stability_margin,
                f"stability margin not compared: of {study.name} only {n} rates were tried; to have it swept, set "
                f"warmup_steps: {study.warmup_steps} in its spec",
            )
        if study.stability_margin_interval is None:
            why = f"1 seed of {study.name} gives no interval; try --seeds 3"
            if not study.rates:
                why = f"{study.name}: {study.incomplete[0]}"
            return _unknown(a.stability_margin, b.stability_margin, f"stability margin not compared: {why}")
        intervals.append(study.stability_margin_interval)
    first, second = intervals
    low, high = ratio_interval(_figure(a, first), _figure(b, second))
    outcome: Outcome = "worse" if high is not None and high < 1 else "better" if low > 1 else "no_difference"
    said = f"{_margin(b, second)} against {_margin(a, first)}"
    upper = "or more" if high is None else f"to {high:.3g}x"
    ends = f"{SETTINGS.confidence:.0%}".replace("%", " %") + f" of the ratio: {low:.3g}x {upper}"
    if outcome == "no_difference":
        words = f"stability margin {said}: no difference beyond chance ({ends})"
    else:
        words = f"stability margin {'smaller' if outcome == 'worse' else 'larger'}: {said} ({ends})"
    both = a.stability_margin is not None and b.stability_margin is not None
    return Compared(
        outcome=outcome,
        first=a.stability_margin,
        second=b.stability_margin,
        change=b.stability_margin / a.stability_margin if both and a.stability_margin and b.stability_margin else None,
        low=low,
        high=high,
        words=words,
    )


def _figure(study: ComparedStudy, interval: tuple[float, float | None]) -> tuple[float, float, float | None]:
    """Figure, lower and upper end; the figure may not lie outside its own interval, whose ends are medians of draws."""
    low, high = interval
    figure = study.stability_margin or low
    return figure, min(low, figure), None if high is None else max(high, figure)


def _margin(study: ComparedStudy, interval: tuple[float, float | None]) -> str:
    low, high = interval
    ends = f"{low:.3g}x or more" if high is None else f"{low:.3g}x to {high:.3g}x"
    if study.stability_margin is None:
        return f"none found up to {study.stable_up_to or 1:.3g}x ({ends})"
    return f"{study.stability_margin:.3g}x ({ends})"


def _summary(pair: Pair) -> str:
    heads: dict[Outcome, str] = {
        "worse": f"{pair.second} is worse than {pair.first}",
        "better": f"{pair.second} is better than {pair.first}",
        "mixed": f"{pair.second} is better than {pair.first} in one and worse in the other",
        "no_difference": f"{pair.second} and {pair.first} do not differ beyond chance",
        "inconclusive": f"{pair.second} against {pair.first} cannot be told in full",
    }
    return f"{heads[pair.outcome]}: {pair.objective.words}; {pair.stability_margin.words}"


def _block(side: Side, key: str) -> dict[str, Any]:
    return {name: value for name, value in side.identity.items() if name.partition(".")[0] == key}


def differences(sides: Sequence[Side]) -> Iterator[Difference]:
    """What decides how a training goes and is not the same in all, by key of the spec."""
    known = [{key: _shown(value) for key, value in {**side.identity, **_warmed(side)}.items()} for side in sides]
    for key in sorted({key for of in known for key in of}):
        values = tuple(of.get(key, "") for of in known)
        if len(set(values)) > 1:
            yield Difference(key=key, values=values)


def _warmed(side: Side) -> Mapping[str, int]:
    return {} if side.warmup_steps is None else {"warmup_steps": side.warmup_steps}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
