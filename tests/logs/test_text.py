"""Bytes -> text: encodings, line ends, packed files, and what is no file."""

from __future__ import annotations

import gzip
import io
import os
import socket
import sys
from pathlib import Path

import pytest

from lrdoctor.errors import LogError
from lrdoctor.logs import text
from lrdoctor.logs.text import BLOCK_BYTES, HEAD_BYTES, blocks, bytes_source, encoding_of, head_text, lines, open_source

PLAIN = "step: 1, loss: 2.5\nstep: 2, loss: 2.25\n"
CHINESE = "\u7b2c1\u8f6e \u8bad\u7ec3\u635f\u5931 2.5\n\u7b2c2\u8f6e \u8bad\u7ec3\u635f\u5931 2.25\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PLAIN.encode(), PLAIN),
        (PLAIN.encode("utf-8-sig"), PLAIN),
        (PLAIN.encode("utf-16"), PLAIN),
        (b"\xfe\xff" + PLAIN.encode("utf-16-be"), PLAIN),
        (PLAIN.encode("utf-16-le"), PLAIN),
        (PLAIN.encode("utf-16-be"), PLAIN),
        (PLAIN.encode("utf-32"), PLAIN),
        (CHINESE.encode(), CHINESE),
        (CHINESE.encode("utf-16"), CHINESE),
        (CHINESE.encode("gbk"), CHINESE),
        ("p\u00e9riode 1: na\u00efve loss 2.5\n".encode("latin-1"), "p\u00e9riode 1: na\u00efve loss 2.5\n"),
        (PLAIN.replace("\n", "\r\n").encode(), PLAIN),
        (PLAIN.replace("\n", "\r").encode(), PLAIN),
        (b"10%\r20%\r30%\nstep: 1\n", "10%\n20%\n30%\nstep: 1\n"),
        (b"\x1b[1;32mstep\x1b[0m: 1\x1b[K, loss\x1b[?25l: 2\n", "step: 1, loss: 2\n"),
        (b"\x1b]0;a window's title\x07step: 1\n", "step: 1\n"),
        (gzip.compress(PLAIN.encode(), mtime=0), PLAIN),
        (gzip.compress(PLAIN.encode("utf-16"), mtime=0), PLAIN),
        (b"loss 2.5 \xff\xfe\xfd\n", "loss 2.5 \u00ff\u00fe\u00fd\n"),
        (b"no line end", "no line end"),
    ],
)
def test_text_of_any_bytes(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(content)
    for source in (open_source(path), bytes_source("-", content)):
        assert head_text(source) == expected
        assert b"".join(blocks(source)).decode() == expected
        assert list(lines(source)) == expected.removesuffix("\n").split("\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_blocks_end_with_a_line(monkeypatch: pytest.MonkeyPatch, newline: str, encoding: str) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 7)
    whole = [f"line {k} of some length" for k in range(50)]
    source = bytes_source("-", newline.join([*whole, ""]).encode(encoding))
    found = list(blocks(source))
    assert all(block.endswith(b"\n") for block in found)
    assert b"".join(found).decode() == "\n".join([*whole, ""])


def test_the_head_ends_with_a_line() -> None:
    source = bytes_source("-", b"a line of words\n" * HEAD_BYTES)
    assert len(source.head) == HEAD_BYTES
    assert set(head_text(source).split("\n")) == {"a line of words", ""}


def test_a_character_cut_by_the_head_changes_nothing() -> None:
    content = ("\u00e9" * HEAD_BYTES).encode()
    assert encoding_of(content[: HEAD_BYTES - 1]) == "utf-8"


@pytest.mark.parametrize("cut", [1, 8, 9, 500])
def test_a_torn_packed_file_is_read_up_to_its_tear(cut: int) -> None:
    content = gzip.compress(os.urandom(3000).hex().encode())[:-cut]
    left_out: dict[str, str] = {}
    found = b"".join(blocks(bytes_source("-", b"plain\n"), left_out))
    assert (found, left_out) == (b"plain\n", {})
    path_free = bytes_source("-", content)
    assert len(b"".join(blocks(path_free, left_out))) >= 4000


@pytest.mark.parametrize(("damage", "said"), [("cut", "cut off"), ("flip", "damaged")])
def test_what_a_damaged_packed_file_lacks_is_said(tmp_path: Path, damage: str, said: str) -> None:
    packed = gzip.compress(b"".join(b"%d,%d\n" % (k, k * k) for k in range(50_000)))
    middle = len(packed) // 2
    path = tmp_path / "a.gz"
    path.write_bytes(packed[:middle] if damage == "cut" else packed[:middle] + b"\x00" * 64 + packed[middle + 64 :])
    left_out: dict[str, str] = {}
    found = b"".join(blocks(open_source(path), left_out))
    assert found.startswith(b"0,0\n1,1\n2,4\n")
    assert said in left_out["the rest of the packed file"]


def test_a_gzip_file_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_BYTES", 1000)
    with pytest.raises(LogError, match="holds more than 1,000 bytes"):
        bytes_source("-", gzip.compress(b"0" * 100_000, mtime=0))


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE", BLOCK_BYTES)
    with pytest.raises(LogError, match="a line of more than"):
        list(blocks(bytes_source("-", b"0" * (3 * BLOCK_BYTES))))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(PLAIN.encode(), mtime=0)))
    monkeypatch.setattr(sys, "stdin", stdin)
    source = open_source("-")
    assert (source.name, source.path, head_text(source)) == ("-", None, PLAIN)
    assert list(lines(source)) == PLAIN.splitlines()


def test_what_is_no_readable_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        for name, message in {
            "absent": "No such file",
            "": "is a folder",
            "empty": "is empty",
            "fifo": "is a FIFO",
            "loop": "symbolic links",
            "s": "is a socket",
            "/dev/zero": "is a device",
            "a\0b": "cannot be read",
            "n" * 5000: "cannot be read",
        }.items():
            with pytest.raises(LogError, match=message):
                open_source(tmp_path / name)


def test_an_empty_packed_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"", mtime=0))
    with pytest.raises(LogError, match="is empty"):
        open_source(path)


def test_a_file_that_vanishes_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(PLAIN)
    source = open_source(path)
    path.unlink()
    with pytest.raises(LogError, match="cannot be read"):
        list(blocks(source))
