"""Sweeps of a training script as it is, beside the same training as a factory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from projects import command, lrdoctor, processes_in, records, wait_for
from sweep_in_process import swept

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals and process groups are POSIX")

WORK = """\
import torch
from torch import nn


class Net(nn.Module):
    # without a generator that anybody else seeds: a script and lrdoctor's own loop begin with the same weights
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=generator) / 2)

    def forward(self, x):
        return self.layers(x)


def data():
    generator = torch.Generator().manual_seed(6)
    x = torch.randn(256, 4, generator=generator)
    return torch.utils.data.TensorDataset(x, (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 1).long())


def batches():
    return torch.utils.data.DataLoader(data(), 64)


def loaders():
    return batches(), None
"""

SCRIPT = """\
import argparse, pathlib, time
import torch
from torch import nn
from work import Net, batches

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1000)
arguments = parser.parse_args()
here = pathlib.Path(__file__).parent
with (here / "begun").open("a") as file:
    file.write("x\\n")
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
n = 0
for epoch in range(arguments.epochs):
    for x, y in batches():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        n += 1
        if n == 20 and (here / "wait").exists() and len((here / "begun").read_text()) > 2 * 5:
            (here / "waiting").touch()
            time.sleep(600)
"""
"""Waits in the third trial after the check where a file says so."""

FACTORY = """\
name: factory
model: ./work.py:Net
data: {class_path: "./work.py:loaders"}
optimizer: {name: momentum, momentum: 0.9}
"""

COMMAND = f"""\
name: script
command: [{json.dumps(sys.executable)}, train.py]
"""

SWEEP = """\
max_train_steps: 40
seeds: [0]
sweep: {values: [0.02, 0.2, 20.0]}
"""


def project(folder: Path) -> Path:
    (folder / "work.py").write_text(WORK)
    (folder / "train.py").write_text(SCRIPT)
    path = folder / "script.yaml"
    path.write_text(COMMAND + SWEEP)
    return path


def begun(folder: Path) -> int:
    """Runs of the script so far."""
    return len((folder / "begun").read_text().split())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project whose command was swept without a spec."""
    folder = tmp_path_factory.mktemp("command")
    project(folder)
    done = sweep_of_the_command(folder)
    (folder / "stderr").write_text(done.stderr)
    assert done.returncode in (0, 1), done.stderr
    return folder


def sweep_of_the_command(folder: Path) -> subprocess.CompletedProcess[str]:
    options = ("--out", "out", "--seeds", 1, "--steps", 40, "--min", 0.02, "--max", 20, "--json")
    words = (*options, "--set", "sweep.values=[0.02, 0.2, 20.0]", "--", sys.executable, "train.py", "--epochs", 100)
    return subprocess.run(command("sweep", *words), cwd=folder, capture_output=True, text=True, timeout=600)


def test_a_sweep_of_a_command_finds_the_rate_that_is_unstable(finished: Path) -> None:
    report = json.loads((finished / "out" / "report.json").read_text())
    runs = {run["base_learning_rate"]: run for run in report["runs"]}
    assert report["best_learning_rate"] == 0.2
    assert 0.2 < report["unstable_base_learning_rate"] <= 20
    assert (runs[0.2]["feasible"], runs[20.0]["feasible"]) == (True, False)
    assert runs[0.2]["optimizer"] == "SGD"


def test_what_the_command_cannot_do_is_said_before_the_first_trial(finished: Path) -> None:
    said = (finished / "stderr").read_text()
    table = said.index("validation loss     none known but what the script passes to lrdoctor.log")
    assert table < said.index("[1/1] control")
    assert "out/spec.yaml" in said


def test_the_same_line_again_runs_nothing_and_says_the_same(finished: Path) -> None:
    before, report = begun(finished), (finished / "out" / "report.json").read_text()
    done = sweep_of_the_command(finished)
    assert (begun(finished), done.stdout) == (before, report)


def test_the_spec_in_the_study_folder_is_the_same_study(finished: Path) -> None:
    before = begun(finished)
    done = lrdoctor("sweep", finished / "out" / "spec.yaml", "--out", finished / "out", "--fail-on", "never")
    assert done.returncode == 0, done.stderr
    assert begun(finished) == before


