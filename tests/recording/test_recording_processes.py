"""Whose updates are recorded where a command is more than one process, and what happens when something goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from recorded import LONGEST, record, run

from lrdoctor.recording.settings import HOOK, Recording

TRAIN = """
import json, os, sys, torch
def train(n=4, after=lambda k: None):
    torch.manual_seed(0)
    m = torch.nn.Linear(4, 1); X = torch.randn(32, 4); o = torch.optim.SGD(m.parameters(), lr=0.1)
    for k in range(n):
        o.zero_grad(); loss = (m(X) - 1).square().mean(); loss.backward(); o.step(); after(k)
"""

BESIDE = """
import multiprocessing, subprocess
from torch.utils.data import DataLoader, TensorDataset
if __name__ == "__main__":
    loader = DataLoader(TensorDataset(torch.randn(32, 4)), 8, num_workers=2, multiprocessing_context="fork")
    before = sorted(os.listdir("out"))
    list(loader)
    subprocess.run([sys.executable, "-c", "import torch; torch.zeros(1, requires_grad=True).sum()"], check=True)
    assert sorted(os.listdir("out")) == before == [".hooked"], os.listdir("out")
    train()
    # once the recording is this process's, what a fork of it trains is its own affair
    child = multiprocessing.get_context("fork").Process(target=train, args=(50,)); child.start(); child.join()
    list(loader)
    subprocess.run([sys.executable, __file__, "again"], check=True) if len(sys.argv) == 1 else None
"""


def test_workers_are_silent_and_a_second_training_is_not_mixed_in(tmp_path: Path) -> None:
    script = (TRAIN + BESIDE).replace('before == [".hooked"]', "before") + "    sys.exit(0)\n"
    done = record(tmp_path, script)
    assert done.code == 0
    assert len(done.rows()) == 4
    assert sorted(path.name for path in done.folder.iterdir()) == [
        ".hooked", "recording.json", "steps.csv", "unrecorded.txt"
    ]  # fmt: skip
    assert "another process of the command is recorded already" in done.stderr
    assert done.stderr.count("lrdoctor") == 1
    assert len((done.folder / "unrecorded.txt").read_text("utf-8").splitlines()) == 1


IN_A_CHILD = """
import multiprocessing
if __name__ == "__main__":
    child = multiprocessing.get_context("fork").Process(target=train); child.start(); child.join()
    print(os.getpid(), child.pid)
"""


def test_a_forked_process_may_be_the_one_that_trains(tmp_path: Path) -> None:
    done = record(tmp_path, TRAIN + IN_A_CHILD)
    parent, child = map(int, done.stdout.split())
    assert done.facts["pid"] == child != parent
    assert len(done.rows()) == 4


RANKS = """
import json, torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Linear(4, 1))
X = torch.randn(64, 4)[rank::2]; Y = X.sum(1, keepdim=True)
o = torch.optim.SGD(model.parameters(), lr=0.1)
rows = []
for k in range(STEPS):
    o.zero_grad(); loss = torch.nn.functional.mse_loss(model(X), Y); loss.backward()
    rows.append([loss.item(), torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0).item()])
    open(f"rank{rank}.json", "w").write(json.dumps(rows)); o.step()
dist.destroy_process_group()
"""


def test_of_several_ranks_the_first_writes_and_all_are_steered_alike(tmp_path: Path) -> None:
    (tmp_path / "ddp.py").write_text(RANKS.replace("STEPS", "6"), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "ddp.py"]
    done = run(tmp_path, command, learning_rate=0.05, max_updates=4)
    assert done.facts["ended"] == "max_updates"  # the launcher has an exit code of its own
    first, second = (json.loads((tmp_path / f"rank{k}.json").read_text("utf-8")) for k in (0, 1))
    assert len(first) == len(second) == 4
    assert [[row["train_loss"], row["grad_norm"]] for row in done.rows()] == first
    assert [norm for _, norm in first] == [norm for _, norm in second]  # the same weights on both
    assert (done.facts["world_size"], done.facts["rank"]) == (2, 0)
    assert done.column("learning_rate") == [0.05] * 4


SHARDED = """
import gc, json, torch, torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
dist.init_process_group("gloo")
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
X = torch.randn(64, 4)[dist.get_rank()::2]; Y = X.sum(1, keepdim=True)
o = torch.optim.SGD(model.parameters(), lr=0.1)
rows = []
for k in range(4):
    o.zero_grad(); loss = torch.nn.functional.mse_loss(model(X), Y); loss.backward()
    norm = torch.nn.utils.get_total_norm([p.grad.full_tensor() for p in model.parameters()]).item()
    if k > 1: torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    rows.append([loss.item(), norm]); o.step()
