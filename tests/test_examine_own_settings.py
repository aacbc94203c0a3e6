"""Specs that warm up or clip of their own accord: what the procedures train, compare and say then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine, Log, healthy_below, opened, swept
from test_examine_clip import ClipEngine, clipped

from lrdoctor import assess, examine
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures.sweep import Settings
from lrdoctor.reports.figures.norms import norm_plot
from lrdoctor.spec import Spec, load_spec

OWN = {"warmup_steps": 10, "clip_norm": 1.0}


def spec_with(folder: Path, **changes: Any) -> Spec:
    (folder / "spec.yaml").write_text(SPEC)
    return load_spec(folder / "spec.yaml", [f"{key}={value}" for key, value in changes.items()])


def world() -> FakeEngine:
    return FakeEngine(healthy_below(0.17))


def test_the_baseline_has_what_the_spec_has(tmp_path: Path) -> None:
    plain, own = (examine.baseline_trial(spec_with(tmp_path, **of), 0.1, 3) for of in ({}, OWN))
    assert (plain.warmup_steps, plain.clip_norm, plain.n_steps) == (0, None, 40)
    assert own == replace(plain, **OWN)
    assert own.n_steps == 50


def test_the_keys_of_trials_saved_before_there_were_such_specs_hold(tmp_path: Path) -> None:
    spec = spec_with(tmp_path)
    assert examine.baseline_trial(spec, 0.1, 3).key(spec.identity()) == "5eda30f438dbbf7e"


def test_the_trials_of_a_fix_are_those_of_the_spec_that_has_it(tmp_path: Path) -> None:
    spec, out = spec_with(tmp_path), tmp_path / "out"
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, world(), Log(), exhaustive=True)
        grid = [(rate, seed) for rate in examine.grid(laboratory) for seed in spec.seeds]
        treated = [replace(examine.baseline_trial(spec, *pair), procedure="treat", **OWN) for pair in grid]
        laboratory.run("treat", treated)
    (out / "prescription.yaml").write_text(spec.patched_yaml(out, OWN, "what came out"))
    engine, log = world(), Log()
    study = swept(load_spec(out / "prescription.yaml"), out, engine, log)
    # its controls are as long as its own training
    assert log.planned_stages[:2] == [("control", 3, 0), ("grid", len(treated), len(treated))]
    assert {(run.trial.warmup_steps, run.trial.clip_norm) for run in study.runs} == {(10, 1.0)}
    again = world()
    swept(load_spec(out / "prescription.yaml"), out, again, Log())
    assert (engine.trials, again.trials, again.controls) == (len(study.runs) - len(treated), 0, 0)


def test_a_sweep_says_what_the_spec_has_of_the_fixes(tmp_path: Path) -> None:
    study = swept(spec_with(tmp_path, **OWN), tmp_path / "out", world(), Log())
    assert assess.report_of_sweep(study, "sweep").sweep.notes[:2] == (
        "every trial begins with the spec's own warmup of 10 steps",
        "every trial clips its gradients at the spec's own clip_norm 1",
    )


def test_the_recommended_fixes_know_what_the_spec_has(tmp_path: Path) -> None:
    study = swept(spec_with(tmp_path, **OWN), tmp_path / "out", FakeEngine(healthy_below(0.03)), Log())
    why = {fix.name: fix.why for fix in assess.report_of_sweep(study, "sweep").fixes}
    assert "the spec has warmup_steps: 10 already, which another length takes the place of" in why["warmup"]
    assert "the spec has clip_norm: 1 already, which another threshold takes the place of" in why["clip_gradients"]


def test_sweeps_of_two_specs_in_one_folder_are_judged_apart(tmp_path: Path) -> None:
    spec = spec_with(tmp_path, **OWN)
    swept(spec_with(tmp_path), tmp_path / "both", FakeEngine(healthy_below(0.03)), Log())
    both, alone = (table_after_sweep(spec, tmp_path / name) for name in ("both", "alone"))
    assert repr(both[: len(alone)]) == repr(alone)
    assert {row["warmup_steps"] for row in both[len(alone) :]} == {0}


def table_after_sweep(spec: Spec, out: Path) -> list[dict[str, Any]]:
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, world(), Log(), exhaustive=True)
        study = examine.sweep(laboratory, Settings(examine.grid(laboratory)), spec.seeds)
        return examine.all_trials_table(laboratory, study)


def test_the_probe_begins_to_count_after_the_spec_s_warmup(tmp_path: Path) -> None:
    baseline = examine.baseline_trial(spec_with(tmp_path, **OWN), 0.1, 0)
    trial = probes.probe_trial(baseline, probes.Settings(steps=20))
    assert (trial.warmup_steps, trial.clip_norm, trial.n_steps) == (10, 1.0, 30)


def test_the_warmup_search_takes_the_place_of_the_spec_s_warmup(tmp_path: Path) -> None:
    spec, out = spec_with(tmp_path, **OWN), tmp_path / "out"
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, world(), Log(), exhaustive=True)
        study = examine.sweep(laboratory, Settings(examine.grid(laboratory)), spec.seeds)
        laboratory.engine = FakeEngine(healthy_below(2.0))
        found = examine.warmup(laboratory, study, spec.seeds)
    assert found is not None
    assert found.held is not None
    assert found.held.warmup_steps == 1
    searched = [run.trial for run in found.runs if run.trial is not None and run.trial.post_warmup_steps is not None]
    assert {trial.warmup_steps + (trial.post_warmup_steps or 0) for trial in searched} == {40}
    whole = [run.trial for run in found.runs if run.trial is not None and run.trial.post_warmup_steps is None]
    assert {(trial.warmup_steps, trial.n_steps, trial.clip_norm) for trial in whole} == {(1, 41, 1.0), (10, 50, 1.0)}
    report = assess.report_of_warmup(study, found)
    assert report.warmup.own_warmup_steps == 10
    assert report.warmup.why.endswith("; without it stands for the spec's own warmup of 10 steps")


class OwnClipEngine(ClipEngine):
    """The spec's own clip_norm cures nothing."""

    def __init__(self, own: str) -> None:
        super().__init__(cure=9.5, own=None if own == "null" else float(own))


