"""W&B run files: values, blocks, other versions, damage."""

import math
import struct

import numpy as np
import pytest
import wandb_writer as w
from event_writer import block
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.errors import LogError
from lrdoctor.logs import wandb
from lrdoctor.logs.base import HEAD_BYTES, Source


def source(content):
    return Source("run-abc.wandb", None, content[:HEAD_BYTES], content)


def table(content):
    (only,) = wandb.read(source(content))
    return only


def logged(table, name):
    column = table.columns[name]
    return column.value[column.logged].tolist()


ROWS = [w.row({"_step": step, "loss": 3.0 - step, "lr": 0.1}) for step in range(4)]
SMALL = w.file_of([w.OTHER, *ROWS, w.OTHER])


def test_rows_are_read_in_order_and_missing_values_stay_missing():
    read = table(w.file_of([w.OTHER, w.row({"loss": 2.0, "lr": 0.1}), w.row({"val/loss": 3}), w.row({"loss": 1.0})]))
    assert list(read.columns) == ["loss", "lr", "val/loss"]
    assert read.columns["loss"].logged.tolist() == [True, False, True]
    assert logged(read, "val/loss") == [3.0]
    assert not read.left_out


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5), ("-2", -2.0), ("1e-3", 1e-3), ("true", 1.0), ("NaN", math.nan), ("Infinity", math.inf),
        ('"NaN"', math.nan), ('"Infinity"', math.inf), ('"-Infinity"', -math.inf), ("1e999", math.inf),
        ("-1" + 400 * "0", -math.inf),
    ],
)  # fmt: skip
def test_numbers_and_the_spellings_of_nan_and_inf(text, value):
    read = table(w.file_of([w.row({"loss": text}, raw=True)]))
    assert read.columns["loss"].logged.all()
    assert np.array_equal(read.columns["loss"].value, [value], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('"hello"', "text or a list"),
        ("[1, 2]", "text or a list"),
        ('{"_type": "histogram", "bins": [1]}', "histogram"),
        ("not json", "text or a list"),
        ("[" * 100_000, "text or a list"),
        ("1" * 5000, "text or a list"),
    ],
)
def test_what_is_no_number_is_named(text, what):
    read = table(w.file_of([w.row({"loss": 1.0}), w.row({"x": text}, raw=True)]))
    assert list(read.columns) == ["loss"]
    assert read.left_out == {"x": f"{what}, not a number (1 rows)"}


def test_null_is_missing():
    assert list(table(w.file_of([w.row({"loss": 1.0, "reward": None})])).columns) == ["loss"]


def test_nested_values_get_dotted_names_both_ways():
    read = table(w.file_of([w.row({"train": {"loss": 1.0, "deep": {"er": 2}}}), w.row({"a.b": 3}, nested=True)]))
    assert list(read.columns) == ["train.loss", "train.deep.er", "a.b"]


def test_nesting_beyond_reason_is_left_out():
    value = 1
    for _ in range(50):
        value = {"a": value}
    read = table(w.file_of([w.row({"loss": 1, "x": value})]))
    assert list(read.columns) == ["loss"]
    assert len(read.left_out) == 1


def test_the_step_field_serves_where_no_item_does():
    read = table(w.file_of([w.row({"loss": 1.0}, step=7), w.row({"loss": 2.0, "_step": 9}, step=8)]))
    assert logged(read, "_step") == [7, 9]


def test_records_over_several_blocks():
    rows = [w.row({"loss": float(i), "text": "x" * size}) for i, size in enumerate([10, 40_000, 32_700, 100_000, 5])]
    content = w.file_of(rows + [w.row({"loss": float(i)}) for i in range(5, 3000)])
    assert logged(table(content), "loss") == list(range(3000))


