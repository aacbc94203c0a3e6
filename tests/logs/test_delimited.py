"""Tables of delimited cells: every dialect, and what people and crashes do to them."""

from __future__ import annotations

import gzip
import math

import pytest
from log_samples import CSV, DIALECTS, EXPECTED, LOSS, NAMES, STEP, Read, curves, rows, table

from lrdoctor.errors import LogError
from lrdoctor.logs import delimited
from lrdoctor.logs.text import bytes_source


def test_the_plain_log(read: Read) -> None:
    (run,) = read(CSV)
    assert curves(run) == EXPECTED
    assert run.provenance["format"] == "csv"
    assert run.provenance["columns"] == {
        "step": "step", "train_loss": "loss", "learning_rate": "lr", "grad_norm": "grad_norm", "val_loss": "val_loss",
    }  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_holds_the_same_curves(read: Read, dialect: str) -> None:
    (run,) = read(DIALECTS[dialect], "a file without an ending")
    assert curves(run) == EXPECTED


@pytest.mark.parametrize("name", ["run.csv", "run.tsv", "run.log", "run", "run.json"])
def test_the_name_does_not_matter(read: Read, name: str) -> None:
    assert curves(read(CSV, name)[0]) == EXPECTED


NAN = ["nan", "NaN", "NAN", "-nan", "Nan", "nan(ind)", "1.#QNAN", "-1.#IND", " nan ", '"nan"', "tensor(nan)"]
MISSING = ["", "None", "null", "N/A", " ", "-"]


@pytest.mark.parametrize("token", NAN)
def test_a_token_of_nan_is_a_measurement(read: Read, token: str) -> None:
    (run,) = read(table(rows([*LOSS[:-2], token, token])))
    assert len(run.train_loss) == len(STEP)
    assert run.train_loss.first_non_finite == STEP[-2]


@pytest.mark.parametrize("token", MISSING)
def test_an_empty_cell_is_none(read: Read, token: str) -> None:
    (run,) = read(table(rows([*LOSS[:-2], token, token])))
    assert run.train_loss.step.tolist() == STEP[:-2]
    assert run.train_loss.first_non_finite is None


def test_nan_and_empty_cells_in_one_column_are_told_apart(read: Read) -> None:
    (run,) = read("step,loss,val\n0,1.0,x\n1,,\n2,nan,\n3,,\n4,NaN,y\n5,0.5,\n")
    assert run.train_loss.step.tolist() == [0, 2, 4, 5]
    assert [math.isnan(v) for v in run.train_loss.value] == [False, True, True, False]


@pytest.mark.parametrize(
    ("token", "value"),
    [("inf", math.inf), ("-inf", -math.inf), ("Infinity", math.inf), ("INF", math.inf), ("+Inf", math.inf),
     ("1.#INF", math.inf), ("1e999", math.inf), ("\u221e", math.inf)],
)  # fmt: skip
def test_infinity_in_every_spelling(read: Read, token: str, value: float) -> None:
    (run,) = read(table(rows([*LOSS[:-1], token])))
    assert run.train_loss.value[-1] == value


@pytest.mark.parametrize(
    ("content", "steps", "left_out"),
    [
        ("step,loss\n0,3.0\n1,2.9\n2,9.9,7\n3,2.8\n", [0, 1, 3], "1 lines"),
        ("step,loss\n0,9.0,1\n1,2.9\n2,2.8\n3,2.7\n", [1, 2, 3], "1 lines"),
        ("step,loss\n0,3.0\n1,nan\n2,9.9,7\n3,2.8\n", [0, 1, 3], "1 lines"),
        ("step,loss\n0,3.0\n1,2.9\n2,oops\n3,2.8\n", [0, 1, 3], "1 cells of loss"),
        ("step,loss,x\n0,3.0,1\n1,2.9,1\n2,2.8,1\n3,2.", [0, 1, 2], "the last line"),
        ("step,loss\n0,3.01\n1,2.92\n2,2.83\n3,2", [0, 1, 2], "the last cell of the last line"),
        ("a remark\nstep,loss\n0,3.0\n1,2.9\n2,2.8\n", [0, 1, 2], "1 lines before the header"),
        ("step,loss\n0,3.0\n1,2.9\nstep,loss\n2,2.8\n", [0, 1, 2], "1 lines in mid-file"),
        ("step,loss\n0,3.0\n1,2.9\n# killed\n2,2.8\n", [0, 1, 2], None),
        ("step,loss,time\n0,3.0,1\n1,2.9,2\n", [0, 1], "time"),
        ("step,loss,note\n0,3.0,a\n1,2.9,b\n", [0, 1], "note"),
        ("step,loss,empty\n0,3.0,\n1,2.9,\n", [0, 1], "empty"),
        ("step,loss\n0,3.0\n\n1,2.9\n2\n3,2.8\n", [0, 1, 3], None),
    ],
)
def test_what_is_left_out_is_said(read: Read, content: str, steps: list[int], left_out: str | None) -> None:
    (run,) = read(content)
    assert run.train_loss.step.tolist() == steps
    assert left_out is None or left_out in run.provenance["left_out"]


