"""Commands that are ended in the middle of a trial, and resumed: nothing may be lost, and nothing be trained twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from projects import SPEC, WORK, command, curves, in_process, project, records


@dataclass(frozen=True)
class Ending:
    """How a command is ended."""

    plan: str
    """What the workload does meanwhile (`projects.WORK`)."""
    number: signal.Signals
    code: int
    """Exit code of the command."""


KILLED = Ending("wait", signal.SIGKILL, -signal.SIGKILL)
CTRL_C = Ending("wait for stop", signal.SIGINT, 130)
ENDINGS = [pytest.param(KILLED, id="killed"), pytest.param(CTRL_C, id="Ctrl-C")]


@dataclass(frozen=True)
class Invocation:
    """A command on a small project, written to `folder/tiny.yaml`; its study folder is `folder/out`."""

    name: str
    arguments: tuple[object, ...] = ()
    """Options beside --out, --jobs and --fail-on."""
    spec: str = SPEC
    work: str = WORK
    jobs: int = 1
    n_looks: int = 0
    """Passes over a model that nothing trains, after the trials of the search and before those on fresh seeds."""

    def words(self, folder: Path) -> tuple[object, ...]:
        spec = project(folder, self.spec, self.work)
        fixed = ("--out", folder / "out", "--jobs", self.jobs, "--fail-on", "never")
        return (self.name, spec, *fixed, *self.arguments)


def undisturbed(invocation: Invocation, folder: Path) -> Path:
    """The study folder of the command when nothing disturbs it."""
    done = in_process(*invocation.words(folder))
    assert done.returncode == 0, done.stderr
    assert n_begun(folder) == len(records(folder / "out")) + CHECKS + invocation.n_looks
    return folder / "out"


CHECKS = 1
"""Trainings that an invocation begins besides those of its trials: its first look at the workload."""


def interrupt(invocation: Invocation, folder: Path, ending: Ending, after: int) -> Mapping[str, Mapping[str, Any]]:
    """Ends the command in the middle of the first trial that reaches its 30th update when `after` trials are done.

    Returns:
        trial.json of every trial that was done by then, by key.
    """
    words = command(*invocation.words(folder))
    (folder / "plan").write_text(f"{after} {ending.plan}")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: (folder / "done").exists() or process.poll() is not None)
        assert process.poll() is None, "the command ended before it could be interrupted"
        os.kill(process.pid, ending.number)
        (folder / "stopped").touch()
        assert process.wait(timeout=60) == ending.code
    before = records(folder / "out")
    assert len(before) >= after
    return before


def resume(
    invocation: Invocation, folder: Path, expected: Path, before: Mapping[str, Mapping[str, Any]], n_looked: int = 0
) -> None:
    """Runs the interrupted command again, to its end, which must be that of the study folder `expected`.

    Args:
        invocation: the command, as it was interrupted.
        folder: of the project.
        expected: study folder of the same command that nothing disturbed.
        before: what `interrupt` gave.
        n_looked: passes over a model that nothing trains before it was interrupted.
    """
    begun = n_begun(folder)
    # a trial that its worker has ended and nobody has saved yet is adopted, not trained again
    ended = {path.parent.parent.name for path in folder.glob("out/running/*/*/ended.json")} - set(before)
    # a worker that has finished a trial is given the next one before the finished one is saved; of several workers each
    # may have begun two ahead besides
    most = 2 * invocation.jobs if invocation.jobs == 1 else 4 * invocation.jobs
    assert 0 <= begun - len(before) - CHECKS - n_looked <= most, "more was lost than what was under way"
    done = in_process(*invocation.words(folder))
    assert done.returncode == 0, done.stderr
    after = records(folder / "out")
    assert len(before) < len(after)
    written_again = {key: (before[key], after[key]) for key in before if after[key] != before[key]}
    assert written_again == {}
    assert {record["attempts"] for record in after.values()} == {1}
    missing = len(after) - len(before) - len(ended & set(after))
    n_others = n_begun(folder) - begun - missing - CHECKS - invocation.n_looks
    # of several workers one may begin a trial ahead that nobody asks for
    assert n_others == 0 if invocation.jobs == 1 else n_others >= 0, "it trained other trials than the missing"
    assert curves(folder / "out") == curves(expected)
    assert report(folder / "out") == report(expected)


def n_begun(folder: Path) -> int:
    """Trainings begun in all invocations so far, as the workload itself counted them."""
    return len((folder / "begun").read_text().splitlines())


def report(out: Path) -> Any:
    """report.json without what the clock measured."""
    return json.loads((out / "report.json").read_text(), object_hook=_timeless)


def _timeless(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "seconds"}


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
