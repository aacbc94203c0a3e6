"""Reading a log whatever it is: a run, or an error that helps."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_samples import CSV, DIALECTS, EXPECTED, Read, curves

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs import delimited, read_log, reader_of
from lrdoctor.logs.readers import READERS
from lrdoctor.logs.runs import runs_of
from lrdoctor.logs.text import bytes_source


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
    (run,) = read_log("-")
    assert curves(run) == EXPECTED
    assert (run.source, run.name) == ("-", "-")


def test_a_format_can_be_forced(read: Read) -> None:
    assert curves(read(CSV, format="csv")[0]) == EXPECTED
    with pytest.raises(LogError, match="no column of numbers"):
        read("some words\nand more\n", format="csv")
    with pytest.raises(LogError, match=r"--format xml: unknown format, expected one of .*csv"):
        read(CSV, format="xml")


def test_an_unknown_format_lists_those_that_are_known(read: Read) -> None:
    with pytest.raises(LogError) as error:
        read("nothing to see here\n", "model.txt")
    assert "model.txt" in str(error.value)
    assert all(reader.NAME in str(error.value) for reader in READERS)
    assert "--format" in str(error.value)


def test_what_could_not_be_used_of_a_log_is_said(read: Read) -> None:
    first, second = read("run,step,loss,x\na,0,3.0,1\na,1,2.5,1\nb,0,3.0,1\nb,1,2.5,1\nc,0,,1\nc,1,,1\n")
    assert (first.name, second.name) == ("a", "b")
    assert list(first.provenance["left_out"]) == ["1 other tables of the log"]


def test_readers_have_different_names() -> None:
    assert len({reader.NAME for reader in READERS}) == len(READERS)


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        ("step,loss\n0,1.5\n1,1.25e-3\n", True),
        ("step,train/loss,lr\r\n0,nan,1e-3\r\n1,-inf,1e-3\r\n", True),
        ("loss,val_loss\n2.5,\n2.25,2.4\n2.0,", True),
        ("step;loss\n0;1.5\n1;1.25\n", False),
        ("loss\n1.5\n1.25\n1.0\n", False),
        ("step,loss\n", False),
        ("0,1.5\n1,1.25\n", False),
        ("step,loss\n0,1.5\n# resumed\n1,1.25\n", False),
        ('step,"loss"\n0,1.5\n1,1.25\n', False),
        ("step 1 loss 2.5, lr 0.1\n0,1.5\n", False),
        ("s:0 tel:10.9\ns:1 trl:10.8\n", False),
        ("epoch,step,loss\n1,0,2024-01-01\n", True),
    ],
)
def test_a_table_of_names_and_numbers_is_known_before_all_readers_are_asked(text: str, is_plain: bool) -> None:
    source = bytes_source("x", text.encode())
    assert delimited.is_plain(source) is is_plain
    asked = [reader.NAME for reader in READERS if reader.sniff(source)]
    assert not is_plain or asked[:1] == ["csv"]


def everything(content: bytes) -> list[Run]:
    """What `read_log` does with content that is in memory."""
    source = bytes_source("x", content)
    reader = reader_of(source)
    return [run for table in reader.read(source) for run in runs_of("x", reader.NAME, table, None)]


def judged(content: bytes) -> None:
    """Either runs with a loss, or a LogError; anything else fails the test."""
    try:
        runs = everything(content)
    except LogError as error:
        assert str(error)  # noqa: PT017  # the message is all that a user sees
    else:
        assert all(len(run.train_loss) or len(run.val_loss) for run in runs)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=500))
def test_random_bytes(content: bytes) -> None:
    judged(content)


CELLS = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(
        ["", "nan", "inf", '"', '"a,b"', "#", "loss", "1,5", "None", "tensor(1)", "\x00", "\t", "\r", "5%"]
    ),
    st.text(max_size=5),
)
HEADERS = st.lists(
    st.sampled_from(["step", "loss", "epoch", "run", "metric", "value", "val_loss", "lr", "grad_norm", "", "a - loss",
                     "global_step", "accumulated_submission_time", "Step", "Value", "Wall time", "batch", "lr=0.1"]),
    min_size=1, max_size=5,
)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(HEADERS, st.lists(st.lists(CELLS, max_size=6), max_size=12), st.sampled_from([",", ";", "\t", "|", " "]))
def test_tables_of_anything(header: list[str], rows: list[list[str]], delimiter: str) -> None:
    judged("\n".join(delimiter.join(row) for row in [header, *rows]).encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from(sorted(DIALECTS)),
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.binary(max_size=8),
    st.integers(0, 2000),
)
def test_spliced_and_torn_logs(dialect: str, start: int, end: int, insert: bytes, again: int) -> None:
    content = DIALECTS[dialect]
    judged(content[:start] + insert + content[end:] + content[:again])


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(-(2**60), 2**60), st.floats(), st.floats()),
        min_size=1,
        max_size=30,
    )
)
def test_any_numbers_make_a_run(rows: list[tuple[int, float, float]]) -> None:
    content = "step,loss,grad_norm\n" + "".join(f"{s},{a!r},{b!r}\n" for s, a, b in rows)
    runs = everything(content.encode())
    assert all(len(run.train_loss) or len(run.val_loss) for run in runs)


@pytest.mark.parametrize("size", [10_000_000])
@pytest.mark.parametrize("piece", [b"1,", b"x", b"1 ", b'"', b"loss,"])
def test_a_line_of_ten_megabytes(tmp_path: Path, piece: bytes, size: int) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"step,loss\n0,1.0\n1,2.0\n" + piece * (size // len(piece)) + b"\n2,3.0\n")
    try:
        assert read_log(path)[0].train_loss.step.tolist()[:2] == [0, 1]
    except LogError as error:
        assert str(path) in str(error)  # noqa: PT017


def test_starts_that_were_given_up_are_marked(read: Read) -> None:
    starts = "".join(f"{k},2.7\n" for k in range(10)) + "0,2.6\n1,2.6\n"
    runs = read("step,loss\n" + starts + "".join(f"{k},{3 * 0.99**k}\n" for k in range(200)))
    assert ["aborted" in run.provenance for run in runs] == [True, True, False]


def test_runs_of_about_the_same_length_are_not(read: Read) -> None:
    runs = read("step,loss\n" + "".join(f"{k},{3 * 0.9**k}\n" for n in (19, 21) for k in range(n)))
    assert not any("aborted" in run.provenance for run in runs)
