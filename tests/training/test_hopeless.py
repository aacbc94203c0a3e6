from __future__ import annotations

import pytest

from lrdoctor.training.hopeless import Hopeless


def stopped_at(losses: list[float], n_steps: int = 100, **settings: float) -> int | None:
    """Index of the loss at which the trial is given up."""
    hopeless = Hopeless(n_steps, **settings)
    return next((i for i, loss in enumerate(losses) if hopeless.add(loss) is not None), None)


@pytest.mark.parametrize(
    ("losses", "at"),
    [
        # pinned above twice the first loss: the 50th such loss in a row ends it
        ([2.0] + [4.1] * 200, 50),
        ([2.0] * 30 + [100.0] * 200, 79),
        # not above twice the first loss
        ([2.0] + [4.0] * 200, None),
        ([2.0] * 200, None),
        # one loss below the limit begins the count anew
        ([2.0] + [9.0] * 49 + [3.9] + [9.0] * 49, None),
        ([2.0] + [9.0] * 49 + [3.9] + [9.0] * 50, 100),
        # coming down by a tenth from half to half: left alone
        ([2.0] + [2 + 100 * 0.99**t for t in range(250)], None),
        # the second half lies 15 % below the first, until the fall is out of sight
        ([2.0] + [102.0] * 25 + [87.0] * 100, 63),
        # coming down too slowly
        ([2.0] + [2 + 100 * 0.999**t for t in range(250)], 50),
        # going up
        ([2.0] + [5 * 1.1**t for t in range(200)], 50),
        # a blow-up of 30 updates that recovers
        ([2.0] * 3 + [50.0] * 30 + [1.5] * 100, None),
        # a negative first loss: the limit is -2 + |-2| = 0
        ([-2.0] + [-0.1] * 200, None),
        ([-2.0] + [0.1] * 200, 50),
        # a first loss of 0 gives no scale
        ([0.0] + [9.0] * 200, None),
        ([], None),
    ],
)
def test_when_it_gives_up(losses: list[float], at: int | None) -> None:
    assert stopped_at(losses) == at


@pytest.mark.parametrize(("n_steps", "stretch"), [(10, 50), (250, 50), (251, 50), (1000, 200), (10_000, 2000)])
def test_the_stretch_is_a_fifth_of_the_trial(n_steps: int, stretch: int) -> None:
    assert stopped_at([1.0] + [9.0] * (stretch + 1), n_steps) == stretch
    assert stopped_at([1.0] + [9.0] * (stretch - 1), n_steps) is None


def test_huge_losses_are_no_error() -> None:
    assert stopped_at([1.0] + [1.7e308] * 100) == 50
    assert stopped_at([1e308] + [1.7e308] * 100) is None


def test_the_reason_has_the_figures() -> None:
    hopeless = Hopeless(100)
    reason = [hopeless.add(loss) for loss in [2.5] + [7.0] * 50][-1]
    assert reason == (
        "hopeless: the training loss stayed above 5 for 50 updates in a row without coming down (it started at 2.5)"
    )
