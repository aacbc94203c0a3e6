"""What fresh seeds say of a fix: tables of what they did, and when it is settled."""

from __future__ import annotations

import doctest
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.procedures import confirmation
from lrdoctor.procedures.confirmation import (
    LOOKS,
    Claim,
    Confirmation,
    Fresh,
    Next,
    Outcome,
    Settings,
    fresh_seeds,
    spread_of,
)

INF = math.inf
ROLES = ("use", "reach", "baseline", "baseline_use", "baseline_reach")

Objectives = Sequence[float | None]
"""One a fresh seed: a negative one is that of a seed that rises, inf of one that is infeasible, None of a failed trial.
"""

GOOD, LOW, HIGH = (0.10, 0.11, 0.12, 0.13, 0.14), (0.05, 0.051, 0.052, 0.053, 0.054), (0.3, 0.31, 0.32, 0.33, 0.34)
DOUBTFUL_LOSS = (0.125, 0.135, 0.145, 0.15, 0.115)
"""Higher than GOOD in four of five seeds: inside the spread, but no proof that nothing is lost."""
DEAD = (INF,) * 5


def claim(**changes: Any) -> Claim:
    """Stable up to 0.04, four times the rate to use, which is lr*."""
    fields: dict[str, Any] = {
        "base_learning_rate": 0.01, "reach": 0.04, "baseline_learning_rate": 0.01, "baseline_reach": 0.04,
        "gains": False, "widens": True,
    }  # fmt: skip
    return Claim(**(fields | changes))


WIDENS, GAINS, BOTH = claim(), claim(gains=True, widens=False), claim(gains=True)
LAST = claim(base_learning_rate=0.002, reach=0.002, baseline_reach=0.002, widens=False, is_last_resort=True)
AT_EDGE = replace(LAST, may_cost=True)
NOTHING_TRAINS = claim(baseline_learning_rate=None)


def outcome(of: float | None) -> Outcome | None:
    return None if of is None else Outcome(abs(of), is_unstable=of < 0 or of == INF)


def asked(of: Claim, n_seeds: int | None = None, /, **roles: Objectives) -> Confirmation:
    """A claim with what the fresh seeds, from 7 on, did in each role."""
    if of.gains and n_seeds is None:  # five seeds cannot show a gain, twice as many that do the same can
        n_seeds = len(next(iter(roles.values())))
        roles = {role: [*values] * LOOKS for role, values in roles.items()}
    n = len(next(iter(roles.values())))
    fresh = (
        Fresh(seed=7 + i, **{role: outcome(values[i]) for role, values in roles.items()}) for i in range(n)
    )  # fmt: skip
    return Confirmation(claim=of, n_seeds=n if n_seeds is None else n_seeds, fresh=tuple(fresh))


CURED = {"reach": GOOD, "baseline_reach": DEAD}
ALIKE = {"use": GOOD, "baseline": GOOD}


