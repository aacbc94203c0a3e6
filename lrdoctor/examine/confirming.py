"""A fix on fresh seeds, run: the trials that `verified` rests on, for every command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from lrdoctor import assess
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.examine.laboratory import Laboratory, baseline_trial
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.clip import Clipping
from lrdoctor.procedures.confirmation import LOOKS, Claim, Confirmation, Fresh, Outcome, Settings, fresh_seeds
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
    found = Confirmation(claim=claim, n_seeds=n_seeds, limits=limits)
    runs: dict[str, Run] = {}
    judged: dict[str, Judged] = {}
    while not found.is_settled:
        done = len(found.fresh)
        # the first few together, so that workers have something to do; then one by one; then all of the second look
        batch = seeds[done:] if done >= n_seeds else seeds[done : max(done + 1, limits.first)]
        plain = {seed: _plain(laboratory, claim, change, seed, n_steps) for seed in batch}
        fixed = {seed: _fixed(laboratory, claim, change, seed, n_steps) for seed in batch}
        trials = list(dict.fromkeys(t for of in (plain, fixed) for roles in of.values() for t in roles.values()))
        found_runs = laboratory.run(f"{name}: {STAGE}", trials)
        ran = {
            t: told_by_length(run, laboratory.spec.max_train_steps) for t, run in zip(trials, found_runs, strict=True)
        }
        # a trial of the training as it is is a reference for the others of its seed; one with the fix is none
        beside = [ran[trial] for roles in plain.values() for trial in roles.values()]
        judged |= assess.judge_each(beside, (*study.runs, *beside), beside_itself=False)
        with_it = (run for run in ran.values() if run not in beside)
        judged |= assess.judge_each(with_it, (*references, *beside), beside_itself=False)
        runs |= {run.name: run for run in ran.values()}
        known = {trial: _outcome(run, judged[run.name][0], study) for trial, run in ran.items()}
        fresh = (
            Fresh(seed=seed, **{role: known[trial] for role, trial in {**plain[seed], **fixed[seed]}.items()})
            for seed in batch
        )
        found = replace(found, fresh=(*found.fresh, *fresh))
    return Confirmed(found, tuple(runs.values()), judged)


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
    reach = baseline_trial(laboratory.spec, claim.baseline_reach, seed)
    if claim.baseline_learning_rate is None:
        return {"baseline_reach": reach}
    best = baseline_trial(laboratory.spec, claim.baseline_learning_rate, seed)
    added = change.on(best).schedule_steps - best.schedule_steps
    n_updates = (best.max_train_steps if n_steps is None else n_steps) + added
    found = {"baseline": replace(best, max_train_steps=n_updates), "baseline_reach": reach}
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
