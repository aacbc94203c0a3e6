"""`lrdoctor.diagnose` and the other public names, as Python code and a test suite use them."""

from __future__ import annotations

import doctest
import importlib
import io
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from document_commands import ROOT

import lrdoctor
from lrdoctor import api, errors

N = 300
HEALTHY = 0.4 + 2 * np.exp(-np.arange(N) / 60) + 0.02 * np.random.default_rng(0).standard_normal(N)
LOST = np.where(np.arange(N) < 200, HEALTHY, np.nan)


def csv(loss: Any, name: str = "loss") -> str:
    return f"step,{name}\n" + "".join(f"{step},{value:.6g}\n" for step, value in enumerate(loss))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a healthy and a lost run in it."""
    (tmp_path / "healthy.csv").write_text(csv(HEALTHY))
    (tmp_path / "run.csv").write_text(csv(LOST))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readmes_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testfile(str(Path.cwd() / "README.md"), module_relative=False, encoding="utf-8")
    assert (found.failed, found.attempted > 3) == (0, True)


@pytest.mark.parametrize(
    ("logs", "verdict", "names"),
    [
        (lambda: "run.csv", "unstable", ["run.csv"]),
        (lambda: Path("run.csv"), "unstable", ["run.csv"]),
        (lambda: ["healthy.csv", Path("run.csv")], "unstable", ["healthy.csv", "run.csv"]),
        (lambda: (path for path in ("healthy.csv",)), "stable", ["healthy.csv"]),
        (lambda: Path.cwd(), "unstable", ["healthy.csv", "run.csv"]),
        (lambda: io.StringIO(csv(LOST)), "unstable", ["file"]),
        (lambda: io.BytesIO(csv(HEALTHY).encode()), "stable", ["file"]),
        (lambda: io.TextIOWrapper(io.FileIO("run.csv")), "unstable", ["run.csv"]),
        (lambda: pd.read_csv("healthy.csv"), "stable", ["DataFrame"]),
        (lambda: {"step": range(N), "loss": LOST}, "unstable", ["mapping"]),
        (lambda: "nowhere.csv", "inconclusive", ["nowhere.csv"]),
        (lambda: ["healthy.csv", "nowhere.csv"], "inconclusive", ["healthy.csv", "nowhere.csv"]),
        (lambda: io.StringIO(""), "inconclusive", ["file"]),
        (lambda: {"accuracy": [0.1, 0.2]}, "inconclusive", ["mapping"]),
        (lambda: pd.DataFrame(), "inconclusive", ["DataFrame"]),
        (list, "inconclusive", []),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_can_be_judged(folder: Path, logs: Callable[[], Any], verdict: str, names: list[str]) -> None:
    report = lrdoctor.diagnose(logs())
    assert (report.verdict, [run.name for run in report.runs]) == (verdict, names)


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({}, "inconclusive"),  # two columns that may be the loss
        ({"columns": {"loss": "value_a"}}, "unstable"),
        ({"columns": {"loss": "value_a"}, "format": "csv"}, "unstable"),
        ({"columns": {"loss": "value_a"}, "objective": "reinforcement"}, "unstable"),
        ({"columns": {"loss": "value_a"}, "alpha": 0.001}, "unstable"),
    ],
)
def test_the_options_of_the_command(tmp_path: Path, options: dict[str, Any], verdict: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(csv(LOST, "value_a").replace("\n", ",1\n").replace("value_a,1", "value_a,value_b"))
    assert lrdoctor.diagnose(path, **options).verdict == verdict


def test_the_objective_reaches_the_rules() -> None:
    rising = {"loss": np.concatenate([HEALTHY, 3 * HEALTHY.max() + HEALTHY[::-1]])}
    verdicts = [lrdoctor.diagnose(rising, objective=o).verdict for o in ("auto", "minimized", "reinforcement")]
    assert verdicts == ["unstable", "unstable", "inconclusive"]


@pytest.mark.parametrize(
    ("logs", "options", "error", "said"),
    [
        (3, {}, TypeError, "found int, expected a path"),
        (None, {}, TypeError, "found NoneType, expected a path"),
        ([2.5, 2.4], {}, TypeError, '{"loss": values}'),
        ([pd.DataFrame()], {}, TypeError, "found DataFrame, expected a path"),
        ("a.csv", {"format": "xls"}, lrdoctor.LogError, "--format xls: unknown format"),
        (io.StringIO("1"), {"format": "xls"}, lrdoctor.LogError, "--format xls: unknown format"),
        (pd.DataFrame(), {"format": "csv"}, ValueError, "found a DataFrame, a format is for files"),
        ("a.csv", {"columns": {"los": "a"}}, lrdoctor.LogError, "unknown key 'los', expected one of loss, "),
        ("a.csv", {"columns": {"lr": "a", "learning_rate": "b"}}, lrdoctor.LogError, "'lr' and 'learning_rate' mean"),
        ("a.csv", {"columns": {"loss": 3}}, lrdoctor.LogError, "columns['loss']: found 3, expected the name"),
        ("a.csv", {"objective": "maximized"}, ValueError, "objective='maximized': expected one of 'auto', "),
        ("a.csv", {"alpha": 0.5}, ValueError, "alpha=0.5: expected a number of 1e-100 or more and below 0.5"),
        ("a.csv", {"alpha": math.nan}, ValueError, "alpha=nan"),
        (["-", "-"], {}, lrdoctor.LogError, "- is given twice"),
    ],
)
def test_wrong_arguments(logs: Any, options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        lrdoctor.diagnose(logs, **options)
    assert said in str(caught.value)


def test_the_command_knows_the_same_objectives() -> None:
    command = importlib.import_module("lrdoctor.cli.diagnose")
    assert tuple(objective.value for objective in command.Objective) == api.OBJECTIVES


def test_public_names_are_there_and_listed() -> None:
    assert lrdoctor.__all__ == sorted(lrdoctor.__all__)
    for name in lrdoctor.__all__:
        assert getattr(lrdoctor, name) is not None
    assert set(lrdoctor.__all__) <= set(dir(lrdoctor))
    assert lrdoctor.LogError is errors.LogError
    with pytest.raises(AttributeError, match="'lrdoctor' has no attribute 'diagnoze'"):
        _ = lrdoctor.diagnoze  # type: ignore[attr-defined]


def test_type_checkers_know_the_public_names() -> None:
    source = Path(lrdoctor.__file__).read_text()
    known = source[source.index("if TYPE_CHECKING:") : source.index("__version__ =")]
    assert all(name in known for name in lrdoctor.__all__ if name != "__version__")
    assert (Path(lrdoctor.__file__).parent / "py.typed").is_file()


def test_no_torch_no_drawing_and_no_validation_is_imported() -> None:
    program = "import sys, lrdoctor; lrdoctor.diagnose({'loss': [1.0, 2.0]}); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "matplotlib", "jinja2", "pydantic", "rich", "typer"} & set(ran.stdout.split())


def test_the_errors_of_check_carry_the_report() -> None:
    report = lrdoctor.diagnose({"loss": LOST})
    with pytest.raises(lrdoctor.UnstableError) as caught:
        report.check()
    assert isinstance(caught.value, AssertionError)
    assert caught.value.report is report
    assert str(caught.value) == str(report)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), lrdoctor.UnstableError)
