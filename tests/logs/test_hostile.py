"""Files that would hang a careless reader, or fill the memory: each ends in runs or in a LogError.

Sizes are a tenth or less of what the readers are to stand (lines of 10 MB, 100,000 columns), so that the tests stay
fast; a step that takes quadratic time still shows, as minutes.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from pathlib import Path

import pytest

from lrdoctor.errors import LogError
from lrdoctor.logs import read_log, text

LONG = 1_000_000
"""Bytes of a long line."""

LOGS = {
    "csv": b"step,loss\n" + b"".join(b"%d,3.%d\n" % (k, k) for k in range(20)),
    "jsonl": b"".join(b'{"step": %d, "loss": 3.%d}\n' % (k, k) for k in range(20)),
    "megatron": b"".join(
        b" iteration %d/ 99 | consumed samples: 1 | lm loss: 2.5E+00 | grad norm: 0.2 |\n" % k for k in range(20)
    ),
    "torchtitan": b"".join(
        b"step: %2d  loss: 3.%d  grad_norm: 1.0  memory: 1GiB(3%%)  tps: 10,050\n" % (k, k) for k in range(20)
    ),
    "text": b"".join(b"step=%d loss=3.%d\n" % (k, k) for k in range(20)),
    "hf-console": b"".join(b"{'loss': 2.8, 'grad_norm': 1.0, 'epoch': %d}\n" % k for k in range(20)),
}
PIECES = [b"x", b"1,", b'"', b" ", b"\0", b'{"a":', b"[", b"loss=1 ", b"step: 1 ", b"iteration ", b"lm loss: 1 |"]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("name", LOGS)
def test_a_long_line_in_a_log(tmp_path: Path, name: str, piece: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LOGS[name] + piece * (LONG // len(piece)) + b"\n" + LOGS[name])
    try:
        assert len(read_log(path)[0].train_loss) >= 20
    except LogError as error:
        assert str(path) in str(error)  # noqa: PT017


@pytest.mark.parametrize("name", LOGS)
def test_empty_lines_change_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LOGS[name] + b"\n" * LONG + LOGS[name].replace(b"step,loss\n", b""))
    runs = read_log(path)
    path.write_bytes(LOGS[name] + LOGS[name].replace(b"step,loss\n", b""))
    assert [run.train_loss for run in runs] == [run.train_loss for run in read_log(path)]


@pytest.mark.parametrize("name", LOGS)
def test_a_packed_log_that_is_cut_is_read_to_its_cut(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(LOGS[name] * 50, mtime=0)[:-12])
    runs = read_log(path)
    assert len(runs[0].train_loss) >= 20
    assert runs[0].provenance["left_out"]["the rest of the packed file"] == "cut off"


@pytest.mark.parametrize("piece", [b"\0", b"\n"])
@pytest.mark.parametrize("name", LOGS)
def test_a_small_packed_file_that_unpacks_to_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, piece: bytes
) -> None:
    monkeypatch.setattr(text, "SUSPECT_BYTES", 2 * LONG)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(LOGS[name] + piece * 4 * LONG, mtime=0))
    with pytest.raises(LogError, match="the packed file holds more than"):
        read_log(path)


def wide(rows: int, columns: int) -> dict[str, str]:
    """Tables of many columns."""
    names = ["step", "loss", *(f"c{k}" for k in range(columns))]
    cells = [[row, 3.0 + row, *([1.5] * columns)] for row in range(rows)]
    lines = (",".join(map(str, row)) for row in [names, *cells])
    return {
        "csv": "\n".join(lines) + "\n",
        "jsonl": "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in cells),
        "every row another key": "".join(
            json.dumps({"step": k, "loss": 3.0 + k, f"c{k}": 1.5}) + "\n" for k in range(columns)
        ),
    }


WIDE = wide(5, 10_000)


@pytest.mark.parametrize("kind", WIDE)
def test_ten_thousand_columns(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "wide"
    path.write_text(WIDE[kind])
    (run,) = read_log(path)
    assert len(run.train_loss) == (10_000 if kind == "every row another key" else 5)


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'[{"loss":1,"a":' + b"[" * 100_000,
        b'{"step": 1, "loss": ' + b"[" * 100_000 + b"\n",
        b"\0" * LONG,
        b"\n" * LONG,
        b" " * LONG,
        b'"' * LONG,
        b"\x1f\x8b" * LONG,
    ],
    ids=["objects", "array", "a line", "NUL", "line ends", "blanks", "quotes", "gzip marks"],
)
def test_what_is_no_log(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(content)
    with pytest.raises(LogError):
        read_log(path)


def test_a_column_of_texts_that_are_all_different(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,step,loss\n" + "".join(f"2026-01-01 00:00:{k / 1000},{k},1.5\n" for k in range(20_000)))
    (run,) = read_log(path)
    assert len(run.train_loss) == 20_000
    assert "text, such as" in run.provenance["left_out"]["time"]


def test_many_runs_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"run": "r{k // 3}", "step": {k % 3}, "loss": {k}}}\n' for k in range(3000)))
    runs = read_log(path)
    assert [run.name for run in runs] == [f"r{k}" for k in range(1000)]
    assert runs[500].train_loss.value.tolist() == [1500, 1501, 1502]


@pytest.mark.parametrize("path", ["/dev/stdin", "/dev/fd/0", "-"])
def test_standard_input_under_any_name(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(LOGS["csv"], mtime=0))))
    (run,) = read_log(path)
    assert (run.source, len(run.train_loss)) == (path, 20)


def test_standard_input_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_INPUT", LONG)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"y\n" * LONG)))
    with pytest.raises(LogError, match="standard input holds more than 1,000,000 bytes"):
        read_log("-")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "fifo"])
def test_what_would_wait_for_ever_is_refused(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(LogError):
        read_log(tmp_path / path)
