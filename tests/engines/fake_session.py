"""Sessions without torch: a payload says what the worker is to do."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path

from lrdoctor.commands.session import CommandSession
from lrdoctor.errors import Interrupted, SpecError, WorkloadError


class OwnError(WorkloadError):
    """A subclass that the parent does not know."""


class FakeSession:
    def __init__(self, context, index):
        self.context, self.index = context, index

    def describe(self):
        return {**self.context, "index": self.index}

    def run(self, payload, emit, stopped):
        action, *arguments = payload
        return getattr(self, action)(emit, stopped, *arguments)

    def count(self, emit, stopped, n):
        for i in range(n):
            emit(i)
        return n

    def environment(self, emit, stopped, *_):
        return {
            "pid": os.getpid(),
            "index": self.index,
            "threads": os.environ["OMP_NUM_THREADS"],
            "kept": os.environ.get("MALLOC_TRIM_THRESHOLD_"),
            "sigint": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
            "frozen": gc.get_freeze_count(),
        }

    def leave_a_child(self, emit, stopped, gate):
        here = Path(f"{gate}-child-is-here")
        if os.fork() == 0:
            here.with_suffix(".new").write_text(str(os.getpid()))
            here.with_suffix(".new").replace(here)
            while not Path(gate).exists():
                time.sleep(0.001)
            os._exit(0)
        while not here.exists():
            time.sleep(0.001)
        return {"pid": os.getpid()}

    def leave_a_child_with(self, emit, stopped, gate):
        return {**self.leave_a_child(emit, stopped, gate), "child": int(Path(f"{gate}-child-is-here").read_text())}

    def print(self, emit, stopped, text):
        print(text, flush=True)

    def wait_for_stop(self, emit, stopped):
        emit(os.getpid())
        while not stopped():
            time.sleep(0.001)
        raise Interrupted("abandoned")

    def finish_when_stopped(self, emit, stopped):
        emit(os.getpid())
        while not stopped():
            time.sleep(0.001)
        emit("last words")
        return "finished"

    def compute_for_ever(self, emit, stopped):
        emit(os.getpid())
        while True:
            pass

    def wait_for_file(self, emit, stopped, path):
        emit(os.getpid())
        while not Path(path).exists():
            time.sleep(0.001)
        return os.getpid()

    def die(self, emit, stopped, folder, *causes):
        """Dies of the causes in turn, counted by files that outlive the worker; then lives."""
        times = len(list(Path(folder).iterdir()))
        emit(times)
        if times < len(causes):
            (Path(folder) / str(times)).touch()
            _end(causes[times])
        return times

    def answer_and_die(self, emit, stopped, value):
        threading.Thread(target=_end_when_idle, args=(threading.get_ident(),), daemon=True).start()
        return value

    def fail(self, emit, stopped, kind):
        raise {
            "spec": SpecError("lr: expected a number\ntry 0.1"),
            "own": OwnError("no data"),
            "bug": ZeroDivisionError("a bug here"),
        }[kind]

    def leave_no_words(self, emit, stopped):
        """Raises where no error can be told any more."""
        pickle.dumps = None
        raise ZeroDivisionError("a bug here")

    def unpicklable(self, emit, stopped):
        return lambda: None


class CommandsGpus:
    """Says which GPUs a run of a command would have."""

    def __init__(self, context, index):
        self.command = CommandSession(context, index)

    def describe(self):
        return self.command.describe()

    def run(self, payload, emit, stopped):
        folder, n = payload
        (Path(folder) / str(os.getpid())).touch()
        while len(list(Path(folder).iterdir())) < n:  # else one worker could do it all
            time.sleep(0.001)
        return self.command.environment()["CUDA_VISIBLE_DEVICES"]


def open_gpus(context, index):
    return CommandsGpus(context, index)


def open_session(context, index):
    return FakeSession(context, index)


def open_badly(context, index):
    _end(context["cause"])


def open_with_error(context, index):
    raise WorkloadError("the model has no parameters")


def _end(cause):
    if isinstance(cause, str):
        os.kill(os.getpid(), signal.Signals[cause])
    sys.exit(cause)


def _end_when_idle(main_thread):
    """Ends the process once its main thread waits for the next task, so after the result was sent."""
    while True:
        frame = sys._current_frames()[main_thread]
        while frame is not None:
            if frame.f_code.co_name == "recv_bytes":
                os.kill(os.getpid(), signal.SIGKILL)
            frame = frame.f_back
