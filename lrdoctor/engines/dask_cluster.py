"""The Dask cluster of a study: how it is started, what its workers are sent, and how they are lost."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dask
from distributed import LocalCluster

from lrdoctor.engines import dask_worker, death
from lrdoctor.engines.entry import load
from lrdoctor.errors import EngineError, LrdoctorError

LARGEST_FOLDER = 16 * 1024 * 1024
"""Bytes of a user's folder that are sent to workers that do not see it: code and small data."""

NEVER = "10000h"

LEFT_OUT = ("__pycache__", "lrdoctor_out", "node_modules")
"""Folders that are not sent, beside hidden ones, virtual environments and study folders."""


def started(block: Mapping[str, Any] | None, jobs: int | None) -> Any:
    """A cluster of our own: processes of this machine, or what the class starts.

    Args:
        block: {class_path, init_args} of a cluster class; None for processes of this machine.
        jobs: the number of workers; None for one process, or for as many as the class starts by itself.

    Raises:
        LrdoctorError: it cannot be started.
    """
    if block is None:
        # a nanny brings its worker back; Dask's own limit of seconds would close the nanny of one that comes back
        # slowly, or that dies again just as the seconds since its first death are over. It is read at each death
        dask.config.set({"distributed.deploy.lost-worker-timeout": NEVER})
        with dask.config.set({"distributed.worker.daemon": True}):
            return LocalCluster(
                n_workers=jobs or 1,
                threads_per_worker=1,
                # its limit would end Dask's worker; a trial's memory is in a process beside it
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
                host="127.0.0.1",
            )
    path = block["class_path"]
    module, _, name = path.rpartition(":" if ":" in path else ".")
    try:
        made = load(f"{module}:{name}")(**block.get("init_args", {}))
        if jobs is not None:
            made.scale(jobs)
    except LrdoctorError:
        raise
    except Exception as error:
        raise EngineError(f"engine: {path} cannot be started: {type(error).__name__}: {error}") from error
    return made


def how(stimulus: str, is_expected: bool, ran_out: bool = False) -> str:
    """How a worker was lost, in words.

    Args:
        stimulus: what the scheduler removed it for.
        is_expected: it said goodbye: its time on the machine was over, or it was preempted.
        ran_out: whether the system has ended a process for want of memory meanwhile.

    >>> how("handle-worker-cleanup-1", False), how("retire-workers-1", True)
    ('died or lost its connection', 'left (preempted, closed, or restarted)')
    """
    if is_expected:
        return "left (preempted, closed, or restarted)"
    if "ttl" in stimulus:
        return "went silent"
    return f"died{death.FOR_MEMORY}" if ran_out else "died or lost its connection"


def died_of(deaths: Sequence[str]) -> str:
    """Why a task is given up.

    >>> died_of(["the one at tcp://a:1 went silent", "the one at tcp://b:1 died for want of memory"])
    '2 workers died of it: the one at tcp://a:1 went silent; the one at tcp://b:1 died for want of memory'
    """
    return f"{len(deaths)} workers died of it: {'; '.join(deaths)}"


def sharing(seen: dict[tuple[str, str], set[str]], worker: str, facts: Mapping[str, Any]) -> str:
    """What is to be said where workers of one machine, which do not know of each other, take the same GPU; "" else.

    Args:
        seen: workers by their machine and what their CUDA_VISIBLE_DEVICES says; gains this one.
        worker: its name.
        facts: what it told of itself.
    """
    if not facts.get("devices") or facts.get("alone"):  # it takes no GPU, or there is one trial at a time anyhow
        return ""
    host, visible = str(facts.get("host")), facts.get("visible")
    others = seen.setdefault((host, str(visible)), set())
    if worker in others or len(others) != 1:  # it is said once
        others.add(worker)
        return ""
    others.add(worker)
    told = "no CUDA_VISIBLE_DEVICES" if visible is None else f"CUDA_VISIBLE_DEVICES={visible}"
    names = " and ".join(sorted(others))
    return f"the workers {names} on {host} both have {told}, and take the same GPU: start each with GPUs of its own"


def sent(folder: str | None, is_here: bool) -> tuple[str, bytes | None]:
    """The digest of a user's folder and what is sent of it; workers of this machine see what this process sees."""
    if folder is None:
        return "", None
    return dask_worker.digest_of(Path(folder)), None if is_here else packed(Path(folder))


def packed(folder: Path) -> bytes | None:
    """What lies in a user's folder, as a zip; None where that is more than is sent."""
    found, total = [], 0
    for path, names, files in os.walk(folder):
        here = Path(path)
        names[:] = sorted(name for name in names if not _is_left_out(here / name))
        for file in (here / name for name in sorted(files) if not name.startswith(".")):
            if file.is_file():
                found.append(file)
                total += file.stat().st_size
                if total > LARGEST_FOLDER:
                    return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in found:
            archive.write(file, file.relative_to(folder))
    return buffer.getvalue()


def _is_left_out(folder: Path) -> bool:
    is_ours_or_made = any((folder / name).exists() for name in ("pyvenv.cfg", "study.json"))
    return folder.name in LEFT_OUT or folder.name.startswith(".") or is_ours_or_made
