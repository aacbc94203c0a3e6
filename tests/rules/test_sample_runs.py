"""The sample runs: each is judged as its README says, and the generator writes what lies there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic_studies import codes, run_of, study_of

from lrdoctor.assess import report_of_logs
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.logs.gather import gather
from lrdoctor.rules import judge_run
from tools import sample_runs
from tools.made_up import MADE_UP
from tools.sample_runs import FOLDER, SAMPLES, Sample

TRAINED = [sample for sample in SAMPLES if sample.config and sample.config != "char_transformer"]
"""Those whose data are the same for every version of Python."""
FIRST_STEPS = 3
SAME = 1e-3
"""Relative difference of the first losses: other versions of torch add in another order."""


def run(file: str) -> Run:
    (found,) = gather([str(FOLDER / file)]).runs
    return found


def trial(file: str, rate: float) -> Run:
    """The log as the trial that it was."""
    logged = run(file)
    made = run_of([], name=file, rate=rate, max_train_steps=len(logged.train_loss), curves=logged.curves)
    return replace(made, status="completed")


def test_every_file_is_a_sample_and_every_sample_a_file() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"README.md"}
    assert files == {sample.file for sample in SAMPLES}
    assert set(MADE_UP) == {sample.file for sample in SAMPLES if sample.config is None}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_the_verdict_and_the_codes_are_those_of_the_table(sample: Sample) -> None:
    report = report_of_logs(gather([str(FOLDER / sample.file)]))
    assert report.verdict == sample.verdict
    assert {f.code: f.severity for f in report.findings} == sample.codes


@pytest.mark.parametrize("file", MADE_UP)
def test_the_generator_gives_the_same_bytes(file: str) -> None:
    assert (FOLDER / file).read_bytes() == MADE_UP[file]().encode("ascii")


def test_the_readme_is_up_to_date() -> None:
    assert (FOLDER / "README.md").read_text("utf-8") == sample_runs.readme(), "run: python -m tools.sample_runs"


@pytest.mark.parametrize("sample", TRAINED, ids=lambda sample: sample.file)
def test_the_trained_ones_are_trials_of_their_config(sample: Sample) -> None:
    from tools.trained import Trained, largest_difference, rows_of

    assert sample.config is not None
    rows = rows_of(Trained(sample.config, sample.base_learning_rate, sample.seed), stop_after=FIRST_STEPS)
    assert len(rows) == FIRST_STEPS
    assert largest_difference(FOLDER / sample.file, rows) < SAME


def test_the_early_blow_up_is_one_of_its_trial_too() -> None:
    assert "LRD201" in codes(trial("early_blow_up.csv", 0.2))


UNTRAINED, ENTROPY = 4.16, 3.15
"""What the untrained weights of char_transformer lose, nearly log(64), and the entropy of single characters."""


@pytest.mark.parametrize(
    ("known", "sign"),
    [
        ({"provenance": {"constant_loss": ENTROPY}}, "no lower than the best constant prediction (3.15)"),
        ({"provenance": {"output_spread": 0.001}}, "has stopped using its input"),
    ],
    ids=["the best constant prediction", "the outputs"],
)
def test_the_plateau_shows_beside_the_lower_rate_alone(known: dict[str, Any], sign: str) -> None:
    untrained = Curve.of([UNTRAINED] * 300)
    high = replace(trial("stuck_plateau.csv", 0.01), **known)
    low = replace(trial("stuck_plateau_lower_rate.csv", 3e-4), control=untrained, provenance={"output_spread": 1.0})
    (found,) = [f for f in judge_run(high, study_of(low, high)) if isinstance(f, Finding)]
    assert found.code == "LRD301"
    assert sign in found.message
    assert [f for f in judge_run(low, study_of(low, high)) if isinstance(f, Finding)] == []
    assert [f for f in judge_run(high, study_of(high)) if isinstance(f, Finding)] == []


def test_with_the_control_alone_one_more_rate_at_the_same_level_shows_the_plateau() -> None:
    """A quarter of what the lower rate learns is missing, which a noise floor may miss as well."""
    untrained = Curve.of([UNTRAINED] * 300)
    high, higher, low = (
        replace(trial(file, rate), control=untrained)
        for file, rate in (
            ("stuck_plateau.csv", 0.01),
            ("stuck_plateau.csv", 0.03),
            ("stuck_plateau_lower_rate.csv", 3e-4),
        )
    )
    assert codes(high, study_of(low, high)) == []
    assert codes(high, study_of(low, high, higher)) == ["LRD301"]


def test_with_nothing_known_beside_it_the_plateau_does_not_show() -> None:
    high, low = trial("stuck_plateau.csv", 0.01), trial("stuck_plateau_lower_rate.csv", 3e-4)
    assert codes(high, study_of(low, high)) == []


def test_without_training_the_command_rewrites_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_runs, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["sample_runs"])
    (tmp_path / "README.md").write_text((FOLDER / "README.md").read_text("utf-8"), "utf-8")
    sample_runs.main()
    assert {path.name for path in tmp_path.iterdir()} == {*MADE_UP, "README.md"}
    assert all((tmp_path / file).read_bytes() == (FOLDER / file).read_bytes() for file in (*MADE_UP, "README.md"))
