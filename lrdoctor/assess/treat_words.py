"""What came of each fix, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from lrdoctor.assess.clip_words import OBJECTIVE
from lrdoctor.assess.comparison_words import change
from lrdoctor.core.study import Rate
from lrdoctor.procedures.clip_measures import AGGRESSIVE
from lrdoctor.procedures.comparison import FEWEST_SEEDS
from lrdoctor.procedures.measured import Room
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment import LOWER
from lrdoctor.procedures.treatment_results import Tried


def why(tried: Tried) -> str:
    """What was seen of the fix, the evidence in numbers."""
    if tried.missing is not None:
        return tried.missing
    if tried.failed is not None:
        return tried.failed
    if tried.rate_to_use is None:
        return "no learning rate is stable with it"
    return "; ".join([*_changed(tried), *_stability(tried), *_loss(tried), *_longer(tried), *_caveats(tried)])


def _changed(tried: Tried) -> Iterator[str]:
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


def _stability(tried: Tried) -> Iterator[str]:
    if tried.name == LOWER:
        yield f"at {tried.rate_to_use:.4g} the lowest unstable rate is {room(tried.room)} higher"
    elif tried.has_own_rates:
        yield from _own_rates(tried)
    else:
        yield from _reached(tried)


def _own_rates(tried: Tried) -> Iterator[str]:
    """Another update rule: only the room above its own best rate compares."""
    assert tried.after is not None
    assert tried.before is not None
    before = tried.before.room(tried.before.study.best_learning_rate)
    yield (
        f"its own best rate is {tried.rate_to_use:.4g}, and the room above it {room(tried.room)}, against "
        f"{room(before)} without"
    )
    if not tried.cures:
        yield f"less than {tried.limits.own_rates:g} times the room tells nothing, since lr* is known up to a grid step"


def _reached(tried: Tried) -> Iterator[str]:
    """How far the stable rates reach, and at how many trials that was seen."""
    assert tried.after is not None
    assert tried.before is not None
    before, after = tried.before.highest_stable, tried.after.highest_stable
    if not tried.reaches_beyond:
        unstable = tried.before.study.unstable_base_learning_rate
        yield (
            f"stable up to {_rate(after)}, no more than {tried.limits.beyond:g} times the lowest unstable rate "
            f"{_rate(unstable)}, which is not known more closely"
        )
        return
    yield f"the highest stable rate goes from {_rate(before)} to {_rate(after)}"
    seen = tried.evidence
    yield (
        f"at {_rates(seen.rates)} {seen.n_unstable_without} of {seen.n_pairs} trials are unstable without it and "
        f"{seen.n_unstable_with} of {seen.n_pairs} with it"
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


def _loss(tried: Tried) -> Iterator[str]:
    """The objective at the rate to use against lr* without the fix."""
    if tried.after is None or tried.before is None:
        return
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


def _longer(tried: Tried) -> Iterator[str]:
    if tried.longer is not None:
        told = tried.longer
        yield (
            f"it starts slowly: with {told.max_train_steps} steps {told.objective:.4g} against "
            f"{told.baseline_objective:.4g}: {change(told.paired)}"
        )


def _caveats(tried: Tried) -> Iterator[str]:
    if tried.may_lose and not tried.loses and tried.last_word is not None:
        chance = 100 * tried.last_word.chance_higher
        yield f"it may cost some: losses as high come by chance in {chance:.2g} % of cases"
    share = tried.share_clipped.get(tried.rate_to_use or 0.0)
    if share is not None:
        words = f"{100 * share:.0f} % of the updates are clipped there"
        yield f"{words}: that is a way of lowering the learning rate" if share > AGGRESSIVE else words
    n_seeds = n_seeds_of(tried)
    if n_seeds < FEWEST_SEEDS:
        yield f"all this rests on {n_seeds} seed{'' if n_seeds == 1 else 's'}"


def n_seeds_of(tried: Tried) -> int:
    """Seeds that a rate was judged by, as a rule."""
    counts = [r.n_judged for r in tried.after.study.rates] if tried.after is not None else []
    return round(median(counts)) if counts else 0


def of_prescription(treated: Treated) -> str:
    """Why this fix and no other."""
    chosen = treated.prescribed
    assert chosen is not None
    others = [t for t in treated.tried if t.status == "verified" and t is not chosen]
    if chosen.name == LOWER:
        return "no other fix is verified without a likely cost: the last resort"
    if chosen.reaches_target:
        return f"the first fix in order with {room(chosen.room)} of room above {chosen.rate_to_use:.4g}"
    asked = f"{treated.limits.target:g}x"
    short = f"no fix restores {asked} of room beyond doubt of a loss"
    if not others:
        return f"{short}; this one alone is verified, with {room(chosen.room)}"
    which = "those that train better" if chosen.trains_better else "those verified"
    beaten = ", ".join(dict.fromkeys(numbers(t) for t in others if chosen.beats(t)))
    better = f", and it trains better than {beaten}" if beaten else ""
    return f"{short}; of {which} with about the most room, {room(chosen.room)}, the first one{better}"


def in_short(treated: Treated) -> str:
    """The outcome in a few words, for the line of the verdict."""
    if treated.unneeded:
        return f"no fix tried: {treated.unneeded}"
    chosen = treated.prescribed
    if chosen is None:
        doubtful = any(t.status == "verified" for t in treated.tried)
        why_not = "those verified may cost more than they bring" if doubtful else "none is verified"
        return f"no fix is prescribed: {why_not}"
    gain = _gain(chosen)
    return f"prescribed: {numbers(chosen)} at {chosen.rate_to_use:.4g} (room {room(chosen.room)}, {gain})"


def _gain(chosen: Tried) -> str:
    if chosen.trains_better:
        return "trains better"
    if chosen.comparison is None:
        return "nothing trains without it"
    if chosen.comparison is not None and chosen.comparison.change == "gain":
        return "better than lr* alone"
    return "a loss" if chosen.loses else "no gain in the loss"


def numbers(tried: Tried) -> str:
    """The fix with its numbers: `warmup_steps 15 + clip_norm 2.307`."""
    told = []
    if tried.treatment is not None:
        told += [f"warmup_steps {tried.treatment.warmup_steps}"] if tried.treatment.warmup_steps else []
        told += [f"clip_norm {tried.treatment.clip_norm:.4g}"] if tried.treatment.clip_norm is not None else []
        told += [f"rewrite {tried.treatment.rewrite}"] if tried.treatment.rewrite is not None else []
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
