"""How likely training is to become unstable at a learning rate, from all trials of a sweep. Pure.

The model. A seed s becomes unstable at a log rate of its own, its edge e_s; the edges of all seeds that one might have
taken are normal with a mean m and a spread t. A trial of the seed at log rate x is unstable with the chance
1 / (1 + exp(-(x - e_s) / w)): near its edge training is chaotic, so a stable rate may lie above an unstable one. Over
seeds the chance at log rate x is then 1/2 where x = m: exp(m) is *the* unstable rate, and the trials of a seed count as
what they are, looks at one edge and no independent evidence.

The posterior of (m, t, w) is summed over a grid, with no approximation beyond the grid. Its priors are what
keeps it finite where all trials below a rate are stable and all above it unstable (where the best fit is a step of no
width, and three seeds in agreement would prove anything): a handful of seeds with equal outcomes may by chance lie
together. Natural logarithms throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

Events = tuple[tuple[float, int, bool], ...]
"""Rate and seed of each trial, and whether it did what is asked about; sorted."""


@dataclass(frozen=True)
class Outcome:
    """What one trial did."""

    base_learning_rate: float
    seed: int
    is_unstable: bool
    """Infeasible, or its training loss shows a rise."""
    objective: float
    """What is minimized; inf for an infeasible trial."""

    @property
    def is_infeasible(self) -> bool:
        return not math.isfinite(self.objective)


@dataclass(frozen=True)
class Prior:
    spread: float = 0.3
    """Typical spread (standard deviation, natural log) of the edges of seeds: a factor of 1.35. Those of
    the bundled workloads spread by 0.1 (rnn), 0.25 (conv_stride2, softmax), 0.37 (mlp10), 0.45 (conv_stride1)."""
    spread_varies: float = 0.7
    """Standard deviation of the logarithm of the spread: nine in ten workloads between 0.1 and 0.95."""
    spreads: tuple[float, ...] = (0.04, 0.08, 0.14, 0.22, 0.33, 0.48, 0.7, 1.0, 1.5)
    """Spreads that the posterior is summed over."""
    widths: tuple[float, ...] = (0.02, 0.06, 0.15, 0.4)
    """Widths w of the chaotic zone of one seed that the posterior is summed over."""
    widths_chance: tuple[float, ...] = (0.3, 0.3, 0.3, 0.1)
    """How often each is met: of the seeds of the bundled workloads one in three has a stable rate above an unstable
    one, nearly always within a factor of 1.4."""
    mistaken: float = 0.01
    """Chance that a trial is judged wrongly, whatever its rate: the false-alarm budget of a run. One odd trial far
    from the edge then does not drag the edge along."""
    beyond: float = 2.3
    """How far beyond the rates tried the edge may lie: a decade."""
    step: float = 0.05
    """Grid of log rates: a twentieth, small against the factor of 1.25 up to which the edge is bisected."""


PRIOR = Prior()

LOGISTIC_SD = math.pi / math.sqrt(3)
"""Standard deviation of the logistic distribution of width 1."""

UPPER_QUARTILE = 0.6745
"""Standard deviations from the mean of a normal distribution to its upper quartile."""


@dataclass(frozen=True)
class Reach:
    """The posterior of where a majority of all seeds becomes unstable."""

    log_rate: Values
    """Grid of m, float64[m]."""
    chance: Values
    """Posterior weights, float64[spreads, widths, m], that sum to 1."""
    prior: Prior = PRIOR

    def edge(self, share: float | Values) -> Values:
        """Log rates below which m lies with the chance `share`."""
        total = np.cumsum(self.chance.sum(axis=(0, 1)))
        return cast(Values, np.interp(share, total, self.log_rate))

    def interval(self, confidence: float) -> tuple[float, float]:
        """The unstable rate, central interval."""
        low, high = np.exp(self.edge(np.array([(1 - confidence) / 2, (1 + confidence) / 2])))
        return float(low), float(high)

    def chance_unstable(self, base_learning_rate: float) -> float:
        """Chance that a trial of a new seed is unstable at a rate."""
        z = (math.log(base_learning_rate) - self.log_rate) / self._deviations()[:, :, None]
        return float((self.chance / (1 + np.exp(np.clip(-z * LOGISTIC_SD, -50, 50)))).sum())

    def edges(
        self, outcomes: Sequence[Outcome], seeds: Sequence[int], n: int, rng: np.random.Generator
    ) -> Iterator[tuple[Mapping[int, float], float]]:
        """Draws of the edges of seeds, and of the width of the chaotic zone about them.

        Args:
            outcomes: those that this was found from.
            seeds: whose edges are drawn; those without a trial have the edge of any seed.
            n: how many.
            rng: makes the draws.

        Yields:
            Seed -> log rate of its edge, and the width.
        """
        of_seeds, known = _seed_likelihoods(self.log_rate, _events(outcomes, False), self.prior)
        chosen = rng.choice(self.chance.size, size=n, p=self.chance.ravel())
        for spread, width, at in zip(*np.unravel_index(chosen, self.chance.shape), strict=True):
            scale = max(self.prior.spreads[spread], self.prior.step)
            density = np.exp(-0.5 * ((self.log_rate - self.log_rate[at]) / scale) ** 2)
            found = {}
            for seed in seeds:
                weight = density * of_seeds[width, known[seed]] if seed in known else density
                found[seed] = float(rng.choice(self.log_rate, p=weight / weight.sum()))
            yield found, self.prior.widths[width]

    def at_most_a_quarter(self, confidence: float) -> float:
        """The rate up to which at most one of four seeds is unstable, with this probability."""
        # the rate at which a quarter of the seeds is unstable, in every state that the posterior holds
        where = self.log_rate - UPPER_QUARTILE * self._deviations()[:, :, None]
        order = np.argsort(where, axis=None)
        total = np.cumsum(self.chance.ravel()[order])
        return float(np.exp(np.interp(1 - confidence, total, where.ravel()[order])))

    def _deviations(self) -> Values:
        """Over seeds, of the log rate at which a trial becomes unstable: the spread of the edges and the chaos."""
        spreads, widths = np.array(self.prior.spreads), np.array(self.prior.widths)
        return cast(Values, np.hypot(spreads[:, None], LOGISTIC_SD * widths[None, :]))


def reach(outcomes: Sequence[Outcome], of_infeasible: bool = False, prior: Prior = PRIOR) -> Reach:
    """Where a majority of all seeds becomes unstable.

    Args:
        outcomes: of trials, one at least; any rates, seeds need not share them.
        of_infeasible: where a majority becomes infeasible instead.
        prior: of the spread over seeds.

    Raises:
        ValueError: there is no outcome.
    """
    if not outcomes:
        raise ValueError("no trial was judged: found 0 outcomes, expected 1 or more")
    return _posterior(_events(outcomes, of_infeasible), prior)


def _events(outcomes: Iterable[Outcome], of_infeasible: bool) -> Events:
    # in an order of their own: a sum must not depend, in its last digits, on the order in which the trials ended
    return tuple(
        sorted((o.base_learning_rate, o.seed, o.is_infeasible if of_infeasible else o.is_unstable) for o in outcomes)
    )


@lru_cache(maxsize=256)
def _posterior(events: Events, prior: Prior) -> Reach:
    """Where a majority becomes unstable, by what each trial did. A sweep that plans ahead and asks whether its verdict
    stands comes back to the same trials again and again."""
    x = np.log([rate for rate, _, _ in events])
    # the edge may lie beyond all that was tried: a grid that ended there would pile it up at its ends
    low, high = x.min() - prior.beyond, x.max() + prior.beyond
    grid = np.linspace(low, high, int((high - low) / prior.step) + 2)
    of_seeds, _ = _seed_likelihoods(grid, events, prior)
    density = _density(len(grid), float(high - low), prior)
    n_widths, n_seeds, n = of_seeds.shape
    # a seed's edge is not known: its likelihood is averaged over where, given m and the spread, the edge may be
    averaged = _in_one_thread(density, of_seeds.reshape(n_widths * n_seeds, n).T)
    # seeds are independent given the edge of all, so their likelihoods multiply
    fit = np.log(averaged + 1e-300).reshape(len(prior.spreads), n, n_widths, n_seeds).sum(axis=3).transpose(0, 2, 1)
    fit += _log_prior(prior)[:, :, None]
    chance = np.exp(fit - fit.max())
    chance /= chance.sum()
    # whoever asks for the same trials is handed the same arrays
    grid.flags.writeable = chance.flags.writeable = False
    return Reach(log_rate=grid, chance=chance, prior=prior)


ONE_THREAD_MOST = 65536 * 4
"""Multiplications of a product of matrices up to which OpenBLAS, which numpy's wheels bring, starts no threads (its
SMP_THRESHOLD_MIN times GEMM_MULTITHREAD_THRESHOLD)."""


def _in_one_thread(left: Values, right: Values) -> Values:
    """left @ right, in parts too small for threads: while workers train on every core, threads that wait for each other
    take many times as long as the product does."""
    rows = max(1, ONE_THREAD_MOST // right.size)
    return np.concatenate([left[:, at : at + rows] @ right for at in range(0, left.shape[1], rows)], axis=1)


@lru_cache(maxsize=8)
def _density(n: int, width: float, prior: Prior) -> Values:
    """Where the edge of a seed lies, given where those of all do: float64[spreads, all, seed], each row sums to 1.

    It depends on how far the rates reach and on nothing else of the trials, and takes longer than all that follows.
    """
    grid = np.linspace(0.0, width, n)
    spreads = np.maximum(prior.spreads, prior.step)
    density = np.exp(-0.5 * ((grid[:, None] - grid[None, :]) / spreads[:, None, None]) ** 2)
    density /= density.sum(axis=2, keepdims=True)
    density.flags.writeable = False
    return cast(Values, density)


def _seed_likelihoods(grid: Values, events: Events, prior: Prior) -> tuple[Values, Mapping[int, int]]:
    """Likelihood of each seed's trials by where its edge lies, float64[widths, seeds, grid]; seed -> its row."""
    x = np.log([rate for rate, _, _ in events])
    is_event = np.array([is_event for _, _, is_event in events])
    seeds, seed = np.unique([seed for _, seed, _ in events], return_inverse=True)
    return _of_seeds(grid, x, is_event, seed, prior), {int(s): i for i, s in enumerate(seeds)}