def test_a_last_line_without_its_end_is_kept_when_it_is_whole(read: Read) -> None:
    (run,) = read("step,loss\n0,3.01\n1,2.92\n2,nan")
    assert run.train_loss.first_non_finite == 2
    (run,) = read("step,loss\n0,3.01\n1,2.92\n2,2.83")
    assert run.train_loss.value.tolist() == [3.01, 2.92, 2.83]


def test_no_header(read: Read) -> None:
    (run,) = read(table([row[:2] for row in rows()], names=None))
    assert (run.train_loss.step.tolist(), run.train_loss.value.tolist()) == (STEP, LOSS)
    assert run.provenance["columns"] == {"step": "column_1", "train_loss": "column_2"}
    assert "column_2 is taken as the training loss: no column is called one" in run.provenance["notes"]


def test_no_header_and_many_columns_asks_which(read: Read) -> None:
    content = table(rows(), names=None)
    with pytest.raises(LogError, match=r"--columns loss="):
        read(content)
    (run,) = read(content, columns={"step": "column_1", "loss": "column_2", "val_loss": "column_5"})
    assert (run.train_loss.step.tolist(), run.train_loss.value.tolist()) == (STEP, LOSS)


@pytest.mark.parametrize("content", ["\n".join(map(str, LOSS)) + "\n", "loss\n" + "\n".join(map(str, LOSS)) + "\n"])
def test_one_column_alone(read: Read, content: str) -> None:
    (run,) = read(content)
    assert run.train_loss.value.tolist() == LOSS
    assert run.train_loss.step.tolist() == list(range(len(LOSS)))
    assert run.provenance["x"] == "row"


@pytest.mark.parametrize("delimiter", ["  ", " \t "])
def test_blanks_between_the_cells(read: Read, delimiter: str) -> None:
    (run,) = read(table([row[:4] for row in rows()], delimiter, NAMES[:4]))
    assert (run.train_loss.step.tolist(), run.train_loss.value.tolist()) == (STEP, LOSS)


def test_a_quoted_cell_may_hold_line_ends(read: Read) -> None:
    (run,) = read('step,loss,text\n0,3.0,"two\nlines, a comma"\n1,2.9,"and ""quotes"""\n2,2.8,x\n')
    assert run.train_loss.value.tolist() == [3.0, 2.9, 2.8]


def test_a_quote_that_is_never_closed_hides_nothing(read: Read) -> None:
    (run,) = read('step,loss,text\n0,3.0,a\n1,2.9,"b\n2,2.8,c\n3,2.7,d\n')
    assert run.train_loss.value.tolist() == [3.0, 2.9, 2.8, 2.7]


def test_two_columns_of_one_name_are_both_read(read: Read) -> None:
    (run,) = read("step,loss,loss\n0,3.0,5.0\n1,2.9,4.9\n")
    assert run.train_loss.value.tolist() == [3.0, 2.9]
    assert run.curve("loss.2").value.tolist() == [5.0, 4.9]


@pytest.mark.parametrize(
    "content",
    [
        '{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.9}\n',
        "iter 250: loss 3.2041, time 1043.22ms, mfu 31.20%\niter 260: loss 3.2000, time 1043.22ms, mfu 31.20%\n",
        " iteration 12/ 250 | consumed samples: 128 | lm loss: 2.5E+00 | grad norm: 0.2 |\n" * 5,
        "step:1/10 train_loss:3.5 train_time:12ms\nstep:2/10 train_loss:3.4 train_time:24ms\n",
        "2026-01-01 12:00:00,123 - INFO - loss 3.0\n2026-01-01 12:00:01,123 - INFO - loss 2.9\n",
        "just a text, with commas, and\nsome lines, of prose, here\n",
        "import torch\nprint(1, 2)\nx = [1, 2, 3]\n",
        "step,loss\n",
        "\x00\x01\x02,\x03\n1,2\n3,4\n",
    ],
)
def test_what_is_no_table(content: str) -> None:
    assert not delimited.sniff(bytes_source("x", content.encode()))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_header_of_any_length_is_read(read: Read, ending: str) -> None:
    norms = [f"layer.{i}.attention.output.weight.norm" for i in range(10_000)]
    text = ",".join(["step", "loss", *norms]) + "\n"
    text += "".join(f"{step},{2.5 - step / 100},{',1' * (len(norms) - 1)}\n" for step in range(30))
    content = text.encode()
    assert content.index(b"\n") > 256 * 1024
    (run,) = read(gzip.compress(content) if ending else content, f"wide.csv{ending}")
    assert (len(run.train_loss), run.train_loss.value[-1]) == (30, 2.5 - 29 / 100)
