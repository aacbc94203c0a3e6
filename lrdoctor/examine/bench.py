"""Where fixes are tried: trials with a fix, judged and measured beside those without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from statistics import median
from typing import Any

from lrdoctor import assess
from lrdoctor.core.report import Finding, Skip, by_run
from lrdoctor.core.rewriting import Possible
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.examine.confirming import confirm, told_by_length
from lrdoctor.examine.laboratory import Laboratory, baseline_trial, control_trial
from lrdoctor.examine.sweep import SweepVariant, sweep
from lrdoctor.procedures import clip as clips
from lrdoctor.procedures import clip_measures as measures
from lrdoctor.procedures import confirmation, treatment
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.clip import Clipping
from lrdoctor.procedures.comparison import compare
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.sparing import Question
from lrdoctor.procedures.treatment import LOWER, Treatment
from lrdoctor.procedures.treatment_results import Cost, Longer, Lower, NotTried, SearchFailed, Swept, Tried
from lrdoctor.procedures.warmup_comparison import WarmupFound

Judged = tuple[tuple[Finding, ...], tuple[Skip, ...]]


@dataclass
class FixRunner:
    """Runs what a fix asks for, and remembers all of it."""

    laboratory: Laboratory
    seeds: Sequence[int]
    before: Measured
    """The spec's own training."""
    clip_settings: clips.Settings
    everything: bool = False
    """Whether the fixes go on when one suffices."""
    add_norm: bool = False
    """Whether norms may be added to a copy of the model."""
    limits: treatment.Settings = field(default_factory=treatment.Settings)
    confirmation: confirmation.Settings = field(default_factory=confirmation.Settings)
    tried: list[Tried] = field(default_factory=list)
    warmup: WarmupFound | None = None
    clipping: Clipping | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    """By name, all that are not of the study."""
    judged: dict[str, Judged] = field(default_factory=dict)
    """What was found in these runs."""
    seen: Possible | None = None
    """What can be changed in the model, once that was asked for."""
    _paid: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pay()

    @property
    def study(self) -> Study:
        """The sweep of the spec's own training."""
        return self.before.study

    @property
    def possible(self) -> Possible:
        """What can be changed in the model: found out once, where a fix comes to that."""
        if self.seen is None:
            self.seen = self.laboratory.possible(self.seeds[0])
        return self.seen

    @property
    def n_confirmed(self) -> int:
        """Fixes that were put to fresh seeds."""
        return sum(isinstance(t, Swept) and t.confirmation is not None for t in self.tried if t.name != LOWER)

    @property
    def harder_clip_settings(self) -> clips.Settings:
        return replace(self.clip_settings, search_harder=True)

    def keep(self, runs: Iterable[Run]) -> None:
        """Remembers runs; each is judged beside those without the fix alone, whatever else was tried."""
        own = {run.name for run in self.study.runs}
        new = {run.name: run for run in runs if run.name not in own and run.name not in self.runs}
        self.runs |= new
        self.judged |= assess.judge_each(new.values(), self.study.runs)

    def swept(
        self,
        name: str,
        change: Treatment,
        settings: Mapping[str, Any],
        further: Sequence[float] = (),
        grid: Sequence[float] | None = None,
    ) -> Swept:
        """The sweep of the training with the fix.

        Args:
            name: of the fix.
            change: what it does to a trial.
            settings: its numbers for the report.
            further: rates that belong to the grid.
            grid: rates of its own, where the study's do not compare.
        """
        own = change.optimizer is not None
        judge = self._judge_alone if own else self._judge_beside
        way = SweepVariant(change.on, judge, name, None if grid is not None else self._question)
        rates = self._ladder(further) if grid is None else tuple(grid)
        found = sweep(self.laboratory, sweeps.Settings(rates), self.seeds, way)
        after = measured(found, self._judge_alone(found) if own else self._judge_beside(found))
        return Swept(
            name=name,
            settings=settings,
            treatment=change,
            before=self.before if own else self._before_at_cured_rates(after, name),
            after=after,
            share_clipped=_shares(found.runs),
            cost=self.pay(),
            limits=self.limits,
        )

    def _ladder(self, further: Sequence[float]) -> tuple[float, ...]:
        best = self.study.best_learning_rate
        if best is None:
            raise ValueError("a grid is needed where no learning rate trains without the fix")
        return treatment.ladder(self.study, best, self.limits, further)

    @property
    def _question(self) -> Question | None:
        best = self.study.best_learning_rate
        if best is None:
            return None
        return Question(start=best, unstable=self.study.unstable_base_learning_rate)

    def _before_at_cured_rates(self, after: Measured, name: str) -> Measured:
        """With the spec's own training at every rate that the fix may have made stable, seed by seed."""
        low, high = self.study.unstable_base_learning_rate, after.stable_up_to
        if low is None or high is None:
            return self.before
        rates = [r.base_learning_rate for r in after.study.rates if low <= r.base_learning_rate <= high]
        return self.with_rates(self.before, rates, name)

    def _judge_beside(self, study: Study) -> list[Finding]:
        self.keep(study.runs)
        plain = [] if all(run.name in self.judged for run in study.runs) else assess.judge_runs(self.study)[0]
        return [*plain, *(f for run in study.runs if run.name in self.judged for f in self.judged[run.name][0])]

    def _judge_alone(self, study: Study) -> list[Finding]:
        findings, skips = assess.judge_runs(study)
        found, skipped = by_run(findings), by_run(skips)
        for run in study.runs:
            self.runs[run.name] = run
            self.judged[run.name] = tuple(found.get(run.name, ())), tuple(skipped.get(run.name, ()))
        return list(findings)

    def with_rates(self, before: Measured, rates: Iterable[float], name: str) -> Measured:
        """The spec's own training with further rates measured, for the fix of that name."""
        study = plain_rates(self.laboratory, before.study, rates, self.seeds, f"{name}: without it")
        if study is before.study:
            return before
        self.keep(study.runs)
        return measured(study, assess.judge_runs(study)[0])

    def compared_longer(self, tried: Swept, best: float, use: float) -> Swept:
        """The fix with the comparison of it, and of lr* without it, over several times the steps.

        Args:
            tried: the fix.
            best: lr* without it.
            use: the rate to use with it.
        """
        n_steps = self.limits.longer * self.laboratory.spec.max_train_steps
        without = self._longer(tried.name, best, Treatment(), n_steps)
        with_it = self._longer(tried.name, use, tried.treatment, n_steps)
        found = Longer(
            max_train_steps=n_steps,
            objective=median(with_it.values()) if with_it else inf,
            baseline_objective=median(without.values()) if without else inf,
            paired=compare(without, with_it),
        )
        return replace(tried, longer=found, cost=tried.cost + self.pay())

    def _longer(self, name: str, rate: float, change: Treatment, n_steps: int) -> Mapping[int, float]:
        """Objectives by seed at that rate, with the change and that many steps."""
        own = [baseline_trial(self.laboratory.spec, rate, seed) for seed in self.seeds]
        trials = [replace(change.on(trial), procedure="treat", max_train_steps=n_steps) for trial in own]
        runs = self.laboratory.run(f"{name}: {self.limits.longer} times the steps", trials)
        usual = self.laboratory.spec.max_train_steps
        study = replace(self.study, runs=tuple(told_by_length(run, usual) for run in runs), rates=(), notes=())
        return measured(study, self._judge_alone(study)).at(rate)

    def compared_lower(self, tried: Swept) -> Swept:
        """The clipping with its comparison with the plain training at the rate of the same mean step, where it clips
        most of the updates."""
        use, limit = tried.rate_to_use, tried.treatment.clip_norm
        if use is None or limit is None or tried.share_clipped.get(use, 0.0) <= measures.AGGRESSIVE:
            return tried
        scales = measures.mean_scales(_at(tried.after.study, use), limit)
        rate = measures.rounded(use * median(scales))
        before = self.with_rates(self.before, [rate], tried.name)
        plain, clipped = before.at(rate), tried.after.at(use)
        lower = Lower(
            base_learning_rate=rate,
            objective=median(plain.values()) if plain else inf,
            paired=compare(plain, clipped),
        )
        return replace(tried, lower=lower, cost=tried.cost + self.pay())

    def keep_for_confirmation(self) -> None:
        """Leaves the search for a fix as much less of a budget as the fresh seeds of what it finds may take."""
        if self.laboratory.allowance is None:
            return
        spec, rate = self.laboratory.spec, self.study.best_learning_rate or 1.0
        seeds = confirmation.fresh_seeds(self.seeds, self.confirmation.n_seeds(len(self.seeds)))
        controls = [control_trial(spec, seed) for seed in seeds]
        trials = [baseline_trial(spec, rate, seed) for seed in seeds] * len(confirmation.PARTS)
        self.laboratory.allowance.keep_for([*controls, *trials], self.laboratory.n_workers)

    def let_kept_go(self) -> bool:
        """Leaves whatever comes next all that is left of a budget; tells whether that is more than before."""
        allowance = self.laboratory.allowance
        if allowance is None or not allowance.kept:
            return False
        allowance.kept = 0.0
        return True

    def confirmed(self, tried: Swept) -> Swept:
        """The fix with what fresh seeds say of it.

        Raises:
            ValueError: the search promises nothing of it.
            BudgetSpent: the budget does not reach for the next seeds.
        """
        claim = tried.claim
        if claim is None:
            raise ValueError(f"{tried.name}: the search promises nothing that fresh seeds could confirm")
        references = tried.after.study.runs if tried.has_own_rates else self.study.runs
        # where nothing trains without the fix nothing was evaluated either: only the fix's sweep knows the objective
        study = replace(self.study, objective=tried.after.study.objective)
        found = confirm(
            self.laboratory,
            claim,
            tried.treatment,
            self.seeds,
            study,
            references,
            tried.name,
            n_steps=None if tried.longer is None else tried.longer.max_train_steps,
            settings=self.confirmation,
        )
        self.runs |= {run.name: run for run in found.runs}
        self.judged |= found.judged
        return replace(tried, confirmation=found.confirmation, cost=tried.cost + self.pay())

    def lowered(self, rate: float, after: Measured) -> Swept:
        """The spec's own training at a lower rate."""
        return Swept(
            name=LOWER,
            settings={"base_learning_rate": rate},
            treatment=Treatment(),
            before=self.before,
            after=after,
            base_learning_rate=rate,
            cost=self.pay(),
            limits=self.limits,
        )

    def not_tried(self, name: str, why: str) -> NotTried:
        return NotTried(name=name, reason=why, cost=self.pay())

    def failed(self, name: str, why: str) -> SearchFailed:
        return SearchFailed(name=name, reason=why, cost=self.pay())

    def pay(self) -> Cost:
        """Cost of the trials run since the last call."""
        new = {key: run for key, run in self.laboratory.runs.items() if key not in self._paid}
        self._paid |= set(new)
        return cost_of(new.values())


