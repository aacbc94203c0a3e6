"""`Report.treat`: every fix as it was tried, and the prescription."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lrdoctor import fixes
from lrdoctor.assess import treat_text
from lrdoctor.assess.prescription import settings_of, snippet_of, trainer_seen
from lrdoctor.core.fix_sections import (
    Claimed,
    FixSettings,
    OnFreshSeeds,
    Prescription,
    Rewritten,
    Spread,
    TreatResult,
    TriedFix,
)
from lrdoctor.core.plain import read
from lrdoctor.core.rewriting import Rewriting
from lrdoctor.core.study import Rate
from lrdoctor.fixes.base import optimizer_of, warmup_of
from lrdoctor.procedures.confirmation import Confirmation, Outcome, spread_of
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment_results import NotTried, SearchFailed, Swept, Tried, Verified

RANKS = {remedy.name: rank for rank, remedy in enumerate(fixes.FIXES, start=1)}
"""Name of a fix -> its place in the documented order; a pair stands where its later part does."""
SPEC_FILE = "prescription.yaml"
"""The spec with the fix in it, in the study folder."""


def rank_of(name: str) -> int:
    """Place in the documented order.

    >>> rank_of("warmup"), rank_of("warmup+clip_gradients"), rank_of("change_optimizer")
    (1, 2, 3)
    """
    return max(RANKS[part] for part in name.split("+"))


def treat_table(treated: Treated) -> TreatResult:
    """The fixes in the order in which they were tried; what nothing is known of is None."""
    return TreatResult(
        needed=not treated.unneeded,
        why_not=treated.unneeded,
        target_margin=treated.limits.target,
        n_fresh_seeds=max((len(found.fresh) for _, found in _confirmed(treated)), default=0),
        n_seeds=len({run.trial.seed for run in treated.study.runs if run.trial is not None}),
        objective=treated.study.objective,
        before=None if treated.before is None else _before(treated.before, treated),
        tried=tuple(_row(tried, treated) for tried in treated.tried),
        prescription=None if treated.prescribed is None else _prescription(treated.prescribed, treated),
        cut=tuple(treated.cut),
        cost=treated.cost,
        figures=(),
    )


def _prescription(chosen: Verified, treated: Treated) -> Prescription:
    return Prescription(
        names=tuple(chosen.fix.name.split("+")),
        status=chosen.fix.status,
        why=treat_text.of_prescription(chosen, treated.tried),
        base_learning_rate=chosen.base_learning_rate,
        settings=read(FixSettings, settings_of(chosen)),
        snippet=snippet_of(chosen.fix, chosen.base_learning_rate, treated.study),
        trainer=trainer_seen(treated.study),
        spec_file=SPEC_FILE,
    )


def _before(before: Measured, treated: Treated) -> TriedFix:
    """The spec's own training, in the columns of a fix."""
    best, fresh = before.study.best_learning_rate, _fresh_loss(treated)
    room, loss = before.room(best), _spread(fresh or _of_rate(before.rate(best)))
    return TriedFix(
        name="none",
        rank=0,
        status="",
        why="",
        settings=FixSettings(),
        optimizer=optimizer_of(before.study),
        base_learning_rate=best,
        best_learning_rate=best,
        unstable_base_learning_rate=before.study.unstable_base_learning_rate,
        unstable_interval=before.unstable_range,
        highest_stable_learning_rate=before.stable_up_to,
        stability_margin=room.margin,
        margin_is_bound=room.is_bound,
        objective=loss.objective,
        objective_low=loss.objective_low,
        objective_high=loss.objective_high,
        on_fresh_seeds=fresh is not None,
        comparison=None,
        steps_added=0,
        share_clipped=None,
        reaches_target=False,
        trains_better=False,
        cost=None,
        rates=before.study.rates,
    )


def _fresh_loss(treated: Treated) -> tuple[float, float, float] | None:
    """The loss of the training as it is on the fresh seeds, where fixes were tried on such: after the fewest updates,
    since a warmup asks for longer trainings, and on the most seeds."""
    found = [
        (_steps_added(fix, treated), -len(fresh.fresh), fresh)
        for fix, fresh in _confirmed(treated)
        if fresh.of_baseline
    ]
    if not found:
        return None
    _, _, plainest = min(found, key=lambda one: one[:2])
    return spread_of(plainest.of_baseline)


def _confirmed(treated: Treated) -> Iterator[tuple[Swept, Confirmation]]:
    """The fixes that were put to fresh seeds, with what these say."""
    for fix in treated.tried:
        if isinstance(fix, Swept) and fix.confirmation is not None:
            yield fix, fix.confirmation


