"""What the tests of the local engine share."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lrdoctor.engines.base import Finished, Task
from lrdoctor.engines.local import LocalEngine

HERE = Path(__file__).parent
PATIENCE = 120.0
"""Seconds after which something that should happen soon counts as never happening."""


def engine(context=None, jobs=1, entry="fake_session:open_session"):
    return LocalEngine(entry, context or {}, jobs)


def tasks(*payloads):
    return [Task(str(position), payload) for position, payload in enumerate(payloads)]


def results(events):
    return {event.task.key: event.result for event in events if isinstance(event, Finished)}


def is_listed(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_alive(pid):
    """Whether the process runs; orphans that nobody waits for may stay listed for ever, as zombies."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:  # gone, or a system without /proc
        return is_listed(pid)
    return state != "Z"


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
