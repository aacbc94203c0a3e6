"""A spec with changes, saved in the study folder, runs from there and joins the study."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from projects import in_process, project, records, trials

from lrdoctor.spec import load_spec

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forkserver is POSIX")

FIXES = {"warmup_steps": 10, "clip_norm": 0.5}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study folder of a sweep, the spec with the fixes in it, run as well."""
    folder = tmp_path_factory.mktemp("patched")
    out = folder / "out"
    small = ("sweep.values=[0.01, 0.05, 10.0]", "seeds=[0]")
    swept = in_process("sweep", project(folder), "--out", out, "--fail-on", "never", *sets(small))
    assert swept.returncode == 0, swept.stderr
    spec = load_spec(folder / "tiny.yaml", small)
    (out / "prescription.yaml").write_text(spec.patched_yaml(out, FIXES, "What came out.\nRun it."))
    return out


def sets(texts: tuple[str, ...]) -> list[str]:
    return [part for text in texts for part in ("--set", text)]


def with_fixes(out: Path) -> list[dict[str, Any]]:
    settings = [record["settings"] for record in records(out).values()]
    return [trial for trial in settings if {key: trial[key] for key in FIXES} == FIXES]


def test_it_runs_in_the_study_folder_and_trains_nothing_twice(study: Path) -> None:
    before, trained = records(study), trials(study)
    done = in_process("sweep", study / "prescription.yaml", "--out", study, "--fail-on", "never", "-v")
    assert done.returncode == 0, done.stderr
    assert "every trial clips its gradients at the spec's own clip_norm 0.5" in done.stdout
    after = records(study)
    assert {key: after[key] for key in before} == before
    assert len(with_fixes(study)) == len(trials(study)) - len(trained) > 0
    again = in_process("sweep", study / "prescription.yaml", "--out", study, "--fail-on", "never", "-v")
    assert again.stdout == done.stdout
    assert records(study) == after


def test_another_optimizer_is_told_to_have_a_folder_of_its_own(study: Path) -> None:
    done = in_process("sweep", study / "prescription.yaml", "--out", study, "--set", "optimizer=adam")
    assert done.returncode == 2
    assert f"pass --out {study}-adam for this one" in done.stderr
