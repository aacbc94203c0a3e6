"""Studies from Python: of a spec's path, a spec, and objects in memory; and what a notebook makes of their reports."""

from __future__ import annotations

import doctest
import json
import random
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from document_commands import ROOT
from torch import nn
from undrawn import undrawn

import lrdoctor
from lrdoctor.core.report import ADD_SEEDS, TREAT, Skip
from lrdoctor.errors import SpecError, StoreError, WorkloadError
from lrdoctor.reports import html
from lrdoctor.reports.actions import do_now
from lrdoctor.reports.figures import style
from lrdoctor.studies import _in_python
from lrdoctor.training import in_memory

X = torch.randn(96, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
KEYS: dict[str, Any] = {"sweep": {"values": [0.01, 0.1]}, "seeds": [0, 1], "eval_every": 10}


class Net(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def training(**changes: Any) -> lrdoctor.Training:
    fields: dict[str, Any] = {
        "model": Net,
        "data": ((X[:64], Y[:64]), (X[64:], Y[64:])),
        "batch_size": 16,
        "optimizer": "sgd",
        "max_train_steps": 40,
        "keys": KEYS,
    }
    return lrdoctor.Training(**(fields | changes))


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that show nothing."""
    monkeypatch.setattr(style, "_both", undrawn)


BATCHES = [(X[:32], Y[:32]), (X[32:64], Y[32:64])]


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "changes",
    [
        {"model": lambda: Net(), "loss": nn.CrossEntropyLoss(), "data": (BATCHES, None), "batch_size": None},
        {
            "loss": nn.CrossEntropyLoss,
            "optimizer": {"name": "momentum", "momentum": 0.5},
            "data": lambda: (BATCHES, BATCHES),
            "batch_size": None,
        },
        {
            "loss": nn.functional.cross_entropy,
            "optimizer": lambda params, lr: torch.optim.SGD(params, lr=lr),
            "step": lambda model, batch, loss: loss(model(batch[0]), batch[1]),
            "keys": {**KEYS, "schedule": "cosine", "warmup_steps": 3},
        },
    ],
)
def test_objects_in_memory_are_swept(changes: dict[str, Any], tmp_path: Path) -> None:
    report = lrdoctor.sweep(training(**changes), out=tmp_path / "out", quiet=True)
    assert report.command == "sweep"
    assert {run.status for run in report.runs} == {"completed"}
    assert report.sweep is not None
    assert [rate.base_learning_rate for rate in report.sweep.rates][:2] == [0.01, 0.1]
    assert (tmp_path / "out" / "report.json").is_file()
    assert vars(in_memory.held) == {}


@pytest.mark.usefixtures("quickly")
def test_it_trains_as_the_workers_do(tmp_path: Path) -> None:
    """The same model and data, once as objects and once as a spec's file: the same curves."""
    (tmp_path / "parts.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def net():\n    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))\n"
        "def data():\n    x = torch.randn(96, 4, generator=torch.Generator().manual_seed(0))\n"
        "    y = (x[:, 0] > 0).long()\n    return (x[:64], y[:64]), (x[64:], y[64:])\n"
    )
    (tmp_path / "spec.yaml").write_text(
        "name: a\nmodel: {class_path: './parts.py:net'}\ndata: {class_path: './parts.py:data', batch_size: 16}\n"
        "optimizer: {name: sgd}\nmax_train_steps: 40\neval_every: 10\nseeds: [0, 1]\nsweep: {values: [0.01, 0.1]}\n"
    )
    of_file = lrdoctor.sweep(tmp_path / "spec.yaml", out=tmp_path / "file", jobs=1, quiet=True)
    of_spec = lrdoctor.sweep(lrdoctor.load_spec(tmp_path / "spec.yaml"), out=tmp_path / "file", quiet=True)
    of_objects = lrdoctor.sweep(training(), out=tmp_path / "objects", quiet=True)
    assert of_file.runs == of_spec.runs
    losses = [[(r.name, r.best_val_loss, r.final_train_loss) for r in of.runs] for of in (of_file, of_objects)]
    assert losses[0] == losses[1]


@pytest.mark.usefixtures("quickly")
def test_all_seeds_are_trained_where_that_is_asked(tmp_path: Path) -> None:
    of = training(keys={**KEYS, "sweep": {"values": [1e-4, 1e-3, 0.01, 0.1]}, "seeds": [0, 1, 2, 3, 4]})
    sparing, every = (
        lrdoctor.sweep(of, out=tmp_path / str(all_), exhaustive=all_, quiet=True) for all_ in (False, True)
    )
    assert sparing.sweep is not None
    assert every.sweep is not None
    assert {rate.n_judged for rate in every.sweep.rates} == {5}
    assert min(rate.n_judged for rate in sparing.sweep.rates) < 5
    assert len(sparing.runs) < len(every.runs)


@pytest.mark.usefixtures("quickly")
def test_probe_and_inspect(tmp_path: Path) -> None:
    probed = lrdoctor.probe(training(), learning_rate=0.01, factor=3, out=tmp_path / "out", quiet=True)
    assert probed.probe is not None
    assert (probed.probe.base_learning_rate, probed.probe.n_seeds) == (0.03, 2)
    assert probed.table()["seed"].tolist() == [0, 1]
    seen = lrdoctor.inspect(training(), quiet=True)
    assert seen.architecture is not None
    assert (seen.architecture.n_parameters, seen.folder, dict(seen.figures)) == (58, None, {})


@pytest.mark.usefixtures("quickly")
def test_warmup_and_clip_at_given_rates(tmp_path: Path) -> None:
    rates: dict[str, Any] = {"learning_rate": 0.1, "unstable_learning_rate": 30.0, "quiet": True}
    warmed = lrdoctor.warmup(training(), **rates, out=tmp_path / "warmup")
    assert warmed.warmup is not None
    assert {row.multiple for row in warmed.warmup.tried} >= {10.0}
    assert warmed.table("runs")["seed"].unique().tolist() == [0, 1]
    clipped = lrdoctor.clip(training(), **rates, percentile=50, out=tmp_path / "clip")
    assert clipped.clip is not None
    assert clipped.clip.norms is not None
    assert clipped.clip.attempts[0].base_learning_rate == 0.1
    assert (tmp_path / "clip" / "report.json").is_file()


@pytest.mark.usefixtures("quickly")
def test_treat_of_objects_in_memory(tmp_path: Path) -> None:
    """The edge is at once above the best rate: fixes are tried, each by trials of its own."""
    report = lrdoctor.treat(training(keys={**KEYS, "sweep": {"values": [0.3, 3.0, 30.0]}}), out=tmp_path, quiet=True)
    assert report.treat is not None
    assert report.treat.needed
    assert {fix.name for fix in report.treat.done} >= {"clip_gradients"}
    assert (report.fixes[0].name, report.figures != {}) == ("warmup", True)
    assert json.loads((tmp_path / "report.json").read_text())["treat"]["target_margin"] == 10.0


@pytest.mark.usefixtures("quickly")
def test_what_to_do_next_can_be_typed_into_python(tmp_path: Path) -> None:
    """Where the objects live in this program, no command of a shell can train them."""
    edge = training(keys={**KEYS, "sweep": {"values": [0.3, 3.0, 30.0]}})
    report = lrdoctor.sweep(edge, out=tmp_path / "out", quiet=True)
    now = do_now(report)
    assert now is not None
    (call,) = now.lines
    assert call == f"lrdoctor.treat(training, out={str(tmp_path / 'out')!r})"
    assert call in html.render(report, report.folder).replace("&#39;", "'")
    assert "lrdoctor treat" not in html.render(report, report.folder)


@pytest.mark.parametrize(
    ("of", "step", "call"),
    [
        (training(), TREAT, "lrdoctor.treat(training)"),
        ("nets/wide.yaml", TREAT, "lrdoctor.treat('nets/wide.yaml')"),
        (
            "wide.yaml",
            ADD_SEEDS.format(12),
            "lrdoctor.sweep(lrdoctor.load_spec('wide.yaml', seeds=list(range(12))))",
        ),
        (
            training(),
            ADD_SEEDS.format("auto"),
            "lrdoctor.sweep(dataclasses.replace(training, keys={**training.keys, 'seeds': list(range(15))}))",
        ),
        (training(), "log the gradient norms too", "log the gradient norms too"),
    ],
)
def test_a_command_as_a_call(of: Any, step: str, call: str) -> None:
    report = lrdoctor.diagnose({"loss": [3.0 - 0.01 * i for i in range(200)]})
    assert _in_python(replace(report, next_steps=(step,)), of, None).next_steps == (call,)


def test_a_report_in_python_names_no_option_of_the_command_line() -> None:
    why = "2 seeds cannot tell whether it sits at the edge; about 5 seeds would settle it: --seeds 5, or --seeds auto"
    report = lrdoctor.diagnose({"loss": [3.0 - 0.01 * i for i in range(200)]})
    skip = Skip(code="LRD401", reason=why)
    of = replace(report, summary=why, skipped=(skip,), next_steps=("--seeds 5: it is few",))
    told = _in_python(of, training(), None)
    assert told.summary == told.skipped[0].reason == why.removesuffix(": --seeds 5, or --seeds auto")
    assert told.next_steps == ("take 5 seeds: it is few",)


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("warmup", {"learning_rate": -1.0}, "learning_rate=-1.0: expected a finite number above 0"),
        ("warmup", {"unstable_learning_rate": float("nan")}, "unstable_learning_rate=nan"),
        ("clip", {"percentile": 101}, "percentile=101: expected a number above 0 and at most 100"),
        ("treat", {"max_trial_steps": 0}, "max_trial_steps=0"),
        ("treat", {"max_trial_steps": 10, "budget": "1h"}, "budget and max_trial_steps: give one of them"),
        ("treat", {"budget": "20k"}, "budget: found '20k', expected a time such as 90s"),
        ("sweep", {"budget": "soon"}, "budget: found 'soon', expected a time such as 90s"),
    ],
)
def test_what_no_procedure_can_take_is_refused(name: str, given: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        getattr(lrdoctor, name)(training(), **given, out=tmp_path)


def test_the_program_goes_on_as_if_nothing_had_run() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate(), torch.get_num_threads()
    lrdoctor.inspect(training(), quiet=True)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (str(np.random.get_state()), random.getstate(), torch.get_num_threads()) == before[1:]


@pytest.mark.usefixtures("quickly")
def test_a_folder_with_a_study_is_kept_unless_it_is_to_be_thrown_away(tmp_path: Path) -> None:
    lrdoctor.sweep(training(), out=tmp_path, quiet=True)
    with pytest.raises(StoreError, match="holds a study of another spec"):
        lrdoctor.sweep(training(), out=tmp_path, quiet=True)
    assert lrdoctor.sweep(training(), out=tmp_path, fresh=True, quiet=True).runs


class Broken(nn.Module):
    def forward(self, x: Any) -> Any:
        raise ValueError("no way")


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"model": Net()}, SpecError, "model: found an object of Net, expected a function or class"),
        ({"model": 3}, SpecError, "model: found an object of int"),
        ({"model": Broken}, WorkloadError, "no way"),
        ({"model": lambda: 3}, WorkloadError, "gave int, expected a torch.nn.Module"),
        ({"optimizer": "sdg"}, SpecError, 'found "sdg"'),
        ({"keys": {"sweap": {}}}, SpecError, "did you mean `sweep`?"),
        ({"keys": {"model": "m:n"}}, SpecError, "found model, which is a field of Training"),
        ({"max_train_steps": 0}, SpecError, "max_train_steps: found 0"),
        ({"data": 3}, WorkloadError, "expected a pair"),
    ],
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, Any], error: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=re.escape(told)):
        lrdoctor.sweep(training(**changes), out=tmp_path / "out", quiet=True)
    assert vars(in_memory.held) == {}


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="learning_rate="):
        lrdoctor.probe(training(), learning_rate=value)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> lrdoctor.Report:
    out = tmp_path_factory.mktemp("study") / "out"
    return lrdoctor.sweep(training(name="<script>alert(1)</script>"), out=out, quiet=True)