if dist.get_rank() == 0: open("rows.json", "w").write(json.dumps(rows))
dist.barrier()
del model, o, loss, norm  # torch aborts now and then where shards outlive their process group, recorded or not
gc.collect()
dist.destroy_process_group()
"""


def test_the_norm_of_sharded_gradients_is_that_of_all_shards(tmp_path: Path) -> None:
    (tmp_path / "fsdp.py").write_text(SHARDED, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "fsdp.py"]
    done = run(tmp_path, command)
    assert done.code == 0, done.stderr
    losses, norms = zip(*json.loads((tmp_path / "rows.json").read_text("utf-8")), strict=True)
    assert done.column("train_loss") == list(losses)
    assert done.column("grad_norm") == pytest.approx(list(norms), rel=1e-5)


def test_a_sitecustomize_of_the_user_runs_and_a_python_without_torch_sees_nothing(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text("import sys; sys.mine = __file__\n", encoding="utf-8")
    look = "import sys; print(sys.mine); import sitecustomize; print(sitecustomize.__file__); print(sys.path); "
    done = record(
        tmp_path, look + "print('torch' in sys.modules, 'lrdoctor' in sys.modules)",
        environment={"PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    mine, own, path, loaded = done.stdout.splitlines()
    assert mine == own == str(tmp_path / "site/sitecustomize.py")
    assert str(HOOK) not in path
    assert loaded == "False False"
    assert [entry.name for entry in done.folder.iterdir()] == [".hooked"]


def test_without_the_variable_the_hook_does_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(HOOK)}
    program = "import sys; print([type(f).__name__ for f in sys.meta_path])"
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "_Watcher" not in ran.stdout
    assert ran.stderr == ""


def test_the_script_goes_on_where_the_recorder_cannot(tmp_path: Path) -> None:
    lost = "import shutil; train(1); shutil.rmtree('out'); torch.optim.Optimizer; train(3); print('trained')\n"
    done = record(tmp_path, TRAIN + lost)
    # rows go on into the file that is open; the facts have no folder any more
    assert (done.code, done.stdout) == (0, "trained\n")
    assert done.stderr.count("lrdoctor: this training is no longer recorded: FileNotFoundError") == 1


def test_steering_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    environment = Recording(directory=str(tmp_path)).environment(os.environ)
    environment["LRDOCTOR_RECORDING"] = json.dumps({"directory": str(tmp_path), "speed": 3})
    (tmp_path / "train.py").write_text(TRAIN + "train(); print('trained')", encoding="utf-8")
    command = [sys.executable, str(tmp_path / "train.py")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST, check=True)
    assert ran.stdout == "trained\n"
    assert "unknown keys speed" in ran.stderr
    assert not (tmp_path / "steps.csv").exists()


def test_how_a_script_died_is_kept(tmp_path: Path) -> None:
    died = "import math\ntrain(3); train(1, lambda k: math.exp(1e9))\n"
    done = record(tmp_path, TRAIN + died)
    assert done.code == 1
    assert done.facts["exception"] == "OverflowError: math range error"
    assert done.facts["unfinished"] == {}
    assert (len(done.rows()), len(done.rows(1))) == (3, 1)


UNFINISHED = """
m = torch.nn.Linear(4, 1); o = torch.optim.SGD(m.parameters(), lr=0.1)
(m(torch.ones(1, 4)) * 0).sum().backward(); o.step(); o.zero_grad()
(m(torch.full((1, 4), 1e30)) * 1e30).sum().backward()
torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0, error_if_nonfinite=True)
"""


def test_the_loss_of_an_update_that_was_not_made_is_kept(tmp_path: Path) -> None:
    done = record(tmp_path, TRAIN + UNFINISHED)
    (loss,) = done.facts["unfinished"]["losses"]
    assert done.code == 1
    assert loss is None or "inf" in str(loss)
    assert len(done.rows()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_loses_no_row(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "out").mkdir()
    endless = "import time\ndef told(k):\n    print(k, flush=True)\n    if k == 9: time.sleep(600)\ntrain(99, told)\n"
    (tmp_path / "train.py").write_text(TRAIN + endless, encoding="utf-8")
    environment = Recording(directory=str(tmp_path / "out")).environment(os.environ)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "train.py")], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(10)]
    process.send_signal(number)
    assert process.wait(LONGEST) == -number
    process.stdout.close()
    assert lines[-1] == "9\n"
    written = (tmp_path / "out/steps.csv").read_text("ascii").splitlines()
    assert [line.split(",")[0] for line in written[1:]] == [str(k) for k in range(10)]


def test_a_launch_from_another_folder_and_without_lrdoctor_installed(tmp_path: Path) -> None:
    """The Python of the command may know nothing of lrdoctor: it is found beside the hook."""
    copy = tmp_path / "elsewhere/lrdoctor"
    shutil.copytree(HOOK.parent.parent, copy, ignore=shutil.ignore_patterns("__pycache__", "schemas", "templates"))
    settings = Recording(directory=str(tmp_path)).environment({**os.environ, "OMP_NUM_THREADS": "1"})
    settings["PYTHONPATH"] = str(copy / "recording/hook")
    script = TRAIN + "train(); import lrdoctor; print(lrdoctor.__file__); lrdoctor.log(val_loss=1)"
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "train.py")]
    ran = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=LONGEST, check=True)
    assert ran.stdout.strip() == str(copy / "__init__.py")
    assert (tmp_path / "evaluations.csv").read_text("ascii") == "step,val_loss\n3,1.0\n"