@pytest.mark.parametrize(
    ("found", "failing"),
    [
        # more room, and no loss
        (asked(WIDENS, **ALIKE, **CURED), None),
        # stable at the rate to use: one of five seeds may be unstable, and a failed trial counts as one
        (asked(WIDENS, **ALIKE | {"use": (-0.1, *GOOD[1:])}, **CURED), None),
        (asked(WIDENS, **ALIKE | {"use": (-0.1, -0.11, *GOOD[2:])}, **CURED), "unstable"),
        (asked(WIDENS, **ALIKE | {"use": (None, -0.11, *GOOD[2:])}, **CURED), "unstable"),
        (asked(WIDENS, **ALIKE | {"use": (INF, INF, *GOOD[2:])}, **CURED), "unstable"),
        # nothing is lost; where something may be, the room is worth it
        (asked(WIDENS, use=HIGH, baseline=GOOD, **CURED), "loss"),
        (asked(WIDENS, use=DOUBTFUL_LOSS, baseline=GOOD, **CURED), "doubt"),
        # what makes up the room: stable there with the fix, and fewer stable without it
        (asked(WIDENS, **ALIKE, reach=(-0.1, *GOOD[1:]), baseline_reach=DEAD), None),
        (asked(WIDENS, **ALIKE, reach=(-0.1, -0.1, *GOOD[2:]), baseline_reach=DEAD), "nothing"),
        (asked(WIDENS, **ALIKE, reach=GOOD, baseline_reach=GOOD), "nothing"),
        (asked(WIDENS, **ALIKE, reach=GOOD, baseline_reach=(-0.1, *GOOD[1:])), None),
        (asked(WIDENS, **ALIKE, reach=(-0.1, *GOOD[1:]), baseline_reach=(*GOOD[:4], -0.1)), "nothing"),
        (asked(WIDENS, **ALIKE, reach=(None, *GOOD[1:]), baseline_reach=DEAD), None),
        # a lower loss that was not claimed is none, room that was not claimed is none
        (asked(WIDENS, use=LOW, baseline=GOOD, reach=GOOD, baseline_reach=GOOD), "nothing"),
        (asked(GAINS, **ALIKE, **CURED), "nothing"),
        # a gain beyond the spread over the seeds
        (asked(GAINS, use=LOW, baseline=GOOD), None),
        (asked(GAINS, use=(0.09, 0.1, 0.12, 0.125, 0.13), baseline=GOOD), "nothing"),
        (asked(GAINS, use=HIGH, baseline=GOOD), "loss"),
        # of the two that were claimed one is enough
        (asked(BOTH, use=LOW, baseline=GOOD, reach=DEAD, baseline_reach=DEAD), None),
        (asked(BOTH, **ALIKE, **CURED), None),
        (asked(BOTH, **ALIKE, reach=DEAD, baseline_reach=DEAD), "nothing"),
        # a gain that training without the fix shows at the same rate is that rate's
        (asked(GAINS, use=LOW, baseline=GOOD, baseline_use=GOOD), None),
        (asked(GAINS, use=LOW, baseline=GOOD, baseline_use=LOW), "nothing"),
        (asked(GAINS, use=LOW, baseline=GOOD, baseline_use=DEAD), None),
        (asked(GAINS, use=LOW, baseline=GOOD, baseline_use=(*LOW[:2], *GOOD[2:])), None),
        (asked(GAINS, use=LOW, baseline=GOOD, baseline_use=(*LOW[:3], *GOOD[3:])), "nothing"),
        # the last resort has its room by being lower: it must hold and cost nothing, unless lr* is at the edge
        (asked(LAST, use=GOOD, baseline=GOOD), None),
        (asked(LAST, use=DOUBTFUL_LOSS, baseline=GOOD), "doubt"),
        (asked(LAST, use=HIGH, baseline=GOOD), "loss"),
        (asked(AT_EDGE, use=HIGH, baseline=GOOD), None),
        (asked(AT_EDGE, use=(-0.1, -0.1, *GOOD[2:]), baseline=GOOD), "unstable"),
        # nothing trains without it: there is no loss to compare
        (asked(NOTHING_TRAINS, use=HIGH, reach=HIGH, baseline_reach=DEAD), None),
        (asked(NOTHING_TRAINS, use=HIGH, reach=HIGH, baseline_reach=GOOD), "nothing"),
        # no seed yet
        (Confirmation(claim=WIDENS, n_seeds=5), "unstable"),
    ],
)  # fmt: skip
def test_what_is_verified(found: Confirmation, failing: str | None) -> None:
    assert found.failing == failing
    assert found.status == ("verified" if failing is None else "rejected")


@pytest.mark.parametrize(
    ("reach", "baseline_reach", "cured", "broken", "reached"),
    [
        (GOOD, DEAD, 5, 0, 0.04),
        ((-0.1, *GOOD[1:]), (*DEAD[:3], *GOOD[3:]), 2, 0, 0.04),
        ((-0.1, *GOOD[1:]), (*GOOD[:3], *DEAD[3:]), 2, 1, 0.04),
        ((-0.1, -0.1, *GOOD[2:]), DEAD, 3, 0, 0.01),
        ((None, *GOOD[1:]), DEAD, 4, 0, 0.04),
    ],
)
def test_how_far_it_reaches(
    reach: Objectives, baseline_reach: Objectives, cured: int, broken: int, reached: float
) -> None:
    found = asked(WIDENS, **ALIKE, reach=reach, baseline_reach=baseline_reach)
    assert (found.cured, found.broken, found.reach) == (cured, broken, reached)


def test_a_seed_without_one_of_the_two_trials_is_not_compared() -> None:
    found = asked(GAINS, 7, use=(*LOW, None, 0.05), baseline=(*GOOD, 0.1, None))
    assert found.paired is not None
    assert (found.paired.n_pairs, found.paired.n_better) == (5, 5)
    assert (found.seeds, sorted(found.at_use), sorted(found.of_baseline)) == (
        (7, 8, 9, 10, 11, 12, 13), [7, 8, 9, 10, 11, 13], [7, 8, 9, 10, 11, 12]
    )  # fmt: skip


