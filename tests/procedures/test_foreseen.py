"""Whether what a sweep left out could change its verdict: what is drawn for it, and what the draws decide."""

from __future__ import annotations

import math
from statistics import median

import pytest
from sparing_studies import INF, Losses, known

from lrdoctor import assess
from lrdoctor.core.certainty import Side
from lrdoctor.procedures import foreseen
from lrdoctor.procedures.foreseen import MOST, N_DRAWS
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import CLOSE, CLOSEST, EVERYTHING, LIMITS, Known, Limits, missing_pairs

GOOD = (0.2, 0.21, 0.22)
SWEEP: dict[float, Losses] = {
    0.001: [1.2], 0.003: [0.7, 0.72], 0.01: [0.3, 0.32, 0.31], 0.03: GOOD, 0.1: [0.35], 0.3: [INF, INF], 1.0: [INF],
}  # fmt: skip
"""lr* at 0.03, the edge between 0.1 and 0.3: seeds are left out at most rates."""


def draws(of: Known) -> list[list[Outcome]]:
    return list(foreseen.drawn(of, missing_pairs(of), 50))


def test_what_was_left_out_is_drawn_where_it_was_left_out() -> None:
    found = draws(known(SWEEP, n_seeds=3))
    assert len(found) == 50
    left = {(0.001, 1), (0.001, 2), (0.003, 2), (0.1, 1), (0.1, 2), (0.3, 2), (1.0, 1), (1.0, 2)}
    assert all({(o.base_learning_rate, o.seed) for o in outcomes} == left for outcomes in found)


def test_the_same_trials_give_the_same_draws() -> None:
    assert draws(known(SWEEP, n_seeds=3)) == draws(known(SWEEP, n_seeds=3))


@pytest.mark.parametrize(
    ("rate", "low", "high"),
    [
        (0.001, 0.0, 0.1),  # far below the edge
        (0.1, 0.02, 0.6),  # next to it, and one seed was stable
        (1.0, 0.9, 1.0),  # far above
    ],
)
def test_how_often_a_drawn_trial_is_unstable(rate: float, low: float, high: float) -> None:
    found = [o.is_unstable for outcomes in draws(known(SWEEP, n_seeds=3)) for o in outcomes]
    rates = [o.base_learning_rate for outcomes in draws(known(SWEEP, n_seeds=3)) for o in outcomes]
    at = [unstable for unstable, of in zip(found, rates, strict=True) if of == rate]
    assert low <= sum(at) / len(at) <= high


def test_a_seed_that_broke_early_is_drawn_to_break_more_often() -> None:
    """Seed 2 at 0.1, where the others are stable, after it was unstable at 0.03 and after it was stable there."""

    def n_unstable(of_seed_2: float) -> int:
        of = known({0.01: GOOD, 0.03: [0.2, 0.2, of_seed_2], 0.1: [0.2, 0.2], 0.3: [INF, INF]}, n_seeds=3)
        at = [o for outcomes in draws(of) for o in outcomes if (o.base_learning_rate, o.seed) == (0.1, 2)]
        return sum(o.is_unstable for o in at)

    assert n_unstable(INF) > 2 * n_unstable(0.2) > 0


def test_a_drawn_loss_is_that_of_its_rate_with_the_level_of_its_seed() -> None:
    """Seed 2 ends a third lower than the others wherever it was trained."""
    of = known({0.001: [1.2, 1.21], 0.003: [0.9, 0.91, 0.6], 0.01: [0.6, 0.61, 0.4], 0.03: [0.3, 0.31, 0.2]}, n_seeds=3)
    losses = [o.objective for outcomes in draws(of) for o in outcomes if not o.is_unstable]
    assert median(losses) == pytest.approx(0.8, rel=0.1)


@pytest.mark.parametrize(
    "sweep",
    [
        {0.01: [0.0, 0.1, 0.05], 0.03: [0.0]},
        {0.01: [0.0, 1e300, 1e301], 0.03: [1e308, 0.0]},  # the square of which is no number
        {0.01: [1e-300, 1e308], 0.03: [1e308]},  # some are drawn beyond what a number can be
    ],
)
def test_losses_of_any_size_are_drawn(sweep: dict[float, Losses]) -> None:
    losses = [o.objective for outcomes in draws(known(sweep, n_seeds=3)) for o in outcomes]
    assert len(losses) == 50 * (6 - sum(map(len, sweep.values())))
    assert any(math.isfinite(loss) for loss in losses)
    assert not any(math.isnan(loss) for loss in losses)


def says(said: Side | None, of_others: Side | None, n_same: int) -> foreseen.Judge:
    """A judge of this and, of what is drawn, the same so many times first."""
    calls: list[Known] = []

    def judge(of: Known) -> Side | None:
        calls.append(of)
        return said if len(calls) <= n_same + 1 else of_others

    return judge


@pytest.mark.parametrize(
    ("said", "of_others", "n_same", "stands"),
    [
        ("beyond", "open", N_DRAWS, True),
        ("beyond", "open", N_DRAWS - MOST, True),
        ("beyond", "open", N_DRAWS - MOST - 1, False),
        ("open", "within", 0, False),
        (None, "within", 0, True),  # no verdict that could change
    ],
)
def test_a_verdict_stands_that_hardly_any_draw_changes(
    said: Side | None, of_others: Side | None, n_same: int, stands: bool
) -> None:
    assert foreseen.stands(known(SWEEP, n_seeds=3), says(said, of_others, n_same)) is stands


@pytest.mark.parametrize("limits", [LIMITS, CLOSE, CLOSEST])
def test_where_nothing_was_left_out_every_verdict_stands(limits: Limits) -> None:
    whole = known({0.01: GOOD, 0.03: GOOD}, n_seeds=3)
    assert foreseen.further(whole, limits, says("beyond", "open", 0)) is limits


@pytest.mark.parametrize(
    ("limits", "further"), [(LIMITS, CLOSE), (CLOSE, CLOSEST), (CLOSEST, EVERYTHING), (EVERYTHING, EVERYTHING)]
)
def test_else_it_is_looked_at_more_closely(limits: Limits | None, further: Limits | None) -> None:
    assert foreseen.further(known(SWEEP, n_seeds=3), limits, says("beyond", "open", 0)) is further


@pytest.mark.parametrize(
    ("sweep", "side", "stands"),
    [
        # room of a factor of ten, and no seed elsewhere could take it
        ({**SWEEP, 0.003: GOOD, 0.01: [0.5, 0.52, 0.51], 0.03: [0.9, 0.91], 0.1: [1.0, 1.1]}, "beyond", True),
        # at the edge: whether it is so depends on the seeds that are not there
        ({0.01: [0.3], 0.03: [0.2, 0.21], 0.05: [0.25], 0.08: [INF]}, "open", False),
    ],
)
def test_a_sweep_by_the_limits_of_the_rules(sweep: dict[float, Losses], side: Side, stands: bool) -> None:
    of = known(sweep, n_seeds=5)
    assert assess.side(of) == side
    assert foreseen.stands(of, assess.side) is stands


def test_a_sweep_without_a_feasible_rate_has_no_side() -> None:
    assert assess.side(known({0.01: [INF], 0.03: [INF]})) is None
