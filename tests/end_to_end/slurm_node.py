"""A queueing system of one node: SLURM's daemons, started in a folder of their own and stopped again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
PATHS = "/usr/sbin:/sbin"
"""Where daemons lie, which not every PATH names."""

CONFIGURATION = """\
ClusterName=lrdoctor
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,defer_batch
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no such node here; "" where there can."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started by root alone"
    absent = [name for name in PROGRAMS if _program(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurmctld slurmd slurm-client munge"
    return ""


@contextmanager
def node(folder: Path) -> Iterator[dict[str, str]]:
    """A node that takes jobs; gives the environment that SLURM's commands need to find it.

    Args:
        folder: for its files, with a short path: sockets lie there.

    Raises:
        RuntimeError: a daemon does not start; the text says what it printed.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    text = CONFIGURATION.format(folder=folder, host=host, controller=_port(), node=_port(), user="root")
    (folder / "slurm.conf").write_text(text)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{option}={folder}/munge.{name}" for option, name in files.items()]
    with ExitStack() as daemons:
        daemons.enter_context(_running(["munged", "--foreground", "--force", *munge], folder))
        _wait(folder, lambda: (folder / "munge.socket").exists())
        daemons.enter_context(_running(["slurmctld", "-D", "-f", str(folder / "slurm.conf")], folder, environment))
        daemons.enter_context(_running(["slurmd", "-D", "-f", str(folder / "slurm.conf")], folder, environment))
        _wait(folder, lambda: "idle" in _told("sinfo", environment))
        try:
            yield environment
        finally:
            with suppress(subprocess.SubprocessError):
                jobs = _told("squeue", environment, "-h", "-o", "%i").split()
                if jobs:
                    _told("scancel", environment, *jobs)
                    _wait(folder, lambda: not _told("squeue", environment, "-h").strip())


@contextmanager
def _running(words: list[str], folder: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    program = _program(words[0])
    assert program is not None
    with (
        open(folder / f"{words[0]}.printed", "wb") as printed,
        subprocess.Popen([program, *words[1:]], env=environment, stdout=printed, stderr=printed) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(folder: Path, true: object) -> None:
    assert callable(true)
    deadline = time.monotonic() + 30
    while not true():
        if time.monotonic() > deadline:
            texts = [f"{path.name}:\n{path.read_text(errors='replace')[-1500:]}" for path in folder.glob("*.printed")]
            raise RuntimeError("SLURM does not start here:\n" + "\n".join(texts))
        time.sleep(0.1)


def _told(name: str, environment: dict[str, str], *words: str) -> str:
    done = subprocess.run([name, *words], env=environment, capture_output=True, text=True, timeout=30)
    return done.stdout


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{PATHS}")


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