def cost_of(runs: Iterable[Run]) -> Cost:
    """What the runs took."""
    every = list(runs)
    return Cost(
        trials=len(every),
        steps=sum(len(run.train_loss) for run in every),
        seconds=sum(run.provenance.get("seconds", 0.0) for run in every),
    )


def plain_rates(
    laboratory: Laboratory, study: Study, rates: Iterable[float], seeds: Sequence[int], stage: str = "given rates"
) -> Study:
    """The study with trials of the spec's own training at further rates, and with the seeds that its sweep left out at
    known ones; its lr* and unstable rate are kept."""
    tried = {(run.trial.base_learning_rate, run.trial.seed) for run in study.runs if run.trial is not None}
    asked = tuple(dict.fromkeys(rates))
    new = [(rate, seed) for seed in seeds for rate in asked if (rate, seed) not in tried]
    if not new:
        return study
    trials = [baseline_trial(laboratory.spec, rate, seed) for rate, seed in new]
    whole = replace(study, runs=(*study.runs, *laboratory.run(stage, trials)))
    findings = assess.judge_runs(whole)[0]
    stages = {r.base_learning_rate: r.stage for r in study.rates}
    changed = dict.fromkeys(rate for rate, _ in new)
    added = [
        sweeps.summarize(rate, stages.get(rate, "check"), _at(whole, rate), findings, study.objective)
        for rate in changed
    ]
    kept = [r for r in study.rates if r.base_learning_rate not in changed]
    return replace(whole, rates=tuple(sorted((*kept, *added), key=lambda r: r.base_learning_rate)))


