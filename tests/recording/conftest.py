"""What tests of recordings share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
from recorded import Done, Prepared, record


@pytest.fixture(scope="session")
def record_fork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Done]]:
    """`recorded.record` by forks of one process that has imported torch, as the trials of a command run; by a new
    process where the system has none. That both give the same, `commands.test_forks` sees to."""
    if not sys.platform.startswith("linux"):
        yield record
        return
    prepared = Prepared(tmp_path_factory.mktemp("prepared"))
    yield prepared.record
    prepared.close()
