"""The sample runs, judged as logs that somebody made: they come without their trials."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from synthetic_studies import codes, run_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding
from lrdoctor.core.run import CURVES, Run
from lrdoctor.core.study import Study
from lrdoctor.rules import judge_run

SAMPLES = Path(__file__).parents[2] / "sample_runs"
EXPECTED = {
    "healthy": {},
    "mid_training_divergence": {"LRD101": "error", "LRD204": "error", "LRD501": "info"},
    "recovered_rise": {"LRD206": "error"},
    # over after two updates, of which the loss alone tells nothing: batches differ as much later on; the norm does
    "early_blow_up": {"LRD208": "error"},
}
"""The codes of what is found -> its severity."""


def read(path: Path) -> Run:
    # an empty cell is missing, the text nan is a measurement
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    columns = {name: table[table[name] != ""] for name in CURVES}
    curves = {name: Curve(rows["step"].astype(int), rows[name].astype(float)) for name, rows in columns.items()}
    return Run(name=path.stem, source=path.name, curves=curves)


def test_every_sample_is_expected() -> None:
    assert {path.stem for path in SAMPLES.glob("*.csv")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_rules_find_what_the_sample_is_there_for(name: str) -> None:
    run = read(SAMPLES / f"{name}.csv")
    found = judge_run(run, Study(name=name, runs=(run,)))
    assert {f.code: f.severity for f in found if isinstance(f, Finding)} == EXPECTED[name]


def test_the_early_blow_up_is_one_of_its_trial_too() -> None:
    trial = run_of([], max_train_steps=150, curves=read(SAMPLES / "early_blow_up.csv").curves)
    assert "LRD201" in codes(trial)
