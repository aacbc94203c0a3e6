"""What each command prints by default, as a terminal of 80 and of 120 columns shows it: at most 40 lines, what to do
now at the top, the page last."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import STEEP, in_process, lrdoctor, project

from lrdoctor.reports.terminal.screen import LINES

SAMPLES = Path(__file__).parents[2] / "sample_runs"
NEAR_TOP = 12
"""Lines of the screen by which it is said what to do: less than half of what a small window shows."""

SPEC = """\
name: steep
model: {class_path: "./work.py:Net"}
data: {class_path: "./work.py:loaders"}
loss: torch.nn.MSELoss
optimizer: sgd
max_train_steps: 60
eval_every: 20
seeds: [0, 1, 2]
sweep: {values: [0.003, 0.01, 0.03, 0.1]}
"""

TRAIN = """
import torch
torch.manual_seed(0)
w = torch.nn.Parameter(torch.randn(8) + 4)
optimizer = torch.optim.SGD([w], lr=0.002)
for i in range(300):
    x = torch.rand(32, 8) + 0.5
    optimizer.zero_grad()
    loss = (40.0 if 200 <= i < 230 else 1.0) * ((x * w**2 - x) ** 2 + 0.1).mean()
    loss.backward()
    optimizer.step()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose study is trained once, its samples and its script: each test prints again."""
    made = tmp_path_factory.mktemp("screens")
    project(made, SPEC, STEEP)
    (made / "train.py").write_text(TRAIN, "utf-8")
    shutil.copytree(SAMPLES, made / "sample_runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        done = in_process("treat", "tiny.yaml", "--out", "out", "--jobs", 1, "--fail-on", "never", cwd=made)
    assert done.returncode == 0, done.stderr
    return made


Typed = tuple[object, ...]
STUDY: dict[str, Typed] = {
    "sweep": ("sweep", "tiny.yaml", "--out", "out", "--jobs", 1),
    "treat": ("treat", "tiny.yaml", "--out", "out", "--jobs", 1),
}
OTHERS: dict[str, Typed] = {
    "inspect": ("inspect", "tiny.yaml"),
    "diagnose one": ("diagnose", "sample_runs/recovered_rise.csv"),
    "diagnose many": ("diagnose", "sample_runs"),
    "run": ("run", "--", sys.executable, "train.py"),
}


@pytest.fixture(scope="module")
def printed() -> dict[tuple[object, ...], list[str]]:
    """Width and words of a command -> its screen: each is run once."""
    return {}


@pytest.fixture(params=[80, 120])
def screen(
    request: pytest.FixtureRequest,
    folder: Path,
    printed: dict[tuple[object, ...], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[str]]:
    """What runs a command and gives the lines of its report as a terminal of that width wraps them."""
    width: int = request.param
    monkeypatch.setenv("COLUMNS", str(width))

    def shown(*words: object) -> list[str]:
        if (width, *words) in printed:
            return printed[width, *words]
        # what `run` shows of the script goes to this process's own standard output
        runner = lrdoctor if words[0] == "run" else in_process
        done: subprocess.CompletedProcess[str] = runner(*words, cwd=folder)
        assert done.returncode in (0, 1), done.stderr
        # of `run`, standard output is the script's
        report = done.stderr.partition("\n")[2] if words[0] == "run" else done.stdout
        lines = report.removesuffix("\n").split("\n")
        wrapped = [line[i : i + width] for line in lines for i in range(0, max(len(line), 1), width)]
        return printed.setdefault((width, *words), wrapped)

    return shown


def place_of_action(lines: list[str]) -> int:
    return next((i for i, line in enumerate(lines) if line.strip().startswith("DO NOW")), len(lines))


@pytest.mark.parametrize("name", [*STUDY, *OTHERS])
def test_it_is_one_screen_with_what_to_do_at_its_top(name: str, screen: Callable[..., list[str]]) -> None:
    lines = screen(*(STUDY | OTHERS)[name])
    assert len(lines) <= LINES, "\n".join(lines)
    assert "UNSTABLE" in lines[0] or name == "inspect"
    if name != "inspect":  # nothing is to be done to this model, and it says what measures the training
        assert place_of_action(lines) < NEAR_TOP, "\n".join(lines)


@pytest.mark.parametrize("name", STUDY)
def test_the_page_is_named_last(name: str, screen: Callable[..., list[str]], folder: Path) -> None:
    lines = screen(*STUDY[name])
    assert lines[-1] == "  the page: out/report.html"
    assert (folder / "out" / "report.html").is_file()


def test_a_sweep_tells_to_treat_and_a_treatment_to_train_with_its_prescription(
    screen: Callable[..., list[str]],
) -> None:
    lines = screen(*STUDY["sweep"])
    assert "    lrdoctor treat out/spec.yaml --out out" in lines[:NEAR_TOP]
    lines = screen(*STUDY["treat"])
    assert "DO NOW  train with warmup_steps " in "\n".join(lines[:NEAR_TOP])
    assert "    lrdoctor sweep out/prescription.yaml" in lines[:NEAR_TOP]
    assert any(line.startswith("Fixes tried") for line in lines)
