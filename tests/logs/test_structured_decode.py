from __future__ import annotations

import gzip
import math

import pytest
from structured_samples import columns, reader_of

from lrdoctor.errors import LogError
from lrdoctor.logs import jsonl
from lrdoctor.logs._decode import number, numbers
from lrdoctor.logs.base import Source
from lrdoctor.logs.text import bytes_source

LINES = b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n'


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("1.5", 1.5), (" -2e-3 ", -2e-3), ("'3'", 3), (True, 1), (2.5, 2.5), ("1,234,567.5", 1234567.5), ("2.5K", 2500),
        ("1.31M", 1.31e6), ("-1B", -1e9), ("57.66%", 57.66), ("tensor(3.13, device='cuda:0')", 3.13),
        ("tensor([4.5])", 4.5),
        ("inf", math.inf), ("-Infinity", -math.inf), ("INF", math.inf), ("1.#INF", math.inf), ("-1.#INF", -math.inf),
        ("tensor(-inf)", -math.inf), ("9" * 400, math.inf),
    ],
)  # fmt: skip
def test_numbers_as_logs_spell_them(token, value) -> None:
    assert number(token) == value


@pytest.mark.parametrize("token", ["nan", "NAN", "-nan", "-nan(ind)", "1.#QNAN", "-1.#IND", "tensor(nan)", "NaN"])
def test_every_spelling_of_nan_is_a_number(token) -> None:
    assert math.isnan(number(token))


@pytest.mark.parametrize("token", ["", "None", "abc", "1:20", "12,34", "K", "1KK", "2026-01-01", "66.9GiB(37%)"])
def test_what_is_no_number(token) -> None:
    assert number(token) is None


@pytest.mark.parametrize(
    ("tokens", "marks", "wrong"),
    [
        (["1", "nan"], [True, True], None),
        (["", "2"], [False, True], None),
        (["1", "none", "x", "y"], [True, False, False, False], 2),
    ],
)
def test_words_for_nothing_are_no_errors(tokens, marks, wrong) -> None:
    _, found, first = numbers(tokens)
    assert (found.tolist(), first) == (marks, wrong)


def test_a_compressed_log() -> None:
    source = bytes_source("x.gz", gzip.compress(LINES, mtime=0))
    (table,) = reader_of(source).read(source)
    assert columns(table)["loss"] == [0.5, 0.25]


def test_a_compressed_log_that_was_cut_is_read_as_far_as_it_goes() -> None:
    rows = b"".join(b'{"step": %d, "loss": %d}\n' % (i, i * i) for i in range(3000))
    source = bytes_source("x.gz", gzip.compress(rows, mtime=0)[:-500])
    (table,) = jsonl.read(source)
    assert 100 < table.columns["loss"].value.size < 3000


@pytest.mark.parametrize("raw", [b"\x1f\x8b", b"\x1f\x8b\x08\x00" + b"x" * 50])
def test_a_damaged_compressed_log_is_refused(raw) -> None:
    with pytest.raises(LogError, match="no record"):
        list(jsonl.read(Source("x.gz", None, b"", raw)))


def test_a_file_that_cannot_be_read_is_named(tmp_path) -> None:
    with pytest.raises(LogError, match="gone: cannot be read: No such file or directory"):
        list(jsonl.read(Source("gone", tmp_path / "gone", b"")))
