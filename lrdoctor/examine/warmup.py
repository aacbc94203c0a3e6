"""The warmup procedure, run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lrdoctor import assess
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run, trials_of
from lrdoctor.core.study import Objective, Rate, Study
from lrdoctor.core.trial import Trial
from lrdoctor.core.warmups import left_out, steps_to_try
from lrdoctor.examine.laboratory import Laboratory, baseline_trial
from lrdoctor.examine.range_test import grid
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures import warmup as warmups
from lrdoctor.procedures import warmup_comparison as comparisons
from lrdoctor.spec import Spec


def warmup_settings(spec: Spec, unstable: float) -> warmups.Settings:
    """What the spec asks of the search, within the cap.

    Args:
        spec: with its `warmup` block.
        unstable: the lowest unstable rate.
    """
    return warmups.Settings(
        unstable_base_learning_rate=unstable,
        steps=tuple(steps_to_try(spec.warmup.steps, spec.max_train_steps)),
        max_train_steps=spec.max_train_steps,
        factor=spec.warmup.factor,
    )


def warmup(laboratory: Laboratory, study: Study, seeds: Sequence[int]) -> comparisons.WarmupFound | None:
    """Searches the shortest warmup to a rate far above the unstable one, and compares it with the baseline.

    None when the study knows no best or no unstable rate: there is nothing to make trainable.

    Raises:
        WorkloadError: the workload does not work.
        Interrupted: the user stopped it; what was finished is saved.
    """
    best, unstable = study.best_learning_rate, study.unstable_base_learning_rate
    if best is None or unstable is None:
        return None
    at_best = laboratory.run("baseline", [baseline_trial(laboratory.spec, best, seed) for seed in seeds])
    bench = _Bench(laboratory, seeds, study, at_best)
    spec = laboratory.spec
    settings = warmup_settings(spec, unstable)
    if note := left_out(spec.warmup.steps, spec.max_train_steps):
        laboratory.watcher.message(note)
    tried = _search(bench, settings)
    base = warmups.highest_held(tried)
    found = comparisons.WarmupFound(
        settings=settings, tried=tuple(tried), stable_without=comparisons.highest_stable(study.rates)
    )
    if base is not None:
        held = comparisons.Held(base_learning_rate=base, warmup_steps=warmups.held_at(base, tried)[0])
        found = _compare(bench, found, held, best, unstable)
    return replace(found, runs=tuple(bench.own.values()), findings=tuple(bench.findings), skipped=tuple(bench.skipped))


class _Bench:
    """Runs trials and judges each against the baseline; keeps what the sweep does not have."""

    def __init__(self, laboratory: Laboratory, seeds: Sequence[int], study: Study, at_best: Sequence[Run]) -> None:
        self.laboratory, self.seeds, self.study = laboratory, seeds, study
        self.own: dict[str, Run] = {}
        self.findings: list[Finding] = []
        self.skipped: list[Skip] = []
        self._swept = {run.name: run for run in study.runs}
        self._references = list((self._swept | {run.name: run for run in at_best}).values())
        has_validation = any(len(run.val_loss) for run in self._references)
        self.objective: Objective = "best_val_loss" if has_validation else "best_train_loss"
        self._of_sweep, _ = assess.judge_runs(study)
        self._keep(at_best)

    def run(self, stage: str, trials: Iterable[Trial]) -> tuple[list[Run], list[Finding]]:
        """The trials' runs in their order, and what was found in them."""
        runs = self.laboratory.run(stage, list(trials))
        self._keep(runs)
        names = {run.name for run in runs}
        return runs, [f for f in (*self._of_sweep, *self.findings) if f.run in names]

    def _keep(self, runs: Iterable[Run]) -> None:
        new = [run for run in runs if run.name not in self._swept and run.name not in self.own]
        findings, skipped = assess.judge_against(new, self._references)
        self.findings += findings
        self.skipped += skipped
        self.own |= {run.name: run for run in new}

    def baseline(self, rate: float, seed: int) -> Trial:
        return baseline_trial(self.laboratory.spec, rate, seed)

    def warmed(self, rate: float, seed: int, warmup_steps: int, post_warmup_steps: int | None = None) -> Trial:
        return replace(
            self.baseline(rate, seed),
            procedure="warmup",
            warmup_steps=warmup_steps,
            post_warmup_steps=post_warmup_steps,
        )