def _at(study: Study, rate: float) -> list[Run]:
    return [run for run in study.runs if run.trial is not None and run.trial.base_learning_rate == rate]


def measured(study: Study, findings: Iterable[Finding]) -> Measured:
    """A sweep with what every seed did.

    Args:
        study: the sweep.
        findings: of its runs (others are ignored).
    """
    found = list(findings)
    infeasible = {f.run for f in found if f.severity == "error"}
    shaky = {f.run for f in found if f.severity != "info"}
    objectives: dict[float, dict[int, float]] = {}
    unstable: dict[float, frozenset[int]] = {}
    for run in study.runs:
        if run.trial is not None and run.status != "failed":
            rate, seed = run.trial.base_learning_rate, run.trial.seed
            value = inf if run.name in infeasible else sweeps.objective_of(run, study.objective)
            objectives.setdefault(rate, {})[seed] = value
            unstable[rate] = unstable.get(rate, frozenset()) | ({seed} if run.name in shaky else set())
    return Measured(study=study, objectives=objectives, unstable=unstable)


def _shares(runs: Iterable[Run]) -> dict[float, float]:
    """Rate -> median over the seeds of the share of updates clipped."""
    shares: dict[float, list[float]] = {}
    for run in runs:
        if run.trial is None or run.status == "failed" or not len(run.grad_norm):
            continue
        of = None
        if run.trial.clip_norm is not None:
            of = measures.share_clipped(run, run.trial.clip_norm)
        elif run.trial.autoclip_percentile is not None:
            of = measures.share_autoclipped(run, run.trial.autoclip_percentile)
        if of is not None:
            shares.setdefault(run.trial.base_learning_rate, []).append(of)
    return {rate: median(of) for rate, of in shares.items()}
