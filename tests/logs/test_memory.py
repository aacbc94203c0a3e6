"""What Python code hands over: how open files are named and read, and what is said of what cannot be."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from log_samples import CSV, N

from lrdoctor.logs.gather import Unread
from lrdoctor.logs.memory import gather_any


class Named(io.BytesIO):
    """A file as the operating system names it."""

    def __init__(self, content: bytes, name: Any) -> None:
        super().__init__(content)
        self.name = name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (io.BytesIO(CSV.encode()), "file"),
        (io.BytesIO(gzip.compress(CSV.encode())), "file"),
        (io.BytesIO(CSV.encode("utf-16")), "file"),
        (io.StringIO(CSV), "file"),
        (io.StringIO(CSV.replace("\n", "\r\n")), "file"),
        (io.StringIO(CSV.replace("step", "step \ud800", 1)), "file"),  # a lone surrogate, as json.loads can give
        (Named(CSV.encode(), "runs/a.csv"), "runs/a.csv"),
        (Named(CSV.encode(), 3), "file"),  # a pipe, by its number
        (Named(CSV.encode(), ""), "file"),
        (Named(CSV.encode(), b"a.csv"), "file"),
    ],
)
def test_open_files(file: Any, name: str) -> None:
    (run,) = gather_any(file).runs
    assert (run.name, len(run.train_loss)) == (name, N)


def test_a_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"# not yet\n" + CSV.encode())
    file.readline()
    (run,) = gather_any(file).runs
    assert len(run.train_loss) == N


@pytest.mark.parametrize(
    ("data", "unread"),
    [
        (io.BytesIO(b""), Unread("file", "is empty")),
        (Named(b"", "a.csv"), Unread("a.csv", "is empty")),
        ({"loss": []}, Unread("mapping", "holds no column of numbers")),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(data: Any, unread: Unread) -> None:
    assert gather_any(data).unread == (unread,)


@pytest.mark.parametrize("as_given", [str, Path, lambda path: [path], lambda path: iter([path]), lambda path: {path}])
def test_paths(tmp_path: Path, as_given: Any) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    assert [run.source for run in gather_any(as_given(path)).runs] == [str(path)]


def test_the_objective_is_part_of_the_runs_provenance() -> None:
    (run,) = gather_any({"loss": [2.0, 1.0]}, objective="minimized").runs
    assert run.provenance["objective"] == "minimized"