def _of_seeds(
    grid: Values, x: Values, is_event: npt.NDArray[np.bool_], seed: npt.NDArray[np.intp], prior: Prior
) -> Values:
    """Likelihood of each seed's trials by where its edge lies, float64[widths, seeds, grid]."""
    widths = np.array(prior.widths)
    z = np.clip((x[:, None] - grid[None, :]) / widths[:, None, None], -50, 50)
    unstable = prior.mistaken + (1 - 2 * prior.mistaken) / (1 + np.exp(-z))
    each = np.log(np.where(is_event[:, None], unstable, 1 - unstable))
    summed = np.zeros((len(widths), int(seed.max()) + 1, len(grid)))
    for i, s in enumerate(seed):
        summed[:, s] += each[:, i]
    # only ratios matter: the best place of a seed's edge counts 1, so that many trials do not underflow
    return cast(Values, np.exp(summed - summed.max(axis=(0, 2), keepdims=True)))


def _log_prior(prior: Prior) -> Values:
    """Log weights of the spreads and the widths, float64[spreads, widths]."""
    logs = np.log(prior.spreads)
    of_spreads = -0.5 * ((logs - math.log(prior.spread)) / prior.spread_varies) ** 2 + np.log(np.gradient(logs))
    return cast(Values, of_spreads[:, None] + np.log(prior.widths_chance)[None, :])
