"""The report of a clipping study: the sweep's report, with clipping proven or rejected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from lrdoctor import fixes
from lrdoctor.assess import clip_text, confirmation_text
from lrdoctor.assess.judging import judge_against, summaries_of
from lrdoctor.assess.sweeps import report_of_sweep
from lrdoctor.core.fix_sections import (
    ClipAttempt,
    ClipResult,
    LoweredAttempt,
    NormPercentile,
    NormsAtBest,
    RateObjective,
)
from lrdoctor.core.report import Finding, Fix, Report
from lrdoctor.core.update_rules import is_scale_free
from lrdoctor.fixes.base import clip_of, optimizer_of, warmup_of
from lrdoctor.procedures.clip import Clipping, Lowered
from lrdoctor.procedures.clip_measures import Attempt, Norms

PERCENTILES = (50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 99.0, 100.0)
"""Of the norms, as the report lists them; 100 is the largest norm."""

NAME = "clip_gradients"


def report_of_clip(clipping: Clipping, command: str) -> Report:
    """The report of a clipping study.

    The verdict is that of the spec's own training, which clipping does not change; `clip` and the fix say what
    clipping does to it.
    """
    base = report_of_sweep(clipping.study, command)
    found, skipped = judge_against(clipping.runs, clipping.study.runs)
    short = clip_text.in_short(clipping)
    if clipping.confirmation is not None:
        short = f"{short}, {confirmation_text.in_short(clipping.confirmation)}"
    return replace(
        base,
        summary=f"{base.summary}; {short}",
        runs=base.runs + summaries_of(clipping.runs, found),
        findings=base.findings + found,
        skipped=base.skipped + skipped,
        clip=clip_table(clipping),
        fixes=_fixes(clipping, base),
        next_steps=base.next_steps + tuple(clip_text.next_steps(clipping)),
    )


def clip_table(clipping: Clipping) -> ClipResult:
    """`Report.clip`: the norms, what was tried, and what came of it."""
    best, unclipped = clipping.best, clipping.best_unclipped
    threshold = best.setting.threshold if best else None
    return ClipResult(
        status=clipping.status,
        verdict="; ".join([clip_text.verdict(clipping), *_fresh(clipping)]),
        objective=clipping.study.objective,
        clip_norm=threshold.clip_norm if threshold else None,
        percentile=threshold.percentile if threshold else None,
        base_learning_rate=best.setting.base_learning_rate if best else None,
        highest_stable_learning_rate=clipping.highest_after if best else None,
        baseline_highest_stable_learning_rate=clipping.highest_before,
        comparison=clipping.against_baseline,
        best_unclipped=RateObjective(base_learning_rate=unclipped.base_learning_rate, objective=unclipped.objective)
        if unclipped
        else None,
        norms=_norms(clipping.norms) if clipping.norms else None,
        attempts=tuple(_attempt(a) for a in (*clipping.before, *clipping.tried)),
        lowered=tuple(map(_lowered, clipping.lowered)),
        harder_tried=clipping.search_harder,
        own_clip_norm=clip_of(clipping.study),
        own_warmup_steps=warmup_of(clipping.study),
        scale_free=is_scale_free(optimizer_of(clipping.study)),
        figures=(),
    )


def _fresh(clipping: Clipping) -> Iterator[str]:
    """What fresh seeds say of it."""
    if clipping.confirmation is not None:
        yield from confirmation_text.confirmed(clipping.confirmation, clipping.study.objective)


def _norms(norms: Norms) -> NormsAtBest:
    rows = []
    for q in PERCENTILES:
        of_seeds = norms.percentile_by_seed(q)
        rows.append(NormPercentile(percentile=q, median=norms.percentile(q), low=min(of_seeds), high=max(of_seeds)))
    return NormsAtBest(
        base_learning_rate=norms.base_learning_rate,
        seeds=tuple(norms.by_seed),
        left_out=tuple(norms.left_out),
        n_norms=sum(len(values) for values in norms.by_seed.values()),
        percentiles=tuple(rows),
    )


def _attempt(attempt: Attempt) -> ClipAttempt:
    threshold, rate, shares = attempt.setting.threshold, attempt.rate, attempt.shares.values()
    return ClipAttempt(
        percentile=threshold.percentile if threshold else None,
        clip_norm=threshold.clip_norm if threshold else None,
        base_learning_rate=rate.base_learning_rate,
        n_judged=rate.n_judged,
        n_held=attempt.n_held,
        holds=attempt.holds,
        events=rate.events,
        share_clipped=attempt.share,
        share_clipped_low=min(shares, default=None),
        share_clipped_high=max(shares, default=None),
        aggressive=attempt.is_aggressive,
        objective=rate.objective,
        objective_low=rate.objective_low,
        objective_high=rate.objective_high,
    )


def _lowered(one: Lowered) -> LoweredAttempt:
    plain = _attempt(one.plain)
    shared = {of.name: getattr(plain, of.name) for of in fields(plain)}
    return LoweredAttempt(**shared, clipped_learning_rate=one.of.base_learning_rate, comparison=one.paired)


def _fixes(clipping: Clipping, base: Report) -> tuple[Fix, ...]:
    """The sweep's fixes, with clipping as it came out; where nothing needed clipping it is not pushed."""
    mine = next((fix for fix in base.fixes if fix.name == NAME), None)
    if clipping.status == "not_tried":
        untried = replace(mine, status="not_tried", why=clip_text.why(clipping)) if mine else None
        return _in_order([untried or fix if fix is mine else fix for fix in base.fixes])
    because = mine.because if mine else tuple(dict.fromkeys(_codes(clipping, base.findings)))
    return _in_order([*(fix for fix in base.fixes if fix is not mine), _fix(clipping, because)])


def _in_order(found: Sequence[Fix]) -> tuple[Fix, ...]:
    return tuple(sorted(found, key=lambda fix: fix.rank))


def _codes(clipping: Clipping, findings: Sequence[Finding]) -> Iterator[str]:
    """Codes of what is wrong, unclipped, at the rates that clipping was tried at."""
    rates = {attempt.setting.base_learning_rate for attempt in clipping.tried}
    runs = clipping.study.runs
    names = {run.name for run in runs if run.trial is not None and run.trial.base_learning_rate in rates}
    yield from sorted({f.code for f in findings if f.run in names and f.severity != "info"})


def _fix(clipping: Clipping, because: tuple[str, ...]) -> Fix:
    rank, remedy = next((rank, fix) for rank, fix in enumerate(fixes.FIXES, start=1) if fix.name == NAME)
    best, settings = clipping.best, {}
    if best is not None and best.setting.threshold is not None:
        settings = {
            "clip_norm": best.setting.threshold.clip_norm,
            "percentile": best.setting.threshold.percentile,
            "base_learning_rate": best.setting.base_learning_rate,
        }
    fix = Fix(
        rank=rank,
        name=NAME,
        status=clipping.status,
        why="; ".join([*_fresh(clipping), clip_text.why(clipping)]),
        because=because,
        settings=settings,
        snippet=remedy.snippet(settings) if settings else "",
        gain=_gain(clipping),
    )
    return fixes.in_trainer(fix, clipping.study.runs)


def _gain(clipping: Clipping) -> dict[str, float | None]:
    validated = clipping.study.objective == "best_val_loss"
    best, baseline = clipping.best, clipping.baseline
    return {
        "highest_stable_learning_rate": clipping.highest_after,
        "baseline_highest_stable_learning_rate": clipping.highest_before,
        "best_val_loss": best.rate.objective if best and validated else None,
        "baseline_best_val_loss": baseline.rate.objective if baseline and validated else None,
    }
