"""How certain the figures of a sweep are: lr*, the unstable rate and the margin over seeds, and a verdict. Pure.

The seeds of a sweep are a handful of those one might have taken; with others lr* and the unstable rate move, each by a
factor of two with three seeds. Drawn here is what they may be over *all* seeds, given the trials of these:

- the unstable rate from the posterior of `reach`;
- the losses over the swept rates from their medians over the seeds, which have an error, as a smooth curve (a Gaussian
  process over the log rate, averaged over how smooth it is), and lr* where the drawn curve is lowest among the rates
  that the draw takes for feasible;
- the margin as the ratio of the two of one draw.

A verdict is given only when the draws agree on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import cast

import numpy as np
import numpy.typing as npt

from lrdoctor.core.certainty import Certainty, Interval, Side
from lrdoctor.core.report import Finding
from lrdoctor.core.study import Study
from lrdoctor.procedures.reach import PRIOR, Outcome, Reach, Values, reach
from lrdoctor.procedures.sweep import objective_of


@dataclass(frozen=True)
class Settings:
    confidence: float = 0.9
    """Of the intervals: one in ten misses, one in twenty on either side, and a verdict needs all of one side."""
    single: float = 0.68
    """The same with one seed, from which no interval can be had: the verdict is withheld only within the typical spread
    over seeds of a limit, which the prior of `reach` holds, since a first sweep has one seed and needs a word."""
    n_draws: int = 2000
    most_seeds: int = 20
    """Seeds that are still worth naming as the number that settles a verdict."""
    power: float = 0.8
    """Chance that the number of seeds which is named settles the verdict, were the spread all that moves it."""
    lengths: tuple[float, ...] = (0.7, 1.5, 3.0, 6.0)
    """Over how many units of log rate (e-folds) the loss curve bends: from a factor of 2, where it turns within two
    grid points, to the whole sweep, a plain bowl."""
    heights: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    """Size of the bends, in units of the logarithm of the loss or, for losses that reach 0, of their range."""
    own: float = 4.0
    """Trials that the noise of all rates counts for against that of one rate: near the edge the noise is larger, but
    three trials know it badly."""
    highest: float = 0.95
    """Quantile of the feasible seeds that stands for the median of all where nearly half of them are infeasible."""


SETTINGS = Settings()


def outcomes_of(study: Study, findings: Iterable[Finding]) -> list[Outcome]:
    """What each judged trial of a sweep did.

    Args:
        study: the sweep.
        findings: of its runs (others are ignored).
    """
    found = list(findings)
    infeasible = {f.run for f in found if f.severity == "error"}
    unstable = {f.run for f in found if f.severity != "info"}
    return [
        Outcome(
            base_learning_rate=run.trial.base_learning_rate,
            seed=run.trial.seed,
            is_unstable=run.name in unstable,
            objective=math.inf if run.name in infeasible else objective_of(run, study.objective),
        )
        for run in study.runs
        if run.trial is not None and run.status != "failed"
    ]


@dataclass(frozen=True)
class Draws:
    """What lr* and the unstable rate may be over all seeds; paired, float64[draws]."""

    best: Values
    unstable: Values
    n_seeds: int
    has_instability: bool
    """A majority of seeds was unstable at some rate; without, the upper end of the unstable rate is open."""
    reach: Reach

    @property
    def margin(self) -> Values:
        """1 at least: where lr* is itself an unstable rate there is no room, and no less than none."""
        return cast(Values, np.maximum(1.0, self.unstable / self.best))


def draw(outcomes: Sequence[Outcome], swept: Sequence[float], settings: Settings = SETTINGS) -> Draws | None:
    """Draws lr* and the unstable rate; None where no swept rate has a feasible trial.

    The numbers come from a generator with a fixed seed: the same trials give the same draws.

    Args:
        outcomes: of the judged trials of a sweep.
        swept: the rates among which lr* is chosen.
        settings: number of draws, smoothness.
    """
    # a fixed seed: a report must not change from one reading of the same trials to the next
    rng = np.random.default_rng(0)
    # evenly spread shares in any order: the quantiles are those of the posterior, without the noise of drawn ones
    shares = rng.permutation((np.arange(settings.n_draws) + 0.5) / settings.n_draws)
    unstable = reach(outcomes)
    edge = unstable.edge(shares)
    # infeasible trials are some of the unstable ones: the two edges move together, so they are drawn at the same share
    infeasible = np.maximum(edge, reach(outcomes, of_infeasible=True).edge(shares))
    best = _best(outcomes, swept, infeasible, settings, rng)
    if best is None:
        return None
    by_rate: dict[float, list[bool]] = {}
    for o in outcomes:
        by_rate.setdefault(o.base_learning_rate, []).append(o.is_unstable)
    return Draws(
        best=best,
        unstable=np.exp(edge),
        n_seeds=len({o.seed for o in outcomes}),
        has_instability=any(2 * sum(of_rate) > len(of_rate) for of_rate in by_rate.values()),
        reach=unstable,
    )


def _best(
    outcomes: Sequence[Outcome],
    swept: Sequence[float],
    infeasible: Values,
    settings: Settings,
    rng: np.random.Generator,
) -> Values | None:
    """The best of the swept rates in each draw, float64[draws]."""
    rates, table, infeasible_share = _table(outcomes)
    is_swept = np.isin(rates, np.array(swept))
    if not is_swept.any():
        return None
    centre, error = _centres(table, infeasible_share, settings)
    # the rates tried to find the edge help to draw the curve, but lr* is chosen among the swept ones
    curve = _curves(np.log(rates), centre, error, settings, rng)[:, is_swept]
    candidates = rates[is_swept]
    # a rate beyond the drawn edge of feasibility is no candidate; the lowest always is, so that there is one
    is_feasible = np.log(candidates)[None, :] < infeasible[:, None]
    is_feasible[:, 0] |= ~is_feasible.any(axis=1)
    return cast(Values, candidates[np.argmin(np.where(is_feasible, curve, np.inf), axis=1)])


def _table(outcomes: Sequence[Outcome]) -> tuple[Values, Values, Values]:
    """The rates with a feasible trial, ascending; their objectives float64[rates, seeds]; their infeasible share.

    An objective is nan where the trial is infeasible or was not run, and the logarithm where all are above 0.
    """
    feasible = [o for o in outcomes if not o.is_infeasible]
    rates, row = np.unique([o.base_learning_rate for o in feasible], return_inverse=True)
    seeds, column = np.unique([o.seed for o in feasible], return_inverse=True)
    table = np.full((len(rates), len(seeds)), np.nan)
    table[row, column] = [o.objective for o in feasible]
    tried = np.array([o.base_learning_rate for o in outcomes])
    share = 1 - np.bincount(row) / np.array([(tried == rate).sum() for rate in rates])
    finite = table[np.isfinite(table)]
    if len(finite) and finite.min() > 0:
        # the noise of a loss is in proportion to it
        return rates, np.log(table), share
    span = float(np.ptp(finite)) if len(finite) else 0.0
    return rates, table / span if span > 0 else table, share


def _centres(table: Values, infeasible_share: Values, settings: Settings) -> tuple[Values, Values]:
    """Median level of each rate over the seeds and its standard error, float64[rates] each.

    A seed that is better at every rate says nothing of which rate is best: its own level is taken off first.
    """
    n = np.isfinite(table).sum(axis=1)
    rate = np.nanmedian(table, axis=1)
    off = table - rate[:, None]
    of_seed = np.array([np.median(c[np.isfinite(c)]) if np.isfinite(c).any() else 0.0 for c in off.T])
    own = table - of_seed[None, :]
    centre = np.nanmedian(own, axis=1)
    squares = np.nansum((own - np.nanmean(own, axis=1)[:, None]) ** 2, axis=1)
    # one seed's level was fitted to all rates: (rates - 1) (seeds - 1) degrees of freedom are left
    freedom = max(1.0, float((n - 1).sum()) * (1 - 1 / len(n))) if len(n) > 1 else max(1.0, float((n - 1).sum()))
    pooled = float(squares.sum()) / freedom
    variance = (squares + settings.own * pooled) / (np.maximum(n - 1, 0) + settings.own)
    # the median of many normal values has pi / 2 times the variance of their mean; of two it is their mean
    wasted = np.where(n > 2, 1 + (math.pi / 2 - 1) * (1 - 2 / np.maximum(n, 2)), 1.0)
    # an infeasible seed is infinitely bad: with a third of them the median of all is the upper quartile of the rest
    upper = [NormalDist().inv_cdf(min(0.5 / (1 - share), settings.highest)) for share in infeasible_share.clip(max=0.5)]
    return centre + np.array(upper) * np.sqrt(variance), np.sqrt(variance * wasted / n)


def _curves(x: Values, centre: Values, error: Values, settings: Settings, rng: np.random.Generator) -> Values:
    """Smooth curves that the levels with their errors may come from, float64[draws, rates]."""
    # never 0: of one seed the levels would pass for exact, and the matrix be singular
    noise = np.diag(np.maximum(error, 1e-6) ** 2)
    level = np.full((len(x), len(x)), 100.0)  # the height of the curve as a whole is not known
    distance = np.abs(x[:, None] - x[None, :])
    fits = []
    for length in settings.lengths:
        shape = _smooth(distance / length)
        for height in settings.heights:
            prior = height**2 * shape + level
            total = np.linalg.cholesky(prior + noise)
            white = np.linalg.solve(total, centre - centre.mean())
            # the marginal likelihood, by which how smooth the curve is gets averaged over and not chosen
            fits.append((-0.5 * float(white @ white) - float(np.log(np.diag(total)).sum()), prior, total, white))
    weight = np.exp(np.array([f[0] for f in fits]) - max(f[0] for f in fits))
    which = np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(settings.n_draws)).clip(max=len(fits) - 1)
    normal = rng.standard_normal((settings.n_draws, len(x)))
    curves = np.empty((settings.n_draws, len(x)))
    for i, (_, prior, total, white) in enumerate(fits):
        chosen = which == i
        if not chosen.any():
            continue
        part = np.linalg.solve(total, prior)
        covariance = prior - part.T @ part
        # by eigenvalues: rounding leaves some a little below 0, at which Cholesky would fail
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        curves[chosen] = part.T @ white + normal[chosen] @ root.T
    return curves


def _smooth(distance: Values) -> Values:
    """Correlation of a curve that can be differentiated twice (Matern 5/2), at a distance in units of its length."""
    r = math.sqrt(5) * distance
    return (1 + r + r**2 / 3) * np.exp(-r)


IsWithin = Callable[[Values, Values], npt.NDArray[np.bool_]]
"""Whether lr* and the unstable rate of each draw, float64[draws] each, lie within a limit of each other."""


def within(limit: float) -> IsWithin:
    """The margin is at most the limit."""
    return lambda best, unstable: unstable <= limit * best


def judge(
    outcomes: Sequence[Outcome],
    swept: Sequence[float],
    best: float,
    unstable: float | None,
    limits: Mapping[str, IsWithin],
    settings: Settings = SETTINGS,
) -> Certainty | None:
    """How certain the figures of a sweep are; None where no swept rate is feasible.

    Args:
        outcomes: of its judged trials.
        swept: the rates among which lr* was chosen.
        best: lr* as the sweep reports it.
        unstable: the unstable rate likewise; None where none was found.
        limits: on which side of them the margin lies is asked, by name.
        settings: how certain a verdict has to be.
    """
    draws = draw(outcomes, swept, settings)
    if draws is None:
        return None
    is_single = draws.n_seeds == 1
    if is_single:
        # one curve has no spread over seeds: lr* is taken as it is, and the typical spread of the edges is all there is
        draws = replace(draws, best=np.full_like(draws.best, best))
    chances = {name: float(is_within(draws.best, draws.unstable).mean()) for name, is_within in limits.items()}
    figures = np.array([best]), np.array([math.inf if unstable is None else unstable])
    asked = settings.single if is_single else settings.confidence
    sides = {name: _side(chances[name], bool(limits[name](*figures)[0]), asked) for name in limits}
    certainty = Certainty(
        n_seeds=draws.n_seeds,
        confidence=settings.confidence,
        best_learning_rate=None,
        unstable_base_learning_rate=None,
        stability_margin=None,
        stable_in_3_of_4=None,
        typical_spread=math.exp(PRIOR.spread),
        chances=chances,
        sides=sides,
        seeds_to_settle={
            name: _seeds_to_settle(chances[name], draws.n_seeds, settings) for name in limits if sides[name] == "open"
        },
    )
    if is_single:
        return certainty
    highest = max(o.base_learning_rate for o in outcomes)
    return replace(
        certainty,
        best_learning_rate=_interval(draws.best, best, settings.confidence),
        unstable_base_learning_rate=_open(draws, draws.unstable, unstable, settings.confidence),
        stability_margin=_open(draws, draws.margin, unstable and unstable / best, settings.confidence),
        stable_in_3_of_4=min(draws.reach.at_most_a_quarter(settings.confidence), highest),
    )


def _side(share: float, is_within: bool, confidence: float) -> Side:
    """Where the margin lies, when the draws agree on it and the figures of the sweep are on the same side."""
    # one side of the interval: a verdict is wrong on one side only
    outside = (1 - confidence) / 2
    if share >= 1 - outside and is_within:
        return "within"
    return "beyond" if share <= outside and not is_within else "open"


def _seeds_to_settle(share: float, n_seeds: int, settings: Settings) -> int | None:
    """With so many seeds in all the draws would agree, if what is drawn stays where it is and its spread shrinks.

    A share p of draws on one side is a distance of z(p) standard deviations to the limit, which grows with the square
    root of the number of seeds. What is drawn does move as seeds are added, and a distance that is just enough on
    average is missed every second time, hence the power.
    """
    z = abs(NormalDist().inv_cdf(min(max(share, 1e-6), 1 - 1e-6)))
    asked = NormalDist().inv_cdf((1 + settings.confidence) / 2) + NormalDist().inv_cdf(settings.power)
    n = math.ceil(n_seeds * (asked / z) ** 2) if z > 0 else math.inf
    # three at least, with which `--seeds auto` begins
    n = max(n, n_seeds + 1, 3)
    return int(n) if n <= settings.most_seeds else None


def _interval(values: Values, figure: float | None, confidence: float) -> tuple[float, float]:
    """Central interval, which always holds the figure itself."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], method="closest_observation")
    # the figure is that of the trials, the draws are of all seeds: an interval that misses it would confuse
    return min(float(low), figure or math.inf), max(float(high), figure or -math.inf)


def _open(draws: Draws, values: Values, figure: float | None, confidence: float) -> Interval:
    low, high = _interval(values, figure, confidence)
    return low, high if draws.has_instability else None
