from __future__ import annotations

import pytest

from lrdoctor.training.hopeless import Hopeless


def stopped_at(losses: list[float], n_steps: int = 100, untrained: float | None = None) -> int | None:
    """Index of the loss at which the trial is given up."""
    hopeless = Hopeless(n_steps, untrained=untrained)
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


@pytest.mark.parametrize(
    ("losses", "untrained", "at"),
    [
        # an easy first batch: twice what it lost is nothing unusual for the untrained weights
        ([0.5] + [2.5] * 200, 2.0, None),
        ([0.5] + [4.1] * 200, 2.0, 50),
        # a hard one: what it lost was lost by weights that had not moved either
        ([5.0] + [4.1] * 200, 2.0, None),
        ([5.0] + [10.1] * 200, 2.0, 50),
        # an objective that rises by itself, for untrained weights as well
        ([2.0] + [9.0] * 200, 9.0, None),
        # any sign: the limit is -1 + |-1| = 0
        ([-2.0] + [-0.1] * 200, -1.0, None),
        ([-2.0] + [0.1] * 200, -1.0, 50),
        # it first lost nothing, which gave no scale
        ([0.0] + [9.0] * 200, 2.0, 50),
        ([0.0] + [9.0] * 200, 0.0, None),
    ],
)
def test_what_untrained_weights_lose_is_no_reason_to_give_up(
    losses: list[float], untrained: float, at: int | None
) -> None:
    assert stopped_at(losses, untrained=untrained) == at


@pytest.mark.parametrize(
    ("untrained", "level"),
    [(None, "it started at 2.5"), (2.0, "it started at 2.5"), (3.0, "untrained weights lose up to 3")],
)
def test_the_reason_names_the_level_that_was_taken(untrained: float | None, level: str) -> None:
    hopeless = Hopeless(100, untrained=untrained)
    reason = [hopeless.add(loss) for loss in [2.5] + [7.0] * 50][-1]
    assert reason is not None
    assert reason.endswith(f"without coming down ({level})")
