"""Every fix, tried: the search for its numbers, then the sweep of the training that it changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from lrdoctor.assess.clip_text import in_short as clip_in_short
from lrdoctor.assess.warmup_text import words_of as warmup_text
from lrdoctor.core.warmups import steps_to_try
from lrdoctor.examine import range_test, rewrites
from lrdoctor.examine.bench import FixRunner
from lrdoctor.examine.clip import clip
from lrdoctor.examine.warmup import warmup
from lrdoctor.procedures import treatment
from lrdoctor.procedures.clip_measures import Threshold
from lrdoctor.procedures.treatment import LOWER, Treatment
from lrdoctor.procedures.treatment_results import NotTried, Swept, Tried, prescribed, to_confirm
from lrdoctor.spec import other_optimizers

FixProcedure = Callable[[FixRunner], Iterator[Tried]]
"""Tries one fix; gives a result for every variant of it."""

AUTOCLIP = 10.0
"""Percentile of the norms so far that AutoClip clips at, as its authors take it (Seetharaman et al. 2020)."""

NO_EDGE = "the sweep knows no best and no unstable learning rate to start from"

HALF_DECADES: Mapping[str, tuple[float, ...]] = {
    "adam": (1e-4, 3.162e-4, 1e-3, 3.162e-3, 1e-2, 3.162e-2, 1e-1),
    "momentum": (1e-3, 3.162e-3, 1e-2, 3.162e-2, 1e-1, 3.162e-1, 1.0),
}
"""Rates that another update rule is swept over first; the sweep extends them where the best one is at an end."""


def _warmup(bench: FixRunner) -> Iterator[Tried]:
    """The shortest warmup that holds far above the unstable rate, swept."""
    found = bench.warmup = warmup(bench.laboratory, bench.study, bench.seeds)
    if found is None:
        yield bench.not_tried("warmup", NO_EDGE)
        return
    bench.keep(found.runs)
    if not any(t.n_judged for t in found.tried):
        yield bench.not_tried("warmup", warmup_text(found, bench.study))
    elif found.held is None:
        yield bench.failed("warmup", warmup_text(found, bench.study))
    else:
        steps = found.held.warmup_steps
        settings = {"warmup_steps": steps, "post_warmup_steps": found.settings.post_warmup_steps(steps)}
        yield bench.swept("warmup", Treatment(warmup_steps=steps), settings, [found.held.base_learning_rate])


def _clip(bench: FixRunner) -> Iterator[Tried]:
    """Constant thresholds; then one that follows the norms, where no constant one holds without a cost."""
    constant: list[Tried] = []
    for tried in _constant(bench):
        constant.append(tried)
        yield tried
    if all(isinstance(tried, NotTried) for tried in constant):
        return  # what is not tried with a constant threshold has a reason that holds here too
    if bench.laboratory.spec.trainer == "command":
        return  # what steers a command's clipping lowers a constant threshold
    if bench.everything or not any(isinstance(t, Swept) and t.promises and not t.costs for t in constant):
        settings = {"autoclip_percentile": AUTOCLIP}
        yield bench.swept("clip_gradients", Treatment(autoclip_percentile=AUTOCLIP), settings)


def _constant(bench: FixRunner) -> Iterator[Tried]:
    """The easiest threshold that holds at the lowest unstable rate, swept; then a harder one that trains better, and
    the one that reaches furthest."""
    found = bench.clipping = clip(bench.laboratory, bench.clip_settings, bench.seeds, bench.study)
    bench.keep(found.runs)
    first = found.first_that_holds
    if found.status == "not_tried":
        yield bench.not_tried("clip_gradients", found.missing or "all its trials failed")
        return
    if first is None or first.setting.threshold is None:
        yield bench.failed("clip_gradients", clip_in_short(found))
        return
    easiest = _clipped(bench, first.setting.threshold)
    yield easiest
    if easiest.promises_target and not bench.everything:
        return
    harder = bench.clipping = clip(bench.laboratory, bench.harder_clip_settings, bench.seeds, bench.study)
    bench.keep(harder.runs)
    swept = {first.setting.threshold.clip_norm}
    for found_there in (harder.best, harder.furthest):
        threshold = None if found_there is None else found_there.setting.threshold
        if threshold is not None and threshold.clip_norm not in swept:
            swept.add(threshold.clip_norm)
            yield _clipped(bench, threshold)


def _clipped(bench: FixRunner, threshold: Threshold) -> Swept:
    """The sweep at a threshold; where it clips most updates it is compared with the lower rate that it amounts to."""
    settings = {"clip_norm": threshold.clip_norm, "percentile": threshold.percentile}
    return bench.compared_lower(bench.swept("clip_gradients", Treatment(clip_norm=threshold.clip_norm), settings))


def _pair(bench: FixRunner) -> Iterator[Tried]:
    """Warmup and clipping together, with what each was found to need; the longest warmup where none promises much."""
    name = "warmup+clip_gradients"
    threshold = _threshold(bench)
    if threshold is None:
        yield bench.not_tried(name, "there is no threshold to clip at")
        return
    spec = bench.laboratory.spec
    longest = steps_to_try(spec.warmup.steps, spec.max_train_steps)[-1]
    warmups = (t for t in bench.tried if isinstance(t, Swept) and t.name == "warmup")
    found = (t.settings["warmup_steps"] for t in warmups if t.promises)
    steps = next(found, longest)
    settings = {"warmup_steps": steps, "clip_norm": threshold.clip_norm, "percentile": threshold.percentile}
    yield bench.swept(name, Treatment(warmup_steps=steps, clip_norm=threshold.clip_norm), settings)


def _threshold(bench: FixRunner) -> Threshold | None:
    """That of the clipping that the search speaks for most, else of the one that held first, else the percentile asked
    for."""
    swept = [t for t in bench.tried if isinstance(t, Swept) and t.name == "clip_gradients"]
    constant = [t for t in swept if "clip_norm" in t.settings]
    known = prescribed(constant)
    best = to_confirm(constant, most=len(constant)) if known is None else known.fix
    if best is not None:
        return Threshold(best.settings["percentile"], best.settings["clip_norm"])
    found = bench.clipping
    if found is None or found.norms is None:
        return None
    if found.first_that_holds is not None:
        return found.first_that_holds.setting.threshold
    threshold = found.norms.threshold(bench.clip_settings.percentile)
    return threshold if threshold.clip_norm > 0 else None


def _optimizers(bench: FixRunner) -> Iterator[Tried]:
    """Update rules of another kind, each over learning rates of its own."""
    others = other_optimizers(bench.laboratory.spec)
    if not others:
        yield bench.not_tried("change_optimizer", "the spec names no `variants` of its command with another optimizer")
    for name, block in others.items():
        settings = {"optimizer": json.loads(block)}
        yield bench.swept("change_optimizer", Treatment(optimizer=block), settings, grid=_rates_for(bench, name))


def _rates_for(bench: FixRunner, name: str) -> tuple[float, ...]:
    """Rates that another update rule is swept over first; the spec's for a variant with a name of its own."""
    return HALF_DECADES.get(name) or range_test.grid(bench.laboratory)


