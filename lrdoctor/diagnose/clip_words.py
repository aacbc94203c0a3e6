"""What a clipping study showed, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.core.study import Objective, Study
from lrdoctor.fixes.base import optimizer_of
from lrdoctor.procedures.clip import Clipping, Lowered
from lrdoctor.procedures.clip_measures import Attempt, Paired, Threshold

OBJECTIVE: dict[Objective, str] = {
    "best_val_loss": "best validation loss",
    "best_train_loss": "best training loss",
}
SCALE_FREE = ("adam", "rmsprop", "adagrad", "lion")
"""Parts of the names of update rules whose step does not depend on the gradient's scale."""


def is_scale_free(study: Study) -> bool:
    """Whether a constant clip hardly changes the steps of the study's update rule."""
    return any(part in optimizer_of(study).lower() for part in SCALE_FREE)


def in_short(clipping: Clipping) -> str:
    """The outcome in a few words, for the headline."""
    first = clipping.first_that_holds
    if clipping.status == "not_tried":
        return "clipping was not tried"
    if first is None or first.setting.threshold is None:
        return f"clipping is rejected: it does not hold at {_lowest(clipping):.4g}"
    return f"clipping at {first.setting.threshold.clip_norm:.4g} is verified up to {clipping.highest_after:.4g}"


def verdict(clipping: Clipping) -> str:
    """What came of clipping, in full."""
    if clipping.status == "not_tried":
        return f"clipping was not tried: {clipping.missing or 'its trials failed'}"
    parts = list(_verified(clipping) if clipping.status == "verified" else _rejected(clipping))
    if is_scale_free(clipping.study):
        parts.append(
            "with Adam-like rules a constant clip hardly changes the steps, since they do not depend on the gradient's "
            "scale"
        )
    return "; ".join(parts)


def _verified(clipping: Clipping) -> Iterator[str]:
    first, best, baseline = clipping.first_that_holds, clipping.best, clipping.baseline
    assert first is not None
    assert best is not None
    yield (
        f"verified: clipped at {_named(first.setting.threshold)} training holds at "
        f"{first.setting.base_learning_rate:.4g} in {_seeds(first)}"
    )
    yield (
        f"highest stable learning rate {_rate(clipping.highest_before)} before, {_rate(clipping.highest_after)} after, "
        "of those tried"
    )
    paired = clipping.against_baseline
    if paired is not None and baseline is not None:
        yield (
            f"{OBJECTIVE[clipping.study.objective]} {_spread(baseline)} at lr*, {_spread(best)} clipped at "
            f"{_limit(best)} with {best.setting.base_learning_rate:.4g}: {change(paired)}"
        )
    yield from (lowering(one) for one in clipping.lowered)


def _rejected(clipping: Clipping) -> Iterator[str]:
    attempts = [a for a in clipping.tried if a.setting.base_learning_rate == _lowest(clipping)]
    how = ", ".join(f"{_limit(a)} ({a.setting.threshold.percentile:g}th): {_held(a)}" for a in attempts
                    if a.setting.threshold)  # fmt: skip
    yield f"rejected: no threshold holds at {_lowest(clipping):.4g} in a majority of the seeds; {how}"


def _lowest(clipping: Clipping) -> float:
    return clipping.tried[0].setting.base_learning_rate


def change(paired: Paired) -> str:
    """A paired comparison in words: what lies inside the spread over the seeds is no gain."""
    pairs = f"{paired.n_better} of {paired.n_pairs} seeds better"
    if paired.n_pairs < 2:
        return "one seed has no spread, so this is no evidence of a gain"
    by = f"{pairs}, by {paired.gain_low:.3g} to {paired.gain_high:.3g}"
    words = {"gain": "a gain", "loss": "a loss", "no change": "no gain, it is inside the spread over the seeds"}
    return f"{words[paired.change]} ({by})"


def lowering(one: Lowered) -> str:
    """An aggressive clipping beside the lower rate that it amounts to."""
    words = f"at {one.of.base_learning_rate:.4g} clipping at {_norm(one.of.threshold)} scales more than half of the "
    words += f"updates down, which is lowering the learning rate: the plain rate {_plain(one)}"
    if not one.plain.rate.n_judged:
        return f"{words} could not be judged"
    return f"{words} {_held(one.plain)} and reaches {_spread(one.plain)}; clipping against it is {change(one.paired)}"


def _plain(one: Lowered) -> str:
    return f"{one.plain.setting.base_learning_rate:.4g}"


def next_steps(clipping: Clipping) -> Iterator[str]:
    """What to run or to do next about clipping."""
    best = clipping.best
    if clipping.status == "not_tried":
        yield from _to_make_it_possible(clipping)
    elif best is None:
        yield "clipping alone does not cure this: go on with the next fix, or with warmup and clipping together"
    elif not clipping.search_harder:
        yield (
            f"--harder: below the {_percentile(clipping)}th percentile no threshold was tried at "
            f"{best.setting.base_learning_rate:.4g}; a harder one may reach a better loss"
        )
    for one in clipping.lowered:
        if one.plain.holds and one.paired.change != "gain":
            limit = _norm(one.of.threshold)
            yield f"prefer the plain learning rate {_plain(one)}: it does what clipping at {limit} does"


def _to_make_it_possible(clipping: Clipping) -> Iterator[str]:
    if clipping.study.best_learning_rate is None:
        yield "--set sweep.min=RATE: find a learning rate that trains well first, or cure what breaks every rate"
    elif clipping.missing is not None and clipping.norms is not None:
        yield "--unstable-lr RATE: tries clipping at a rate of your own choice and above"
    elif clipping.missing is not None:
        yield "--lr RATE: takes the gradient norms from a lower rate, at which every seed trains to its end"


def _percentile(clipping: Clipping) -> str:
    first = clipping.first_that_holds
    assert first is not None
    assert first.setting.threshold is not None
    return f"{first.setting.threshold.percentile:g}"


def _named(threshold: Threshold | None) -> str:
    assert threshold is not None
    return f"{threshold.clip_norm:.4g} (the {threshold.percentile:g}th percentile of the norms at lr*)"


def _norm(threshold: Threshold | None) -> str:
    return f"{threshold.clip_norm:.4g}" if threshold else "-"


def _limit(attempt: Attempt) -> str:
    return _norm(attempt.setting.threshold)


def _seeds(attempt: Attempt) -> str:
    n = attempt.rate.n_judged
    return f"{attempt.n_held} of {n} seed{'' if n == 1 else 's'}"


def _held(attempt: Attempt) -> str:
    return f"holds in {_seeds(attempt)}"


def _spread(attempt: Attempt) -> str:
    rate = attempt.rate
    return f"{rate.objective:.4g} ({rate.objective_low:.4g}..{rate.objective_high:.4g})"


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.4g}"
