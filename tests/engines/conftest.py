"""What tests of engines share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

BOUND = 300
"""Seconds after which a test that waits for an event of a cluster fails: the longest takes 20."""


@pytest.fixture
def bounded() -> Iterator[None]:
    """Ends a test whose event does not come."""

    def late(*_: object) -> None:
        raise TimeoutError(f"what the test waits for did not come in {BOUND} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(BOUND)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
