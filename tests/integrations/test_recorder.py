"""`lrdoctor.Recorder` in loops of one's own: what is written, what is said, and when it stops."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import lrdoctor
from lrdoctor.integrations.listening import Listening
from lrdoctor.integrations.live import Live
from lrdoctor.streaming import StreamEvent


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "steps.csv", encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def updates(optimizer: torch.optim.Optimizer, weight: torch.Tensor, n: int, bad_from: int = 10**6) -> Iterator[Any]:
    """Losses, backwarded, of a quadratic; from `bad_from` on it grows a hundredfold an update."""
    for step in range(n):
        optimizer.zero_grad()
        loss = 1 + (weight - 1).square().sum() * (1.0 if step < bad_from else 100.0 ** (step - bad_from + 2))
        loss.backward()
        yield loss


def parameter(value: float = 0.0) -> tuple[torch.Tensor, torch.optim.Optimizer]:
    weight = torch.full((2,), value, requires_grad=True)
    return weight, torch.optim.SGD([weight], lr=0.05)


def test_a_row_holds_the_loss_the_rate_and_the_norm_before_clipping(tmp_path: Path) -> None:
    weight, optimizer = parameter()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    given = []
    with lrdoctor.Recorder(optimizer, folder=tmp_path / "out") as recorder:
        for loss in updates(optimizer, weight, 4):
            norm = torch.nn.utils.clip_grad_norm_([weight], 0.1)
            recorder.step(loss=loss, gradient_norm=norm)
            given.append((loss.item(), norm.item(), optimizer.param_groups[0]["lr"]))
            optimizer.step()
            schedule.step()
        recorder.evaluated(torch.tensor(0.5))
    found = [(float(r["train_loss"]), float(r["grad_norm"]), float(r["learning_rate"])) for r in rows(tmp_path / "out")]
    assert found == given
    assert found[0][1] > 2.8
    assert (tmp_path / "out" / "evaluations.csv").read_text() == "step,val_loss\n3,0.5\n"


def test_without_a_norm_the_gradients_of_the_optimizer_are_measured(tmp_path: Path) -> None:
    weight, optimizer = parameter()
    with lrdoctor.Recorder(optimizer, folder=tmp_path) as recorder:
        for loss in updates(optimizer, weight, 1):
            recorder.step(loss=loss)
    assert float(rows(tmp_path)[0]["grad_norm"]) == pytest.approx(math.sqrt(8))


def test_numbers_alone_are_enough(tmp_path: Path) -> None:
    with lrdoctor.Recorder(folder=tmp_path) as recorder:
        for step in range(30):
            recorder.step(loss=2 * 0.9**step, learning_rate=0.1)
    assert rows(tmp_path)[0] == {
        "step": "0", "learning_rate": "0.1", "train_loss": "2.0", "grad_norm": "", "val_loss": "",
    }  # fmt: skip
    assert recorder.report.verdict == recorder.verdict == "stable"


def test_diagnose_reads_the_same(tmp_path: Path) -> None:
    weight, optimizer = parameter()
    with lrdoctor.Recorder(optimizer, folder=tmp_path, on_unstable=lambda event: None) as recorder:
        for loss in updates(optimizer, weight, 80, bad_from=60):
            recorder.step(loss=loss)
            optimizer.step()
    by_file = lrdoctor.diagnose(tmp_path / "steps.csv")
    assert recorder.report.verdict == by_file.verdict == "unstable"
    assert [f.code for f in recorder.report.findings] == [f.code for f in by_file.findings]
    assert json.loads((tmp_path / "recording.json").read_text("utf-8"))["optimizers"][0]["name"] == "SGD"


def test_stop_ends_the_loop_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weight, optimizer = parameter()
    n = 0
    with lrdoctor.Recorder(optimizer, folder=tmp_path, on_unstable="stop", name="mine") as recorder:
        for loss in updates(optimizer, weight, 400, bad_from=60):
            recorder.step(loss=loss)
            optimizer.step()
            n += 1
            if recorder.should_stop:
                break
    assert 60 < n < 100
    said = capsys.readouterr().err
    assert said.startswith("lrdoctor: mine: UNSTABLE at step ")
    assert "the training is stopped; recorded in" in said


def test_warn_says_it_and_a_callable_gets_the_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events: list[StreamEvent] = []
    for k, choice in enumerate(("warn", events.append)):
        with lrdoctor.Recorder(folder=tmp_path / str(k), on_unstable=choice) as recorder:  # type: ignore[arg-type]
            for step in range(80):
                recorder.step(loss=2 * 0.97**step if step < 60 else math.nan)
            assert not recorder.should_stop
    assert capsys.readouterr().err.count("UNSTABLE") == 1
    assert [(event.kind, event.rule, event.first_step) for event in events] == [("alarm", "LRD101", 60)]


def test_a_healthy_loop_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weight, optimizer = parameter()
    with lrdoctor.Recorder(optimizer, folder=tmp_path, on_unstable="stop") as recorder:
        for loss in updates(optimizer, weight, 200):
            recorder.step(loss=loss)
            optimizer.step()
    assert not recorder.should_stop
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"on_unstable": "halt"}, 'expected "warn", "stop" or a callable'),
        ({"alpha": 0.7}, "alpha=0.7"),
        ({"objective": "maximized"}, "objective='maximized'"),
    ],
)
def test_wrong_settings_are_refused_before_a_folder_is_made(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        lrdoctor.Recorder(folder=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_a_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "steps.csv").write_text("step\n")
    with pytest.raises(lrdoctor.LrdoctorError, match="holds a recording already"):
        Live(tmp_path, "name", "warn", 0.01, "auto")


def test_listening_sees_updates_and_leaves_torch_as_it_was(tmp_path: Path) -> None:
    before = torch.autograd.backward, torch.nn.utils.clip_grad_norm_, torch.optim.Optimizer.__init__
    weight, optimizer = parameter()
    listening = Listening(tmp_path / "one", "name", "warn", 0.01, "auto")
    listening.start()
    for _ in updates(optimizer, weight, 5):
        torch.nn.utils.clip_grad_norm_([weight], 0.1)
        optimizer.step()
    listening.finish()
    assert (torch.autograd.backward, torch.nn.utils.clip_grad_norm_, torch.optim.Optimizer.__init__) == before
    for _ in updates(optimizer, weight, 5):
        optimizer.step()
    assert len(rows(tmp_path / "one")) == 5
    assert float(rows(tmp_path / "one")[0]["grad_norm"]) > 2.8
    with pytest.raises(lrdoctor.LrdoctorError, match="give each training a callback of its own"):
        listening.start()


def test_importing_lrdoctor_imports_no_framework() -> None:
    names = ("torch", "transformers", "lightning", "keras")
    program = f"import sys, lrdoctor; print(*(name for name in {names} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
