"""The learning-rate sweep, run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lrdoctor import assess
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Cut, Objective, Stage, Study
from lrdoctor.core.trial import Trial
from lrdoctor.errors import BudgetEnded, SpecError, WorkloadError
from lrdoctor.examine.ahead import SweepAhead, guessed
from lrdoctor.examine.laboratory import Laboratory, baseline_trial, unlike_others
from lrdoctor.examine.range_test import grid
from lrdoctor.examine.rationing import run_what_fits
from lrdoctor.procedures import certainty, foreseen, look_ahead, priority, sparing
from lrdoctor.procedures import sweep as sweeps


def _judged_by_itself(study: Study) -> Sequence[Finding]:
    return assess.judge_runs(study)[0]


@dataclass(frozen=True)
class SweepVariant:
    """What is swept: the spec's own training, or one that a fix changes."""

    change: Callable[[Trial], Trial] = field(default=lambda baseline: baseline)
    """Makes the trial of the spec's own."""
    judge: Callable[[Study], Sequence[Finding]] = _judged_by_itself
    """Finds what is wrong with the runs of the sweep so far."""
    name: str = ""
    """What the stages are called by, empty for the spec's own training."""
    question: sparing.Question | None = None
    """What is asked of a fix's sweep; None for a sweep that stands for itself."""

    def trial(self, laboratory: Laboratory, pair: sparing.Pair) -> Trial:
        return self.change(baseline_trial(laboratory.spec, *pair))


OWN = SweepVariant()


