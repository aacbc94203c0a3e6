"""A trial that has settled at a level that needs no input, while a lower learning rate goes on learning.

## What it sees
The loss no longer falls, and ends certainly above what a trial at a **lower** rate reaches that did learn. Beside that
one of four things that a mere noise floor, however high, does not show:

- the outputs no longer depend on the input: from one example to the next they differ by less than a twentieth of what
  they do in the trial at the lower rate;
- the loss ends no lower than that of the best constant prediction: for cross-entropy the entropy of the labels, for the
  squared error their variance;
- trials at different rates, and of different seeds, end at the same level. The floor that noise sets rises with the
  rate; a collapsed model has the same loss whatever the rate;
- more than half of what the lower rate learns is missing: of the way from a loss that needs no learning down to its
  level.

A loss that falls at its end counts as well where two thirds of the run had passed before it left the level that needs
no learning, and the lower rate had left it within a quarter.

The finding says which of them was seen.

## Why it matters
The playbook calls a trial infeasible when its loss is NaN *or uncharacteristically high*. Deep post-norm Transformers
fail this way at high rates: the loss settles at the entropy of single tokens, the gradient norm is small, and nothing
looks wrong until it is compared. Networks whose units have all died fail likewise.

## Odd curves
Only lower rates are compared, since a rate that is merely too low is slow, not unstable. A trial without a lower rate
that learned is skipped; where no rate learns, the sweep as a whole says so. A single log has nothing to compare with
and is not asked: there a loss that never falls is inconclusive (LRD302). Where outputs or the best constant prediction
cannot be known, as with a model that returns its loss, the other signs decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrdoctor.core import robust
from lrdoctor.core.curve import EMPTY
from lrdoctor.core.robust import median
from lrdoctor.core.run import Run, trial_of
from lrdoctor.core.study import Study
from lrdoctor.measures import level
from lrdoctor.measures.level import Level
from lrdoctor.measures.trials import trials_in
from lrdoctor.measures.view import View
from lrdoctor.rules.base import Found, Rule

if TYPE_CHECKING:
    from lrdoctor.core.trial import Trial


@dataclass(frozen=True)
class Thresholds:
    spread: float = 0.05
    """Part of the lower rate's spread of outputs. Collapsed models show below a hundredth, trained ones, however
    noisily, more than a third."""
    still_falling: float = 0.1
    """Part of what is missing to the lower rate's level that the loss fell by from the third to the last quarter of the
    run: above it the trial is slow rather than stuck."""
    above_constant: float = 0.1
    """Part of the way from the best constant prediction down to the lower rate's level that the trial may have made."""
    same: float = 0.05
    """Part of the same way, or of that from the untrained level, by which levels that are the same may differ."""
    missing: float = 0.25
    """Part of that way that is missing where the same level is the only sign: noise floors of neighbouring rates may be
    alike too, close to what the lower rate reaches."""
    most: float = 0.5
    """Part of that way that no noise floor misses: more than half is an uncharacteristically high loss by itself."""
    last_evaluations: int = 3
    """Evaluations at the end whose median is compared."""
    blocks: int = 20
    """Blocks of a run by whose medians it is told for how long the loss was at a level."""
    waited: float = 2 / 3
    """Part of the run that a trial stays at a level that needs no learning, from which on it was stuck even where it
    begins to learn before the end: as a rate for this many steps it is of no use."""
    at_once: float = 0.25
    """Part of the run in which the lower rate left that level, at most."""
    apart: float = 1.5
    """Ratio of rates from which on they are different ones."""


THRESHOLDS = Thresholds()


