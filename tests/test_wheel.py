"""What is tested is what is shipped: under `make test`, the wheel that was built and installed.

`make test` says in LRDOCTOR_WHEEL where it installed the wheel; without it the tests run on the working tree.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from document_commands import ROOT

import lrdoctor
from lrdoctor.cli import app

PACKAGE = Path(lrdoctor.__file__).parent
WHEEL = os.environ.get("LRDOCTOR_WHEEL")


def files(package: Path) -> set[str]:
    """Everything in a package except what Python compiles."""
    return {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_file_of_the_package_is_there_and_no_other() -> None:
    assert files(PACKAGE) == files(ROOT / "lrdoctor")
    assert {"py.typed", "schemas/spec.schema.json", "schemas/report.schema.json", "templates/workload.py"} <= files(
        PACKAGE
    )


def test_the_version_is_that_of_the_package() -> None:
    assert metadata.version("lrdoctor") == lrdoctor.__version__


@pytest.mark.skipif(WHEEL is None, reason="only `make test` builds and installs the wheel")
def test_the_tests_and_the_processes_they_start_run_the_wheel(tmp_path: Path) -> None:
    assert WHEEL is not None
    assert Path(WHEEL) == PACKAGE.parent
    program = "import lrdoctor; print(lrdoctor.__file__)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(ran.stdout.strip()).parent == PACKAGE


def test_the_hooks_for_other_repositories_name_a_command_that_exists() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    program, command = hook["entry"].split()
    assert program == hook["id"].partition("-")[0] == "lrdoctor"
    assert command in {registered.callback.__name__ for registered in app.registered_commands if registered.callback}
    assert re.search(hook["files"], "models/lrdoctor.yaml")
    assert not re.search(hook["files"], "other.yaml")


def test_every_python_that_ci_tests_is_one_that_can_be_installed() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={versions[0]}"
    assert versions == [f"3.{minor}" for minor in range(11, 11 + len(versions))]
