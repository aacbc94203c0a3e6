"""The end of a worker process in words."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

COUNTERS = Path("/proc/vmstat")
"""Where Linux counts what it has done about memory since it was started."""

FOR_MEMORY = " for want of memory"


def memory_kills() -> int | None:
    """Processes that the system has ended for want of memory since it was started; None where it does not tell.

    Containers count along: each kill by the limit of a container, or of a job of a queueing system, is one of them.
    """
    with suppress(OSError, ValueError):
        for line in COUNTERS.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None


def how(exit_code: int, before: int | None = None) -> str:
    """What ended the process; a negative exit code is a signal.

    Args:
        exit_code: of the process.
        before: `memory_kills` when it was started. A kill meanwhile may have been that of another process; nothing
            tells more.

    >>> how(-9), how(3)
    ('was killed by SIGKILL', 'exited with code 3')
    """
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    if exit_code == -signal.SIGKILL:
        after = memory_kills()
        ran_out = before is not None and after is not None and after > before
        return f"was killed by SIGKILL{FOR_MEMORY if ran_out else ''}"
    with suppress(ValueError):  # real-time signals have no name
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"was killed by signal {-exit_code}"


def hint(death: str) -> str:
    """What a user can try, when that is known."""
    if FOR_MEMORY in death:
        return " (try fewer --jobs, or a smaller batch)"
    if "SIGKILL" not in death:
        return ""
    if memory_kills() is not None:
        return " (and not for want of memory: somebody, or a limit of this machine, did it)"
    return " (the system's out-of-memory killer does that: try fewer --jobs)"


def twice(first: str, second: str) -> str:
    """Why a task that cost two workers is given up.

    >>> twice("exited with code 3", "exited with code 3")
    'the worker process exited with code 3 twice'
    """
    deaths = f"{first} twice" if first == second else f"{first}, and on the second try {second}"
    return f"the worker process {deaths}{hint(deaths)}"
