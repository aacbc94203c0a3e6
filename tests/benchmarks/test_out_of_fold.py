"""Cross-validation of the judgement of logs, by repository."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import out_of_fold
from benchmarks.indexed_logs import Log
from benchmarks.judged import Judge
from benchmarks.judges import lrdoctor
from lrdoctor.measures import noise, rises, units

LOGS = [Log(f"log {i}", "spike" if i % 3 == 0 else "stable", (), (), repo=f"owner/{i % 12}") for i in range(60)]
TRUTH = ["unstable" if log.is_unstable else "stable" for log in LOGS]


def test_logs_of_a_repository_are_in_one_fold() -> None:
    folds = {(log.repo, out_of_fold.fold_of(log)) for log in LOGS}
    assert len(folds) == 12
    assert len({fold for _, fold in folds}) > 1


def test_the_first_of_the_grid_is_in_use_and_others_are_put_back() -> None:
    assert out_of_fold.GRID[0] == out_of_fold.IN_USE
    with out_of_fold.using(out_of_fold.Free(0.5, 0.6, 0.7)):
        assert (units.THRESHOLDS.floor, rises.THRESHOLDS.rise, noise.EXTREMES) == (0.5, 0.6, 0.7)
    found = out_of_fold.Free(units.THRESHOLDS.floor, rises.THRESHOLDS.rise, noise.EXTREMES)
    assert found == out_of_fold.IN_USE


def test_a_fold_has_no_part_in_its_thresholds() -> None:
    """A judge that is right with the second of the grid but on one repository, where it is right with the first."""
    odd = LOGS[0].repo
    best = out_of_fold.GRID[1]

    def judge_log(judge: Judge, log: Log) -> str:
        right = "unstable" if log.is_unstable else "stable"
        wrong = "stable" if log.is_unstable else "unstable"
        return right if (units.THRESHOLDS.floor, rises.THRESHOLDS.rise, noise.EXTREMES) == (
            best.floor, best.rise, best.extremes,
        ) and log.repo != odd else wrong  # fmt: skip

    said, chosen = out_of_fold.verdicts(LOGS, lrdoctor, judge_log)
    assert set(chosen.values()) == {best}
    assert [a == b for a, b in zip(said, TRUTH, strict=True)] == [log.repo != odd for log in LOGS]


@pytest.mark.parametrize(("said", "f1"), [(TRUTH, 1.0), (["stable"] * 60, 0.0), (["unstable"] * 60, 0.5)])
def test_f1_with_its_interval(said: list[str], f1: float) -> None:
    found, low, high = out_of_fold.interval(LOGS, said)
    assert found == pytest.approx(f1)
    assert low <= found <= high


def test_unclear_labels_do_not_count() -> None:
    logs = [*LOGS, replace(LOGS[0], label="unclear")]
    assert out_of_fold.f1(logs, [*TRUTH, "unstable"], range(61)) == 1.0