@pytest.mark.parametrize(("own", "said"), [("20.0", "with the spec's own clip_norm 20"), ("null", "without clipping")])
def test_the_clipping_study_compares_with_what_the_spec_clips(tmp_path: Path, own: str, said: str) -> None:
    spec = spec_with(tmp_path, clip_norm=own, warmup_steps=2)
    found = clipped(spec, tmp_path / "out", OwnClipEngine(own), Log())
    assert [a.setting.threshold.clip_norm for a in found.tried if a.setting.threshold] == [9.1] * len(found.tried)
    of_search = [run.trial for run in found.runs if run.trial is not None and run.trial.seed in spec.seeds]
    assert {trial.clip_norm for trial in of_search} == {9.1}
    assert {trial.warmup_steps for trial in of_search} == {2}
    report = assess.report_of_clip(found, "clip")
    other = "without clipping" if own != "null" else "the spec's own clip_norm"
    for words in (report.clip.verdict, next(fix.why for fix in report.fixes if fix.name == "clip_gradients")):
        assert said in words
        assert other not in words
    plot = norm_plot("study", [*found.study.runs, *found.runs], report.clip)
    assert plot is not None
    assert plot.seeds == (0, 1, 2)


@pytest.mark.parametrize(("own", "said"), [("0.4", True), ("6.0", False), ("null", False)])
def test_thresholds_that_are_all_easier_than_the_spec_s_are_told_of(tmp_path: Path, own: str, said: bool) -> None:
    found = clipped(
        spec_with(tmp_path, clip_norm=own),
        tmp_path / "out",
        ClipEngine(cure=0.1, own=None if own == "null" else float(own)),
        Log(),
    )
    assert found.status == "rejected"
    verdict = assess.report_of_clip(found, "clip").clip.verdict
    assert ("(none is harder than the spec's own clip_norm 0.4)" in verdict) is said
