from __future__ import annotations

import pytest

from lrdoctor.core import warmups


@pytest.mark.parametrize(
    ("max_train_steps", "steps"),
    [
        (10**6, [10, 1000, 10_000, 100_000]),
        (10**5, [10, 1000, 10_000]),
        (20_000, [10, 100, 1000, 2000]),
        (1000, [1, 10, 100]),
        (300, [1, 10, 30]),
        (5, [1]),
        (100, [1, 10]),
    ],
)
def test_warmup_steps_stay_below_the_cap(max_train_steps: int, steps: list[int]) -> None:
    assert warmups.steps_to_try([10, 1000, 10_000, 100_000], max_train_steps) == steps
