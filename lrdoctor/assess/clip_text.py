"""What a clipping study showed, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.assess.comparison_text import change
from lrdoctor.core.study import Objective
from lrdoctor.core.update_rules import is_scale_free
from lrdoctor.fixes.base import clip_of, optimizer_of
from lrdoctor.procedures.clip import Clipping, Lowered
from lrdoctor.procedures.clip_measures import Attempt, Threshold

OBJECTIVE: dict[Objective, str] = {
    "best_val_loss": "best validation loss",
    "best_train_loss": "best training loss",
}
ALL_FAILED = "all its trials failed"


def plainly(clipping: Clipping) -> str:
    """How the trials were trained that nothing was tried in."""
    own = clip_of(clipping.study)
    return "without clipping" if own is None else f"with the spec's own clip_norm {own:.4g}"


def in_short(clipping: Clipping) -> str:
    """The outcome in a few words, for the headline."""
    first = clipping.first_that_holds
    if clipping.status == "not_tried":
        return "clipping was not tried"
    if first is None:
        return f"clipping is rejected: it does not hold at {_lowest(clipping):.4g}"
    if clipping.status == "rejected" and clipping.confirmation is None:
        return "clipping is rejected: it cures no rate and no gain shows in the loss"
    if not clipping.cures and clipping.best is not None:
        at = f"{clipping.best.setting.base_learning_rate:.4g}"
        return f"clipping at {_limit(clipping.best)} trains better at {at}, but cures no rate"
    return f"clipping at {_limit(first)} holds up to {_rate(clipping.highest_after)}"


def verdict(clipping: Clipping) -> str:
    """What came of clipping, in full."""
    if clipping.status == "not_tried":
        return f"not tried: {clipping.missing or ALL_FAILED}"
    parts = [*_held_or_not(clipping), *_losses(clipping)]
    if clipping.status == "rejected":
        parts.append("seeds that held: " + ", ".join(_of_threshold(a) for a in clipping.tried))
    parts += [lowering(one) for one in clipping.lowered]
    return f"{clipping.status}: {'; '.join(parts)}"


def why(clipping: Clipping) -> str:
    """What came of clipping, for the list of fixes, which names the status itself."""
    if clipping.status == "not_tried":
        return clipping.missing or ALL_FAILED
    parts, best, paired = list(_held_or_not(clipping)), clipping.best, clipping.against_baseline
    if best is not None and paired is not None:
        at = f"{best.setting.base_learning_rate:.4g} clipped at {_limit(best)}"
        parts.append(f"best loss at {at}; against lr* {plainly(clipping)}: {change(paired)}")
    return "; ".join(parts)


def _held_or_not(clipping: Clipping) -> Iterator[str]:
    first, easiest = clipping.first_that_holds, clipping.easiest
    if first is None or easiest is None:
        yield f"no threshold holds at {_lowest(clipping):.4g} in a majority of the seeds{_easier(clipping)}"
    else:
        yield (
            f"clipped at {easiest.clip_norm:.4g} (the {easiest.percentile:.3g}th percentile of the norms at lr*) "
            f"training holds at {first.setting.base_learning_rate:.4g} in {_seeds(first)}"
        )
        unclipped = clipping.unclipped_at(first.setting.base_learning_rate)
        if unclipped is not None and unclipped.holds:
            yield f"{plainly(clipping)} it holds there too, in {_seeds(unclipped)}, so nothing is cured at that rate"
        before, after = _rate(clipping.highest_before), _rate(clipping.highest_after)
        yield f"highest stable learning rate {before} before, {after} after, of those tried"
    if is_scale_free(optimizer_of(clipping.study)):
        yield (
            "with Adam-like rules a constant clip hardly changes the steps, since they do not depend on the gradient's "
            "scale"
        )


def _losses(clipping: Clipping) -> Iterator[str]:
    """The best clipped setting against lr* without clipping, and against the best of all unclipped rates."""
    best, baseline, paired = clipping.best, clipping.baseline, clipping.against_baseline
    if best is None or baseline is None or paired is None:
        return
    yield (
        f"{OBJECTIVE[clipping.study.objective]} {_spread(baseline)} at lr* {plainly(clipping)}, {_spread(best)} at "
        f"{best.setting.base_learning_rate:.4g} clipped at {_limit(best)}: {change(paired)}"
    )
    other = clipping.best_unclipped
    if other is not None and other.objective < baseline.rate.objective:
        yield f"{plainly(clipping)} {other.base_learning_rate:.4g} reached a median of {other.objective:.4g}"
    harder = clipping.best_harder
    if harder is not None and other is not None:
        lower = "lower" if harder.rate.objective < other.objective else "not lower"
        yield (
            f"of the harder thresholds {_limit(harder)} does best with a median of {harder.rate.objective:.4g}, "
            f"{lower} than that of any rate {plainly(clipping)}"
        )


def _easier(clipping: Clipping) -> str:
    """That the spec itself clips harder than all that was tried, where it does."""
    own = clip_of(clipping.study)
    tried = [a.setting.threshold.clip_norm for a in clipping.tried if a.setting.threshold]
    return f" (none is harder than the spec's own clip_norm {own:.4g})" if own is not None and own <= min(tried) else ""


def _of_threshold(attempt: Attempt) -> str:
    setting, percentile = attempt.setting, attempt.setting.threshold.percentile if attempt.setting.threshold else 0.0
    held = f"{attempt.n_held}/{attempt.rate.n_judged}"
    return f"{held} at {setting.base_learning_rate:.4g} clipped at {_limit(attempt)} ({percentile:.3g}th percentile)"


def _lowest(clipping: Clipping) -> float:
    return clipping.tried[0].setting.base_learning_rate


def lowering(one: Lowered) -> str:
    """An aggressive clipping beside the lower rate that it amounts to."""
    words = f"at {one.of.base_learning_rate:.4g} clipping at {_norm(one.of.threshold)} scales more than half of the "
    words += f"updates down, a way of lowering the learning rate to {_plain(one)}, which as a plain rate"
    if not one.plain.rate.n_judged:
        return f"{words} could not be judged"
    words += f" {_held(one.plain)} with {_spread(one.plain)}"
    if one.plain.holds:
        return f"{words}; clipping against it is {change(one.paired)}"
    return f"{words}: clipping does more than that here"


def _plain(one: Lowered) -> str:
    return f"{one.plain.setting.base_learning_rate:.4g}"


def next_steps(clipping: Clipping) -> Iterator[str]:
    """What to run or to do next about clipping."""
    best = clipping.best
    if clipping.status == "not_tried":
        yield from _to_make_it_possible(clipping)
        return
    if best is None or clipping.status == "rejected":
        yield "clipping alone does not cure this: go on with the next fix, or with warmup and clipping together"
    else:
        yield from _to_improve(clipping, best)
    for one in clipping.lowered:
        if one.plain.holds and one.paired.change != "gain":
            limit = _norm(one.of.threshold)
            yield f"prefer the plain learning rate {_plain(one)}: clipping at {limit} shows no gain over it"


def _to_improve(clipping: Clipping, best: Attempt) -> Iterator[str]:
    """What to do with a clipping that holds."""
    rate, paired = best.setting.base_learning_rate, clipping.against_baseline
    easiest = clipping.easiest
    if not clipping.search_harder and easiest is not None:
        yield (
            f"--harder: below the {easiest.percentile:.3g}th percentile no threshold was tried at {rate:.4g}; a harder "
            "one may reach a better loss"
        )
    if paired is not None and paired.change != "gain":
        unclipped = clipping.unclipped_at(rate)
        if unclipped is not None and unclipped.holds:
            yield f"{rate:.4g} trains {plainly(clipping)} too, and clipping there shows no gain over lr* so trained"
        else:
            over = f"shows no gain over lr* {plainly(clipping)}"
            yield f"clipping makes {rate:.4g} trainable, but {over}: what it gives is room"


def _to_make_it_possible(clipping: Clipping) -> Iterator[str]:
    if clipping.study.best_learning_rate is None:
        yield "--set sweep.min=RATE: find a learning rate that trains well first, or cure what breaks every rate"
    elif clipping.missing is not None and clipping.norms is not None:
        yield "--unstable-lr RATE: tries clipping at a rate of your own choice and above"
    elif clipping.missing is not None:
        yield "--lr RATE: takes the gradient norms from a lower rate, at which every seed trains to its end"


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
