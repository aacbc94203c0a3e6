"""Rises that belong together, and what kind of trouble they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_curves import falling

from lrdoctor.measures import events
from lrdoctor.measures.rises import Rise
from lrdoctor.measures.units import measure

N = 1000


def rise(first: int, end: int, length: int = 5, height: float = 1.0, base: float = 0.0) -> Rise:
    return Rise(length=length, first=first, end=end, peak=first, height=height, limit=0.3, base=base)


def spans(found: list[Rise]) -> list[tuple[int, int]]:
    return [(one.first, one.end) for one in found]


@pytest.mark.parametrize(
    ("given_rises", "expected"),
    [
        ([], []),
        ([rise(10, 20)], [(10, 20)]),
        ([rise(100, 120), rise(10, 20)], [(10, 20), (100, 120)]),
        ([rise(10, 20), rise(30, 40)], [(10, 40)]),  # two blocks apart
        ([rise(10, 20), rise(31, 40)], [(10, 20), (31, 40)]),
        ([rise(10, 20), rise(10, 40, length=10)], [(10, 40)]),  # the next scale sees it last longer
        ([rise(10, 20), rise(0, 160, length=40)], [(10, 20)]),  # a far coarser one only blurs it
        ([rise(0, 160, length=40)], [(0, 160)]),
        ([rise(10, 20), rise(500, 660, length=40)], [(10, 20), (500, 660)]),
    ],
)
def test_each_event_once(given_rises: list[Rise], expected: list[tuple[int, int]]) -> None:
    assert spans(events.of_rises(given_rises)) == expected


def test_the_highest_of_what_belongs_together_is_its_height() -> None:
    fine, higher = rise(10, 20, height=1.0), rise(30, 40, height=3.0, base=-1.0)
    (found,) = events.of_rises([fine, higher])
    assert (found.first, found.peak, found.height, found.base) == (10, 30, 3.0, -1.0)


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        (rise(12, 30, length=5), [(10, 30)]),  # adds to what it touches
        (rise(500, 550, length=5), [(10, 20), (500, 550)]),
        (rise(0, 900, length=100), [(10, 20)]),
    ],
)
def test_what_was_found_otherwise_comes_last(further: Rise, expected: list[tuple[int, int]]) -> None:
    """Even where its blocks are finer: it does not decide where the event begins."""
    assert spans(events.of_rises([rise(10, 20)], [further])) == expected
    finer = rise(8, 15, length=1)
    assert spans(events.of_rises([rise(10, 20)], [finer])) == [(10, 20)]


FAR_APART = st.lists(st.tuples(st.integers(0, 900), st.integers(1, 90), st.sampled_from([3, 5, 10, 20])), max_size=12)


@given(FAR_APART, st.randoms())
def test_the_order_of_rises_does_not_matter(places: list[tuple[int, int, int]], random: object) -> None:
    one = [rise(first, first + span, length) for first, span, length in dict.fromkeys(places)]
    other = list(one)
    random.shuffle(other)  # type: ignore[attr-defined]
    spans_of_one = sorted({(r.first, r.length) for r in one})
    if len(spans_of_one) == len(one):  # with a tie the first given is the finer
        assert spans(events.of_rises(one)) == spans(events.of_rises(other))


@given(FAR_APART)
def test_no_event_begins_where_no_rise_does(places: list[tuple[int, int, int]]) -> None:
    rises = [rise(first, first + span, length) for first, span, length in places]
    found = events.of_rises(rises)
    assert bool(found) is bool(rises)
    assert {one.first for one in found} <= {one.first for one in rises}
    assert spans(found) == sorted(spans(found))


def classified(loss: np.ndarray, one: Rise, *, early_until: int = 100, is_odd: bool = False) -> events.Event:
    return events.classify(one, measure(loss), 10 * np.arange(len(loss)), loss, early_until, is_odd=is_odd)


@pytest.mark.parametrize(
    ("first", "end", "factor", "kind"),
    [
        (5, 9, 3.0, "early"),
        (400, 450, 3.0, "spike"),
        (9, 15, 3.0, "early"),  # step 90
        (10, 15, 3.0, "spike"),  # step 100 is not early any more
        (700, N - 1, 3.0, "spike"),  # back at the last point
        (700, N, 1.1, "level_shift"),
        (700, N, 1.24, "level_shift"),
        (700, N, 1.26, "divergence"),
        (700, N, 100.0, "divergence"),
        (5, N, 4.0, "divergence"),
    ],
)
def test_kinds(first: int, end: int, factor: float, kind: str) -> None:
    loss = np.full(N, 1.0)
    loss[:3] = 20.0
    loss[first:end] *= factor
    one = rise(first, end, height=float(np.log(factor)))
    assert classified(loss, one).kind == kind


@pytest.mark.parametrize(
    ("end_level", "kind"),
    [
        (1.3, "level_shift"),
        (3**0.78, "level_shift"),  # of the rise's height, in logarithms
        (3**0.82, "divergence"),
        (2.9, "divergence"),
        (20.0, "divergence"),
    ],
)
def test_what_comes_back_in_part_is_a_shift(end_level: float, kind: str) -> None:
    """A rise to three times the loss that is still there at the end, or the loss is back where it began."""
    loss = np.full(N, 1.0)
    loss[:3] = 20.0
    loss[700:] = 3.0
    loss[900:] = end_level
    assert classified(loss, rise(700, N, height=float(np.log(3)))).kind == kind


def test_what_may_be_an_odd_batch_is_an_outlier() -> None:
    loss = falling(N)
    loss[400] = 9.0
    assert classified(loss, rise(400, 401, length=1), is_odd=True).kind == "outlier"


def test_what_is_said_of_an_event() -> None:
    loss = np.full(N, 2.0)
    loss[400:450] = 6.0
    loss[420] = 8.0
    found = classified(loss, rise(400, 450, height=1.1, base=float(np.log(2))))
    assert (found.first_step, found.last_step, found.peak_step) == (4000, 4490, 4200)
    assert (found.base, found.peak) == pytest.approx((1.98, 8.0))  # less the floor
    assert (found.height, found.limit, found.n_points) == (1.1, 0.3, 50)
    assert found.lost_steps == 490


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_shortest_curves(n: int) -> None:
    found = classified(np.full(n, 2.0), rise(n - 1, n))
    assert (found.first_step, found.last_step, found.n_points) == (10 * (n - 1), 10 * (n - 1), 1)
    assert found.lost_steps == 0
