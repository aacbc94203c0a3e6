"""A process that the user's code takes apart: what was gone is told, and is there again."""

from __future__ import annotations

import builtins
import os
import pickle
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lrdoctor.training.interpreter import Interpreter, set_otherwise


def without_modules(root: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == root]:
        del sys.modules[name]


DEEDS: dict[str, tuple[Callable[[], object], str]] = {
    "no modules": (sys.modules.clear, r"^\d+ modules \(.*, \.\.\.\) are not in sys\.modules any more$"),
    "a module is None": (lambda: sys.modules.update({"torch.optim": None}), r"^1 module \(torch\.optim\) is not in"),
    "another module": (
        lambda: sys.modules.update(pickle=types.ModuleType("pickle")),
        r"^1 module \(pickle\) is imported a second",
    ),
    "no torch": (lambda: without_modules("torch"), r"^\d+ modules \(torch.* are not in sys\.modules"),
    "no builtins": (vars(builtins).clear, r"^\d+ functions \(builtins\..*\) are gone$"),
    "one builtin": (lambda: delattr(builtins, "isinstance"), r"^1 function \(builtins\.isinstance\) is gone$"),
    "a builtin is None": (lambda: setattr(builtins, "len", None), r"^1 function \(builtins\.len\) is gone$"),
    "no import": (lambda: setattr(builtins, "__import__", None), r"builtins\.__import__"),
    "no functions of torch": (lambda: setattr(torch, "manual_seed", None), r"^1 function \(torch\.manual_seed\) is"),
    "no pickle": (lambda: delattr(pickle, "dumps"), r"^1 function \(pickle\.dumps\) is gone$"),
    "no fsync": (lambda: setattr(os, "fsync", 3), r"^1 function \(os\.fsync\) is gone$"),
    "no finders": (sys.meta_path.clear, r"^sys\.meta_path has 0 of \d+ finders$"),
}


def state() -> tuple[object, ...]:
    return dict(vars(builtins)), torch.manual_seed, pickle.dumps, os.fsync, list(sys.meta_path)


def modules() -> set[str]:
    return {name for name, module in sys.modules.items() if module is not None}


@pytest.mark.parametrize(("deed", "told"), DEEDS.values(), ids=DEEDS)
def test_what_is_gone_is_told_and_put_back(deed: Callable[[], object], told: str) -> None:
    interpreter, before, there = Interpreter(), state(), modules()
    deed()
    found = interpreter.repair()
    assert state() == before
    assert there <= modules()
    assert len(found) == 1
    assert re.search(told, found[0]), found
    assert interpreter.repair() == ()


def test_a_low_recursion_limit_is_told_and_raised() -> None:
    interpreter, usual = Interpreter(), sys.getrecursionlimit()
    sys.setrecursionlimit(usual - 100)
    assert interpreter.repair() == (f"the recursion limit is {usual - 100}, it was {usual}",)
    assert sys.getrecursionlimit() == usual


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UserWarning("x"), ("warnings are raised as errors",)),
        (FloatingPointError("x"), (f"numpy raises floating-point errors ({np.geterr()})",)),
        (FileNotFoundError(2, "x"), ()),
        (ValueError("x"), ()),
    ],
)
def test_settings_that_make_code_of_others_fail(error: Exception, told: tuple[str, ...]) -> None:
    assert set_otherwise(error) == told


def test_a_current_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert set_otherwise(FileNotFoundError(2, "x")) == ("the current folder is gone",)
