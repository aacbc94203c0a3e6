"""The table of `benchmarks.forks`, from made-up costs."""

from __future__ import annotations

import pytest

from benchmarks.forks import table


@pytest.mark.parametrize(
    ("forked", "verdict"), [(0.4, "ratio 0.200 (limit 0.5: ok)"), (1.8, "0.900 (limit 0.5: MISSED)")]
)
def test_the_ratio_is_that_of_the_rounds(forked: float, verdict: str) -> None:
    # the second round is of a busy machine: both starts take twice as long
    new, other = [(2.0, 300.0), (4.0, 300.0)], [(forked, 60.0), (2 * forked, 60.0)]
    lines = table(new, other, {"resident": 400.0, "own": 250.0, "seconds": 2.5})
    assert verdict in lines
    assert f" {1.5 * forked:.3f} s       60 MiB" in lines
    assert "400 MiB resident, 250 of them its own, 2.50 s once" in lines
