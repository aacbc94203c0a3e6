from __future__ import annotations

import math

import numpy as np
import pytest
from clip_studies import attempt, finding, run

from lrdoctor.procedures.clip_measures import Norms, Setting, Threshold, effective_rate, mean_scales, measure, norms_of

INF, NAN = math.inf, math.nan


def test_the_threshold_is_the_median_of_the_seeds_percentiles() -> None:
    norms = norms_of([run(seed=s, norms=np.linspace(0, 10 * (s + 1), 101)) for s in range(3)], [])
    assert norms is not None
    assert norms.percentile_by_seed(90) == pytest.approx([9, 18, 27])
    assert norms.threshold(90) == Threshold(90, 18.0)
    assert norms.percentile(100) == 20.0


def test_norms_come_from_trials_that_held() -> None:
    good, rose, broke = run(seed=0, norms=[1.0, INF, 3.0]), run(seed=1), run(seed=2, status="diverged")
    failed, info = run(seed=3, status="failed"), run(seed=4)
    found = [finding(rose, "warning"), finding(info, "info")]
    norms = norms_of([good, rose, broke, failed, info], found)
    assert norms is not None
    assert list(norms.by_seed) == [0, 4]
    assert norms.left_out == (1, 2, 3)
    assert norms.by_seed[0].tolist() == [1.0, 3.0]
    assert norms_of([rose, broke], found) is None


def test_what_a_setting_did() -> None:
    setting = Setting(0.1, Threshold(90.0, 2.0))
    runs = [
        run(0.1, 0, [1.0, 3.0, 4.0, 2.0], 0.3, 2.0),
        run(0.1, 1, [1.0, 3.0, NAN, INF], 0.4, 2.0, "diverged"),
        run(0.1, 2, [9.0], 0.1, 2.0, "failed"),
    ]
    done = measure(setting, runs, [finding(runs[1])], "best_val_loss")
    assert done.objectives == {0: 0.3, 1: INF}
    assert done.shares == {0: 0.5, 1: pytest.approx(2 / 3)}
    assert (done.n_held, done.rate.n_judged, done.holds) == (1, 2, False)
    assert done.is_aggressive
    assert measure(Setting(0.1), runs, [], "best_val_loss").share is None


@pytest.mark.parametrize(
    ("held", "n", "holds"), [(3, 3, True), (2, 3, True), (1, 2, False), (1, 3, False), (1, 1, True), (0, 0, False)]
)
def test_a_majority_holds(held: int, n: int, holds: bool) -> None:
    assert attempt(0.1, held=held, val=[0.5] * n).holds is holds


def test_the_rate_that_clipping_amounts_to() -> None:
    clipped = attempt(0.1, Threshold(50.0, 1.0))
    runs = [run(norms=[0.0, 0.5, 2.0, 2.0, 2.0]), run(norms=[4.0, 4.0, 4.0]), run(norms=[1.0])]
    # the seeds scale by 0.7, 0.25 and 1 on average
    assert mean_scales(runs, 1.0) == pytest.approx([0.7, 0.25, 1.0])
    assert effective_rate(clipped, runs) == 0.07
    # one update of three is an eighth of what it was: (1 + 1 + 0.125) / 3
    assert effective_rate(clipped, [run(norms=[0.5, 0.5, 8.0])]) == 0.07083


def test_failed_trials_and_those_without_norms_tell_no_scale() -> None:
    assert mean_scales([run(norms=[2.0]), run(norms=[9.0], status="failed"), run(norms=[INF])], 1.0) == [0.5]


def test_a_limit_has_the_rank_of_the_norms_up_to_it() -> None:
    norms = Norms(base_learning_rate=0.01, by_seed={s: np.linspace(0, 10 * (s + 1), 101) for s in range(3)})
    assert norms.rank(9.0) == pytest.approx(100 * 46 / 101)  # of the seeds 91, 46 and 31 of 101 norms
