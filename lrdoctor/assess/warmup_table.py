"""`Report.warmup`: everything that was tried and compared."""

from __future__ import annotations

from lrdoctor.assess.comparison_text import change
from lrdoctor.core.fix_sections import TriedStatus, TriedWarmup, WarmupComparison, WarmupResult, WithoutAndWith
from lrdoctor.core.warmups import TRAIN_LONGER
from lrdoctor.procedures.warmup import Settings, WarmupAttempt
from lrdoctor.procedures.warmup_comparison import Comparison, WarmupFound


def warmup_table(found: WarmupFound, status: TriedStatus, why: str, own: int = 0) -> WarmupResult:
    """The rows in the order in which they were tried; what nothing is known of is None.

    Args:
        found: what was tried.
        status: what came of it.
        why: the same in words.
        own: warmup_steps of the spec, which is what training without the warmup has.
    """
    settings, held = found.settings, found.held
    steps = None if held is None else held.warmup_steps
    return WarmupResult(
        status=status,
        why=why,
        factor=settings.factor,
        own_warmup_steps=own,
        longest_warmup_steps=settings.longest,
        objective=found.objective,
        tried=tuple(_tried(tried, settings) for tried in found.tried),
        base_learning_rate=None if held is None else held.base_learning_rate,
        warmup_steps=steps,
        post_warmup_steps=None if steps is None else settings.post_warmup_steps(steps),
        highest_stable_learning_rate=WithoutAndWith(without=found.stable_without, with_warmup=found.stable_with),
        without=found.without,
        with_warmup=found.warmed,
        comparison=None if found.comparison is None else _comparison(found.comparison),
        share_of_max_train_steps=None if steps is None else steps / settings.max_train_steps,
        raise_max_train_steps=steps is not None and steps > TRAIN_LONGER * settings.max_train_steps,
        figures=(),
    )


def _tried(tried: WarmupAttempt, settings: Settings) -> TriedWarmup:
    return TriedWarmup(
        base_learning_rate=tried.base_learning_rate,
        multiple=tried.base_learning_rate / settings.unstable_base_learning_rate,
        warmup_steps=tried.warmup_steps,
        post_warmup_steps=settings.post_warmup_steps(tried.warmup_steps),
        n_judged=tried.n_judged,
        n_held=tried.n_held,
        holds=tried.holds,
        events=tried.events,
    )


def _comparison(comparison: Comparison) -> WarmupComparison:
    return WarmupComparison(
        base_learning_rate=comparison.base_learning_rate,
        with_warmup=comparison.after,
        without=comparison.before,
        seeds={
            str(seed): WithoutAndWith(without=comparison.baseline[seed], with_warmup=comparison.warmed[seed])
            for seed in comparison.baseline
        },
        paired=comparison.paired,
        words=change(comparison.paired),
    )