def sweep(laboratory: Laboratory, settings: sweeps.Settings, seeds: Sequence[int], way: SweepVariant = OWN) -> Study:
    """Runs the learning-rate sweep and measures it, as far as the laboratory's allowance reaches.

    Raises:
        WorkloadError: the workload does not work, or every trial failed.
        BudgetEnded: the allowance does not reach for a single trial, or for the whole sweep of a fix.
        Interrupted: the user stopped it; what was finished is saved.
    """
    stages: dict[float, Stage] = {}
    runs: dict[float, list[Run]] = {}
    notes = [laboratory.chosen] if laboratory.chosen and way is OWN else []
    limits = sparing.EVERYTHING if laboratory.exhaustive or len(seeds) == 1 else sparing.LIMITS
    while True:
        study, findings = _study(laboratory, stages, runs, notes, way)
        known = _known(study, findings, runs, seeds)
        if study.obstacle is not None or sparing.is_unstable_below_best(known):
            limits = sparing.EVERYTHING  # what is wrong with a sweep is told by all of its rates
        asked = known
        if study.obstacle is not None and not laboratory.exhaustive:
            asked = replace(known, seeds=known.seeds[: len(known.seeds) // 2 + 1])  # as many as a majority takes
        step, plan = None, _plan(settings, limits, way)
        if study.obstacle is None or not (study.obstacle.is_final or asked.has_all(settings.grid)):
            step = plan(asked)
        if step is None:
            study = replace(study, notes=(*study.notes, *sweeps.afterthoughts(study), *_saved(known, settings.grid)))
            # a fix's sweep has no verdict that it might change
            further = foreseen.further(known, limits, assess.side) if study.obstacle is None and way is OWN else limits
            if further is limits:
                return assess.with_certainty(study, findings)
            limits = further
            continue
        if step.note:
            notes.append(step.note)
            laboratory.watcher.message(f"{way.name}: {step.note}" if way.name else step.note)
        stage = step.stage or FURTHER
        trials = {pair: way.trial(laboratory, pair) for pair in _by_seed(step.pairs)}
        named = f"{way.name}: {stage}" if way.name else stage
        if way is OWN and laboratory.allowance is not None:
            try:
                ran = run_what_fits(laboratory, named, [trials[pair] for pair in priority.ordered(known, step)])
            except BudgetEnded:
                if not runs:
                    raise
                ran = {}
        else:  # of a fix's sweep a part tells nothing: a stage is run whole
            likely = SweepAhead(laboratory, plan, asked, study, step, trials, lambda pair: way.trial(laboratory, pair))
            every = list(trials.values())
            with guessed(laboratory, likely):
                ran = dict(zip(every, laboratory.run(named, every), strict=True))
        for trial in trials.values():
            if trial in ran:
                stages.setdefault(trial.base_learning_rate, step.stage or "check")
                runs.setdefault(trial.base_learning_rate, []).append(ran[trial])
        _refuse_if_all_failed(runs)
        left = [pair for pair, trial in trials.items() if trial not in ran]
        if left:
            return _cut(laboratory, step, left, _study(laboratory, stages, runs, notes, way))


def _plan(settings: sweeps.Settings, limits: sparing.Limits | None, way: SweepVariant) -> look_ahead.Plan:
    """What the sweep asks for next."""
    question = None if limits is sparing.EVERYTHING else way.question

    def plan(known: sparing.Known) -> sparing.Step | None:
        if question is None:
            return sparing.next_step(settings, known, limits)
        return sparing.climb(settings, known, question)

    return plan


def _cut(
    laboratory: Laboratory, step: sparing.Step, left: Sequence[sparing.Pair], found: tuple[Study, Sequence[Finding]]
) -> Study:
    """The sweep as far as the budget reached."""
    study, findings = found
    words = priority.in_words(step, left)
    if laboratory.allowance is not None:
        laboratory.allowance.left_out.append(f"{words}, and what follows from them")
    laboratory.watcher.message(f"the budget ends here: {words} are left out")
    cut = replace(study, cut=Cut(stage=step.stage, left_out=words))
    return assess.with_certainty(replace(cut, notes=(*cut.notes, *sweeps.afterthoughts(cut))), findings)


FURTHER = "further seeds"
"""Stage of the seeds that a rate gets after its first one."""


def _by_seed(pairs: Sequence[sparing.Pair]) -> list[sparing.Pair]:
    """Seed after seed: trials of a seed share what a worker has cached."""
    return sorted(pairs, key=lambda pair: pair[1])


def _known(
    study: Study, findings: Sequence[Finding], runs: Mapping[float, list[Run]], seeds: Sequence[int]
) -> sparing.Known:
    return sparing.Known(
        rates=study.rates,
        outcomes=tuple(certainty.outcomes_of(study, findings)),
        tried={rate: frozenset(run.trial.seed for run in of if run.trial is not None) for rate, of in runs.items()},
        seeds=tuple(seeds),
    )


def _saved(known: sparing.Known, grid: Sequence[float]) -> Iterator[str]:
    """What was left out."""
    rates = [rate for rate in grid if rate not in known.tried]
    n_left = len(sparing.missing_pairs(known))
    n = sum(len(of) for of in known.tried.values())
    left = []
    if n_left:
        left.append("the other seeds at rates where those trained settle the answer")
    if rates:
        listed = ", ".join(f"{rate:.4g}" for rate in rates)
        left.append(f"the rates {listed} of the grid, which lie beyond worse or unstable ones")
    if left:
        n_saved = n_left + len(rates) * len(known.seeds)
        yield f"{n_saved} of {n + n_saved} trials were left out: {'; '.join(left)}; --exhaustive trains them too"


def rates(laboratory: Laboratory, seeds: Sequence[int], best: float | None, unstable: float | None) -> Study:
    """A study that knows lr* and unstable_base_learning_rate: as given, else by the sweep.

    The sweep runs what is missing of it in the study folder. When both are given it is not run, and the study has no
    runs.

    Args:
        laboratory: where.
        seeds: of the sweep.
        best: lr*, as the user gave it.
        unstable: the lowest unstable rate, as the user gave it.

    Raises:
        SpecError: a given rate is on the wrong side of the other one.
    """
    if best is not None and unstable is not None:
        refuse_unordered(best, unstable)
        spec = laboratory.spec
        study = Study(name=spec.name, runs=(), spec=spec.resolved(laboratory.folder.out))
    else:
        study = sweep(laboratory, sweeps.Settings(grid(laboratory)), seeds)
    if best is not None or unstable is not None:
        study = replace(
            study,
            certainty=None,
            best_learning_rate=best if best is not None else study.best_learning_rate,
            unstable_base_learning_rate=unstable if unstable is not None else study.unstable_base_learning_rate,
        )
    if unstable is not None:
        refuse_unordered(study.best_learning_rate, unstable)
    return study


def refuse_unordered(best: float | None, unstable: float | None) -> None:
    """Raises SpecError when the unstable rate is not above lr*, where both are known."""
    if best is not None and unstable is not None and unstable <= best:
        raise SpecError(
            f"the lowest unstable learning rate {unstable:.4g} is not above the best one, {best:.4g}: give a lower "
            "--lr or a higher --unstable-lr"
        )


def _study(
    laboratory: Laboratory,
    stages: Mapping[float, Stage],
    runs: Mapping[float, list[Run]],
    notes: Sequence[str],
    way: SweepVariant,
) -> tuple[Study, Sequence[Finding]]:
    """The sweep so far, measured, and what was found in its runs."""
    every = tuple(run for rate in sorted(runs) for run in runs[rate])
    objective: Objective = "best_val_loss" if any(len(run.val_loss) for run in every) else "best_train_loss"
    whose = {(run.trial.seed, run.trial.rewrite) for run in every if run.trial is not None}
    study = Study(
        name=laboratory.spec.name,
        runs=every,
        spec=laboratory.spec.resolved(laboratory.folder.out),
        objective=objective,
        notes=(*notes, *unlike_others(every)),
        controls=tuple(control for who, control in laboratory.controls.items() if who in whose),
    )
    findings = way.judge(study)
    rates = tuple(sweeps.summarize(rate, stages[rate], runs[rate], findings, objective) for rate in sorted(runs))
    return sweeps.measure(replace(study, rates=rates), findings), findings


def _refuse_if_all_failed(runs: Mapping[float, list[Run]]) -> None:
    every = [run for of_rate in runs.values() for run in of_rate]
    if all(run.status == "failed" for run in every):
        raise WorkloadError(f"all {len(every)} trials failed; the first one: {every[0].exit_reason}")