@pytest.mark.parametrize(("n_seeds", "status"), [(5, "rejected"), (10, "verified")])
def test_the_looks_at_all_fixes_share_the_chance_of_a_false_gain(n_seeds: int, status: str) -> None:
    """Five seeds that are all lower are one of 252 orders, and 2 % over two looks at three fixes are less than that."""
    found = asked(GAINS, 5, use=(LOW * 2)[:n_seeds], baseline=(GOOD * 2)[:n_seeds])
    assert found.limits.chance == pytest.approx(0.02 / 6)
    assert found.limits.chance < 1 / 252
    assert found.status == status
    assert found.is_settled is (status == "verified")


@pytest.mark.parametrize(
    ("n_searched", "n_fresh", "allowed"), [(1, 5, 1), (3, 5, 1), (5, 5, 1), (8, 8, 2), (12, 12, 3)]
)
def test_as_many_fresh_seeds_as_the_search_used_and_five_at_least(n_searched: int, n_fresh: int, allowed: int) -> None:
    limits = Settings()
    assert limits.n_seeds(n_searched) == n_fresh
    assert limits.allowed(n_fresh) == allowed


@pytest.mark.parametrize(
    ("searched", "n", "fresh"),
    [([0, 1, 2], 5, (3, 4, 5, 6, 7)), ([9, 2], 2, (10, 11)), ([0], 1, (1,)), ([7, 100, 8], 3, (101, 102, 103))],
)
def test_fresh_seeds_are_none_of_the_search(searched: list[int], n: int, fresh: tuple[int, ...]) -> None:
    assert fresh_seeds(searched, n) == fresh
    assert not set(searched) & set(fresh)


@pytest.mark.parametrize(
    ("found", "settled"),
    [
        # fewer than three seeds settle nothing, whatever they did
        (asked(WIDENS, 5, use=DEAD[:2], baseline=GOOD[:2], reach=DEAD[:2], baseline_reach=DEAD[:2]), False),
        # two of five unstable are too many, whatever the others do
        (asked(WIDENS, 5, use=(INF, INF, 0.1), baseline=GOOD[:3], reach=GOOD[:3], baseline_reach=DEAD[:3]), True),
        (asked(WIDENS, 5, use=(INF, 0.1, 0.1), baseline=GOOD[:3], reach=GOOD[:3], baseline_reach=DEAD[:3]), False),
        # the room is gone with two of five, unless a gain is claimed too
        (asked(WIDENS, 5, use=GOOD[:3], baseline=GOOD[:3], reach=DEAD[:3], baseline_reach=DEAD[:3]), True),
        (asked(BOTH, 5, use=LOW[:3], baseline=GOOD[:3], reach=DEAD[:3], baseline_reach=DEAD[:3]), False),
        # the last resort at the edge has but to hold
        (asked(AT_EDGE, 5, use=GOOD[:3], baseline=GOOD[:3]), False),
        (asked(AT_EDGE, 5, use=GOOD[:4], baseline=GOOD[:4]), True),
        # all seeds are there
        (asked(WIDENS, **ALIKE, **CURED), True),
        # the room is certain, and a lower loss that was claimed may still show: not after four, and where it seems so
        # not after five, which cannot show a gain, but after twice as many
        (asked(WIDENS, 5, use=LOW[:4], baseline=GOOD[:4], reach=GOOD[:4], baseline_reach=DEAD[:4]), True),
        (asked(BOTH, 5, use=LOW[:4], baseline=GOOD[:4], reach=GOOD[:4], baseline_reach=DEAD[:4]), False),
        (asked(BOTH, 5, use=LOW, baseline=GOOD, **CURED), False),
        (asked(BOTH, 5, use=LOW * 2, baseline=GOOD * 2, reach=GOOD * 2, baseline_reach=DEAD * 2), True),
        # five that are alike say that there is none; a last resort at the edge need not gain
        (asked(BOTH, 5, use=GOOD, baseline=GOOD, **CURED), True),
        (asked(replace(AT_EDGE, gains=True), 5, use=GOOD[:4], baseline=GOOD[:4]), True),
        # a doubt of a loss asks for more of them, twice as many at most; a loss or a claim that fails does not
        (asked(WIDENS, use=DOUBTFUL_LOSS, baseline=GOOD, **CURED), False),
        (asked(WIDENS, use=HIGH, baseline=GOOD, **CURED), True),
        (asked(WIDENS, use=DOUBTFUL_LOSS, baseline=GOOD, reach=DEAD, baseline_reach=DEAD), True),
        (asked(WIDENS, 3, use=DOUBTFUL_LOSS, baseline=GOOD, **CURED), False),
        # and what may still become such a doubt is not settled
        (asked(WIDENS, 6, use=HIGH, baseline=GOOD, **CURED), False),
        (asked(WIDENS, 2, use=DOUBTFUL_LOSS, baseline=GOOD, **CURED), True),
    ],
)
def test_when_it_is_settled(found: Confirmation, settled: bool) -> None:
    assert found.is_settled is settled


