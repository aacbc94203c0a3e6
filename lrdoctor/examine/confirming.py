"""A fix on fresh seeds, run: the trials that `verified` rests on, for every command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from lrdoctor import assess
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.examine.laboratory import Laboratory, baseline_trial
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.clip import Clipping
from lrdoctor.procedures.confirmation import (
    AT_REACH,
    LOOKS,
    PARTS,
    Claim,
    Confirmation,
    Fresh,
    Outcome,
    Settings,
    fresh_seeds,
)
from lrdoctor.procedures.treatment import Treatment
from lrdoctor.procedures.warmup_comparison import WarmupFound

Judged = tuple[tuple[Finding, ...], tuple[Skip, ...]]

STAGE = "fresh seeds"


@dataclass(frozen=True)
class Confirmed:
    """What fresh seeds say of a fix, and the trials that say so."""

    confirmation: Confirmation
    runs: tuple[Run, ...]
    judged: Mapping[str, Judged]
    """By run."""


def confirm(
    laboratory: Laboratory,
    claim: Claim,
    change: Treatment,
    searched: Sequence[int],
    study: Study,
    references: Sequence[Run],
    name: str,
    n_steps: int | None = None,
    settings: Settings | None = None,
) -> Confirmed:
    """Trains a fix and the training as it is on fresh seeds, until the outcome is settled.

    The losses are compared at an equal number of updates: what a warmup adds to the run the training without it gets
    too, so that no fix gains by training longer.

    Args:
        laboratory: where.
        claim: what is to be confirmed.
        change: the fix.
        searched: seeds of the search.
        study: the sweep of the training as it is, with the objective and the trials that fresh ones without the fix are
            judged beside.
        references: the trials that those with the fix are judged beside.
        name: of the fix, for the stage.
        n_steps: updates after any warmup at which the losses are compared; None for the spec's own.
        settings: number of seeds.

    Raises:
        BudgetSpent: the budget does not reach for the next seeds; what was trained is kept.
        WorkloadError: the workload does not work.
        Interrupted: the user stopped it; what was finished is saved.
    """
    limits = settings or Settings()
    n_seeds = limits.n_seeds(len(searched))
    seeds = fresh_seeds(searched, LOOKS * n_seeds)
    bench = _Bench(laboratory, claim, change, study, references, name, n_steps)
    found = Confirmation(claim=claim, n_seeds=n_seeds, n_reached=0, limits=limits)
    while not found.is_settled:
        step = found.next_trials
        batch = seeds[step.first : step.end]
        if laboratory.exhaustive:
            whole = bench.run(batch, PARTS)
            found = replace(found, fresh=(*found.fresh, *whole), n_reached=step.end)
        elif step.at_reach:
            reached = [
                replace(one, reach=at.reach, baseline_reach=at.baseline_reach)
                for one, at in zip(found.fresh[step.first : step.end], bench.run(batch, AT_REACH), strict=True)
            ]
            fresh = (*found.fresh[: step.first], *reached, *found.fresh[step.end :])
            found = replace(found, fresh=fresh, n_reached=step.end)
        else:
            others = [part for part in PARTS if part not in AT_REACH]
            found = replace(found, fresh=(*found.fresh, *bench.run(batch, others)))
    return Confirmed(found, tuple(bench.runs.values()), bench.judged)


@dataclass
class _Bench:
    """Trains the parts of a claim on fresh seeds; see `confirm`."""

    laboratory: Laboratory
    claim: Claim
    change: Treatment
    study: Study
    references: Sequence[Run]
    name: str
    n_steps: int | None
    runs: dict[str, Run] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)
    _beside: dict[str, Run] = field(default_factory=dict)
    """The trials without the fix."""

    def run(self, seeds: Sequence[int], parts: Sequence[str]) -> list[Fresh]:
        """The seeds with those parts of them."""
        asked = (self.laboratory, self.claim, self.change)
        plain = {seed: _only(_plain(*asked, seed, self.n_steps), parts) for seed in seeds}
        fixed = {seed: _only(_fixed(*asked, seed, self.n_steps), parts) for seed in seeds}
        trials = list(dict.fromkeys(t for of in (plain, fixed) for roles in of.values() for t in roles.values()))
        found = self.laboratory.run(f"{self.name}: {STAGE}", trials)
        usual = self.laboratory.spec.max_train_steps
        ran = {trial: told_by_length(run, usual) for trial, run in zip(trials, found, strict=True)}
        # a trial of the training as it is is a reference for the others of its seed; one with the fix is none
        beside = [ran[trial] for roles in plain.values() for trial in roles.values()]
        self._beside |= {run.name: run for run in beside}
        known = tuple(self._beside.values())
        self.judged |= assess.judge_each(beside, (*self.study.runs, *known), beside_itself=False)
        with_it = (run for run in ran.values() if run not in beside)
        self.judged |= assess.judge_each(with_it, (*self.references, *known), beside_itself=False)
        self.runs |= {run.name: run for run in ran.values()}
        of = {trial: _outcome(run, self.judged[run.name][0], self.study) for trial, run in ran.items()}
        return [
            Fresh(seed=seed, **{role: of[trial] for role, trial in {**plain[seed], **fixed[seed]}.items()})
            for seed in seeds
        ]


def _only(roles: Mapping[str, Trial], parts: Sequence[str]) -> dict[str, Trial]:
    return {part: trial for part, trial in roles.items() if part in parts}


def confirm_clipping(laboratory: Laboratory, found: Clipping, seeds: Sequence[int]) -> Clipping:
    """The clipping study with what fresh seeds say of its best setting, where that promises something."""
    best = found.best
    if not found.promises or best is None or best.setting.threshold is None:
        return found
    change = Treatment(clip_norm=best.setting.threshold.clip_norm)
    name = "clip_gradients"
    confirmed = confirm(laboratory, found.claim(best), change, seeds, found.study, found.study.runs, name)
    return replace(found, confirmation=confirmed.confirmation, runs=(*found.runs, *confirmed.runs))


def confirm_warmup(laboratory: Laboratory, found: WarmupFound, study: Study, seeds: Sequence[int]) -> WarmupFound:
    """The warmup with what fresh seeds say of it, where it raises the highest stable rate."""
    risen = found.risen
    if risen is None:
        return found
    claim, change = found.claim(risen, study.best_learning_rate), Treatment(warmup_steps=risen.warmup_steps)
    told = replace(study, objective=found.objective)
    references = study.runs or found.runs
    confirmed = confirm(laboratory, claim, change, seeds, told, references, "warmup")
    return replace(
        found,
        confirmation=confirmed.confirmation,
        runs=(*found.runs, *confirmed.runs),
        findings=(*found.findings, *(f for findings, _ in confirmed.judged.values() for f in findings)),
        skipped=(*found.skipped, *(s for _, skips in confirmed.judged.values() for s in skips)),
    )


def _plain(
    laboratory: Laboratory, claim: Claim, change: Treatment, seed: int, n_steps: int | None
) -> Mapping[str, Trial]:
    """Trials of the training as it is for a seed, by their part in the claim."""
    found = {}
    if claim.widens or laboratory.exhaustive:  # else nothing rests on it
        found["baseline_reach"] = baseline_trial(laboratory.spec, claim.baseline_reach, seed)
    if claim.baseline_learning_rate is None:
        return found
    best = baseline_trial(laboratory.spec, claim.baseline_learning_rate, seed)
    added = change.on(best).schedule_steps - best.schedule_steps
    n_updates = (best.max_train_steps if n_steps is None else n_steps) + added
    found["baseline"] = replace(best, max_train_steps=n_updates)
    if claim.baseline_use is not None:
        at_use = baseline_trial(laboratory.spec, claim.baseline_use, seed)
        found["baseline_use"] = replace(at_use, max_train_steps=n_updates)
    return found


def _fixed(
    laboratory: Laboratory, claim: Claim, change: Treatment, seed: int, n_steps: int | None
) -> Mapping[str, Trial]:
    """Trials with the fix, likewise."""
    use = change.on(baseline_trial(laboratory.spec, claim.base_learning_rate, seed))
    reach = change.on(baseline_trial(laboratory.spec, claim.reach, seed))
    return {"use": use if n_steps is None else replace(use, max_train_steps=n_steps), "reach": reach}


def _outcome(run: Run, findings: Iterable[Finding], study: Study) -> Outcome | None:
    """What the trial did; None where it failed."""
    if run.status == "failed":
        return None
    grave = {f.severity for f in findings}
    objective = inf if "error" in grave else sweeps.objective_of(run, study.objective)
    return Outcome(objective, is_unstable=bool(grave - {"info"}))


def told_by_length(run: Run, usual: int) -> Run:
    """The run, named by its length where that is not the spec's own: the names of trials do not tell it.

    Args:
        run: of a trial.
        usual: `max_train_steps` of the spec.
    """
    n_steps = None if run.trial is None else run.trial.max_train_steps
    return run if n_steps in (None, usual) else replace(run, name=f"{run.name} max_train_steps={n_steps}")
