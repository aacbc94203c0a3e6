"""`lrdoctor compare`: specs are swept first, study folders are read, and the outcome is the exit code."""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from projects import SPEC, in_process, lrdoctor, project, records
from report_schema import faults, parse

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")

SCHEMA = json.loads((resources.files("lrdoctor") / "schemas/compare.schema.json").read_text("utf-8"))
FEW = ("--set", "sweep={values: [0.001, 0.01, 0.05, 10.0]}", "--set", "probe.steps=25", "--jobs", 1)
FIGURES = (
    "figure_4_objective_vs_learning_rate", "figure_4_training_loss_low_and_high", "figure_5_every_step_side_by_side",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two specs, the second of which stops learning early, and the folders of their studies."""
    where = tmp_path_factory.mktemp("compared")
    project(where)
    (where / "short.yaml").write_text(SPEC.replace("name: tiny", "name: short").replace("60", "20"))
    return where


def document(text: str) -> dict[str, Any]:
    """What --json printed: strict JSON that fits the schema."""
    found = parse(text)
    assert faults(found, SCHEMA, root=SCHEMA) == []
    return found


def test_specs_are_swept_and_the_longer_training_is_the_better(folder: Path) -> None:
    done = lrdoctor("compare", "short.yaml", "tiny.yaml", *FEW, "--html", "page.html", "--json", cwd=folder)
    found = document(done.stdout)
    assert found["pairs"][0]["objective"]["outcome"] == "better", done.stdout
    assert found["outcome"] in ("better", "inconclusive", "mixed")
    assert done.returncode == {"better": 0, "inconclusive": 2, "mixed": 1}[found["outcome"]]
    assert [study["name"] for study in found["studies"]] == ["short", "tiny"]
    assert {one["key"] for one in found["differences"]} >= {"max_train_steps"}
    out = folder / "lrdoctor_out" / "compare_short_tiny"
    assert json.loads((out / "compare.json").read_text("utf-8")) == found
    assert {path.name for path in (out / "figures").iterdir()} == {
        f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")
    }
    page = (folder / "page.html").read_text("utf-8")
    assert page == (out / "report.html").read_text("utf-8")
    assert page.count("<svg ") == len(FIGURES)


def test_finished_studies_are_read_from_their_folders_and_turned_round(folder: Path) -> None:
    studies = [folder / "lrdoctor_out" / name for name in ("tiny", "short")]
    before = [records(study) for study in studies]
    done = in_process("compare", *studies, "--out", folder / "turned")
    assert done.returncode == 1, done.stderr
    assert "short against tiny" in done.stdout
    assert "best validation loss higher" in done.stdout
    assert done.stdout.splitlines()[-1] == f"  the page: {folder / 'turned' / 'report.html'}"
    assert [records(study) for study in studies] == before
    again = in_process("compare", *studies, "--out", folder / "turned", "-q")
    assert again.stdout.splitlines()[0] == done.stdout.splitlines()[0]
    assert "the page" not in again.stdout
    same = in_process("compare", studies[0], studies[0], "--out", folder / "same", "-q")
    assert same.returncode == 0, same.stdout
    assert "DIFFERENCE BEYOND CHANCE: tiny (tiny) against tiny" in same.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiny.yaml"], "found one study, expected two or more"),
        (["tiny.yaml", "tiny.yaml", "--out", "full"], "full holds something that is no comparison of lrdoctor"),
        (["tiny.yaml", "copy.yaml"], "name: both are studies in"),
        (["empty", "tiny.yaml"], "empty is empty or does not exist; give a spec"),
        (["unfinished", "tiny.yaml"], "unfinished has no report.json: its study did not come to an end"),
        (["full", "tiny.yaml"], "is no study of lrdoctor"),
    ],
)
def test_what_is_refused_before_anything_is_trained(folder: Path, arguments: list[str], said: str) -> None:
    (folder / "copy.yaml").write_text((folder / "tiny.yaml").read_text("utf-8"))
    for name in ("full", "empty", "unfinished"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "full" / "mine.txt").write_text("mine")
    (folder / "unfinished" / "study.json").write_text('{"lrdoctor_version": "0", "schema_version": 1}')
    done = in_process("compare", *arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert (folder / "full" / "mine.txt").read_text() == "mine"
