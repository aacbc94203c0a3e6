"""The warmup procedure on an engine that trains nothing: a made-up world answers for every trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine, Log, broken_at, opened

from lrdoctor import assess, examine
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.procedures.warmup_comparison import WarmupFound
from lrdoctor.spec import Spec, load_spec

EDGE = 0.17
"""Without a warmup training is unstable from here on."""

Reach = Callable[[int], float]
"""warmup_steps -> the rate from which on training is unstable with it."""


class WarmupEngine(FakeEngine):
    """Every trial below the edge that its warmup reaches falls smoothly; any other breaks."""

    def __init__(self, reach: Reach, fails: bool = False) -> None:
        super().__init__(lambda rate, seed: "never asked")
        self.reach, self.fails, self.seen = reach, fails, list[Trial]()

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        self.seen.append(trial)
        yield Started(task, 0)
        if self.fails and trial.warmup_steps:
            yield Failed(task, "out of memory")
            return
        broken = trial.base_learning_rate >= self.reach(trial.warmup_steps)
        goal = 0.1 * (1 + abs(math.log10(trial.base_learning_rate / 0.01))) + 0.001 * trial.seed
        told = broken_at(trial.base_learning_rate)
        if not broken:
            told = [goal + (2 - goal) * 0.9**t for t in range(trial.n_steps)]
        yield Progress(task, [(t, trial.base_learning_rate, loss, 1.0, loss) for t, loss in enumerate(told)])
        yield Finished(task, {"status": "diverged" if broken else "completed", "reason": "nan" if broken else None})


def up_to(multiple: float) -> Reach:
    """Three steps and more reach so many times the edge, fewer do nothing."""
    return lambda steps: EDGE * (multiple if steps >= 3 else 1)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("max_train_steps: 40", "max_train_steps: 100"))
    return load_spec(tmp_path / "spec.yaml")


def searched(
    spec: Spec, out: Path, engine: WarmupEngine, log: Log, best: float | None = None, unstable: float | None = None
) -> tuple[Any, WarmupFound | None]:
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, log)
        study = examine.rates(laboratory, spec.seeds, best, unstable)
        found = examine.warmup(laboratory, study, spec.seeds)
        return study, None if found is None else examine.confirm_warmup(laboratory, found, study, spec.seeds)


def test_the_shortest_warmup_to_ten_times_the_unstable_rate(spec: Spec, tmp_path: Path) -> None:
    engine = WarmupEngine(up_to(20))
    study, found = searched(spec, tmp_path / "out", engine, Log())
    assert found is not None
    assert found.held is not None
    assert found.held.base_learning_rate == found.settings.target
    assert found.settings.target == pytest.approx(10 * study.unstable_base_learning_rate)
    assert found.held.warmup_steps in (3, 4)
    assert {t.warmup_steps for t in found.tried} >= {1, 10}
    assert {t.n_steps for t in engine.seen if t.post_warmup_steps is not None} == {100}
    assert found.risen is not None
    whole = [t for t in engine.seen if t.warmup_steps and t.post_warmup_steps is None]
    of_search = {(t.n_steps, t.procedure) for t in whole if t.seed in spec.seeds}
    assert of_search == {(100 + found.held.warmup_steps, "warmup")}
    assert {t.base_learning_rate for t in whole} >= {study.best_learning_rate, found.held.base_learning_rate}
    assert found.comparison is not None
    assert found.comparison.paired.change == "no change"


def test_fresh_seeds_train_an_equal_number_of_updates_with_and_without(spec: Spec, tmp_path: Path) -> None:
    engine = WarmupEngine(up_to(4))
    _, found = searched(spec, tmp_path / "out", engine, Log())
    assert found is not None
    assert found.held is not None
    assert found.confirmation is not None
    claim, afresh = found.confirmation.claim, [t for t in engine.seen if t.seed not in spec.seeds]
    assert {t.seed for t in afresh} == set(found.confirmation.seeds)
    use = {t.n_steps for t in afresh if t.warmup_steps and t.base_learning_rate == claim.base_learning_rate}
    baseline = {
        t.n_steps for t in afresh if not t.warmup_steps and t.base_learning_rate == claim.baseline_learning_rate
    }
    assert use == baseline == {100 + found.held.warmup_steps}


def test_a_partial_win_is_told_as_such(spec: Spec, tmp_path: Path) -> None:
    study, found = searched(spec, tmp_path / "out", WarmupEngine(up_to(4)), Log())
    assert found is not None
    assert found.held is not None
    assert 2.4 * EDGE < found.held.base_learning_rate < 4 * EDGE
    report = assess.report_of_warmup(study, found)
    assert report.fixes[0].status == "verified"
    assert f"(not 10x, {found.settings.target:.4g})" in report.fixes[0].why


def test_a_warmup_that_does_nothing_is_rejected(spec: Spec, tmp_path: Path) -> None:
    study, found = searched(spec, tmp_path / "out", WarmupEngine(up_to(1)), Log())
    assert found is not None
    assert (found.held, found.comparison, found.warmed) == (None, None, ())
    assert assess.report_of_warmup(study, found).fixes[0].status == "rejected"


def test_a_second_search_trains_nothing(spec: Spec, tmp_path: Path) -> None:
    _, first = searched(spec, tmp_path / "out", WarmupEngine(up_to(4)), Log())
    engine, log = WarmupEngine(up_to(4)), Log()
    _, second = searched(spec, tmp_path / "out", engine, log)
    assert (engine.checks, engine.seen, log.finished_runs) == (0, [], [])
    assert first is not None
    assert second is not None
    assert repr(second.tried) == repr(first.tried)
    assert second.comparison == first.comparison


def test_every_trial_has_a_name_and_findings_of_its_own(spec: Spec, tmp_path: Path) -> None:
    """A short run of the search and a whole run with the same warmup are two runs."""
    study, found = searched(spec, tmp_path / "out", WarmupEngine(up_to(4)), Log())
    assert found is not None
    names = [run.name for run in (*study.runs, *found.runs)]
    assert len(set(names)) == len(names)


def test_rates_given_by_hand_need_no_sweep(spec: Spec, tmp_path: Path) -> None:
    log = Log()
    study, found = searched(spec, tmp_path / "out", WarmupEngine(up_to(20)), log, best=0.02, unstable=0.2)
    assert study.runs == ()
    assert found is not None
    assert found.held is not None
    assert found.held.base_learning_rate == 2.0
    assert log.planned_stages[:2] == [("control", 3, 0), ("baseline", 3, 0)]
    rates = [r.base_learning_rate for r in found.without]
    assert rates == [r.base_learning_rate for r in found.warmed] == [0.02, 0.1, 0.2, 1.0, 2.0]
    assert found.stable_without == 0.1


@pytest.mark.parametrize(("edge", "best", "unstable"), [(1e9, True, False), (0.0, False, True)])
def test_without_a_best_and_an_unstable_rate_there_is_no_search(
    spec: Spec, tmp_path: Path, edge: float, best: bool, unstable: bool
) -> None:
    study, found = searched(spec, tmp_path / "out", WarmupEngine(lambda steps: edge), Log())
    assert found is None
    assert ((study.best_learning_rate is not None), (study.unstable_base_learning_rate is not None)) == (best, unstable)


def test_failed_trials_are_no_evidence(spec: Spec, tmp_path: Path) -> None:
    study, found = searched(spec, tmp_path / "out", WarmupEngine(up_to(20), fails=True), Log())
    assert found is not None
    assert {t.n_judged for t in found.tried} == {0}
    report = assess.report_of_warmup(study, found)
    assert report.fixes[0].status == "not_tried"
    assert any("out of memory" in skip.reason for skip in report.skipped)


@pytest.mark.parametrize(
    ("asked", "tried", "said"),
    [
        ([50], {1, 10}, "warmup.steps: 50 is above the cap of 10 % of max_train_steps (10), so 1, 10 are tried"),
        ([2, 4, 5, 20, 30], {2, 4, 5}, "warmup.steps: 20, 30 are above the cap"),
        ([2, 4, 5], {2, 4, 5}, None),
        ([10, 1000, 10_000, 100_000], {1, 10}, None),  # the default, of which what fits is meant
    ],
)
def test_warmups_above_the_cap_are_not_replaced_in_silence(
    spec: Spec, tmp_path: Path, asked: list[int], tried: set[int], said: str | None
) -> None:
    spec = load_spec(tmp_path / "spec.yaml", [f"warmup.steps={asked}"])
    engine, log = WarmupEngine(up_to(20)), Log()
    study, found = searched(spec, tmp_path / "out", engine, log)
    assert tried <= {trial.warmup_steps for trial in engine.seen}
    sweep = assess.report_of_warmup(study, found).sweep
    assert sweep is not None
    for texts in (log.messages, sweep.notes):
        assert sum("above the cap" in text for text in texts) == (said is not None)
        assert said is None or any(said in text for text in texts)
