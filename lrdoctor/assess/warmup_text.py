"""The result of the warmup procedure in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lrdoctor.assess.comparison_text import change
from lrdoctor.core.study import Objective, Rate, Study
from lrdoctor.core.warmups import CAP
from lrdoctor.fixes.base import warmup_of
from lrdoctor.procedures.warmup import WarmupAttempt
from lrdoctor.procedures.warmup_comparison import Comparison, Held, WarmupFound

CONSTANT = "constant"
"""The spec's schedule that does what the short runs do after the ramp."""
LOSS: Mapping[Objective, str] = {"best_val_loss": "validation loss", "best_train_loss": "training loss"}


def words_of(found: WarmupFound, study: Study) -> str:
    """What was tried and what came of it: rates, seeds, and losses with their spread."""
    if not any(t.n_judged for t in found.tried):
        return "all its trials failed, so nothing is known"
    if found.held is None:
        return _nothing_held(found)
    parts = [_reached(found.held, found), _whole_runs(found), *_shared_steps(found.held, found, study)]
    if found.comparison is not None:
        parts.append(_best_losses(found.comparison, study, found.objective))
    if own := warmup_of(study):
        parts.append(f"without it stands for the spec's own warmup of {_steps(own)}")
    return "; ".join(part for part in parts if part)


def in_short(found: WarmupFound, study: Study) -> str:
    """The same in the fewest words, for the line of the verdict."""
    if found.held is None:
        return words_of(found, study)
    if found.comparison is None or found.risen is None:
        return _whole_runs(found)
    return (
        f"{_steps(found.held.warmup_steps)} of it raise the highest stable rate from {_rate(found.stable_without)} to "
        f"{_rate(found.stable_with)}; best {LOSS[found.objective]}: {change(found.comparison.paired)}"
    )


def _nothing_held(found: WarmupFound) -> str:
    settings = found.settings
    longest = [t for t in found.tried if t.warmup_steps == settings.longest and t.n_judged]
    lowest = min(longest or found.tried, key=lambda t: t.base_learning_rate)
    return (
        f"no warmup of up to {_steps(settings.longest)} ({100 * CAP:.0f} % of max_train_steps) made a rate from "
        f"{lowest.base_learning_rate:.4g} on trainable; {_steps(lowest.warmup_steps)} to it "
        f"held in {lowest.n_held} of {lowest.n_judged} seeds{_happened(lowest)}"
    )


def _happened(tried: WarmupAttempt) -> str:
    events = sorted(tried.events.items(), key=lambda item: (-item[1], item[0]))
    return f" ({', '.join(f'{name} {count}/{tried.n_judged}' for name, count in events)})" if events else ""


def _reached(by_search: Held, found: WarmupFound) -> str:
    base, steps, settings = by_search.base_learning_rate, by_search.warmup_steps, found.settings
    held = next(t for t in found.tried if (t.base_learning_rate, t.warmup_steps) == (base, steps))
    factor = base / settings.unstable_base_learning_rate
    partial = "" if base >= settings.target else f" (not {settings.factor:.4g}x, {settings.target:.4g})"
    return (
        f"the shortest warmup that holds, {_steps(steps)}, reaches {base:.4g}, {factor:.3g}x the unstable rate"
        f"{partial}, in {held.n_held} of {held.n_judged} seeds of short runs"
    )


def _whole_runs(found: WarmupFound) -> str:
    """From which to which the highest stable rate rose, in the comparison of whole runs."""
    after = found.stable_with
    if after is None:
        return "before the whole schedule it is stable at none of the compared rates"
    warmed, plain = (next(r for r in rates if r.base_learning_rate == after) for rates in (found.warmed, found.without))
    with_it, without = _stable_seeds(warmed), _stable_seeds(plain)
    if not found.is_beyond_the_edge:
        unstable, known = found.settings.unstable_base_learning_rate, found.settings.resolution
        return (
            f"with it whole runs stay stable up to {after:.4g} ({with_it} seeds), and that is not clearly higher than "
            f"{unstable:.4g}, where training without it becomes unstable: a rate known to within {known:.4g}x"
        )
    if found.risen is None:
        stable = f"in whole runs it is stable up to {after:.4g}, in {with_it} seeds"
        return f"{stable}, but so is training without it, in {without}"
    close = warmed.n_judged - warmed.n_unstable - (plain.n_judged - plain.n_unstable) <= 1
    return (
        f"in whole runs the highest stable rate rose from {_rate(found.stable_without)} to {after:.4g}, in {with_it} "
        f"seeds ({without} without{', the difference of one seed' if close else ''})"
    )


def _shared_steps(by_search: Held, found: WarmupFound, study: Study) -> Iterator[str]:
    """With a constant schedule a whole run begins as the short one did, update by update, and confirms none of it."""
    schedule = (study.spec or {}).get("schedule", {})
    if schedule.get("name") != CONSTANT or not found.warmed:
        return
    after = found.settings.post_warmup_steps(by_search.warmup_steps)
    further = found.settings.max_train_steps - after
    yield (
        f"the schedule is constant, so that a whole run at {_rate(by_search.base_learning_rate)} begins with the "
        f"{_steps(by_search.warmup_steps + after)} of the short one: only the {further} after them are new "
        "evidence"
    )


def _stable_seeds(rate: Rate) -> str:
    return f"{rate.n_judged - rate.n_unstable} of {rate.n_judged}"


def _steps(n: int) -> str:
    return f"{n} step{'' if n == 1 else 's'}"


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.4g}"


def _best_losses(comparison: Comparison, study: Study, objective: Objective) -> str:
    at = f"{comparison.base_learning_rate:.4g}"
    return (
        f"best {LOSS[objective]} {_range(comparison.warmed, comparison.after)} at {at} with it and its added steps, "
        f"{_range(comparison.baseline, comparison.before)} at lr* = {study.best_learning_rate:.4g} without: "
        f"{change(comparison.paired)}"
    )


def _range(values: Mapping[int, float], middle: float) -> str:
    return f"{middle:.4g} ({min(values.values()):.4g}..{max(values.values()):.4g})"
