"""The GitHub action and the GitLab job: their own shell steps, run by bash as the services run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import lrdoctor

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_runs"
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
JOB: dict[str, Any] = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))["lrdoctor"]
INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the steps are for bash")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with two logs; `lrdoctor` on the path is this one, `python` writes down what it is asked to do."""
    for name in ("healthy", "recovered_rise"):
        (tmp_path / f"{name}.csv").write_bytes((SAMPLES / f"{name}.csv").read_bytes())
    (tmp_path / "bin").mkdir()
    tool(tmp_path / "bin/lrdoctor", f'exec "{sys.executable}" -m lrdoctor "$@"')
    tool(tmp_path / "bin/python", 'printf "%s\\n" "$@" >> "$CALLS"')
    return tmp_path


def tool(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def bash(folder: Path, script: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the script as both services do: a file, ended by the first command that fails."""
    (folder / "step.sh").write_text(script)
    kept = {name: value for name, value in os.environ.items() if name not in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE")}
    files = {name: str(folder / name.lower()) for name in ("CALLS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environment = {
        **kept,
        "PYTHONPATH": str(Path(lrdoctor.__file__).parents[1]),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        **files,
        **variables,
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def step(folder: Path, name: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Runs a step of the action with these inputs."""
    (found,) = (one for one in ACTION["runs"]["steps"] if one.get("name") == name)
    inputs = {key: str(value.get("default", "")) for key, value in ACTION["inputs"].items()} | given
    texts = {key: INPUT.sub(lambda match: inputs[match[1]], text) for key, text in found["env"].items()}
    return bash(
        folder,
        found["run"],
        {key: text.replace("${{ github.action_path }}", "/act ion") for key, text in texts.items()},
    )


@pytest.mark.parametrize(("version", "installed"), [("", "/act ion"), ("lrdoctor==0.1.0", "lrdoctor==0.1.0")])
def test_the_action_installs_itself_or_what_is_asked_for(version: str, installed: str, folder: Path) -> None:
    assert step(folder, "Install lrdoctor", version=version).returncode == 0
    assert (folder / "calls").read_text().splitlines() == ["-m", "pip", "install", "--quiet", installed]


@pytest.mark.parametrize(
    ("paths", "arguments", "code"),
    [
        ("healthy.csv", "", 0),
        ("healthy.csv\nrecovered_rise.csv\n", "", 1),
        ("healthy.csv\nrecovered_rise.csv\n", "--fail-on never  -q", 0),
        ("nowhere.csv", "", 2),
        ("", "", 2),
    ],
)
def test_the_action_judges_reports_and_fails_as_the_command_does(
    paths: str, arguments: str, code: int, folder: Path
) -> None:
    done = step(folder, "Judge", paths=paths, arguments=arguments)
    assert done.returncode == code, done.stderr
    assert (folder / "github_output").read_text() == f"exit-code={code}\n"
    if paths:
        assert {path.name for path in (folder / "lrdoctor-reports").iterdir()} == {
            "report.html",
            "junit.xml",
            "report.md",
        }
        assert (folder / "github_step_summary").read_text() == (
            folder / "lrdoctor-reports/report.md"
        ).read_text() + "\n"
    assert ("::error file=recovered_rise.csv," in done.stdout) == ("recovered" in paths)


def test_nothing_in_an_input_is_run(folder: Path) -> None:
    hostile = '$(touch pwned)\n`touch pwned`\n"; touch pwned; "\n*'
    done = step(folder, "Judge", paths=hostile, arguments="$(touch pwned) ; touch pwned", reports="$(touch pwned)")
    assert done.returncode == 2
    assert not (folder / "pwned").exists()
    assert not [one["run"] for one in ACTION["runs"]["steps"] if "${{" in one.get("run", "")]


def test_every_input_that_a_step_takes_is_declared() -> None:
    used = set(INPUT.findall((ROOT / "action.yml").read_text("utf-8")))
    assert used == set(ACTION["inputs"])


@pytest.mark.parametrize(
    ("paths", "arguments", "code"),
    [("healthy.csv", "", 0), ("healthy.csv recovered_rise.csv", "", 1), ("*.csv", "--fail-on never", 0)],
)
def test_the_gitlab_job_judges_and_writes_what_it_declares(paths: str, arguments: str, code: int, folder: Path) -> None:
    given = {
        **JOB["variables"],
        "LRDOCTOR_PATHS": paths,
        "LRDOCTOR_ARGUMENTS": arguments,
        "CI_PROJECT_DIR": str(folder),
    }
    done = bash(folder, "\n".join(JOB["script"]), given)
    assert done.returncode == code, done.stderr
    reports = JOB["artifacts"]["reports"]
    cases = ElementTree.parse(folder / reports["junit"]).getroot()
    entries = json.loads((folder / reports["codequality"]).read_text())
    assert bool(int(cases.get("failures", "0"))) == bool(entries) == ("recovered" in paths or "*" in paths)
    assert {entry["location"]["path"] for entry in entries} <= {"recovered_rise.csv"}
    assert (folder / "lrdoctor/report.html").stat().st_size > 0
