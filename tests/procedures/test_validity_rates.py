"""What single rates of a sweep say: whether one learns, and an instability that a higher rate does not have."""

from __future__ import annotations

from typing import Any

import pytest

from lrdoctor.core.study import Rate
from lrdoctor.procedures.validity import below_best, has_learned


def rate(at: float, n_unstable: int = 0, **more: Any) -> Rate:
    return Rate(
        base_learning_rate=at, stage="grid", n_judged=3, n_feasible=3 - n_unstable, n_unstable=n_unstable,
        objective=1.0, objective_low=1.0, objective_high=1.0, final_loss=1.0, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("events", "seen"), [({"rise": 2, "non-finite": 1}, "rise in 2 of 3, non-finite in 1 of 3"), ({}, "2 of 3 seeds")]
)
def test_the_lowest_rate_alone(events: dict[str, int], seen: str) -> None:
    rates = [rate(0.001, 2, events=events), rate(0.01), rate(0.1)]
    in_the_way = below_best(rates, rates[2])
    assert in_the_way is not None
    assert in_the_way.kind == "not_the_rate"
    assert in_the_way.reason == (
        f"training is unstable at the lowest rate, 0.001 ({seen}), and not at 0.1, which trains best: an instability "
        "that a higher rate does not have is not the learning rate's"
    )


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ([rate(0.001), rate(0.01, 2), rate(0.1)], 2),  # not the lowest
        ([rate(0.011, 2), rate(0.1)], 1),  # less than a decade below
        ([rate(0.001, 1), rate(0.1)], 1),  # a minority
        ([rate(0.001, 2), rate(0.1, 2)], 1),  # the best one too
        ([rate(0.001, 2), rate(0.1)], None),
        ([], None),
    ],
)
def test_not_the_lowest_rate_alone(rates: list[Rate], best: int | None) -> None:
    assert below_best(rates, None if best is None else rates[best]) is None


@pytest.mark.parametrize(("n_learned", "expected"), [(None, True), (0, False), (1, False), (2, True), (3, True)])
def test_a_majority_has_to_learn(n_learned: int | None, expected: bool) -> None:
    assert has_learned(rate(0.1, n_learned=n_learned)) is expected
