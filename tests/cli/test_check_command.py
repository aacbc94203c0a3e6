"""`lrdoctor check`: 0 when every spec is valid, else 2 with every fault of every file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from document_commands import ROOT
from typer.testing import CliRunner

from lrdoctor.cli import app

VALID = "name: a\nmodel: {class_path: torch.nn.Linear}\ndata: {class_path: m.d}\noptimizer: {name: sgd}\n"
VALID += "max_train_steps: 10\nseeds: [0]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a valid spec and three that are not."""
    (tmp_path / "valid.yaml").write_text(VALID)
    (tmp_path / "key.yaml").write_text(VALID.replace("max_train_steps", "max_trian_steps"))
    (tmp_path / "value.yaml").write_text(VALID.replace("10", "-10"))
    (tmp_path / "file.yaml").write_text(VALID.replace("m.d", "./nowhere.py:d"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (["valid.yaml"], 0, ["valid.yaml: valid"], []),
        (["value.yaml", "--set", "max_train_steps=3"], 0, ["value.yaml: valid"], []),
        (["valid.yaml", "--set", "max_train_steps=-3"], 2, [], ["max_train_steps: found -3"]),
        (["key.yaml"], 2, [], ["did you mean `max_train_steps`?"]),
        (["file.yaml"], 2, [], ["nowhere.py"]),
        (["nothing.yaml"], 2, [], ["nothing.yaml: found no such file"]),
        (["key.yaml", "valid.yaml", "value.yaml"], 2, ["valid.yaml: valid"], ["key.yaml:5:1:", "value.yaml:5:18:"]),
        ([], 2, [], ["Missing argument"]),
    ],
)
def test_what_it_says(folder: Path, arguments: list[str], code: int, out: list[str], err: list[str]) -> None:
    done = CliRunner().invoke(app, ["check", *arguments])
    assert (done.exit_code, done.stdout.splitlines()) == (code, out), done.stderr
    assert [text for text in err if text not in done.stderr] == []
    assert sorted(path.name for path in folder.iterdir()) == ["file.yaml", "key.yaml", "valid.yaml", "value.yaml"]


def test_it_imports_no_model_and_no_torch(folder: Path) -> None:
    (folder / "model.py").write_text("raise SystemExit('imported')")
    (folder / "valid.yaml").write_text(VALID.replace("torch.nn.Linear", "./model.py:net"))
    program = "import sys, pathlib; from lrdoctor.cli.check import check; "
    program += "check([pathlib.Path(sys.argv[1])]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", program, str(folder / "valid.yaml")]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"


def test_every_bundled_spec_is_valid() -> None:
    specs = [str(path) for path in sorted((ROOT / "configs").glob("*.yaml"))]
    assert CliRunner().invoke(app, ["check", *specs]).exit_code == 0
