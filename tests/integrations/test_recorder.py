"""`lrdoctor.Recorder` in loops of one's own: what is written, what is said, and when it stops."""

from __future__ import annotations

import csv
import json
import math
import os
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
from lrdoctor.recording import facts
from lrdoctor.recording.settings import Recording
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


RANKS = """
import json, os, sys, torch, lrdoctor
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
distributed.init_process_group("gloo")
rank, rate, most = distributed.get_rank(), float(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(0)
net = DistributedDataParallel(torch.nn.Linear(4, 1))
X = torch.randn(64, 4, generator=torch.Generator().manual_seed(rank)); Y = X.sum(1, keepdim=True)
optimizer = torch.optim.SGD(net.parameters(), lr=rate)
n = 0
with lrdoctor.Recorder(optimizer, folder=sys.argv[1], on_unstable="stop") as recorder:
    while n < most and not recorder.should_stop:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(X), Y)
        loss.backward()
        recorder.step(loss=loss)
        optimizer.step()
        n += 1
report = recorder.report
print(json.dumps({"rank": rank, "updates": n, "verdict": report.verdict, "summary": report.summary,
                  "skipped": [skip.reason for skip in report.skipped]}), flush=True)
distributed.barrier()  # the first one judges longer
distributed.destroy_process_group()
os._exit(0)  # what threads of gloo do while the interpreter ends is no matter of this test
"""


def of_two_ranks(tmp_path: Path, rate: float, most: int) -> tuple[list[dict[str, Any]], str]:
    """What the ranks say at the end, the first one first, and their standard error."""
    (tmp_path / "train.py").write_text(RANKS, encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = str(Path(lrdoctor.__file__).parents[1])
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, *launcher, "train.py", str(tmp_path / "out"), str(rate), str(most)],
        cwd=tmp_path, env={**env, "PYTHONPATH": root}, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return sorted(said, key=lambda one: int(one["rank"])), done.stderr


def test_of_several_ranks_the_first_writes(tmp_path: Path) -> None:
    (first, second), _ = of_two_ranks(tmp_path, 0.05, 30)
    assert len(rows(tmp_path / "out")) == 30
    assert first["verdict"] == "stable"
    assert second["verdict"] == "inconclusive"
    assert "rank 0 records and judges the training" in json.dumps(second)


def test_stop_ends_all_ranks_after_the_same_update(tmp_path: Path) -> None:
    """Else the one that goes on waits for the other in its next backward."""
    (first, second), said = of_two_ranks(tmp_path, 1.5, 400)
    assert 5 < first["updates"] == second["updates"] < 400
    assert said.count("UNSTABLE at step") == 1


@pytest.mark.parametrize("settings", [{"learning_rate": 0.1}, {"max_updates": 5}, {"stop_non_finite": True}])
def test_in_a_trial_nothing_is_recorded_twice(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a fixed folder every trial but the first would fail; with "stop" a trial would be another training."""
    for name, value in Recording(directory=str(tmp_path / "trial"), **settings).environment({}).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "steps.csv").touch()
    weight, optimizer = parameter()
    recorder = lrdoctor.Recorder(optimizer, folder=tmp_path / "out", on_unstable="stop")
    for loss in updates(optimizer, weight, 60, bad_from=30):
        recorder.step(loss=loss)
        optimizer.step()
    assert not recorder.should_stop
    assert recorder.report.verdict == "inconclusive"
    assert (tmp_path / "out" / "steps.csv").read_bytes() == b""


def test_within_a_recorded_command_it_works_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in Recording(directory=str(tmp_path / "run")).environment({}).items():
        monkeypatch.setenv(name, value)
    weight, optimizer = parameter()
    with lrdoctor.Recorder(optimizer, folder=tmp_path / "out") as recorder:
        for loss in updates(optimizer, weight, 5):
            recorder.step(loss=loss)
            optimizer.step()
    assert len(rows(tmp_path / "out")) == 5


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
        ({"NODE_RANK": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4"}, (2, 4)),
        ({"LOCAL_RANK": "1"}, (0, 1)),
    ],
    ids=["alone", "torchrun", "started by Lightning", "on its second node", "a number that says which accelerator"],
)
def test_which_rank_this_is(
    environment: dict[str, str], rank: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert facts.rank() == rank
