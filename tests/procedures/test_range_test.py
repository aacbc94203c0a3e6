"""The learning-rate range test: which short trials are asked for, what is seen in them, and the grid that is laid."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run, Status
from lrdoctor.core.trial import Trial
from lrdoctor.procedures import range_test
from lrdoctor.procedures.range_test import Seen

FIRST = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def of(gains: Mapping[float, float]) -> list[Seen]:
    return [Seen(rate, gain) for rate, gain in gains.items()]


NEAR = dict(zip(FIRST, (0.01, 0.1, 0.5, 0.9, -math.inf), strict=True))
WIDE = dict(zip(FIRST, (0.01, 0.1, 0.9, 0.2, -0.1), strict=True))
TOO_HIGH = dict(zip(FIRST, (0.9, -0.1, -5.0, -math.inf, -math.inf), strict=True))
ALL_BROKEN = dict.fromkeys(FIRST, -math.inf)
TOO_LOW = dict(zip(FIRST, (1e-6, 1e-5, 1e-4, 1e-3, 1e-2), strict=True))
UNMOVED = dict.fromkeys(FIRST, 0.0)


@pytest.mark.parametrize(
    ("tried", "asked"),
    [
        ({}, FIRST),
        (NEAR, ()),
        (WIDE, ()),
        (TOO_HIGH, (1e-6, 1e-5)),
        (ALL_BROKEN, (1e-6, 1e-5)),
        (TOO_LOW, (10.0, 100.0)),
        (UNMOVED, (10.0, 100.0)),
        # what broke there is enough to go by: nothing below is better
        ({**TOO_HIGH, 1e-5: 0.5, 1e-6: 0.1}, ()),
        # no rate is tried beyond 1e-8 and 1e4, and there is an end
        ({**ALL_BROKEN, **dict.fromkeys((1e-5, 1e-6, 1e-7), -1.0)}, (1e-8,)),
        ({**ALL_BROKEN, **dict.fromkeys((1e-5, 1e-6, 1e-7, 1e-8), -1.0)}, ()),
        ({**TOO_LOW, **{10.0**k: 10.0**k for k in range(1, 5)}}, ()),
    ],
)
def test_decades_are_added_where_those_tried_do_not_hold_the_answer(
    tried: Mapping[float, float], asked: tuple[float, ...]
) -> None:
    assert range_test.next_rates(of(tried)) == asked
    assert range_test.next_rates(list(reversed(of(tried)))) == asked


@pytest.mark.parametrize(
    ("tried", "grid"),
    [
        (NEAR, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)),
        (WIDE, (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)),  # a decade above the best, though the break is at two
        ({1e-4: 0.9, 3e-4: -1.0}, (1e-5, 2e-5, 5e-5, 1e-4, 2e-4)),  # up to the break
        ({1e3: 1.0, 1e4: 2.0}, (1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5)),
        ({0.01: 0.5, 0.1: 0.5}, (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)),  # of equal ones the lower
        (UNMOVED, ()),
        (ALL_BROKEN, ()),
    ],
)
def test_the_grid_reaches_from_a_decade_below_the_best_to_the_break(
    tried: Mapping[float, float], grid: tuple[float, ...]
) -> None:
    assert range_test.grid(of(tried)) == grid


def trained(losses: list[float], *, status: Status = "completed", control: list[float] | None = None) -> Run:
    trial = Trial(
        base_learning_rate=0.1, seed=0, max_train_steps=300, eval_every=15, optimizer="{}", stop_after=len(losses)
    )
    return Run(
        name="x", source="x", curves={"train_loss": Curve.of(losses)}, status=status, trial=trial,
        control=None if control is None else Curve.of(control),
    )  # fmt: skip


HARD_AT_THE_END = [2.0] * 6 + [5.0] * 3
"""What untrained weights lose on batches whose last ones are hard."""


@pytest.mark.parametrize(
    ("run", "gain"),
    [
        (trained([2.0] * 6 + [1.0] * 3, control=[2.0] * 9), 1.0),
        # a hard batch is none of the rate's
        (trained([2.0] * 6 + [4.0] * 3, control=HARD_AT_THE_END), 1.0),
        (trained([2.0] * 6 + [4.0] * 3), -2.0),  # without a control the first loss stands for it
        (trained([2.0] * 6 + [3.0] * 3, control=[2.0] * 9), -1.0),
        (trained([2.0, 1.0, math.nan], status="diverged", control=[2.0] * 9), -math.inf),
        (trained([2.0] * 5, status="truncated", control=[2.0] * 9), -math.inf),
        (trained([], status="failed"), -math.inf),
        (trained([2.0] * 9, control=[2.0] * 8 + [math.nan]), -math.inf),
    ],
)
def test_a_gain_is_what_the_end_takes_off_the_untrained_loss(run: Run, gain: float) -> None:
    seen = range_test.seen(run)
    assert (seen.base_learning_rate, seen.gain, seen.is_broken) == (0.1, pytest.approx(gain), gain < 0)


def test_a_trial_that_is_recorded_in_part_is_compared_where_it_is() -> None:
    run = trained([2.0] * 4 + [1.0] * 8, control=[2.0] * 12)
    every_other = Run(
        name="x", source="x", trial=run.trial, control=run.control,
        curves={"train_loss": Curve(run.train_loss.step[::2], run.train_loss.value[::2])},
    )  # fmt: skip
    assert range_test.seen(every_other).gain == 1.0


@pytest.mark.parametrize(
    ("max_train_steps", "warmup_steps", "n"),
    [(300, 0, 30), (1000, 0, 100), (1000, 50, 150), (100, 0, 20), (15, 0, 15), (15, 5, 20)],
)
def test_a_short_trial_is_a_tenth_of_the_training_after_its_warmup(
    max_train_steps: int, warmup_steps: int, n: int
) -> None:
    assert range_test.length(max_train_steps, warmup_steps) == n
