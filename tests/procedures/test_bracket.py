"""Which rates of the grid a sweep goes on with: tables of what is tried and what is next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.core.study import Rate
from lrdoctor.procedures.bracket import deviation, further
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sweep import best_rate, lowest_unstable

INF = math.inf
GRID = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def rows(of_rates: Mapping[float, Sequence[float]]) -> tuple[list[Rate], list[Outcome]]:
    """Summaries and trials of rates; a loss of inf is that of an infeasible seed."""
    rates = [
        Rate(
            base_learning_rate=rate,
            stage="grid",
            n_judged=len(losses),
            n_feasible=sum(map(math.isfinite, losses)),
            n_unstable=sum(loss == INF for loss in losses),
            objective=median(losses) if losses else math.nan,
            objective_low=min(losses, default=math.nan),
            objective_high=max(losses, default=math.nan),
            final_loss=median(losses) if losses else math.nan,
        )
        for rate, losses in sorted(of_rates.items())
    ]
    trials = [
        Outcome(rate, seed, loss == INF, loss) for rate, losses in of_rates.items() for seed, loss in enumerate(losses)
    ]
    return rates, trials


def asked(of_rates: Mapping[float, Sequence[float]], grid: Sequence[float] = GRID) -> tuple[float, ...]:
    return further(grid, *rows(of_rates))


@pytest.mark.parametrize(
    ("of_rates", "rates"),
    [
        # a third of the grid, in its middle, and three at least
        ({}, (0.01, 0.03, 0.1)),
        # outward on both sides, until two in a row settle a side
        ({0.01: [0.3], 0.03: [0.2], 0.1: [0.25]}, (0.003, 0.3)),
        ({0.003: [0.4], 0.01: [0.3], 0.03: [0.2], 0.1: [0.25], 0.3: [INF]}, (1.0,)),
        ({0.003: [0.4], 0.01: [0.3], 0.03: [0.2], 0.1: [INF], 0.3: [INF]}, ()),
        # the best rate moves down, and the search with it
        ({0.003: [0.1], 0.01: [0.15], 0.03: [0.2], 0.1: [INF], 0.3: [INF]}, (0.001,)),
        # a rate that is no worse, or better than the one above it, settles nothing
        ({0.003: [0.29], 0.01: [0.3], 0.03: [0.2], 0.1: [INF], 0.3: [INF]}, (0.001,)),
        # nor does one within twice the deviation over the seeds
        ({0.003: [0.4], 0.01: [0.3], 0.03: [0.1, 0.2, 0.3], 0.1: [INF], 0.3: [INF]}, (0.001,)),
        ({0.003: [0.9], 0.01: [0.8], 0.03: [0.1, 0.2, 0.3], 0.1: [INF], 0.3: [INF]}, ()),
        # one that is unstable below the best one is no valley's side
        ({0.003: [0.4], 0.01: [INF], 0.03: [0.2], 0.1: [INF], 0.3: [INF]}, (0.001,)),
        # where all are unstable only lower ones can be feasible
        ({0.01: [INF], 0.03: [INF], 0.1: [INF]}, (0.003,)),
        # a trial that failed says nothing
        ({0.003: [0.4], 0.01: [0.3], 0.03: [0.2], 0.1: [], 0.3: [INF]}, (1.0,)),
        # the ends of the grid
        ({rate: [0.2 + at] for at, rate in enumerate(GRID)}, ()),
        ({rate: [0.2 + at] for at, rate in enumerate(GRID[:6])}, (1.0,)),
    ],
)
def test_which_rates_are_next(of_rates: Mapping[float, Sequence[float]], rates: tuple[float, ...]) -> None:
    assert asked(of_rates) == rates


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_short_grid_is_begun_whole_or_nearly(n: int) -> None:
    assert len(asked({}, GRID[:n])) == min(n, 3)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([], 0.0), ([0.2], 0.0), ([0.2, INF], 0.0), ([0.1, 0.2, 0.3], 0.1), ([0.1, 0.3, INF], math.sqrt(0.02))],
)
def test_how_far_the_seeds_of_a_rate_differ(losses: Sequence[float], expected: float) -> None:
    _, trials = rows({0.03: losses, 0.1: [0.2, 0.9]})
    assert deviation(trials, 0.03) == pytest.approx(expected)


@given(
    best=st.integers(0, len(GRID) - 1),
    stable_above=st.integers(0, len(GRID)),
    slopes=st.tuples(st.floats(0.01, 2.0), st.floats(0.01, 2.0)),
)
def test_a_valley_with_an_edge_is_found_whole(best: int, stable_above: int, slopes: tuple[float, float]) -> None:
    """Whatever is left out, lr* and the lowest unstable rate of the grid are those of the whole grid."""
    losses = [INF if at > best + stable_above else 0.1 + slopes[at > best] * abs(at - best) for at in range(len(GRID))]
    whole = dict(zip(GRID, ([loss] for loss in losses), strict=True))
    tried: dict[float, list[float]] = {}
    while new := asked(tried):
        assert not set(new) & set(tried)
        tried |= {rate: whole[rate] for rate in new}
    some, every = rows(tried)[0], rows(whole)[0]
    for told in (best_rate, lowest_unstable):
        of_some, of_every = told(some), told(every)
        assert (of_some and of_some.base_learning_rate) == (of_every and of_every.base_learning_rate)
