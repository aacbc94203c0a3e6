"""A process of the command's own Python that has imported what the script imports, and forks it for every run.

Importing torch takes seconds of every run, frameworks take several. This file is run as a program in the surroundings
of a run: its recording is asleep, and it imports what an earlier run was seen to import, in that order. Each run is
then a fork of it: a process group and session of its own, with the run's arguments, output and environment, in which
the script is run as `__main__`. The kernel's copy of a process is exact, so nothing that was computed is lost or done
twice; what every new process has differently (the seeds of `random` and NumPy, where neither the script nor a trial
sets them) is drawn anew.

It refuses what a fork would not survive, or would show: threads, child processes, a CUDA context, drawn random numbers,
changed environment variables, modules found elsewhere. Linux only.
"""

from __future__ import annotations

import array
import builtins
import gc
import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

MARK = "LRDOCTOR_RUN"
"""Environment variable that names a run; its value here has the length of all of them, and is written over."""
LARGEST = 65536
"""Bytes of a message."""
N_STREAMS = 2
READY = "ready"


def main() -> tuple[str, list[str]] | None:
    """Serves runs; returns in each run's process, with the script and its arguments, and here at the end.

    The connection is a socket of whole messages, number `sys.argv[1]`. First the file `sys.argv[2]` is imported, and
    the answer is why it cannot serve, or `READY`. Then each order is a JSON object (`arguments`, `environment`) with
    the run's output streams, answered by its process number, and later by its exit code.
    """
    connection = socket.socket(fileno=int(sys.argv[1]))
    with open(sys.argv[2], encoding="ascii") as file:
        told = json.load(file)
    script = sys.argv[3]
    sys.path[0] = script_folder(script)
    answer = prepare(told) or READY
    # else every run looks through all that was imported for cycles, and so makes its own copy of it: at the latest at
    # its end, where that takes longer than a small training
    gc.freeze()
    connection.send(answer.encode())
    while True:
        data, handles = _receive(connection)
        if not data:
            shutil.rmtree(os.path.dirname(sys.argv[2]), ignore_errors=True)
            return None
        order = json.loads(data)
        began, begin = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(began)
            connection.close()
            with suppress(OSError):  # else the run's maker is told that it has not begun
                become(order["environment"], handles)
                os.write(begin, b"!")
                os.close(begin)
                wake()
                return script, order["arguments"]
            os._exit(1)
        os.close(begin)
        for handle in handles:
            os.close(handle)
        has_begun = os.read(began, 1) == b"!"
        os.close(began)
        with suppress(OSError):  # nobody listens any more, and the run is ended by its guard
            connection.send(str(pid if has_begun else 0).encode())
        _, status = os.waitpid(pid, 0)
        if has_begun:
            with suppress(OSError):
                connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """One message and the open files that came with it; no message at the end."""
    handles = array.array("i")
    data, ancillary, _, _ = connection.recvmsg(LARGEST, socket.CMSG_SPACE(N_STREAMS * handles.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            handles.frombytes(content[: len(content) - len(content) % handles.itemsize])
    return data, list(handles)


def prepare(told: Mapping[str, Any]) -> str | None:
    """Imports what was told; the reason where this process is none to fork from."""
    from importlib import import_module

    from lrdoctor.recording import imports

    if sys.executable != told["executable"]:
        return f"another Python runs the script: {told['executable']}"
    try:
        import torch

        drawn = torch.get_rng_state()
        for name in told["modules"]:
            import_module(name)
    except Exception as error:  # whatever a package raises, the script may still do without it
        return f"{type(error).__name__}: {error}"
    if len(os.listdir("/proc/self/task")) > 1:
        return "what it imports starts threads, which a fork does not have"
    with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
        has_children = bool(file.read().split())
    if has_children:
        return "what it imports starts processes"
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # of torch
        return "what it imports begins to use a GPU"
    if not torch.equal(drawn, torch.get_rng_state()):
        return "what it imports draws random numbers"
    return imports.differing(told)


def become(environment: Mapping[str, str], handles: list[int]) -> None:
    """Makes this process one that looks as if it had been started for a run.

    Args:
        environment: variables that are the run's own.
        handles: its output and its errors.

    Raises:
        OSError: it cannot be made so.
    """
    os.setsid()
    write_mark(environment[MARK])
    os.environ.update(environment)
    sys.stdout.flush()
    # what was said while importing, each run would have said
    said = os.pread(2, os.fstat(2).st_size, 0)
    for number, handle in enumerate(handles, 1):
        os.dup2(handle, number)
        os.close(handle)
    while said:
        said = said[os.write(2, said) :]
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def write_mark(mark: str) -> None:
    """Puts the run's mark into the environment that others see of this process, by which its parts are found.

    /proc shows the memory in which the process was given its variables, at whatever is there now.

    Raises:
        OSError: they do not see it.
    """
    import ctypes

    find = ctypes.CDLL(None).getenv
    find.restype = ctypes.c_void_p
    place = find(MARK.encode())
    if place and len(os.environ[MARK]) == len(mark):
        ctypes.memmove(place, mark.encode(), len(mark))
    with open("/proc/self/environ", "rb") as file:
        if f"{MARK}={mark}\0".encode() not in file.read() + b"\0":
            raise OSError("the mark of the run is not seen")


def wake() -> None:
    """Begins the recording that the environment now asks for."""
    from lrdoctor.recording import patches
    from lrdoctor.recording.settings import HOOKED, Recording

    settings = Recording.of_environment(os.environ)
    assert settings is not None
    os.close(os.open(os.path.join(settings.directory, HOOKED), os.O_CREAT | os.O_WRONLY))
    patches.wake(settings)


def script_folder(script: str) -> str:
    """The first folder in which Python looks for a script's imports: that of the file, behind links."""
    return os.path.dirname(os.path.realpath(script))


def run_script(script: str, arguments: list[str]) -> None:
    """Runs the script as Python runs the file that it is given."""
    path = os.path.join(os.getcwd(), script)
    from importlib.machinery import SourceFileLoader

    module = ModuleType("__main__")
    module.__dict__.update(__annotations__={}, __builtins__=builtins, __file__=path, __cached__=None)
    module.__dict__["__loader__"] = SourceFileLoader("__main__", path)
    sys.modules["__main__"] = module
    sys.argv[:] = [script, *arguments]
    sys.orig_argv[:] = [sys.executable, script, *arguments]
    try:
        with open(path, "rb") as file:
            source = file.read()
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        # as Python does with what nobody catches, without the line above
        raised = error.__traceback__.tb_next if error.__traceback__ else None
        kind, value = type(error), error.with_traceback(raised)
        sys.last_type, sys.last_value, sys.last_traceback = kind, value, raised
        sys.excepthook(kind, value, raised)
    else:
        return
    sys.exit(1)


if __name__ == "__main__":
    _served = main()
    if _served is not None:
        run_script(*_served)
