"""Trials looked up, against a search through all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run, trial_of
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.measures import level
from lrdoctor.measures.trials import Trials, held_against, trials_in
from lrdoctor.rules import judge_run

RATES, SEEDS, N = (0.001, 0.01, 0.1, 1.0, 10.0), range(4), 60
UNTRAINED = Curve.of(np.full(N, 2.0) + 0.01 * np.random.default_rng(9).random(N))


def run_of(rate: float, seed: int, ends: float, **more: Any) -> Run:
    """A trial that goes down from 2 to a level."""
    trial = Trial(
        base_learning_rate=rate, seed=seed, max_train_steps=N, eval_every=10, optimizer='{"name":"sgd"}', warmup_steps=0
    )
    noise = 0.002 * np.random.default_rng(seed).random(N)
    loss = Curve.of(ends + (2.0 - ends) * np.exp(-np.arange(N) / 5) + noise)
    return Run(f"lr={rate:g} seed={seed}", "x", {"train_loss": loss}, trial=trial, control=UNTRAINED, **more)


def study_of(number: int) -> Study:
    """Trials of every rate and seed, some of which learn, settle together, or do not end."""
    chance = np.random.default_rng(number)
    runs = []
    for rate in RATES:
        for seed in SEEDS:
            ends = float(chance.choice([2.1, 1.5, 1.5, 0.5, 0.3]))
            status = "diverged" if chance.random() < 0.2 else "completed"
            runs.append(run_of(rate, seed, ends, status=status))
    return Study(name="x", runs=tuple(runs[i] for i in chance.permutation(len(runs))))


def completed(study: Study) -> Iterator[tuple[Run, float]]:
    """The trials that ended, each with its level."""
    for run in study.runs:
        ends = level.measure(run.train_loss)
        if run.status == "completed" and ends is not None:
            yield run, ends.mean


@pytest.mark.parametrize("number", range(30))
def test_the_best_trial_below(number: int) -> None:
    study = study_of(number)
    for run in study.runs:
        mine = trial_of(run)
        below = [
            (other, mean)
            for other, mean in completed(study)
            if trial_of(other).base_learning_rate < mine.base_learning_rate and level.learned(other)
        ]
        of_seed = [(other, mean) for other, mean in below if trial_of(other).seed == mine.seed]
        expected = min(of_seed or below, key=lambda of: of[1], default=(None, 0.0))[0]
        found = trials_in(study).best_below(mine.base_learning_rate, mine.seed)
        assert (None if found is None else found[1]) is expected


@pytest.mark.parametrize("number", range(30))
def test_the_rates_that_end_at_a_level(number: int) -> None:
    study = study_of(number)
    for run, mean in completed(study):
        seed, by = trial_of(run).seed, 0.002
        alike = [
            trial_of(other)
            for other, its in completed(study)
            if trial_of(other).base_learning_rate > 0.001 and abs(its - mean) <= by
        ]
        expected = {trial.base_learning_rate for trial in alike}, any(trial.seed != seed for trial in alike)
        assert trials_in(study).rates_at(mean, by, seed, lambda rate: rate > 0.001) == expected


class Counted(tuple[Run, ...]):
    """Runs that count how often somebody goes through all of them."""

    n = 0

    def __iter__(self) -> Iterator[Run]:
        type(self).n += 1
        return super().__iter__()


def test_a_study_is_looked_through_once_for_all_of_its_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "n", 0)
    study = Study(name="x", runs=Counted(study_of(0).runs))
    for run in study_of(0).runs:
        judge_run(run, study)
    assert Counted.n == 1


def test_a_study_may_be_held_against_other_trials() -> None:
    study, others = study_of(0), study_of(1)
    trials = Trials(others.runs, others.alpha)
    assert trials_in(held_against(study, trials)) is trials
