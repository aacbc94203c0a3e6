"""Scripts under `lrdoctor run` and as trials, killed at a known update: no row is lost, and no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from projects import command, processes_in, wait_for
from run_scripts import COULD_NOT_JUDGE, STABLE, UNSTABLE, Ran

from lrdoctor.commands import running
from lrdoctor.commands.session import CommandSession
from lrdoctor.core.trial import Trial

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells which processes there are")

AT = 60
"""Update after which the script waits to be killed."""

TRAIN = f"""\
import os, pathlib, signal, sys, time
import torch

rank = int(os.environ.get("RANK", "0"))
torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
if "RANK" in os.environ:
    torch.distributed.init_process_group("gloo")
    model = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x = torch.randn(512, 4)


def update(k):
    at = torch.randint(512, (32,))
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x[at]), x[at].sum(1, keepdim=True) + 0.3 * torch.randn(32, 1))
    loss.backward()
    optimizer.step()


def tell(name, pid):
    pathlib.Path(f"{{name}}.new").write_text(str(pid))
    os.replace(f"{{name}}.new", name)


for k in range(1000):
    update(k)
    if k + 1 == {AT}:
        tell(f"rank{{rank}}", os.getpid())
        tell("launcher", os.getppid())
        time.sleep(600)
"""
PLAIN = [sys.executable, "train.py"]
RANKS = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
LRDOCTOR = "lrdoctor itself"


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Any:
    """Prints a line of the table of kills."""

    def say(what: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.callspec.id if hasattr(request.node, 'callspec') else request.node.name}: {what}")

    return say


def n_rows(folder: Path) -> int:
    return len((folder / "steps.csv").read_text("ascii").splitlines()) - 1


@pytest.mark.parametrize(
    ("words", "victim", "code"),
    [
        (PLAIN, LRDOCTOR, -signal.SIGKILL),
        (RANKS, LRDOCTOR, -signal.SIGKILL),
        (PLAIN, "rank0", COULD_NOT_JUDGE),
        (RANKS, "rank1", COULD_NOT_JUDGE),
        (RANKS, "launcher", COULD_NOT_JUDGE),
    ],
    ids=["lrdoctor", "lrdoctor of two ranks", "script", "rank", "launcher"],
)
def test_a_run_that_is_killed(tmp_path: Path, tell: Any, words: list[str], victim: str, code: int) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    with subprocess.Popen(
        command("run", "--out", "out", "--", *words), cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        for rank in range(2 if words is RANKS else 1):
            wait_for((tmp_path / f"rank{rank}").exists)
        pid = process.pid if victim == LRDOCTOR else int((tmp_path / victim).read_text())
        os.kill(pid, signal.SIGKILL)
        _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    wait_for(lambda: not processes_in(tmp_path))
    assert n_rows(tmp_path / "out") == AT
    if victim != LRDOCTOR:
        assert f"{AT} points" in said
        assert "the script was killed by SIGKILL" in said or "the script ended with exit code 1" in said
    tell(f"SIGKILL: exit code {process.returncode}, {AT} of {AT} rows, no process left")


STUBBORN = TRAIN.replace(
    "for k in range(1000):",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nfor k in range(1000):\n    if k == 40: x *= float('nan')",
)


def test_a_script_that_ignores_sigterm_is_stopped_when_it_is_lost(tmp_path: Path, tell: Any) -> None:
    ran = run(tmp_path, STUBBORN, "--stop-on", "unstable")
    assert (ran.code, processes_in(tmp_path)) == (UNSTABLE, [])
    assert n_rows(tmp_path / "out") == AT
    tell(f"exit code {ran.code}, {AT} of {AT} rows, no process left")


MEBIBYTES = 100
LOUD = (
    TRAIN.partition("for k in range(1000):")[0]
    + f"""
for k in range({MEBIBYTES}):
    update(k)
    for _ in range(1024):
        sys.stdout.write("x" * 1023 + "\\n")
print("the end")
"""
)


def test_a_script_that_prints_much_is_read_whole(tmp_path: Path, tell: Any) -> None:
    with (tmp_path / "printed").open("wb") as printed:
        ran = run(tmp_path, LOUD, stdout=printed)
    assert ran.code == STABLE, ran.stderr
    assert (tmp_path / "printed").stat().st_size == MEBIBYTES * 1024 * 1024 + len("the end\n")
    assert (n_rows(tmp_path / "out"), processes_in(tmp_path)) == (MEBIBYTES, [])
    tell(f"{MEBIBYTES} MiB: exit code {ran.code}, {MEBIBYTES} of {MEBIBYTES} rows, every byte passed on")


def run(folder: Path, text: str, *options: str, stdout: Any = subprocess.DEVNULL) -> Ran:
    (folder / "train.py").write_text(text)
    done = subprocess.run(
        command("run", "--out", "out", *options, "--", *PLAIN), cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    return Ran(folder / "out", done)


ITSELF = "os.kill(os.getpid(), signal.SIGKILL)"
"""In the place of the waiting."""


@pytest.mark.parametrize(
    ("words", "text", "timeout", "reason", "fewest", "most"),
    [
        (PLAIN, TRAIN.replace("time.sleep(600)", ITSELF), None, "was killed by SIGKILL", AT, AT),
        (RANKS, TRAIN.replace("time.sleep(600)", f"rank == 1 and {ITSELF}"), None, "ended with exit code 1", AT, 100),
        (PLAIN, STUBBORN.replace("float('nan')", "1"), 10.0, "timed out after 10 s, at update 60 of 100", AT, AT),
        (PLAIN, LOUD, None, None, MEBIBYTES, MEBIBYTES),
    ],
    ids=["script of a trial", "rank of a trial", "trial that ignores SIGTERM", "trial that prints much"],
)
def test_a_trial_that_ends_badly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: Any, words: list[str], text: str, timeout: float | None,
    reason: str | None, fewest: int, most: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    # the time is over once the script waits, however long it took until then
    waits = tmp_path / "rank0"
    clock = SimpleNamespace(monotonic=lambda: 1e9 * waits.exists(), sleep=time.sleep, time=time.time)
    monkeypatch.setattr(running, "time", clock)
    (tmp_path / "train.py").write_text(text)
    fixed = {"validation": None, "slots": {"gpus": 1, "per_gpu": 1}, "timeout": timeout, "variants": []}
    session = CommandSession(
        {"command": words, "runs_in": str(tmp_path), "max_train_steps": MEBIBYTES, **fixed}, 0
    )  # fmt: skip
    trial = Trial(
        base_learning_rate=0.05, seed=0, max_train_steps=MEBIBYTES, eval_every=MEBIBYTES,
        optimizer='{"arguments":[],"name":"own"}',
    )  # fmt: skip
    session.may_fork = False
    rows: list[Any] = []
    own = tmp_path / "own"
    ended = session.train(trial, {"folder": str(own)}, rows.extend, lambda: False)
    assert ended["status"] == ("completed" if reason is None else "failed")
    assert (reason or "") in (ended["reason"] or "")
    assert fewest <= len(rows) <= most
    assert processes_in(tmp_path) == []
    # of what is printed no more is kept than is of use
    assert (own / "stdout.txt").stat().st_size < 6 * 1024 * 1024
    assert sorted(path.name for path in own.iterdir()) == ["stderr.txt", "stdout.txt"]
    tell(f"{ended['status']}, {len(rows)} rows, no process left")
