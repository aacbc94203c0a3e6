"""What a CI job gets of `lrdoctor diagnose`: files, annotations, and an exit code that a baseline decides."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from in_process import COULD_NOT_JUDGE, JUDGED, UNSTABLE, diagnose

from lrdoctor.rules import RULES

LOSS = 0.4 + 2 * np.exp(-np.arange(500) / 100) + 0.02 * np.random.default_rng(0).standard_normal(500)
NAN = np.where(np.arange(500) < 300, LOSS, np.nan)
HOSTILE = "a,b%25 'c' \"d\" & ]]> <script>alert(1)</script> |`*_[x](http://e) @all\x1b[31m\n::error::x"


def log(values: np.ndarray, loss: str = "loss") -> str:
    name = '"' + loss.replace('"', '""') + '"'
    return f"step,{name}\n" + "".join(f"{step},{value:.6g}\n" for step, value in enumerate(values))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, values in {"fine.csv": LOSS, "nan.csv": NAN, "short.csv": LOSS[:1]}.items():
        (tmp_path / name).write_text(log(values))
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def saved(folder: Path, *paths: str) -> Path:
    """The report of the logs, to be compared with."""
    (folder / "old.json").write_text(diagnose(*paths, "--json").stdout)
    return folder / "old.json"


def test_every_file_is_written_and_its_folders_made(folder: Path) -> None:
    options = ("--junit", "out/deep/j.xml", "--gitlab", "out/g.json", "--markdown", "out/m.md")
    assert diagnose("nan.csv", "fine.csv", *options).code == UNSTABLE
    assert [suite.get("name") for suite in ElementTree.parse(folder / "out/deep/j.xml").getroot()] == [
        "nan.csv",
        "fine.csv",
    ]
    assert {entry["location"]["path"] for entry in json.loads((folder / "out/g.json").read_text())} == {"nan.csv"}
    assert (folder / "out/m.md").read_text().startswith("### ❌ lrdoctor diagnose: unstable\n")


def test_a_healthy_log_passes_every_rule_for_logs(folder: Path) -> None:
    assert diagnose("fine.csv", "--junit", "j.xml").code == JUDGED
    (suite,) = ElementTree.parse(folder / "j.xml").getroot()
    assert [case.get("name") for case in suite] == [f"{rule.code} {rule.name}" for rule in RULES if rule.check_log]
    assert {child.tag for case in suite for child in case} <= {"skipped"}


def test_github_gets_annotations_and_a_summary_that_is_appended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    (folder / "summary.md").write_text("before\n")
    done = diagnose("nan.csv", "--github")
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("::stop-commands::")
    assert f"::{first.removeprefix('::stop-commands::')}::" in done.stdout.splitlines()
    assert last.startswith("::error file=nan.csv,title=LRD101 non-finite::nan.csv: train_loss is nan at step 300")
    assert (folder / "summary.md").read_text().startswith("before\n### ❌ lrdoctor diagnose: unstable\n")


def test_with_json_the_annotations_leave_standard_output_alone(folder: Path) -> None:
    done = diagnose("nan.csv", "--github", "--json", "--baseline", saved(folder, "fine.csv"))
    assert done.document["baseline"]["verdict"] == "stable"
    assert "\n::error file=nan.csv,title=LRD101 non-finite::" in done.stderr
    assert "lrdoctor: worse: new error LRD101: nan.csv: " in done.stderr


@pytest.mark.parametrize(
    ("was", "now", "code", "words"),
    [
        ("nan.csv fine.csv short.csv", "nan.csv fine.csv short.csv", JUDGED, "nothing is new or worse than in"),
        ("nan.csv fine.csv", "fine.csv", JUDGED, "judged in the baseline and not now: nan.csv"),
        ("fine.csv", "fine.csv nan.csv", UNSTABLE, "new error LRD101: nan.csv: train_loss is nan at step 300"),
        ("fine.csv", "fine.csv short.csv", COULD_NOT_JUDGE, "short.csv could not be judged"),
        ("fine.csv", "nowhere.csv", COULD_NOT_JUDGE, "cannot be read: No such file or directory"),
    ],
)
def test_only_what_is_new_or_worse_than_the_baseline_fails(
    was: str, now: str, code: int, words: str, folder: Path
) -> None:
    done = diagnose(*now.split(), "-q", "--fail-on", "unstable", "--baseline", saved(folder, *was.split()))
    assert done.code == code
    assert words in " ".join(done.stdout.split())


def test_a_baseline_may_be_written_anew_by_the_same_call(folder: Path) -> None:
    old = saved(folder, "fine.csv")
    assert diagnose("nan.csv", "--baseline", old, "--markdown", old).code == UNSTABLE
    assert "worse" in old.read_text()


def test_logs_have_no_margin_to_demand(folder: Path) -> None:
    done = diagnose("fine.csv", "--min-margin", 3, "--fail-on", "unstable")
    assert done.code == COULD_NOT_JUDGE
    assert "no learning rates were swept" in done.stdout


def test_a_hostile_column_and_file_name_harm_no_output(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    name = HOSTILE.replace("/", "\N{DIVISION SLASH}")
    (folder / name).write_text(log(NAN, HOSTILE))
    options = ("--junit", "j.xml", "--gitlab", "g.json", "--markdown", "m.md", "--github")
    done = diagnose(name, "--columns", f"loss={HOSTILE}", "--json", *options)
    assert done.code in (UNSTABLE, COULD_NOT_JUDGE)
    assert not [line for line in done.stderr.splitlines() if line.startswith("::error::")]
    ElementTree.parse(folder / "j.xml")
    assert json.loads((folder / "g.json").read_text())
    for text in ((folder / "m.md").read_text(), (folder / "summary.md").read_text()):
        assert "<script" not in text
        assert "\n::error" not in text


@pytest.mark.parametrize("options", [(), ("-v",), ("--github",), ("--json",), ("-q",)])
def test_no_line_that_came_from_a_log_is_a_command_of_github(
    folder: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    names = [f"::add-mask::c{i}" for i in range(30)] + ["##[error]x", "a\n::error::x"]
    cells = ",".join('"' + name + '"' for name in names)
    lines = [f"{step},{value:.6g}{',x' * len(names)}\n" for step, value in enumerate(LOSS)]
    (folder / "::error::.csv").write_text(f"step,loss,{cells}\n" + "".join(lines))
    done = diagnose("::error::.csv", "gone\n::error::.csv", *options)
    printed = [line.lstrip() for line in (done.stdout + done.stderr).splitlines()]
    commands = [line for line in printed if line.startswith("::")]
    begin = [line.removeprefix("::stop-commands::") for line in commands if line.startswith("::stop-commands::")]
    ours = {f"::stop-commands::{token}" for token in begin} | {f"::{token}::" for token in begin}
    annotations = {line for line in commands if "--github" in options and line.startswith(("::error ", "::warning "))}
    assert set(commands) <= ours | annotations
    assert not any("##[" in line for line in printed)
    if "--json" in options:
        assert begin == []
        assert any(run["name"] == "::error::.csv" for run in done.document["runs"])
    else:
        assert len(begin) == 1


@pytest.mark.parametrize("alpha", ["1e-13", "1e-16", "1e-50", "1e-100"])
def test_any_small_alpha_gives_a_verdict(folder: Path, alpha: str) -> None:
    assert diagnose("nan.csv", "--alpha", alpha).code == UNSTABLE
    assert diagnose("fine.csv", "--alpha", alpha).code == JUDGED


@pytest.mark.parametrize("alpha", ["0", "1e-101", "-1", "nan", "inf", "0.5"])
def test_an_alpha_that_means_nothing_is_refused(folder: Path, alpha: str) -> None:
    assert diagnose("nan.csv", "--alpha", alpha).code == COULD_NOT_JUDGE