def check(view: View, study: Study) -> Found:
    run, mine = view.run, view.level
    if run.status != "completed" or mine is None or run.train_loss.first_non_finite is not None:
        yield RULE.skip("too few points before the run ended to see a plateau", run)
        return
    better = _best_below(run, study)
    if better is None:
        yield RULE.skip("no trial at a lower learning rate that learned, to compare with", run)
        return
    reference = better.level
    gap = mine.mean - reference.mean
    # neither still on its way down nor up: a loss that rises to its end is LRD202's
    is_flat = abs(mine.fallen) - level.THRESHOLDS.certain * mine.fallen_error <= THRESHOLDS.still_falling * gap
    if gap > level.THRESHOLDS.certain * (mine.error**2 + reference.error**2) ** 0.5:
        signs = list(_signs(run, mine, better, study)) if is_flat else list(_waited(run, better.run))
    else:
        signs = list(_signs_by_batch(view, better)) if gap > 0 and is_flat else []
    if not signs:
        return
    yield RULE.finding(
        f"the loss {'has settled' if is_flat else 'ends'} at {mine.mean:.4g}, where a learning rate of "
        f"{better.trial.base_learning_rate:.4g} reaches {reference.mean:.4g}: {'; '.join(signs)}",
        observed=mine.mean,
        threshold=reference.mean,
        run=run,
        first_step=int(run.train_loss.step[len(run.train_loss) // 2]),
        last_step=int(run.train_loss.step[-1]),
    )


def _outputs(run: Run, better: Run) -> Iterator[str]:
    """Outputs that no longer depend on the input."""
    spread, usual = run.provenance.get("output_spread"), better.provenance.get("output_spread")
    if spread is not None and usual and spread < THRESHOLDS.spread * usual:
        yield (
            "the model has stopped using its input (its outputs differ from example to example by "
            f"{spread:.2g}, at the lower rate by {usual:.2g})"
        )


def _signs_by_batch(view: View, reference: _Better) -> Iterator[str]:
    """What shows it where a few wild batches hide the level: batch by batch, which only trials of a seed share, and in
    the evaluations, whose data are the same every time. The logarithms of single batches alone would make much of those
    on which nearly nothing is lost."""
    run, better = view.run, reference.run
    yield from _outputs(run, better)
    if trial_of(run).seed != reference.trial.seed:
        return
    unlearned = [level.constant_losses(run), run.control or EMPTY]
    missing = [
        share
        for curve in unlearned
        if len(curve) and (share := level.share_missing(run.train_loss, better.train_loss, curve)) is not None
    ]
    mine, its = (of.val_loss.finite.value[-THRESHOLDS.last_evaluations :] for of in (run, better))
    if not missing or not len(mine) or not len(its):
        return
    way = view.beside.unlearned_in_evaluations - float(median(its))
    seen = float(median(mine) - median(its)) / way if way > 0 else 0.0
    if min(missing) >= 1 - THRESHOLDS.above_constant and seen > THRESHOLDS.most:
        yield (
            f"batch by batch {100 * min(missing):.0f} % of what the lower rate learns is missing, measured from the "
            f"best constant prediction and from the untrained weights, and {100 * seen:.0f} % in the evaluations"
        )


def _signs(run: Run, mine: Level, better: _Better, study: Study) -> Iterator[str]:
    """What shows that this is no noise floor, in words."""
    reference = better.level
    yield from _outputs(run, better.run)
    constant = run.provenance.get("constant_loss")
    if constant is not None and reference.mean < constant:
        allowed = THRESHOLDS.above_constant * (constant - reference.mean) + level.THRESHOLDS.certain * mine.error
        if mine.mean >= constant - allowed:
            yield f"that is no lower than the best constant prediction ({constant:.4g})"
    untrained = [constant, _untrained(run)]
    top = min((value for value in untrained if value is not None), default=None)
    if top is None or not reference.mean < mine.mean < top:
        return
    missing = (mine.mean - reference.mean) / (top - reference.mean)
    if missing > THRESHOLDS.most:
        yield f"{100 * missing:.0f} % of what the lower rate learns is missing (a loss of {top:.4g} needs no learning)"
    elif missing > THRESHOLDS.missing and mine.fallen <= THRESHOLDS.still_falling * (mine.mean - reference.mean):
        yield from _same_level(run, better, mine, top - reference.mean, study)


def _same_level(run: Run, better: _Better, mine: Level, way: float, study: Study) -> Iterator[str]:
    """Other trials that end there, at rates above the one that learns more: a slow one passes any level."""
    own = trial_of(run)

    def is_another(rate: float) -> bool:
        higher, lower = max(rate, own.base_learning_rate), min(rate, own.base_learning_rate)
        return rate > better.trial.base_learning_rate and higher >= THRESHOLDS.apart * lower

    trials = trials_in(study)
    at, is_of_others = trials.rates_at(mine.mean, THRESHOLDS.same * way, own.seed, is_another)
    if at and (is_of_others or trials.of_seed.keys() <= {own.seed}):
        rates = ", ".join(f"{rate:.4g}" for rate in sorted(at))
        yield f"trials at other rates ({rates}) end at the same level"


def _waited(run: Run, better: Run) -> Iterator[str]:
    """A trial that leaves the level that needs no learning only when most of its steps are over, where a lower rate
    left it at once."""
    level_of = [run.provenance.get("constant_loss"), _untrained(run)]
    top = min((value for value in level_of if value is not None), default=None)
    mine, its = (
        robust.block_medians(run.train_loss.finite.value, max(1, len(run.train_loss) // THRESHOLDS.blocks)),
        (robust.block_medians(better.train_loss.finite.value, max(1, len(better.train_loss) // THRESHOLDS.blocks))),
    )
    if top is None or not len(mine) or not its.min() < top:
        return
    still = top - THRESHOLDS.above_constant * (top - its.min())
    share, usual = float((mine >= still).mean()), float((its >= still).mean())
    if share >= THRESHOLDS.waited and usual <= THRESHOLDS.at_once:
        yield (
            f"for {100 * share:.0f} % of the run it was no lower than a loss that needs no learning ({top:.4g}), which "
            f"the lower rate had left behind after {100 * usual:.0f} %"
        )


def _untrained(run: Run) -> float | None:
    ends = None if run.control is None else level.measure(run.control)
    return None if ends is None else ends.mean


@dataclass(frozen=True)
class _Better:
    """A trial that learned at a lower rate."""

    trial: Trial
    run: Run
    level: Level
    """At its end."""


def _best_below(run: Run, study: Study) -> _Better | None:
    """The one with the lowest level at its end among those that learned at lower rates, of the same seed where there
    is one."""
    mine = trial_of(run)
    best = trials_in(study).best_below(mine.base_learning_rate, mine.seed)
    return None if best is None else _Better(*best)


RULE = Rule(
    code="LRD301",
    name="stuck",
    severity="error",
    instability="plateau",
    summary="The training loss settled at a level that needs no input, far above what a lower learning rate reaches.",
    manual=__doc__,
    check_trial=check,
)
