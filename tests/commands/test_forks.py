"""Runs that are forked from a process with its imports behind it, beside runs that are started anew."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lrdoctor.commands import processes, session
from lrdoctor.commands.forks import script_of
from lrdoctor.commands.running import STDERR, STDOUT, Done, Order
from lrdoctor.commands.session import CommandSession
from lrdoctor.core.trial import Trial

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs are forked on Linux")

SCRIPT = """\
import argparse, json, os, random, sys
from pathlib import Path
import numpy
import torch
import beside

parser = argparse.ArgumentParser()
parser.add_argument("--fail", action="store_true")
given = parser.parse_args()
torch.manual_seed(3)
numpy.random.seed(4)
random.seed(5)
module = {key: repr(value) for key, value in globals().items() if key.startswith("__") and key != "__loader__"}
del module["__builtins__"]
print(json.dumps([module, type(__loader__).__name__, sys.argv, sys.path, sys.orig_argv, os.getcwd(), sys.flags.optimize,
                  os.environ["TMPDIR"], sys.stdin.read(), os.getpgrp() == os.getpid() == os.getsid(0),
                  sys.modules["__main__"] is sys.modules[__name__], numpy.random.rand(), random.random()]))
print("one line of errors", file=sys.stderr)
model = torch.nn.Linear(4, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for step in range(50):
    loss = model(torch.randn(8, 4) + beside.SHIFT).square().mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    if step == 8 and FAILS:
        raise ValueError("no more data")
"""
TRIAL = Trial(
    base_learning_rate=0.3,
    seed=2,
    max_train_steps=20,
    eval_every=20,
    optimizer='{"arguments":[],"name":"own"}',
    warmup_steps=3,
    clip_norm=0.1,
)


@dataclass
class Ran:
    """A run: how it went, and what it has left."""

    done: Done
    ended: dict[str, Any]
    stdout: str
    stderr: str


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A session in a folder of its own, and a function that makes it run a trial."""
    seen: list[Done] = []
    real = session.run

    def run(order: Order, *others: Any) -> Done:
        seen.append(real(order, *others))
        return seen[-1]

    monkeypatch.setattr(session, "run", run)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def opened(script: str, *words: str) -> Callable[[Trial], Ran]:
        (tmp_path / "beside.py").write_text("SHIFT = 0.5\n")
        (tmp_path / "train.py").write_text(script)
        fixed = {
            "validation": None,
            "slots": {"gpus": 1, "per_gpu": 1},
            "timeout": None,
            "max_train_steps": 20,
            "variants": [],
        }
        opened = CommandSession({"command": [sys.executable, *words], "runs_in": str(tmp_path), **fixed}, 0)

        def one(trial: Trial) -> Ran:
            first, own = len(seen), tmp_path / f"run{len(seen)}"
            ended = opened.train(trial, {"folder": str(own)}, lambda rows: None, lambda: False)
            return Ran(seen[first], ended, (own / STDOUT).read_text(), (own / STDERR).read_text())

        one.session = opened  # type: ignore[attr-defined]
        return one

    return opened


@pytest.mark.parametrize("script", ["train.py", "./train.py"])
def test_a_forked_run_is_the_run_of_a_new_process(script: str, runs: Callable[..., Any]) -> None:
    one = runs(SCRIPT.replace("and FAILS", "and False"), script)
    new, forked, other_seed = one(TRIAL), one(TRIAL), one(replace(TRIAL, seed=3))
    assert [run.done.is_forked for run in (new, forked, other_seed)] == [False, True, True]
    assert len(new.done.rows) == TRIAL.n_steps
    # to the last bit
    assert repr(forked.done.rows) == repr(new.done.rows)
    assert forked.ended == new.ended
    assert (forked.stdout, forked.stderr) == (new.stdout, new.stderr)
    assert repr(other_seed.done.rows) != repr(new.done.rows)


def test_a_script_that_seeds_nothing_is_the_same_training_in_every_run(
    monkeypatch: pytest.MonkeyPatch, runs: Callable[..., Any]
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    script = SCRIPT.replace("and FAILS", "and False")
    for line in ("torch.manual_seed(3)", "numpy.random.seed(4)", "random.seed(5)"):
        assert line in script
        script = script.replace(line, "")
    words = "{word: k for k, word in enumerate(set('a set has another order in every process'.split()))}"
    batch = (
        f"torch.tensor([numpy.random.rand() + random.random() + {words}[word] for word in ('a', 'set', 'has', 'in')])"
    )
    script = script.replace("torch.randn(8, 4)", batch)
    one = runs(script, "train.py")
    new, forked, other_seed = one(TRIAL), one(TRIAL), one(replace(TRIAL, seed=3))
    assert [run.done.is_forked for run in (new, forked, other_seed)] == [False, True, True]
    assert repr(forked.done.rows) == repr(new.done.rows)
    assert repr(other_seed.done.rows) != repr(new.done.rows)
    assert repr(runs(script, "train.py")(TRIAL).done.rows) == repr(new.done.rows)


def test_a_forked_run_fails_in_the_words_of_a_new_one(runs: Callable[..., Any]) -> None:
    one = runs(SCRIPT.replace("and FAILS", "and given.fail"), "train.py", "--fail")
    new, forked = one(TRIAL), one(TRIAL)
    assert (new.done.is_forked, forked.done.is_forked) == (False, True)
    assert forked.done.outcome.code == new.done.outcome.code == 1
    assert new.stderr.endswith("ValueError: no more data\n")
    assert forked.stderr == new.stderr
    assert forked.done.recorded.facts["exception"] == "ValueError: no more data"


@pytest.mark.parametrize(
    "first",
    [
        # what is imported afterwards may read it
        "import os; os.environ['MY_LIBRARY'] = 'fast'",
        # not the same twice: the second run begins elsewhere
        "import pathlib, torch; p = pathlib.Path('n'); p.open('a').write('x'); add = len(p.read_text())",
    ],
)
def test_what_is_not_the_same_twice_is_not_forked(first: str, runs: Callable[..., Any]) -> None:
    script = "add = 0.5\n" + first + "\n" + SCRIPT.replace("and FAILS", "and False").replace("beside.SHIFT", "add")
    one = runs(script, "train.py")
    assert [one(TRIAL).done.is_forked for _ in range(2)] == [False, False]


def test_a_forked_run_is_found_by_its_mark_and_ended_and_runs_are_new_once_nothing_forks_them(
    tmp_path: Path, runs: Callable[..., Any]
) -> None:
    one = runs(SCRIPT.replace("and FAILS", "and False"), "train.py")
    new = one(TRIAL)
    fork = one.session._fork
    (tmp_path / "own").mkdir()
    order = one.session.order(TRIAL, tmp_path / "own", TRIAL.n_steps)
    script = (tmp_path / "train.py").read_text()
    (tmp_path / "train.py").write_text(
        "import gc, os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n    os.setsid()\n"
        "open('frozen', 'w').write(str(gc.get_freeze_count()))\nopen(f'ready{os.getpid()}', 'w').close()\n"
        "time.sleep(600)\n"
    )
    mark = "f" * 32
    environment = order.recording.environment(order.environment)
    run = fork.start(order.words, order.runs_in, environment, mark)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("ready*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert run.pid in processes.marked(mark)
    assert len(processes.marked(mark)) == 2
    processes.end(run.pid, mark, lambda: run.poll() is not None, grace=0.3)
    assert processes.marked(mark) == []
    assert int((tmp_path / "frozen").read_text()) > 100_000  # what was imported before is looked through by no run
    assert run.wait() == -signal.SIGKILL
    run.stdout.close()
    run.stderr.close()
    (tmp_path / "train.py").write_text(script)
    # nothing is said to it: the end of its connection is enough, as where the worker is killed
    fork._connection.shutdown(socket.SHUT_WR)
    assert fork._process.wait(60) == 0
    assert not os.path.exists(f"/proc/{fork._process.pid}")
    again = one(TRIAL)
    assert not again.done.is_forked
    assert repr(again.done.rows) == repr(new.done.rows)


@pytest.mark.parametrize(
    ("words", "script"),
    [
        (["python", "train.py", "--lr", "1"], "train.py"),
        (["/usr/bin/python3.11", "a/b.py"], "a/b.py"),
        (["python", "-u", "train.py"], None),
        (["python", "-m", "train"], None),
        (["torchrun", "train.py"], None),
        (["python"], None),
    ],
)
def test_which_commands_can_be_forked(words: list[str], script: str | None) -> None:
    assert script_of(words) == script
