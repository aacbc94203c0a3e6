"""The clipping study, run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lrdoctor import assess
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Objective, Study
from lrdoctor.core.trial import Trial
from lrdoctor.errors import WorkloadError
from lrdoctor.examine.laboratory import Laboratory, baseline_trial
from lrdoctor.procedures import clip as clips
from lrdoctor.procedures import clip_measures as measures
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.clip import Clipping, Lowered
from lrdoctor.procedures.clip_measures import Attempt, Setting
from lrdoctor.procedures.comparison import compare

STAGE = "clip"


def clip(laboratory: Laboratory, settings: clips.Settings, seeds: Sequence[int], study: Study) -> Clipping:
    """Runs the clipping study: the norms at lr*, thresholds at the unstable rates, and lower rates to compare with.

    Args:
        laboratory: where.
        settings: of the study.
        seeds: of every setting.
        study: knows lr* and the unstable rate (`examine.rates`), or has no such rate, and then nothing is tried.

    Raises:
        WorkloadError: the workload does not work, or every trial failed.
        Interrupted: the user stopped it; what was finished is saved.
    """
    bench = _Bench(laboratory, seeds, study)
    best, lowest = study.best_learning_rate, study.unstable_base_learning_rate
    if best is None:
        return Clipping(study=study, was_swept=True, missing="no learning rate trains well in a majority of seeds")
    why_none = _why_none(settings, study, best)
    rates = () if lowest is None or why_none else clips.rates_to_try(settings, study, best, lowest)
    before = bench.unclipped(sorted({best, *rates}))
    runs = bench.runs[Setting(best)]
    norms = measures.norms_of(runs, bench.findings(runs))
    limits = clips.thresholds(settings, norms) if norms else ()
    tried: list[Attempt] = []
    while rates and (plan := clips.next_plan(settings, limits, rates, tried)):
        tried += [bench.measured(setting) for setting in bench.run(plan)]
    return Clipping(
        study=bench.study,
        was_swept=bool(study.rates),
        missing=why_none or _why_no_threshold(norms, limits),
        norms=norms,
        before=before,
        tried=tuple(tried),
        lowered=tuple(bench.lowered(attempt) for attempt in clips.to_lower(tried)),
        runs=bench.own_runs(),
        search_harder=settings.search_harder,
    )


def _why_none(settings: clips.Settings, study: Study, best: float) -> str | None:
    """Why there is no unstable rate to try clipping at."""
    unstable = study.unstable_base_learning_rate
    if unstable is None:
        return "the sweep found no unstable learning rate, so there is nothing for clipping to cure"
    if study.rates and unstable > settings.furthest * best * (1 + settings.same):
        far = f"the lowest unstable learning rate, {unstable:.4g}, is {unstable / best:.3g} times the best one"
        return f"{far}: there is room, and nothing for clipping to cure"
    return None


def _why_no_threshold(norms: measures.Norms | None, limits: Sequence[measures.Threshold]) -> str | None:
    if norms is None:
        return "no trial at the best learning rate held to its end, and norms of a run gone wrong give no threshold"
    return None if limits else "the gradient norms at the best learning rate are 0, which gives no threshold"


class _Bench:
    """Runs settings over the seeds, and judges them beside the unclipped trials alone.

    A clipped trial is no reference for another: what is found in it must not depend on what else was tried.
    """

    def __init__(self, laboratory: Laboratory, seeds: Sequence[int], study: Study) -> None:
        self.laboratory, self.seeds, self.study = laboratory, seeds, study
        self.runs: dict[Setting, list[Run]] = {}

    def run(self, plan: Sequence[Setting]) -> Sequence[Setting]:
        """Runs what the plan asks for; gives the plan back.

        A clipped setting that a majority of all seeds breaks gets no further seed: it does not hold, and nothing else
        is asked of it.
        """
        n = len(self.seeds)
        few = n if self.laboratory.exhaustive else n // 2 + 1
        self._train(plan, self.seeds[:few])
        self._train([s for s in plan if 2 * self.measured(s).rate.n_unstable <= n], self.seeds[few:])
        return plan

    def _train(self, plan: Sequence[Setting], seeds: Sequence[int]) -> None:
        trials = [self._trial(setting, seed) for setting in plan for seed in seeds]
        if not trials:
            return
        runs = iter(self.laboratory.run(STAGE, trials))
        for setting in plan:
            self.runs[setting] = [*self.runs.get(setting, ()), *(next(runs) for _ in seeds)]

    def _trial(self, setting: Setting, seed: int) -> Trial:
        trial = baseline_trial(self.laboratory.spec, setting.base_learning_rate, seed)
        if setting.threshold is None:
            return trial
        return replace(trial, clip_norm=setting.threshold.clip_norm, autoclip_percentile=None, procedure="clip")

    def unclipped(self, rates: Sequence[float]) -> tuple[Attempt, ...]:
        """The spec's own training at these rates, with the seeds that its sweep took to tell what a majority does; they
        become the study where there was no sweep."""
        settings = [Setting(rate) for rate in rates]
        swept = {(run.trial.base_learning_rate, run.trial.seed) for run in self.study.runs if run.trial is not None}
        taken = {s: [seed for seed in self.seeds if (s.base_learning_rate, seed) in swept] for s in settings}
        trials = {s: [self._trial(s, seed) for seed in taken[s] or self.seeds] for s in settings}
        runs = iter(self.laboratory.run(STAGE, [trial for of in trials.values() for trial in of]))
        self.runs |= {s: [next(runs) for _ in of] for s, of in trials.items()}
        if not self.study.runs:
            self.study = _study_of_given(self.study, {s.base_learning_rate: self.runs[s] for s in settings})
        return tuple(self.measured(setting) for setting in settings)

    def findings(self, runs: Sequence[Run]) -> tuple[Finding, ...]:
        return assess.judge_against(runs, self.study.runs)[0]

    def measured(self, setting: Setting) -> Attempt:
        runs = self.runs[setting]
        return measures.measure(setting, runs, self.findings(runs), self.study.objective)

    def lowered(self, attempt: Attempt) -> Lowered:
        """The spec's training at the rate that an aggressive clipping amounts to."""
        setting = Setting(measures.effective_rate(attempt, self.runs[attempt.setting]))
        self._train([setting], self.seeds)
        plain = self.measured(setting)
        paired = compare(plain.objectives, attempt.objectives)
        return Lowered(of=attempt.setting, plain=plain, paired=paired)

    def own_runs(self) -> tuple[Run, ...]:
        """The trials that are no part of the study."""
        known = {run.name for run in self.study.runs}
        return tuple(run for runs in self.runs.values() for run in runs if run.name not in known)


def _study_of_given(study: Study, runs: Mapping[float, Sequence[Run]]) -> Study:
    """The study of unclipped trials that stands for the sweep where lr* and the unstable rate were given."""
    every = tuple(run for rate in sorted(runs) for run in runs[rate])
    if all(run.status == "failed" for run in every):
        raise WorkloadError(f"all {len(every)} trials failed; the first one: {every[0].exit_reason}")
    objective: Objective = "best_val_loss" if any(len(run.val_loss) for run in every) else "best_train_loss"
    whole = replace(study, runs=every, objective=objective)
    findings, _ = assess.judge_runs(whole)
    rates = [sweeps.summarize(rate, "check", runs[rate], findings, objective) for rate in sorted(runs)]
    measured = sweeps.measure(replace(whole, rates=tuple(rates)))
    notes = ["lr* is as given; no sweep was run"]
    if measured.unstable_base_learning_rate != study.unstable_base_learning_rate:
        notes.append(
            f"{study.unstable_base_learning_rate:.4g}, given as unstable, is not the lowest rate found unstable"
        )
    return replace(measured, best_learning_rate=study.best_learning_rate, notes=tuple(notes))
