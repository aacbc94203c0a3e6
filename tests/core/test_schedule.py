from __future__ import annotations

from collections.abc import Callable

import pytest

from lrdoctor.core.schedule import Schedule, constant, cosine, linear, prepend_warmup


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (constant(), {0: 1.0, 1: 1.0, 10**9: 1.0}),
        (linear(1), {0: 1.0, 1: 0.0, 2: 0.0}),
        (linear(10), {0: 1.0, 1: 0.9, 9: 0.1, 10: 0.0, 11: 0.0}),
        (cosine(1), {0: 1.0, 1: 0.0, 2: 0.0}),
        (cosine(10), {0: 1.0, 5: 0.5, 10: 0.0, 11: 0.0}),
        (prepend_warmup(0.5, 0, constant()), {0: 0.5, 1: 0.5}),
        (prepend_warmup(0.5, 1, constant()), {0: 0.0, 1: 0.5, 2: 0.5}),
        (prepend_warmup(2.0, 4, constant()), {0: 0.0, 1: 0.5, 3: 1.5, 4: 2.0, 5: 2.0}),
        # the schedule runs its full length after the ramp: 4 + 10 steps
        (prepend_warmup(2.0, 4, linear(10)), {3: 1.5, 4: 2.0, 5: 1.8, 13: 0.2, 14: 0.0}),
        (prepend_warmup(1.0, 2, lambda step: float(step)), {1: 0.5, 2: 0.0, 3: 1.0}),
    ],
)
def test_values_at_the_boundaries(rate: Schedule, expected: dict[int, float]) -> None:
    assert {step: rate(step) for step in expected} == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear(0), "steps must be 1 or more, got 0"),
        (lambda: cosine(0), "steps must be 1 or more, got 0"),
        (lambda: cosine(-3), "steps must be 1 or more, got -3"),
        (lambda: prepend_warmup(0.1, -1, constant()), "warmup_steps must be 0 or more, got -1"),
    ],
)
def test_bad_arguments_raise(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