def _lower(bench: FixRunner) -> Iterator[Tried]:
    """The rate with all the room asked for; the one with the least that helps where that one may cost something."""
    best, unstable = bench.study.best_learning_rate, bench.study.unstable_base_learning_rate
    if best is None or unstable is None:
        yield bench.not_tried(LOWER, NO_EDGE)
        return
    lower = treatment.lower_rates(best, unstable, bench.limits)
    if not lower:
        yield bench.not_tried(LOWER, "lr* has all the room asked for")
        return
    after = bench.with_rates(bench.before, lower, LOWER)
    options = [bench.lowered(rate, after) for rate in lower]
    yield next((option for option in options if not option.costs), options[-1])


CHANGE_THE_MODEL = (rewrites.RESIDUALS, rewrites.PLACEMENT, rewrites.ZERO)
"""What may help where no learning rate trains at all."""

COURSES: tuple[tuple[str, FixProcedure], ...] = (
    ("warmup", _warmup),
    ("clip_gradients", _clip),
    ("warmup+clip_gradients", _pair),
    ("change_optimizer", _optimizers),
    (rewrites.RESIDUALS, rewrites.residuals_and_norm),
    (rewrites.PLACEMENT, rewrites.norm_placement),
    (rewrites.ZERO, rewrites.zero_init),
    (LOWER, _lower),
)
"""The documented order."""