def test_the_same_training_as_a_factory_gives_the_same_curves_and_the_same_best_rate(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path)
    study = swept(tmp_path, FACTORY + SWEEP, 100.0)
    differences = []
    for run in study.runs:
        assert run.trial is not None
        rate = run.trial.base_learning_rate
        folder = next((folder for folder, settings in trials(finished) if settings == (rate, False)), None)
        if folder is not None:
            curves = np.genfromtxt(folder / "steps.csv", delimiter=",", names=True)
            n = min(len(curves), len(run.train_loss))
            difference = np.abs(curves["train_loss"][:n] - run.train_loss.value[:n]) / run.train_loss.value[:n]
            differences.append(float(difference.max()))
    with capsys.disabled():
        print(f"\nlargest relative difference of {len(differences)} curves: {max(differences):.2g}")
    assert len(differences) >= 3
    # a step of fused and of plain SGD may round otherwise, and a curve that diverges enlarges that
    assert max(differences) < 1e-3
    assert study.best_learning_rate == 0.2


def trials(folder: Path) -> list[tuple[Path, tuple[float, bool]]]:
    found = []
    for path in (folder / "out" / "trials").glob("*/trial.json"):
        settings = json.loads(path.read_text())["settings"]
        found.append((path.parent, (settings["base_learning_rate"], settings["control"])))
    return found


def test_the_control_is_the_training_at_rate_0(finished: Path) -> None:
    (folder,) = (folder for folder, settings in trials(finished) if settings == (0.0, True))
    rows = np.genfromtxt(folder / "steps.csv", delimiter=",", names=True)
    assert set(rows["learning_rate"]) == {0.0}
    # four batches, and weights that stay as they are
    np.testing.assert_array_equal(rows["train_loss"][:36], rows["train_loss"][4:])


def test_what_a_killed_sweep_has_finished_is_not_run_again_and_nothing_is_left_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    spec = project(tmp_path)
    words = ("sweep", spec, "--out", tmp_path / "out", "--jobs", 1, "--fail-on", "never")
    (tmp_path / "wait").touch()
    with subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for((tmp_path / "waiting").exists)
        os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not processes_in(tmp_path))
    (tmp_path / "wait").unlink()
    # a control and two trials are done, the third was lost; before them come the check and what is forked to repeat it,
    # and again
    kept, n = records(tmp_path / "out"), begun(tmp_path)
    assert (len(kept), n) == (3, 6)
    done = lrdoctor(*words)
    assert done.returncode == 0, done.stderr
    after = records(tmp_path / "out")
    assert {key: after[key] for key in kept} == kept
    assert begun(tmp_path) == n + 2 + len(after) - len(kept)


UNSEEDED = """\
import random, numpy, torch
words = {word: k / 9 for k, word in enumerate(set("words in an order that no two processes share".split()))}
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
own = numpy.random.default_rng()
batches = [[random.random(), numpy.random.rand(), own.random(), words["order"]] for _ in range(32)]
for step in range(60):
    optimizer.param_groups[0]["lr"] = 0.1 * min(1, (step + 1) / 10)
    x = torch.tensor(batches, dtype=torch.float32) + 0.1 * torch.randn(32, 4)
    loss = (model(x)[:, 0] - x.sum(1)).square().mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
"""


def test_a_script_without_a_seed_and_with_a_schedule_of_its_own_is_swept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(UNSEEDED)
    rates = [0.01, 0.1, 20.0]
    options = ("--seeds", 2, "--jobs", 2, "--steps", 40, "--out", "out", "--set", f"sweep.values={rates}", "--json")
    words = command("sweep", *options, "--exhaustive", "--min", 0.01, "--max", 20, "--", sys.executable, "train.py")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    report = json.loads(done.stdout)
    assert "LRD404" not in {finding["code"] for finding in report["findings"]}
    assert report["best_learning_rate"] == 0.1
    highest: dict[float, float] = {}
    first: dict[float, set[float]] = {}
    for folder, (rate, is_control) in trials(tmp_path):
        curves = np.genfromtxt(folder / "steps.csv", delimiter=",", names=True)
        highest[rate] = float(np.max(np.atleast_1d(curves["learning_rate"])))
        if not is_control and rate in rates:
            first.setdefault(rate, set()).add(float(np.atleast_1d(curves["train_loss"])[0]))
    assert [highest[rate] for rate in (0.0, 0.01, 0.1)] == pytest.approx([0.0, 0.01, 0.1])
    # of two seeds, whatever worker and process they ran in
    assert [len(first[rate]) for rate in rates] == [2, 2, 2]
    assert len(set().union(*first.values())) == 2
