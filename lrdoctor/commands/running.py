"""One run of a command, from its start to the end of its last process."""

from __future__ import annotations

import math
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lrdoctor.commands import processes
from lrdoctor.commands.curves import Growing, Row
from lrdoctor.commands.endings import Outcome
from lrdoctor.commands.forks import Fork, Forked
from lrdoctor.commands.output import Kept, last_lines, said_not_finite
from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.logs.recordings import Recorded, blow_up, read_folder
from lrdoctor.recording.settings import STEPS, Recording

POLL = 0.05
"""Seconds between two looks at a run: a decided one ends soon, and a look costs some hundred microseconds."""

LEFT_OPEN = 2.0
"""Seconds to wait for the end of an output whose command is over."""

STDOUT, STDERR = "stdout.txt", "stderr.txt"
"""What the command printed, in the folder of its run."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run."""

    words: Sequence[str]
    runs_in: str
    """Working directory."""
    environment: Mapping[str, str]
    recording: Recording
    folder: Path
    """Where the outputs are kept."""
    n_steps: int
    """Updates that are wanted; where the run makes more the others do not count."""
    timeout: float | None = None
    is_told_length: bool = False
    """Whether the command knows how many updates are wanted, and may evaluate after the last one."""
    fork: Fork | None = None
    """What to fork the run from where that can be; it is started anew else."""


@dataclass
class Done:
    """A run that is over."""

    outcome: Outcome
    rows: list[Row]
    recorded: Recorded
    """What the recording says of the training."""
    began: float
    """When it was started, in seconds of the clock that files have."""
    pid: int
    """Of the command itself."""
    is_forked: bool

    @property
    def is_cut(self) -> bool:
        """Whether it was ended at its last row from outside: how far it went meanwhile depends on the clock."""
        return self.outcome.decided is not None


@dataclass
class _State:
    rows: list[Row] = field(default_factory=list)
    decided: str | None = None
    is_enough: bool = False
    """Whether it has made more updates than are wanted; the recording ends it."""
    is_late: bool = False


def run(
    order: Order,
    emit: Callable[[Sequence[Row]], None],
    decide: Callable[[Row], str | None],
    stopped: Callable[[], bool],
) -> Done:
    """Runs the command and everything that belongs to it to its end.

    Args:
        order: what to run.
        emit: takes rows as they are recorded.
        decide: sees every row; gives the reason where the run is not worth finishing.
        stopped: says whether to abandon it.

    Raises:
        WorkloadError: the command cannot be started.
        Interrupted: `stopped` said so; nothing of the run is left.
    """
    mark, began = uuid.uuid4().hex, time.time()
    environment = {**order.environment, **ports(order.environment)}
    recorded_there = order.recording.environment(environment)
    process: subprocess.Popen[bytes] | Forked | None = None
    if order.fork is not None:
        process = order.fork.start(order.words, order.runs_in, recorded_there, mark)
    is_forked = process is not None
    try:
        process = process or processes.start(order.words, order.runs_in, recorded_there, mark)
    except OSError as error:
        raise WorkloadError(
            f"command: {order.words[0]!r} cannot be started in {order.runs_in}: {error.strerror}; the first word is a "
            "program on the PATH or a path from the working directory, and nothing is a shell's"
        ) from error
    assert process.stdout is not None
    assert process.stderr is not None
    outputs = [Kept(process.stdout, order.folder / STDOUT), Kept(process.stderr, order.folder / STDERR)]
    directory = Path(order.recording.directory)
    state, growing = _State(), Growing(directory / STEPS)
    with processes.Guard(process.pid, mark):
        try:
            _watch(order, process, growing, state, emit, decide, stopped)
        finally:
            processes.end(process.pid, mark, lambda: process.poll() is not None)
            for output in outputs:
                output.close(LEFT_OPEN)
    code = process.wait()
    _take(growing.new(is_over=True), order, state, emit, decide)
    recorded = read_folder(directory, "the command")
    printed, complained = (output.end() for output in outputs)
    outcome = Outcome(
        # it has made all its updates, and was ended at the one after
        code=0 if state.is_enough else code,
        losses=[row[2] for row in state.rows],
        norms=[row[3] for row in state.rows],
        wanted=order.n_steps,
        ended=recorded.facts.get("ended"),
        blow_up=blow_up(recorded) or said_not_finite(complained) or said_not_finite(printed),
        decided=state.decided,
        seconds=order.timeout if state.is_late else None,
        words=last_lines(complained) or last_lines(printed),
    )
    return Done(outcome, state.rows, recorded, began, process.pid, is_forked)


def _watch(
    order: Order,
    process: subprocess.Popen[bytes] | Forked,
    growing: Growing,
    state: _State,
    emit: Callable[[Sequence[Row]], None],
    decide: Callable[[Row], str | None],
    stopped: Callable[[], bool],
) -> None:
    """Returns when the command has ended, or is to be ended."""
    late = math.inf if order.timeout is None else time.monotonic() + order.timeout
    while True:
        is_over = process.poll() is not None
        _take(growing.new(), order, state, emit, decide)
        if is_over or state.decided is not None:
            return
        if stopped():
            raise Interrupted("the trial was abandoned")
        if time.monotonic() > late:
            state.is_late = True
            return
        time.sleep(POLL)


def _take(
    rows: Sequence[Row],
    order: Order,
    state: _State,
    emit: Callable[[Sequence[Row]], None],
    decide: Callable[[Row], str | None],
) -> None:
    """Hands on what was recorded, up to the row that decides."""
    taken: list[Row] = []
    for row in rows:
        if state.decided is not None or state.is_enough:
            break
        if order.is_told_length and len(state.rows) + len(taken) >= order.n_steps:
            # it goes on; ending it at the first update too many is the recording's, after which loggers still write
            state.is_enough = True
            break
        taken.append(row)
        if math.isfinite(row[2]):
            state.decided = decide(row)
    state.rows += taken
    if taken:
        emit(taken)


def ports(environment: Mapping[str, str]) -> dict[str, str]:
    """A port of the run's own for launchers of several processes, which would all take the same one; {} where the user
    has chosen one."""
    if "MASTER_PORT" in environment:
        return {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # the second is what torchrun reads its option --master-port from
    return {"MASTER_PORT": port, "PET_MASTER_PORT": environment.get("PET_MASTER_PORT", port)}
