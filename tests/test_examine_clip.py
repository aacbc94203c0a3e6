"""The clipping study on an engine that trains nothing: a made-up world answers for every trial."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine, Log, broken_at, opened

from lrdoctor import assess, examine
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Finished, Progress, Started, Task
from lrdoctor.errors import WorkloadError
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures.clip import Clipping, Settings
from lrdoctor.spec import Spec, load_spec


class ClipEngine(FakeEngine):
    """Trials hold below the edge, and above it where `cure` says so, as well as at 0.01; the norms run from 1 to 10."""

    def __init__(self, edge: float = 0.03, cure: float = 0.0, own: float | None = None) -> None:
        super().__init__(lambda rate, seed: "unused")
        self.edge, self.cure, self.own = edge, cure, own

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        yield Started(task, 0)
        holds = trial.base_learning_rate < self.edge or (trial.clip_norm or math.inf) <= self.cure
        off = 0.0 if trial.clip_norm not in (None, self.own) else abs(math.log10(trial.base_learning_rate / 0.01))
        goal = 0.1 * (1 + off) + 0.01 * (trial.seed % 3)
        losses = [goal + (2 - goal) * 0.9**t for t in range(40)] if holds else broken_at(trial.base_learning_rate)
        norms = [1 + 9 * t / 39 for t in range(40)]
        yield Progress(task, [(t, trial.base_learning_rate, x, norms[t], x) for t, x in enumerate(losses)])
        yield Finished(task, {"status": "completed" if holds else "diverged", "reason": None if holds else "nan"})


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return load_spec(tmp_path / "spec.yaml")


def clipped(
    spec: Spec, out: Path, engine: FakeEngine, log: Log, best: float | None = None, unstable: float | None = None,
    **settings: Any,
) -> Clipping:  # fmt: skip
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, log)
        study = examine.rates(laboratory, spec.seeds, best, unstable)
        found = examine.clip(laboratory, Settings(**settings), spec.seeds, study)
        return examine.confirm_clipping(laboratory, found, spec.seeds)


def test_a_threshold_that_cures_is_verified(spec: Spec, tmp_path: Path) -> None:
    found = clipped(spec, tmp_path / "out", ClipEngine(cure=10.0), Log())
    assert found.status == "verified"
    assert found.was_swept
    assert [a.setting.threshold.clip_norm for a in found.tried if a.setting.threshold] == [9.1] * len(found.tried)
    assert found.highest_before is not None
    assert found.highest_before < 0.03
    assert found.highest_after == 0.1
    assert all(a.share == pytest.approx(0.1) for a in found.tried)
    assert found.lowered == ()


def test_harder_thresholds_until_one_holds(spec: Spec, tmp_path: Path) -> None:
    found = clipped(spec, tmp_path / "out", ClipEngine(cure=6.5), Log())
    assert [a.setting.threshold.percentile for a in found.tried if a.setting.threshold][:4] == [90, 80, 70, 60]
    assert [a.holds for a in found.tried] == [False] * 3 + [True] * (len(found.tried) - 3)
    assert found.status == "verified"


def test_no_threshold_holds(spec: Spec, tmp_path: Path) -> None:
    found = clipped(spec, tmp_path / "out", ClipEngine(), Log())
    assert (found.status, found.confirmation) == ("rejected", None)
    limits = [a.setting.threshold for a in found.tried if a.setting.threshold]
    assert [limit.percentile for limit in limits[:5]] == [90, 80, 70, 60, 50]
    # then a half and a quarter of the median norm, 5.5, and what people use whatever the norms
    assert [limit.clip_norm for limit in limits] == pytest.approx([9.1, 8.2, 7.3, 6.4, 5.5, 2.75, 1.375, 1, 0.5])
    report = assess.report_of_clip(found, "clip")
    (fix,) = (fix for fix in report.fixes if fix.name == "clip_gradients")
    assert (fix.rank, fix.status, fix.settings) == (2, "rejected", {})


def test_a_second_study_trains_nothing(spec: Spec, tmp_path: Path) -> None:
    first = clipped(spec, tmp_path / "out", ClipEngine(cure=10.0), Log(), search_harder=True)
    engine = ClipEngine(cure=10.0)
    second = clipped(spec, tmp_path / "out", engine, Log(), search_harder=True)
    assert (engine.checks, engine.trials) == (0, 0)
    assert repr(assess.report_of_clip(second, "clip")) == repr(assess.report_of_clip(first, "clip"))


def test_clipping_after_a_sweep_trains_the_clipped_trials_alone(spec: Spec, tmp_path: Path) -> None:
    with opened(spec, tmp_path / "out") as folder:
        laboratory = examine.Laboratory(spec, folder, ClipEngine(cure=10.0), Log(), exhaustive=True)
        examine.sweep(laboratory, sweeps.Settings(examine.grid(laboratory)), spec.seeds)
    engine = ClipEngine(cure=10.0)
    found = clipped(spec, tmp_path / "out", engine, Log())
    of_search = [run for run in found.runs if run.trial is not None and run.trial.seed in spec.seeds]
    assert len(of_search) == 3 * len(found.tried)
    assert {run.trial.clip_norm for run in of_search if run.trial is not None} == {9.1}
    assert engine.trials == len(found.runs)


def test_aggressive_clipping_is_compared_with_the_lower_rate(spec: Spec, tmp_path: Path) -> None:
    found = clipped(spec, tmp_path / "out", ClipEngine(cure=10.0), Log(), percentile=20.0)
    assert found.best is not None
    assert found.best.is_aggressive
    of_best = found.lowered[0]
    scale = sum(min(1.0, 2.8 / (1 + 9 * t / 39)) for t in range(40)) / 40  # of an update, by the threshold 2.8
    at = found.best.setting.base_learning_rate
    assert of_best.plain.setting.base_learning_rate == pytest.approx(at * scale, rel=0.01)
    assert of_best.paired.n_pairs == 3


def test_given_rates_are_checked_without_a_sweep(spec: Spec, tmp_path: Path) -> None:
    engine = ClipEngine(edge=0.05, cure=10.0)
    found = clipped(spec, tmp_path / "out", engine, Log(), 0.01, 0.06)
    assert not found.was_swept
    assert [r.base_learning_rate for r in found.study.rates] == [0.01, 0.06, 0.1]
    assert (found.status, found.highest_before, found.highest_after) == ("verified", 0.01, 0.1)
    of_search = [run for run in (*found.study.runs, *found.runs) if run.trial is not None and run.trial.seed < 3]
    assert len(of_search) == 3 * 3 + 3 * 2


@pytest.mark.parametrize(("best", "unstable"), [(0.01, 0.06), (0.03, 0.05), (0.01, 0.02)])
def test_where_both_rates_are_given_nothing_claims_a_sweep(
    spec: Spec, tmp_path: Path, best: float, unstable: float
) -> None:
    found = clipped(spec, tmp_path / "out", ClipEngine(edge=0.05, cure=10.0), Log(), best, unstable)
    report = assess.report_of_clip(found, "clip")
    assert report.sweep is not None
    assert "lr* is as given; no sweep was run" in report.sweep.notes
    assert {rate.stage for rate in report.sweep.rates} == {"check"}
    assert (report.lr_sensitivity, report.sweep.extended) == (None, False)
    assert report.summary.startswith(f"the best learning rate {best}, as given,")
    said = [report.summary, report.clip.verdict, *report.next_steps, *(f.message for f in report.findings)]
    assert [text for text in said if re.search("swept|the sweep|sweep again", text)] == []


def test_a_rate_given_as_unstable_that_is_not_is_said(spec: Spec, tmp_path: Path) -> None:
    found = clipped(spec, tmp_path / "out", ClipEngine(edge=0.05, cure=10.0), Log(), 0.01, 0.02)
    assert found.study.unstable_base_learning_rate == 0.1
    assert any("0.02, given as unstable" in note for note in found.study.notes)
    assert "nothing is cured at that rate" in assess.report_of_clip(found, "clip").clip.verdict


def test_a_study_of_failures_is_refused(spec: Spec, tmp_path: Path) -> None:
    engine = FakeEngine(lambda rate, seed: "out of memory")
    with pytest.raises(WorkloadError, match="all 9 trials failed; the first one: out of memory"):
        clipped(spec, tmp_path / "out", engine, Log(), 0.01, 0.1, percentile=90.0)


@pytest.mark.parametrize(
    ("edge", "best", "missing", "step"),
    [
        (math.inf, None, "no unstable learning rate", "--unstable-lr RATE"),
        (0.5, None, "there is room", "--unstable-lr RATE"),
        (0.0, None, "no learning rate trains well", "--set sweep.min=RATE"),
        (0.03, 0.1, "no trial at the best learning rate held", "--lr RATE"),
    ],
)
def test_where_there_is_nothing_to_try(
    spec: Spec, tmp_path: Path, edge: float, best: float | None, missing: str, step: str
) -> None:
    found = clipped(spec, tmp_path / "out", ClipEngine(edge=edge), Log(), best)
    assert found.status == "not_tried"
    assert missing in (found.missing or "")
    report = assess.report_of_clip(found, "clip")
    assert any(text.startswith(step) for text in report.next_steps)
    assert not any(fix.status in ("verified", "rejected") for fix in report.fixes)