def test_a_report_has_tables_and_figures(report: lrdoctor.Report) -> None:
    assert report.sweep is not None
    assert report.table()["base_learning_rate"].tolist() == [rate.base_learning_rate for rate in report.sweep.rates]
    assert report.table("runs")["name"].tolist() == [run.name for run in report.runs]
    assert "curves" not in report.table("runs")
    assert len(report.table("findings")) == len(report.findings)
    with pytest.raises(ValueError, match="expected one of 'rates'"):
        report.table("lines")  # type: ignore[arg-type]
    for figure in report.figures.values():
        assert figure._repr_png_().startswith(b"\x89PNG")
        assert figure.svg.is_file()


def test_a_notebook_shows_the_page_and_nothing_in_it_runs(report: lrdoctor.Report) -> None:
    shown = report._repr_html_()
    assert shown.startswith("<iframe sandbox srcdoc=")
    assert shown.count("<") == 2  # the frame alone: its page is text of an attribute
    assert "alert(1)" in html.render(report, report.folder)
    assert "figure_7a" in shown


def test_of_logs_as_well() -> None:
    judged = lrdoctor.diagnose({"loss": [3.0 - 0.01 * i for i in range(200)]})
    assert judged.table()["verdict"].tolist() == ["stable"]
    assert (dict(judged.figures), judged.folder) == ({}, None)
    assert "<iframe sandbox" in judged._repr_html_()


