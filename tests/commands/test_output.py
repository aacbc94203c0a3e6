from __future__ import annotations

import os
from pathlib import Path

import pytest

from lrdoctor.commands.output import Kept, last_lines, said_not_finite


def kept(path: Path, text: bytes, first: int, last: int) -> Kept:
    reader, writer = os.pipe()
    file = Kept(os.fdopen(reader, "rb"), path, first, last)
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(text)
    file.close(60)
    return file


def test_a_short_output_is_kept_whole(tmp_path: Path) -> None:
    kept(tmp_path / "o", b"one\ntwo\n", 100, 100)
    assert (tmp_path / "o").read_bytes() == b"one\ntwo\n"


def test_of_a_long_output_the_middle_is_left_out(tmp_path: Path) -> None:
    text = b"".join(b"%07d\n" % k for k in range(1_000_000))
    file = kept(tmp_path / "o", text, 1000, 200_000)
    found = (tmp_path / "o").read_bytes()
    assert found.startswith(text[:1000])
    assert found.endswith(text[-200_000:])
    assert len(found) < 500_000
    assert b"bytes of output are left out here" in found
    assert last_lines(file.end()).endswith("0999998 | 0999999")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\n\n  b \n", "a | b"),
        ("", ""),
        ("\n".join("123456789"), "4 | 5 | 6 | 7 | 8 | 9"),
    ],
)
def test_the_last_lines(text: str, found: str) -> None:
    assert last_lines(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("step 3 loss 2.1\nLoss is nan, stopping training\n", "the command said 'Loss is nan, stopping training'"),
        ("step 3 loss 2.1\n", None),
        ("torch.OutOfMemoryError: CUDA out of memory\n", None),
    ],
)
def test_sentences_about_values_that_are_not_finite(text: str, found: str | None) -> None:
    assert said_not_finite(text) == found
