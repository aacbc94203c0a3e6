"""What came of each fix, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from lrdoctor.assess.clip_text import OBJECTIVE
from lrdoctor.assess.comparison_text import change
from lrdoctor.assess.confirmation_text import confirmed
from lrdoctor.core import changes
from lrdoctor.core.study import Rate
from lrdoctor.procedures.clip_measures import AGGRESSIVE
from lrdoctor.procedures.comparison import FEWEST_SEEDS
from lrdoctor.procedures.measured import Room
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment import LOWER
from lrdoctor.procedures.treatment_results import Swept, Tried, Verified


def why(tried: Tried) -> str:
    """What was seen of the fix, the evidence in numbers."""
    if not isinstance(tried, Swept):
        return tried.reason
    if tried.rate_to_use is None:
        return "no learning rate is stable with it"
    found = [*_stability(tried), *([] if tried.confirmation else _loss(tried)), *_longer(tried), *_caveats(tried)]
    return "; ".join([*_changed(tried), *_confirmed(tried), *found])


def _confirmed(tried: Swept) -> Iterator[str]:
    """What fresh seeds say of it."""
    if tried.confirmation is not None:
        yield from confirmed(tried.confirmation, tried.after.study.objective)
    elif tried.status == "unconfirmed":
        yield "not tried on fresh seeds: another fix was confirmed first, the limit was reached, or the budget ended"


def _changed(tried: Swept) -> Iterator[str]:
    """What was done to the copy of the model, and where nothing could be."""
    found = tried.rewriting
    if found is None:
        return
    left = len(found.refused)
    beside = f", {left} left as {'it is' if left == 1 else 'they are'} ({found.refused[0].why})" if left else ""
    at = ", ".join(dict.fromkeys(edit.where for edit in found.edits))
    yield f"{found.n_sites} residual site{'' if found.n_sites == 1 else 's'} changed at {at}{beside}"
    if found.note:
        yield found.note


def _stability(tried: Swept) -> Iterator[str]:
    if tried.name == LOWER:
        yield f"at {tried.rate_to_use:.4g} the lowest unstable rate is {room(tried.searched_room)} higher"
    elif tried.has_own_rates:
        yield from _own_rates(tried)
    else:
        yield from _reached(tried)


def _own_rates(tried: Swept) -> Iterator[str]:
    """Another update rule: only the room above its own best rate compares."""
    before = tried.before.room(tried.before.study.best_learning_rate)
    yield (
        f"on the seeds of the search its own best rate is {tried.rate_to_use:.4g}, and the room above it "
        f"{room(tried.searched_room)}, against {room(before)} without"
    )
    if not tried.cures:
        yield (
            f"its stable rates reach up to {_rate(tried.after.stable_up_to)}; less than {tried.limits.own_rates:g} "
            "times the room without it shows nothing, since both best rates are known only up to a step of their grids"
        )


def _reached(tried: Swept) -> Iterator[str]:
    """How far the stable rates reach, and at how many trials that was seen."""
    before, after = tried.before.stable_up_to, tried.after.stable_up_to
    if not tried.reaches_beyond:
        unstable = tried.before.study.unstable_base_learning_rate
        yield f"stable up to {_rate(after)}, below the lowest rate that is unstable without it, {_rate(unstable)}"
        return
    if before is None:
        yield f"on the seeds of the search no rate may be called stable without it, with it those up to {_rate(after)}"
    else:
        yield f"on the seeds of the search the highest stable rate goes from {_rate(before)} to {_rate(after)}"
    if tried.after.unstable_range is not None:
        low, high = tried.after.unstable_range
        yield (
            f"with it half of all seeds become unstable at a rate between {low:.3g} and {high:.3g} (90 %, estimated "
            "from these trials)"
        )
    seen = tried.evidence
    yield (
        f"of the trials at {_rates(seen.rates)}, {seen.n_unstable_without} of {seen.n_pairs} are unstable without it "
        f"and {seen.n_unstable_with} of {seen.n_pairs} with it"
    )
    if not tried.cures:
        yield (
            f"the {seen.cured} that it makes stable do not outnumber the {seen.broken} that it makes unstable by more "
            "than chance"
        )


def _rates(rates: tuple[float, ...]) -> str:
    if len(rates) == 1:
        return _rate(rates[0])
    return f"the {len(rates)} rates from {_rate(rates[0])} to {_rate(rates[-1])}"


def _loss(tried: Swept) -> Iterator[str]:
    """The objective at the rate to use against lr* without the fix."""
    old = tried.before.study.best_learning_rate
    if old is None:
        yield f"{tried.rate_to_use:.4g} trains best with it, and no rate trains well without"
    if tried.comparison is None:
        return
    with_it, without = tried.after.rate(tried.rate_to_use), tried.before.rate(old)
    if with_it is None or without is None:
        return
    words = change(tried.comparison)
    yield (
        f"{OBJECTIVE[tried.before.study.objective]} {_values(with_it)} at {tried.rate_to_use:.4g} with it, "
        f"{_values(without)} at lr* = {_rate(old)} without: {words}"
    )
    if tried.comparison.change == "gain" and not tried.trains_better:
        yield "some other rate without it does as well"


def _longer(tried: Swept) -> Iterator[str]:
    if tried.longer is not None:
        told = tried.longer
        yield (
            f"it starts slowly: with {told.max_train_steps} steps {told.objective:.4g} against "
            f"{told.baseline_objective:.4g}: {change(told.paired)}"
        )


def _caveats(tried: Swept) -> Iterator[str]:
    if tried.confirmation is None and tried.may_lose and not tried.loses and tried.last_word is not None:
        chance = 100 * tried.last_word.chance_higher
        yield f"it may cost some: losses as high come by chance in {chance:.2g} % of cases"
    share = tried.share_clipped.get(tried.rate_to_use or 0.0)
    if share is not None:
        words = f"{100 * share:.0f} % of the updates are clipped there"
        yield f"{words}: that is a way of lowering the learning rate" if share > AGGRESSIVE else words
    yield from _against_lower(tried)
    n_seeds = n_seeds_of(tried)
    if n_seeds < FEWEST_SEEDS:
        yield f"all this rests on {n_seeds} seed{'' if n_seeds == 1 else 's'}"


AGAINST_LOWER = {
    "gain": "the clipping trains better than that",
    "loss": "the lower rate trains better than the clipping",
    "no change": "neither beats the other beyond the spread over the seeds",
}


def _against_lower(tried: Swept) -> Iterator[str]:
    """Clipping most updates beside the plain training that it amounts to."""
    lower = tried.lower
    if lower is not None:
        yield (
            f"without clipping the rate {lower.base_learning_rate:.4g}, whose steps are as large on average, reaches "
            f"{lower.objective:.4g}: "
            f"{AGAINST_LOWER[lower.paired.change]}"
        )


def n_seeds_of(tried: Swept) -> int:
    """Seeds that a rate was judged by, as a rule."""
    counts = [r.n_judged for r in tried.after.study.rates]
    return round(median(counts)) if counts else 0


def of_prescription(prescribed: Verified, tried: Sequence[Tried]) -> str:
    """Why this fix and no other.

    Args:
        prescribed: the fix.
        tried: all of them.
    """
    chosen, seeds = prescribed.fix, f"{len(prescribed.confirmation.fresh)} fresh seeds"
    if chosen.name == LOWER:
        return f"no other fix is confirmed: the last resort, stable on {seeds}"
    if chosen.reaches_target and not chosen.trains_better:
        return f"the first fix in order that is confirmed to restore a margin of {room(chosen.room)}, on {seeds}"
    others = [t for t in tried if t.status == "verified" and t is not chosen]
    refuted = [t for t in tried if isinstance(t, Swept) and t.is_refuted]
    bought = (
        "it trains better than lr* as it is" if chosen.trains_better else f"its stability margin is {room(chosen.room)}"
    )
    words = [f"confirmed on {seeds}: {bought}"]
    if others:
        words.append(f"it comes first of the {len(others) + 1} confirmed fixes, by the loss, then by the margin")
    if refuted:
        names = list(dict.fromkeys(numbers(t) for t in refuted))
        alone = ", each tested alone" if len(names) > 1 else ""
        words.append(f"rejected on fresh seeds{alone}: {', '.join(names)}")
    return "; ".join(words)


def in_short(treated: Treated) -> str:
    """The outcome in a few words, for the line of the verdict."""
    if treated.unneeded:
        return f"no fix tried: {treated.unneeded}"
    if treated.prescribed is None:
        refuted = sum(isinstance(t, Swept) and t.is_refuted for t in treated.tried)
        if any(t.status == "unconfirmed" for t in treated.tried) and treated.cut:
            return "no fix is prescribed: the budget did not reach for fresh seeds"
        if treated.cut:
            return "no fix is prescribed: the budget ended before all were tried"
        why_not = (
            f"{refuted} held on the seeds of the search and not on fresh ones" if refuted else "none helps clearly"
        )
        best = treated.study.best_learning_rate
        return f"no fix is worth its cost ({why_not}){'' if best is None else f': stay at lr* = {best:.4g}'}"
    chosen = treated.prescribed.fix
    wide = f"margin {room(chosen.room)}, " if (chosen.room.margin or 0.0) > 1 else ""
    on_seeds = f"confirmed on {len(treated.prescribed.confirmation.fresh)} fresh seeds"
    return (
        f"prescribed: {numbers(chosen)} at {treated.prescribed.base_learning_rate:.4g} "
        f"({wide}{_gain(chosen)}; {on_seeds})"
    )


def _gain(chosen: Swept) -> str:
    if chosen.trains_better:
        return "trains better"
    if chosen.comparison is None:
        return "nothing trains without it"
    return "a higher loss" if chosen.comparison.change == "loss" else "no lower loss"


def numbers(tried: Swept) -> str:
    """The fix with its numbers: `warmup_steps 15 + clip_norm 2.307`."""
    told = [f"warmup_steps {tried.treatment.warmup_steps}"] if tried.treatment.warmup_steps else []
    told += changes.told(tried.treatment)
    if "optimizer" in tried.settings:
        told.append(f"optimizer {tried.settings['optimizer']['name']}")
    return " + ".join(told) or tried.name


def room(found: Room) -> str:
    """`4.2x`, or `10x or more`."""
    if found.margin is None:
        return "unknown"
    return f"{found.margin:.3g}x or more" if found.is_bound else f"{found.margin:.3g}x"


def _values(rate: Rate) -> str:
    return f"{rate.objective:.4g} ({rate.objective_low:.4g}..{rate.objective_high:.4g})"


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.4g}"
