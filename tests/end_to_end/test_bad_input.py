from __future__ import annotations

import re
from pathlib import Path

import pytest
from projects import SPEC, in_process, lrdoctor, project

WORK = """\
import torch
from torch import nn

X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x)


class Raises(Net):
    def forward(self, x):
        raise ValueError("no such shape")


def loaders():
    return [(X, Y)], [(X, Y)]


def empty():
    return [], [(X, Y)]


def missing_values():
    return [(X * float("nan"), Y)], [(X, Y)]


def one_pass():
    return iter([(X, Y)] * 3), None
"""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], ""),
        (["max_train_stepz=5"], "--set max_train_stepz=5: max_train_stepz: found an unknown key, did you mean"),
        (["sweep={min: 1e-3, max: 1e-4}"], "found max 0.0001 with min 0.001, expected max above min"),
        (["max_train_steps=many"], 'max_train_steps: found "many", expected a whole number'),
        (["model.class_path=nowhere.nets:Net"], "nowhere.nets:Net: `nowhere.nets` does not import"),
        (["model.class_path=./work.py:Nat"], "./work.py:Nat: `./work.py` has no `Nat`; did you mean `Net`?"),
        (["model.class_path=./work.py:Raises"], "ValueError: no such shape (work.py:19, in forward)"),
        (["data.class_path=./work.py:empty"], "data: train yielded no batch"),
        (["data.class_path=./work.py:missing_values"], "the loss is nan at step 0 with seed 0, before any update"),
        (["data.class_path=./work.py:one_pass"], "data: train is a list_iterator, which can be passed over only once"),
        (["device=cuda:63"], "device: cuda:63 is not there"),
    ],
)
def test_what_cannot_work_exits_with_2_and_one_message(tmp_path: Path, overrides: list[str], message: str) -> None:
    spec = project(tmp_path, SPEC.replace("[0, 1, 2]", "[0]").replace('step: "./work.py:loss_of"\n', ""), WORK)
    options = [text for override in overrides for text in ("--set", override)]
    done = in_process("sweep", spec, "--out", tmp_path / "out", "-q", *options)
    if not message:
        assert done.returncode in (0, 1), done.stderr  # the project itself works
        return
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.startswith("lrdoctor: error: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["sweep", "nowhere.yaml"], 2, "nowhere.yaml: found no such file"),
        (["sweep"], 2, "found neither a spec nor a command"),
        (["swep"], 2, "No such command"),
        (["sweep", "x.yaml", "--jobs", "0"], 2, "--jobs"),
        (["rules", "LRD999"], 2, "there is no rule LRD999"),
        (["rules", "lrd201"], 0, ""),
        (["--version"], 0, ""),
        (["--help"], 0, ""),
    ],
)
def test_usage(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    done = in_process(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr


def test_a_study_folder_of_another_spec_is_refused(tmp_path: Path) -> None:
    spec = project(tmp_path, SPEC.replace("[0, 1, 2]", "[0]").replace('step: "./work.py:loss_of"\n', ""), WORK)
    assert in_process("sweep", spec, "--out", tmp_path / "out", "-q").returncode in (0, 1)
    before = (tmp_path / "out" / "report.json").read_bytes()
    done = in_process("sweep", spec, "--out", tmp_path / "out", "--set", "optimizer=adam")
    assert done.returncode == 2
    assert 'optimizer.name: was not set, is now "adam"' in done.stderr
    assert (tmp_path / "out" / "report.json").read_bytes() == before


def test_a_bug_leaves_a_traceback_in_a_file_and_exits_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = project(tmp_path, SPEC, WORK)
    (tmp_path / "sitecustomize.py").write_text(
        "import lrdoctor.procedures.bracket as b\n"
        "def broken(*a): raise ZeroDivisionError('made by the test')\nb.further = broken\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    done = lrdoctor("sweep", spec, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 3
    (saved,) = tmp_path.glob("lrdoctor-crash-*.txt")
    assert str(saved) in done.stderr
    assert "made by the test" in saved.read_text()


def test_the_starter_runs_as_it_is(tmp_path: Path) -> None:
    assert in_process("init", tmp_path / "new").returncode == 0
    done = lrdoctor("sweep", "lrdoctor.yaml", cwd=tmp_path / "new")
    # three seeds may leave open on which side of 2 its margin lies
    assert done.returncode in (0, 1) or "3 seeds cannot tell" in done.stdout, done.stderr
    assert re.search(r"best learning rate \(lr\*\) +0\.\d", done.stdout)
    assert in_process("init", tmp_path / "new").returncode == 2