def _row(tried: Tried, treated: Treated) -> TriedFix:
    return _swept_row(tried, treated) if isinstance(tried, Swept) else _unswept_row(tried, treated)


def _unswept_row(tried: NotTried | SearchFailed, treated: Treated) -> TriedFix:
    """What was not swept has a reason and a cost, and no figures."""
    return TriedFix(
        name=tried.name,
        rank=rank_of(tried.name),
        status=tried.status,
        why=tried.reason,
        settings=FixSettings(),
        optimizer=optimizer_of(treated.study),
        base_learning_rate=None,
        best_learning_rate=None,
        unstable_base_learning_rate=None,
        highest_stable_learning_rate=None,
        stability_margin=None,
        margin_is_bound=False,
        objective=None,
        objective_low=None,
        objective_high=None,
        comparison=None,
        steps_added=0,
        share_clipped=None,
        reaches_target=False,
        trains_better=False,
        cost=tried.cost,
        rates=(),
    )


def _swept_row(tried: Swept, treated: Treated) -> TriedFix:
    after, use, loss = tried.after, tried.rate_to_use, _spread(tried.objective)
    other = tried.settings.get("optimizer", {}).get("name")
    return TriedFix(
        name=tried.name,
        rank=rank_of(tried.name),
        status=tried.status,
        why=treat_text.why(tried),
        settings=read(FixSettings, tried.settings),
        optimizer=other or optimizer_of(treated.study),
        base_learning_rate=use,
        best_learning_rate=after.study.best_learning_rate,
        unstable_base_learning_rate=after.study.unstable_base_learning_rate,
        unstable_interval=after.unstable_range,
        highest_stable_learning_rate=tried.highest_stable,
        stability_margin=tried.room.margin,
        margin_is_bound=tried.room.is_bound,
        objective=loss.objective,
        objective_low=loss.objective_low,
        objective_high=loss.objective_high,
        on_fresh_seeds=tried.confirmation is not None,
        comparison=tried.comparison,
        confirmation=None if tried.confirmation is None else _confirmation(tried.confirmation, tried),
        lower=tried.lower,
        steps_added=_steps_added(tried, treated),
        share_clipped=tried.share_clipped.get(use) if use is not None else None,
        rewriting=None if tried.rewriting is None else _rewriting(tried.rewriting),
        longer=tried.longer,
        reaches_target=tried.reaches_target,
        trains_better=tried.trains_better,
        cost=tried.cost,
        rates=after.study.rates,
    )


def _rewriting(found: Rewriting) -> Rewritten:
    return Rewritten(
        name=found.name, sites=found.n_sites, note=found.note, edits=tuple(found.edits), refused=tuple(found.refused)
    )


def _steps_added(tried: Swept, treated: Treated) -> int:
    """Updates that a trial has more than without the fix."""
    steps = tried.treatment.warmup_steps
    return 0 if steps is None else steps - warmup_of(treated.study)


def _confirmation(found: Confirmation, tried: Swept) -> OnFreshSeeds:
    """What fresh seeds said, and what the search had said."""
    claim = found.claim
    said = _spread(_of_rate(tried.after.rate(claim.base_learning_rate)))
    return OnFreshSeeds(
        status=found.status,
        failing=found.failing,
        seeds=tuple(found.seeds),
        n_seeds=found.n_seeds,
        base_learning_rate=claim.base_learning_rate,
        reach=claim.reach,
        baseline_reach=claim.baseline_reach,
        unstable=_n_unstable(found.at_use),
        unstable_at_reach=_n_unstable(found.at_reach),
        seeds_at_reach=len(found.at_reach),
        baseline_unstable_at_reach=_n_unstable(found.of_baseline_at_reach),
        baseline_seeds_at_reach=len(found.of_baseline_at_reach),
        objective=_spread(spread_of(found.at_use)),
        baseline_objective=_spread(spread_of(found.of_baseline)),
        claimed=Claimed(
            gain=claim.gains,
            room=claim.widens,
            highest_stable_learning_rate=claim.reach,
            objective=said.objective,
            objective_low=said.objective_low,
            objective_high=said.objective_high,
        ),
    )


def _n_unstable(outcomes: Mapping[int, Outcome]) -> int:
    return sum(outcome.is_unstable for outcome in outcomes.values())


def _of_rate(rate: Rate | None) -> tuple[float, float, float] | None:
    return None if rate is None else (rate.objective, rate.objective_low, rate.objective_high)


def _spread(values: tuple[float, float, float] | None) -> Spread:
    middle, low, high = values or (None, None, None)
    return Spread(objective=middle, objective_low=low, objective_high=high)
