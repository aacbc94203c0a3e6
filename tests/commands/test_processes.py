from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrdoctor.commands import processes

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells which processes there are")

STUBBORN = """\
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) > 1:
    # a launcher gives its ranks sessions of their own
    subprocess.Popen([sys.executable, __file__], start_new_session=True)
time.sleep(600)
"""


def wait_for_marked(mark: str, n: int) -> None:
    deadline = time.monotonic() + 60
    while len(processes.marked(mark)) != n:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "stubborn.py"
    path.write_text(STUBBORN)
    return path


@pytest.fixture
def mark(tmp_path: Path) -> str:
    """One that no other run of these tests on this machine has."""
    return str(tmp_path)


def test_a_run_that_ignores_sigterm_is_killed_with_what_it_started_in_other_sessions(script: Path, mark: str) -> None:
    run = processes.start([sys.executable, str(script), "launch"], ".", os.environ, mark)
    wait_for_marked(mark, 2)
    processes.end(run.pid, mark, lambda: run.poll() is not None, grace=0.5)
    assert processes.marked(mark) == []
    assert run.returncode == -signal.SIGKILL
    for pipe in (run.stdout, run.stderr):
        assert pipe is not None
        pipe.close()


def test_the_guard_kills_the_run_when_its_maker_is_killed(script: Path, tmp_path: Path, mark: str) -> None:
    maker = tmp_path / "maker.py"
    maker.write_text(
        "import os, sys, time\nfrom lrdoctor.commands import processes\n"
        f"run = processes.start([sys.executable, {str(script)!r}, 'launch'], '.', os.environ, {mark!r})\n"
        f"guard = processes.Guard(run.pid, {mark!r})\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, str(maker)]) as process:
        wait_for_marked(mark, 2)
        process.kill()
    wait_for_marked(mark, 0)


def test_orphans_that_nobody_asks_after_do_not_keep_a_run_alive(script: Path, tmp_path: Path) -> None:
    # this process adopts the orphans of a run and leaves them as they are, as process 1 of many containers does
    adopts = tmp_path / "adopts.py"
    adopts.write_text(
        "import ctypes, os, subprocess, sys, time\nfrom lrdoctor.commands import processes\n"
        "assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0\n"
        f"words = ['sh', '-c', '{sys.executable} {script} & exec {sys.executable} {script}']\n"
        "run = processes.start(words, '.', os.environ, 'marked-orphans')\n"
        "while len(processes.marked('marked-orphans')) < 2: time.sleep(0.02)\n"
        "processes.UNTIL_DEAD = 600.0\n"
        "processes.end(run.pid, 'marked-orphans', lambda: run.poll() is not None, grace=0.2)\n"
        "print(processes.marked('marked-orphans'), run.returncode < 0, os.waitpid(-1, 0)[1] > 0)\n"
    )
    done = subprocess.run([sys.executable, str(adopts)], capture_output=True, text=True, timeout=300)
    assert done.stdout == "[] True True\n", done.stderr


def test_a_guard_that_is_told_so_leaves(script: Path, mark: str) -> None:
    run = processes.start([sys.executable, str(script)], ".", os.environ, mark)
    try:
        with processes.Guard(run.pid, mark):
            wait_for_marked(mark, 1)
        assert run.poll() is None
    finally:
        processes.end(run.pid, mark, lambda: run.poll() is not None, grace=0.1)
        for pipe in (run.stdout, run.stderr):
            assert pipe is not None
            pipe.close()
