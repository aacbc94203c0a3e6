"""The intervals hold what they claim on made-up workloads, and verdicts do not contradict each other."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.intervals import Sweep, pairs_of, workloads


@pytest.mark.parametrize("n_seeds", [3, 5])
def test_coverage_and_contradictions(n_seeds: int) -> None:
    """Of 80 sweeps; 90 % asked, 80 % leaves room for the draw (three standard deviations)."""
    pairs = pairs_of(40, n_seeds, is_auto=False)
    every = [j for pair in pairs for j in pair]
    assert len(every) > 60
    for i in range(3):
        assert sum(j.covers[i] for j in every) >= 0.8 * len(every)
    sides = [{a.certainty.sides["edge"], b.certainty.sides["edge"]} for a, b in pairs]
    assert {"within", "beyond"} not in sides
    settled = [j for j in every if j.certainty.sides["edge"] != "open"]
    assert len(settled) > 0.3 * len(every)
    assert sum(j.is_wrong("edge") for j in settled) <= 0.06 * len(settled)


def test_added_seeds_are_tried_at_every_rate() -> None:
    workload = next(workloads(1, np.random.default_rng(0)))
    sweep = Sweep(workload, 3, np.random.default_rng(1))
    sweep.add(2)
    assert {rate.n_judged for rate in sweep.rates()} == {5}