def _search(bench: _Bench, settings: warmups.Settings) -> list[warmups.WarmupAttempt]:
    tried: list[warmups.WarmupAttempt] = []
    while (plan := warmups.next_plan(settings, tried)) is not None:
        tried += _tried(bench, settings, plan)
    return tried


def _tried(bench: _Bench, settings: warmups.Settings, plan: warmups.WarmupPlan) -> list[warmups.WarmupAttempt]:
    """The warmups of a plan; each gets the seeds that it takes to tell what a majority of all seeds does."""
    base, n = plan.base_learning_rate, len(bench.seeds)
    few = n if bench.laboratory.exhaustive else n // 2 + 1
    runs: dict[int, list[Run]] = {steps: [] for steps in plan.warmup_steps}
    found: dict[int, warmups.WarmupAttempt] = {}
    for seeds in (bench.seeds[:few], bench.seeds[few:]):
        # the others hold in so many seeds, or broke in so many, that those that are left decide nothing
        left = [t for t in runs if t not in found or max(_held_and_broken(found[t])) * 2 <= n]
        trials = [bench.warmed(base, seed, t, settings.post_warmup_steps(t)) for t in left for seed in seeds]
        if not trials:
            continue
        ran, _ = bench.run(plan.why, trials)
        for run, trial in zip(ran, trials, strict=True):
            runs[trial.warmup_steps].append(run)
        for t in left:
            found[t] = warmups.summarize(base, t, runs[t], bench.findings)
    return [found[t] for t in plan.warmup_steps]


def _held_and_broken(tried: warmups.WarmupAttempt) -> tuple[int, int]:
    return tried.n_held, tried.n_judged - tried.n_held


def _compare(
    bench: _Bench, found: comparisons.WarmupFound, held: comparisons.Held, best: float, unstable: float
) -> comparisons.WarmupFound:
    """The warmup before the whole schedule, and the schedule alone, at rates from lr* to the base rate."""
    swept = grid(bench.laboratory)
    rates = comparisons.rates_to_compare(bench.study, best, unstable, swept, held.base_learning_rate)
    pairs = [(rate, seed) for rate in rates for seed in bench.seeds]
    plain, of_plain = bench.run("without the warmup", [bench.baseline(*pair) for pair in pairs])
    warmed, of_warmed = bench.run(
        "the warmup before the schedule", [bench.warmed(*pair, held.warmup_steps) for pair in pairs]
    )
    without, with_warmup = (
        _rates(rates, plain, of_plain, bench.objective),
        _rates(rates, warmed, of_warmed, bench.objective),
    )
    infeasible = {f.run for f in (*of_plain, *of_warmed) if f.severity == "error" and f.run is not None}
    return replace(
        found,
        held=held,
        stable_without=comparisons.highest_stable((*bench.study.rates, *without)),
        without=without,
        warmed=with_warmup,
        comparison=comparisons.at_best_rate(best, plain, warmed, with_warmup, infeasible, bench.objective),
        objective=bench.objective,
    )


def _rates(
    rates: Sequence[float], runs: Sequence[Run], findings: Sequence[Finding], objective: Objective
) -> tuple[Rate, ...]:
    by_rate: dict[float, list[Run]] = {rate: [] for rate in rates}
    for trial, run in trials_of(runs):
        by_rate[trial.base_learning_rate].append(run)
    return tuple(sweeps.summarize(rate, "grid", of, findings, objective) for rate, of in by_rate.items())
