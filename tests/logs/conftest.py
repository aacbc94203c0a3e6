from __future__ import annotations

from pathlib import Path

import pytest
from log_samples import Read, reader


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads content as a file: read(text, name="log.csv", format=..., columns=...)."""
    return reader(tmp_path)