def test_importing_it_waits_for_nothing() -> None:
    program = "import sys, lrdoctor; lrdoctor.Training, lrdoctor.sweep; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "pandas", "matplotlib", "pydantic"} & set(ran.stdout.split())


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_of_the_page(beside: Path) -> None:
    found = doctest.testfile(str(ROOT / "docs" / "python.md"), module_relative=False, encoding="utf-8")
    assert (found.failed, found.attempted > 9) == (0, True)


CELL = '''
import lrdoctor, torch
from torch import nn

class Net(nn.Sequential):
    """Exists in this notebook alone."""
    def __init__(self):
        super().__init__(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))

x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
y = (x[:, 0] > 0).long()
report = lrdoctor.sweep(lrdoctor.Training(
    model=Net, data=((x[:48], y[:48]), (x[48:], y[48:])), batch_size=16, optimizer="sgd", max_train_steps=40,
    keys={"sweep": {"values": [0.01, 0.1]}, "seeds": [0]}), out="study")
report
'''


def test_a_notebook_that_sweeps_a_model_made_in_a_cell(beside: Path) -> None:
    cells = [CELL, "report.figures['figure_7a_objective_vs_learning_rate']", "report.table()"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    done = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(beside)}}).execute()
    shown = [{kind for output in cell.outputs for kind in output.get("data", ())} for cell in done.cells]
    assert ["text/html" in shown[0], "image/png" in shown[1], "text/html" in shown[2]] == [True, True, True]
    said = "".join(output.get("data", {}).get("text/plain", "") for output in done.cells[0].outputs)
    assert "grid: 2 trials" in said  # progress
    assert (beside / "study" / "report.json").is_file()
