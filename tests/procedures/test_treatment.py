"""Which rates a fix is swept over, and what it does to a trial."""

from __future__ import annotations

import pytest
from treatment_studies import GOOD, swept

from lrdoctor.core.trial import Trial
from lrdoctor.procedures.treatment import Settings, Treatment, ladder, lower_rates

BASELINE = Trial(base_learning_rate=0.1, seed=1, max_train_steps=50, eval_every=5, optimizer='{"name":"sgd"}')


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (Treatment(), {}),
        (Treatment(warmup_steps=10), {"warmup_steps": 10}),
        (Treatment(warmup_steps=10, clip_norm=0.5), {"warmup_steps": 10, "clip_norm": 0.5}),
        (Treatment(optimizer='{"name":"adam"}'), {"optimizer": '{"name":"adam"}'}),
        (Treatment(rewrite="pre_norm"), {"rewrite": "pre_norm"}),
    ],
)
def test_a_treatment_changes_its_settings_and_nothing_else(change, changed):
    before, after = BASELINE.settings(), change.on(BASELINE).settings()
    assert {name: value for name, value in after.items() if before[name] != value} == changed


def test_no_treatment_is_the_baseline_itself():
    assert Treatment().on(BASELINE) is BASELINE


@pytest.mark.parametrize(
    ("rates", "best", "unstable", "further", "expected"),
    [
        # one below lr*, everything up to ten times it, the unstable rate wherever it lies
        ((0.001, 0.003, 0.01, 0.03, 0.1, 0.3), 0.01, 0.05, (), (0.003, 0.01, 0.03, 0.05, 0.1)),
        # a rate within a tenth of the top stands for it
        ((0.01, 0.092), 0.01, 0.05, (), (0.01, 0.05, 0.092)),
        # without one the top is added, rounded
        ((0.01, 0.03), 0.01, 0.02, (), (0.01, 0.02, 0.03, 0.1)),
        # lr* at the low end, and rates that a search reached
        ((0.01, 0.1), 0.01, 0.02, (0.2, 0.05), (0.01, 0.02, 0.05, 0.1, 0.2)),
    ],
)
def test_rates_of_a_treated_sweep(rates, best, unstable, further, expected):
    study = swept(dict.fromkeys(rates, GOOD), best_learning_rate=best, unstable_base_learning_rate=unstable).study
    assert ladder(study, best, Settings(), further) == expected


@pytest.mark.parametrize(
    ("best", "unstable", "expected"),
    [
        (0.01, 0.0123456, (0.001235, 0.006173)),  # at the edge: all the room, or half the unstable rate
        (0.01, 0.04, (0.004,)),  # half the unstable rate is no lower one
        (0.01, 0.2, ()),  # all the room is there
    ],
)
def test_lower_rates(best, unstable, expected):
    assert lower_rates(best, unstable, Settings()) == expected
