"""A sweep whose best learning rate sits at the edge of instability.

## What it sees
The stability margin, unstable_base_learning_rate / best_learning_rate, is 2 or less, or it is less than 5 and no
swept rate lies between the two, or no rate is feasible at all.

With other seeds lr* and the unstable rate would move, so this is said only where it holds in 95 of 100 draws of what
the two may be over all seeds (and the figures themselves are on that side). While it is neither sure nor sure to be
wrong, the rule is skipped and the verdict is `inconclusive`; the reason says how many seeds would settle it, and
`--seeds auto` adds them until it is settled.

## Why it matters
Instability is a problem when it forces a learning rate that is too small. When the best rate is the last one before
training breaks, it is likely that better rates lie beyond the edge (tuning playbook, Figure 7a), and the short run
at twice the best rate will be unstable. One slightly worse feasible point above it is still "at the edge".

## Odd sweeps
A sweep that a budget ended (`--budget`) is judged only where no trial that was left out can change what is said: while
the grid or its seeds are not done lr* may move, and the rule is skipped. Afterwards a found edge stays one, since the
checks and the bisection can only find it further down.

Rates whose trials all failed say nothing. Whether the checks at 5 and 10 times the best rate are missing is LRD402's
business: an edge that was found is one whatever lies above it. Where both rates were given (`--lr`, `--unstable-lr`)
and nothing was swept, the margin of 2 alone decides: there is no grid whose next rate could be the edge, and no seeds
that could disagree. One seed gives no interval: then the verdict is withheld only where the margin is within what
seeds typically differ by, a factor of 1.35, of the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.core.certainty import Certainty, Side
from lrdoctor.core.study import Rate, Study
from lrdoctor.rules.base import Found, Rule

SWEPT = ("grid", "extension")


@dataclass(frozen=True)
class Thresholds:
    margin: float = 2.0
    """The playbook's short run for early instability goes to 2 x the best rate: instability within that factor."""
    clear: float = 5.0
    """The lower of the playbook's two checks: a margin this large is room, however coarse the grid."""


THRESHOLDS = Thresholds()

Values = npt.NDArray[np.float64]


def is_at_edge(best: Values, unstable: Values, swept: Iterable[float]) -> npt.NDArray[np.bool_]:
    """Whether each best rate sits at the edge of the unstable one of its pair.

    >>> is_at_edge(np.array([0.01, 0.01, 0.01]), np.array([0.02, 0.04, 0.06]), [0.01, 0.05])
    array([ True,  True, False])

    Args:
        best: best rates, float64[n].
        unstable: the lowest unstable rates, float64[n]; inf where there is none.
        swept: the rates among which the best one was chosen; empty where none was swept.
    """
    ascending = np.sort(np.array([*swept]))
    # with no rate swept there is no grid whose next rate could be the edge
    last = -np.inf if not len(ascending) else np.inf
    following = np.append(ascending, last)[np.searchsorted(ascending, best, side="right")]
    is_next = (unstable <= following) & (unstable < THRESHOLDS.clear * best)
    return np.asarray((unstable <= THRESHOLDS.margin * best) | is_next)


def swept_rates(rates: Iterable[Rate]) -> list[float]:
    """The rates among which lr* was chosen."""
    return [r.base_learning_rate for r in rates if r.n_judged and r.stage in SWEPT]


def side(study: Study) -> Side:
    """Whether lr* sits at the edge, by the study's figures and, where that is known, what they may be over all seeds.

    A short run may have found a lower unstable rate than the seeds of the sweep: then the two have to agree. Where a
    budget ended the sweep, whatever the trials that it left out may show has to agree too.
    """
    best, unstable = study.best_learning_rate, study.unstable_base_learning_rate
    figures = _side_of(study, unstable)
    if study.cut is not None:
        # more trials may move lr* while the grid is not done; afterwards they only find the edge further down
        tried = (r.base_learning_rate for r in study.rates if r.n_judged)
        lowest = best
        if study.cut.stage == "refinement" and unstable is not None:
            lowest = max((rate for rate in tried if rate < unstable), default=best)
        if best is None or study.cut.may_move_best or _side_of(study, lowest) != figures:
            return "open"
    if study.certainty is None:
        return figures
    return figures if study.certainty.sides[RULE.code] == figures else "open"


def _side_of(study: Study, unstable: float | None) -> Side:
    """Of lr* where training is unstable from that rate on."""
    best = study.best_learning_rate
    if best is None or unstable is None:
        return "beyond"
    return "within" if is_at_edge(np.array([best]), np.array([unstable]), swept_rates(study.rates))[0] else "beyond"


def check(study: Study) -> Found:
    judged = [r for r in study.rates if r.n_judged]
    if study.cut is not None and side(study) == "open":
        yield RULE.skip(f"the budget ended before it could be told where lr* and the edge are: {study.cut.left_out}")
        return
    if study.best_learning_rate is None:
        if judged:
            yield RULE.finding("no learning rate is feasible in a majority of seeds", observed=0.0, threshold=1.0)
        return
    lies = side(study)
    if lies == "open" and study.certainty is not None:
        yield RULE.skip(_why_open(study, study.certainty))
        return
    unstable, margin = study.unstable_base_learning_rate, study.stability_margin
    if unstable is None or margin is None:
        return
    if lies == "beyond":
        return
    spread = study.margin_range
    if spread and study.certainty is not None:
        # the next swept rate may be the edge as well, so that the interval alone does not tell how sure it is
        spread += f", {study.certainty.chances[RULE.code]:.0%} sure".replace("%", " %")
    yield RULE.finding(
        f"{study.best_in_words} sits at the edge of instability: "
        f"{_where(study.best_learning_rate, unstable, margin, spread)}",
        observed=margin,
        threshold=THRESHOLDS.margin,
    )


def _why_open(study: Study, known: Certainty) -> str:
    """Why it cannot be told, and how many seeds would do."""
    margin = study.stability_margin
    seeds = f"{known.n_seeds} seed{'s' if known.n_seeds > 1 else ''}"
    what = (
        f"{seeds} cannot tell whether {study.best_in_words} sits at the edge of instability (unstable less than "
        f"{THRESHOLDS.margin:g}x above it, or at the next swept rate)"
    )
    found = "no instability was found"
    if margin is not None:
        found = f"training is unstable from {margin:.3g}x higher on{study.margin_range}"
    if known.stability_margin is None:
        found += f", {seeds} gives no interval and seeds typically differ by a factor of {known.typical_spread:.2g}"
    if RULE.code not in known.seeds_to_settle:
        return f"{what}: {found}, which is not what the seeds of the sweep say"
    needed = known.seeds_to_settle[RULE.code]
    if not needed:
        return f"{what}: {found}; it may take more than 20 seeds to settle it"
    return f"{what}: {found}; about {needed} seeds would settle it: --seeds {needed}, or --seeds auto"


def _where(best: float, unstable: float, margin: float, spread: str) -> str:
    if unstable <= best:
        return f"training is already unstable at {unstable:.4g}, {'below it' if unstable < best else 'the same rate'}"
    only = "only " if margin <= THRESHOLDS.margin else ""
    return f"training is unstable from {unstable:.4g} on, {only}{margin:.3g}x higher{spread}"


RULE = Rule(
    code="LRD401",
    name="best rate at the edge",
    severity="error",
    instability="edge",
    summary="The best learning rate is the last one before training becomes unstable.",
    manual=__doc__,
    check_study=check,
)
