"""Files of a worker that pass lie in a folder that goes with its parent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdoctor.core import passing


@pytest.fixture(autouse=True)
def nobodys() -> Iterator[None]:
    yield
    passing.belong_to("")


@pytest.mark.parametrize("has_parent", [True, False])
def test_passing_files_lie_in_the_folder_of_the_parent(tmp_path: Path, has_parent: bool) -> None:
    passing.belong_to(str(tmp_path) if has_parent else "")
    where = str(tmp_path) if has_parent else tempfile.gettempdir()
    with passing.folder() as one:
        assert (Path(one).is_dir(), str(Path(one).parent)) == (True, where)
    assert not Path(one).exists()
    other = Path(passing.make())
    assert (other.is_dir(), str(other.parent), other.name.startswith(passing.PREFIX)) == (True, where, True)
    other.rmdir()