OBJECTIVES = st.sampled_from([None, 0.1, 0.2, 0.3, 0.4, -0.1, -0.3, INF])
CLAIMS = st.builds(
    claim,
    baseline_learning_rate=st.sampled_from([0.01, None]),
    gains=st.booleans(),
    widens=st.booleans(),
    is_last_resort=st.booleans(),
    may_cost=st.booleans(),
)


@st.composite
def confirmations(draw: st.DrawFn) -> Confirmation:
    """A claim with as many seeds as it may take, which did anything; of those without the fix at the rate to use there
    are some or none."""
    n_seeds, has_own = draw(st.integers(1, 6)), draw(st.booleans())
    roles = ROLES if has_own else [role for role in ROLES if role != "baseline_use"]
    n = LOOKS * n_seeds
    return asked(draw(CLAIMS), n_seeds, **{role: draw(st.lists(OBJECTIVES, min_size=n, max_size=n)) for role in roles})


@settings(max_examples=400)
@given(most=confirmations())
def test_what_is_settled_early_is_what_all_seeds_say(most: Confirmation) -> None:
    """All seeds are those that it takes, and as many again where they leave it open."""
    parts = [replace(most, fresh=most.fresh[:n]) for n in range(len(most.fresh) + 1)]
    first_look = parts[most.n_seeds]
    whole = parts[-1] if first_look._is_open else first_look
    early = next(part for part in parts if part.is_settled)
    assert early.status == whole.status
    if whole.status == "verified" and most.claim.gains and not most.claim.may_cost:
        assert early.gains == whole.gains
    assert len(early.fresh) <= len(whole.fresh)


@settings(max_examples=400)
@given(most=confirmations())
def test_the_trials_at_the_highest_rate_are_left_out_where_they_decide_nothing(most: Confirmation) -> None:
    """Trial by trial as they are planned, against all parts of every seed."""
    first_look = replace(most, fresh=most.fresh[: most.n_seeds])
    whole = most if first_look._is_open else first_look
    part = replace(most, fresh=(), n_reached=0)
    n_steps = 0
    while not part.is_settled:
        step, n_steps = part.next_trials, n_steps + 1
        assert step.end > step.first
        n = len(part.fresh)
        if step.at_reach:
            part = replace(part, n_reached=step.end)
        else:
            part = replace(part, fresh=most.fresh[: step.end])
            assert step.first == n
    assert n_steps < 4 * LOOKS * most.n_seeds
    assert part.status == whole.status


@pytest.mark.parametrize(
    ("found", "step"),
    [
        # three seeds at the rates to use, then one by one; how far it reaches comes last
        (asked(WIDENS, 5, use=(), baseline=()), Next(0, 3, at_reach=False)),
        (asked(WIDENS, 5, **dict.fromkeys(ALIKE, GOOD[:3])), Next(3, 4, at_reach=False)),
        (asked(WIDENS, 5, **ALIKE), Next(0, 3, at_reach=True)),
    ],
)
def test_what_is_trained_next(found: Confirmation, step: Next) -> None:
    assert not replace(found, n_reached=0).is_settled
    assert replace(found, n_reached=0).next_trials == step


@pytest.mark.parametrize(("use", "settled"), [(HIGH, True), (GOOD, False), (DOUBTFUL_LOSS, False)])
def test_a_loss_is_told_without_the_highest_rate(use: Objectives, settled: bool) -> None:
    found = replace(asked(WIDENS, 5, use=use, baseline=GOOD), n_reached=0)
    assert found.is_settled is settled
    assert not settled or found.failing == "loss"


def test_the_spread_of_outcomes() -> None:
    outcomes = {seed: Outcome(value, False) for seed, value in enumerate((0.3, 0.1, 0.2, INF))}
    assert spread_of(outcomes) == (pytest.approx(0.25), 0.1, INF)
    assert spread_of({}) is None


def test_doctests() -> None:
    assert doctest.testmod(confirmation).failed == 0
