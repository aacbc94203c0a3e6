"""The text of a file, whatever is done to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lrdoctor.watching.tails import Tail

FIRST, SECOND = b"step,loss\n1,0.5\n2,0.4\n", b"3,0.3\n4,0.2\n"


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(SECOND)


def rotate(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.write_bytes(SECOND)


def rotate_after_a_last_row(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"2.5,0.35\n")
    rotate(path)


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(SECOND)


def write_over_with_more(path: Path) -> None:
    path.write_bytes(SECOND * 10)


def write_whole_anew(path: Path) -> None:
    path.write_bytes(FIRST + SECOND)


def replace_by_whole(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(FIRST + SECOND)
    other.replace(path)


def delete(path: Path) -> None:
    path.unlink()


def nothing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "content", "said", "is_one_file"),
    [
        (nothing, FIRST, [], True),
        (append, FIRST + SECOND, [], True),
        (rotate, FIRST + SECOND, ["rotated"], False),
        (rotate_after_a_last_row, FIRST + b"2.5,0.35\n" + SECOND, ["rotated"], False),
        (truncate, FIRST + SECOND, ["truncated"], False),
        (write_over_with_more, FIRST + SECOND * 10, ["truncated"], False),
        (write_whole_anew, FIRST + SECOND, [], True),
        (replace_by_whole, FIRST + SECOND, ["rotated"], True),
        (delete, FIRST, ["deleted"], False),
    ],
)
def test_what_is_done_to_a_file(
    tmp_path: Path, change: Callable[[Path], None], content: bytes, said: list[str], is_one_file: bool
) -> None:
    path = tmp_path / "log.csv"
    tail = Tail(path)
    assert tail.poll() == []
    assert tail.content == b""
    path.write_bytes(FIRST)
    assert tail.poll() == []
    change(path)
    assert tail.poll() == said
    assert tail.poll() == [], "once"
    assert tail.content == content
    assert tail.is_one_file == is_one_file
    tail.close()


def test_a_file_that_is_written_anew_step_by_step(tmp_path: Path) -> None:
    """Half way through it is shorter than it was; what it was stands until it is as long."""
    path = tmp_path / "log.csv"
    path.write_bytes(FIRST)
    tail = Tail(path)
    tail.poll()
    path.write_bytes(FIRST[:12])
    assert tail.poll() == ["truncated"]
    assert tail.content == FIRST
    append_all = FIRST[12:] + SECOND
    with path.open("ab") as file:
        file.write(append_all)
    tail.poll()
    assert tail.content == FIRST + SECOND
    assert tail.is_one_file
    tail.close()


def test_deleted_and_there_again(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(FIRST)
    tail = Tail(path)
    tail.poll()
    path.unlink()
    assert tail.poll() == ["deleted"]
    path.write_bytes(SECOND)
    assert tail.poll() == ["there again"]
    assert tail.content == FIRST + SECOND
    tail.close()


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(FIRST + b"3,0.1")
    tail = Tail(path)
    tail.poll()
    assert tail.whole_lines == FIRST
    assert tail.content == FIRST + b"3,0.1"
    tail.close()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    path = tmp_path / "log.csv"
    path.write_bytes(FIRST)
    path.chmod(0)
    with pytest.raises(PermissionError):
        Tail(path).poll()
