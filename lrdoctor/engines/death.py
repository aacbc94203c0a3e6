"""The end of a worker process in words."""

from __future__ import annotations

import signal
from contextlib import suppress


def how(exit_code: int) -> str:
    """What ended the process; a negative exit code is a signal.

    >>> how(-9), how(3)
    ('was killed by SIGKILL', 'exited with code 3')
    """
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    with suppress(ValueError):  # real-time signals have no name
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"was killed by signal {-exit_code}"


def hint(death: str) -> str:
    """What a user can try, when that is known."""
    if "SIGKILL" not in death:
        return ""
    return " (the system's out-of-memory killer does that: try fewer --jobs)"


def twice(first: str, second: str) -> str:
    """Why a task that cost two workers is given up.

    >>> twice("exited with code 3", "exited with code 3")
    'the worker process exited with code 3 twice'
    """
    deaths = f"{first} twice" if first == second else f"{first}, and on the second try {second}"
    return f"the worker process {deaths}{hint(deaths)}"