@pytest.mark.parametrize("size", range(32_640, 32_700))
def test_every_way_a_record_can_meet_the_end_of_a_block(size):
    content = w.file_of([w.row({"text": "x" * size, "loss": 0}), w.row({"loss": 1}), w.row({"loss": 2})])
    assert logged(table(content), "loss") == [0, 1, 2]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (struct.pack("<4sHB", b":W&B", 0xBEE1, 1), "version 1; expected 0xbee1, version 0"),
        (struct.pack("<4sHB", b":W&B", 0x1234, 0), "magic 0x1234"),
    ],
)
def test_another_version_is_refused_with_a_way_out(header, found):
    with pytest.raises(LogError, match=r"run-abc.wandb: a W&B run file of another format.*export") as caught:
        table(w.file_of(ROWS, header))
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a W&B run file"),
        (b":W&B", "not a W&B run file"),
        (b"step,loss\n1,2\n", "not a W&B run file"),
        (w.HEADER, "no number in the history.*never written to"),
        (w.HEADER + bytes(40_000), "no number in the history"),
        (w.HEADER + b"garbage" * 20_000, "no number in the history.*damaged"),
        (w.file_of([w.OTHER]), "no number in the history"),
        (w.file_of([w.row({"_step": 1})]), "no number in the history"),
    ],
)
def test_what_cannot_be_judged_is_refused(content, message):
    with pytest.raises(LogError, match=message):
        table(content)


def test_one_damaged_chunk_costs_its_record():
    content = bytearray(w.file_of(ROWS * 20))
    content[7 + 10 * (len(ROWS[0]) + 7) + 20] ^= 4
    read = table(bytes(content))
    assert len(logged(read, "loss")) == 79
    assert read.left_out == {"1 stretches": f"damaged, the first at byte {7 + 10 * (len(ROWS[0]) + 7)}"}


def test_a_damaged_length_costs_the_rest_of_its_block():
    content = bytearray(w.file_of(ROWS * 1000))
    content[7 + 4] ^= 64
    read = table(bytes(content))
    assert logged(read, "_step")[-1] == 3
    assert 3000 < len(logged(read, "loss")) < 4000
    assert "damaged, the first at byte 7" in read.left_out.values()


def test_a_damaged_middle_costs_the_whole_record_and_no_other():
    long = w.row({"loss": 5.0, "text": "x" * 100_000})
    content = bytearray(w.file_of([ROWS[0], long, ROWS[1]]))
    content[50_000] ^= 1
    assert logged(table(bytes(content)), "loss") == [3.0, 2.0]


def test_a_record_that_is_no_message_is_counted():
    read = table(w.file_of([*ROWS, b"\xff" * 20, block(2, b"\xff" * 9)]))
    assert read.left_out == {"2 records": "damaged"}


def test_a_file_cut_at_any_byte_gives_what_came_before():
    ends = np.cumsum([7 + len(w.OTHER) + 7, *(len(row) + 7 for row in ROWS)])
    for size in range(len(SMALL)):
        if size < ends[1]:
            with pytest.raises(LogError):
                table(SMALL[:size])
            continue
        read = table(SMALL[:size])
        assert len(logged(read, "loss")) == np.searchsorted(ends[1:], size, side="right")
        assert bool(read.left_out) == (size not in ends)


def test_zeros_after_the_last_record_are_filling():
    read = table(SMALL + bytes(100_000))
    assert len(logged(read, "loss")) == 4
    assert not read.left_out


def test_sniff():
    assert wandb.sniff(source(SMALL))
    assert wandb.sniff(source(struct.pack("<4sHB", b":W&B", 1, 1)))  # read() says what is wrong with it
    assert not wandb.sniff(source(b""))
    assert not wandb.sniff(source(b"step,loss\n"))


def readable(content):
    """The table, or the error a user sees; anything else is a bug."""
    try:
        read = table(content)
    except LogError:
        return None
    return {name: read.columns[name] for name in read.columns}


@given(st.binary(max_size=300))
def test_any_bytes_give_a_table_or_a_log_error(content):
    readable(content)
    readable(w.HEADER + content)
    readable(w.file_of([content, ROWS[0], block(2, content), block(2, block(1, content))]))
    wandb.sniff(source(content))


@settings(max_examples=200)
@given(st.lists(st.integers(0, 8 * len(SMALL) - 1), min_size=1, max_size=4))
def test_flipped_bits_give_no_wrong_value(flips):
    content = bytearray(SMALL)
    for bit in flips:
        content[bit // 8] ^= 1 << bit % 8
    read = readable(bytes(content))
    if read is not None and "loss" in read:
        assert set(read["loss"].value[read["loss"].logged]) <= {3.0, 2.0, 1.0, 0.0}
