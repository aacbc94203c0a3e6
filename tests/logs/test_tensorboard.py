"""Event files: both ways of writing scalars, restarts, damage of every kind."""

from __future__ import annotations

import gzip
import math
import struct

import event_writer as w
import labelled_logs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lrdoctor.errors import LogError
from lrdoctor.logs import tensorboard
from lrdoctor.logs.base import HEAD_BYTES, Source


def source(content, name="events.out.tfevents.1700000000.host.1.0"):
    return Source(name, None, content[:HEAD_BYTES], content)


def table(content):
    (only,) = tensorboard.read(source(content))
    return only


def test_the_checksum_has_the_check_value_of_the_standard():
    (crc,) = tensorboard.masked_crc32c(b"-123456789-", np.array([1]), np.array([9]))
    assert int(crc) == w.masked(0xE3069283)


@pytest.mark.parametrize("lengths", [[], range(140), [255, 256, 257], [5000, 3]])
def test_the_checksums_of_pieces_agree_with_the_definition(lengths):
    data = np.random.default_rng(0).integers(0, 256, 6000, dtype=np.uint8).tobytes()
    length = np.array(lengths, dtype=np.int64)
    start = np.arange(length.size) * 3
    expected = [w.masked(w.crc32c(data[s : s + n])) for s, n in zip(start, length, strict=True)]
    assert tensorboard.masked_crc32c(data, start, length).tolist() == expected


def entries(table, tag):
    """The (step, value) pairs of a tag."""
    column, step = table.columns[tag], table.columns["step"]
    return list(zip(step.value[column.logged].tolist(), column.value[column.logged].tolist(), strict=True))


SMALL = b"".join(
    [w.version(), *(w.scalar(step, "loss", 3.0 - step, "content f4") for step in range(3)), w.scalar(3, "lr", 0.5)]
)


@pytest.mark.parametrize("way", ["simple", *w.TENSORS])
@pytest.mark.parametrize("n", [1, 3, 40], ids=["one", "field by field", "by layout"])
def test_every_way_to_write_a_scalar_is_read(way, n):
    content = w.version() + b"".join(w.scalar(7 * step, "train/loss", 200 - step, way) for step in range(n))
    read = table(content)
    assert entries(read, "train/loss") == [(7 * step, 200 - step) for step in range(n)]
    assert not read.left_out


def test_several_values_of_one_event_and_several_events_of_one_step_share_a_row():
    read = table(
        w.event(4, w.summary(w.simple("loss", 2.0), w.simple("lr", 0.5)))
        + w.scalar(4, "norm", 8.0)
        + w.event(8, w.summary(w.simple("loss", 1.0), w.simple("lr", 0.25)))
    )
    assert list(read.columns) == ["step", "loss", "lr", "norm"]
    assert read.columns["step"].value.tolist() == [4, 8]
    assert read.columns["norm"].logged.tolist() == [True, False]


def test_layouts_are_told_apart():
    """Steps of one to ten bytes, tags of one length, two ways of writing, all mixed."""
    expected = {"aa": [], "bb": []}
    content = b""
    for i, step in enumerate([0, 1, 127, 128, 300, 16383, 16384, 2**31, 2**62, *range(2**40, 2**40 + 50), -1]):
        for tag in expected:
            content += w.scalar(step, tag, float(i), ["simple", "float_val packed", "double_val"][i % 3])
            expected[tag].append((float(step), float(i)))
    read = table(w.version() + content)
    assert {tag: entries(read, tag) for tag in expected} == expected


def test_non_finite_values_are_entries():
    values = [1.0, math.nan, math.inf, -math.inf, 0.0]
    read = table(b"".join(w.scalar(i, "loss", v) for i, v in enumerate(values)))
    assert np.array_equal(read.columns["loss"].value, values, equal_nan=True)
    assert read.columns["loss"].logged.all()


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (w.block(1, "x") + w.block(4, b"png"), "an image"),
        (w.block(1, "x") + w.block(5, b"buckets"), "a histogram"),
        (w.block(1, "x") + w.block(9, b""), "no value"),
        (w.tensor("x", w.number(1, 7), w.block(8, "some text")), "text"),
        (w.tensor("x", w.number(1, 1), w.block(4, bytes(12))), "a tensor of several numbers"),
        (w.tensor("x", w.number(1, 1), w.block(5, struct.pack("<3f", 1, 2, 3))), "a tensor of several numbers"),
        (w.tensor("x", w.number(1, 3), w.block(7, b"\x01\x02")), "a tensor of several numbers"),
        (w.tensor("x", w.number(1, 3), w.number(7, 1), w.number(7, 2)), "a tensor of several numbers"),
        (w.tensor("x", w.number(1, 1), w.block(4, b"")), "an empty tensor"),
        (w.tensor("x", w.number(1, 14), w.block(4, b"\0\0")), "a tensor of type 14"),
    ],
)
@pytest.mark.parametrize("n", [1, 9])
def test_what_is_no_scalar_is_named(value, what, n):
    read = table(w.scalar(0, "loss", 1.0) + n * w.event(5, w.summary(value)))
    assert list(read.columns) == ["step", "loss"]
    assert read.left_out == {"x": f"{what}, not a scalar ({n} entries)"}


def test_many_tags_cost_no_memory_until_they_are_asked_for():
    read = table(b"".join(w.scalar(i, f"x/{i}", 1.0) for i in range(2000)))
    assert len(read.columns) == 2001
    assert read.columns["x/1999"].logged.sum() == 1


def test_a_tag_called_step_keeps_its_values():
    read = table(w.scalar(3, "step", 9.0))
    assert entries(read, "step (tag)") == [(3, 9.0)]


def test_micro_batches_of_one_step_are_rows_of_their_own():
    content = b"".join(w.scalar(step, "loss", v) for step, v in [(1, 3.0), (1, 4.0), (2, 5.0), (2, 6.0)])
    read = table(content + w.scalar(1, "lr", 0.5) + w.scalar(2, "lr", 0.25))
    assert entries(read, "loss") == [(1, 3.0), (1, 4.0), (2, 5.0), (2, 6.0)]
    assert entries(read, "lr") == [(1, 0.5), (2, 0.25)]


def series(tag, steps, value):
    return b"".join(w.scalar(step, tag, value) for step in steps)


@pytest.mark.parametrize(
    ("between", "version", "steps", "n_purged"),
    [
        (w.session_start(3), "brain.Event:2", [0, 1, 2, 3, 4], 2),
        (b"", "brain.Event:2", [0, 1, 2, 3, 4, 3, 4], 0),
        (b"", "brain.Event:1", [0, 1, 2, 3, 4], 2),
    ],
    ids=["the file says so", "nobody says so", "old format"],
)
def test_what_a_restart_takes_back(between, version, steps, n_purged):
    first = w.version(version) + series("loss", range(5), 1.0)
    second = w.version(version) + between + series("loss", range(3, 5), 2.0)
    read = tensorboard.read_run([source(second, "events.out.tfevents.20.b"), source(first, "events.out.tfevents.9.a")])
    assert [step for step, _ in entries(read, "loss")] == steps
    assert entries(read, "loss")[-1] == (4, 2.0)
    assert read.left_out == ({f"{n_purged} values": "taken back by a restart at an earlier step"} if n_purged else {})


def test_a_restart_is_a_fact():
    read = table(w.version() + series("loss", range(4), 1.0) + w.session_start(2) + series("loss", [2, 3], 2.0))
    assert read.facts == {"restarts": (2,)}
    assert entries(read, "loss") == [(0, 1.0), (1, 1.0), (2, 2.0), (3, 2.0)]


def test_one_damaged_record_costs_that_record():
    content = bytearray(w.version() + series("loss", range(30), 1.0))
    at = len(w.version()) + 5 * len(w.scalar(5, "loss", 1.0)) + 20
    content[at] ^= 1
    read = table(bytes(content))
    assert len(entries(read, "loss")) == 29
    ((what, why),) = read.left_out.items()
    assert what.endswith("1 of 31 records")
    assert why.startswith("damaged, the first at byte ")


def test_a_record_with_a_right_checksum_that_is_no_event_is_counted():
    read = table(w.scalar(0, "loss", 1.0) + 10 * w.frame(b"\xff" * 30) + w.frame(b"\x07"))
    assert len(entries(read, "loss")) == 1
    assert any("11 of 12 records" in what for what in read.left_out)


@pytest.mark.parametrize("length", [2**60, 2**63, 2**64 - 1, 10**9, 1])
def test_a_broken_length_ends_the_file(length):
    content = w.scalar(0, "loss", 1.0) + struct.pack("<Q", length) + w.scalar(1, "loss", 1.0)[8:]
    read = table(content + 100 * w.scalar(2, "loss", 1.0))
    assert len(entries(read, "loss")) == 1
    assert "is broken" in " ".join(read.left_out.values())


def test_a_length_beyond_the_file_with_a_right_checksum_is_a_cut_file():
    header = struct.pack("<Q", 2**60)
    read = table(w.scalar(0, "loss", 1.0) + header + struct.pack("<I", w.masked(w.crc32c(header))) + b"rest")
    assert "cut off in the middle of a record: 16 bytes" in " ".join(read.left_out.values())


def test_a_file_cut_at_any_byte_gives_what_came_before():
    ends = np.cumsum([len(w.version()), *(len(w.scalar(s, "loss", 1.0, "content f4")) for s in range(3))])
    for size in range(len(SMALL)):
        if size < ends[1]:
            with pytest.raises(LogError, match="no scalar to be read"):
                table(SMALL[:size])
            continue
        read = table(SMALL[:size])
        assert len(entries(read, "loss")) == np.searchsorted(ends[1:], size, side="right")
        assert bool(read.left_out) == (size not in ends)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"garbage" * 1000, w.version(), w.frame(b"")])
def test_a_file_without_scalars_is_refused(content):
    with pytest.raises(LogError, match=r"tfevents.*no scalar"):
        table(content)


def test_gzipped_files_and_their_cut_ends():
    packed = gzip.compress(SMALL, mtime=0)
    assert entries(table(packed), "loss") == entries(table(SMALL), "loss")
    cut = table(gzip.compress(SMALL * 50, mtime=0)[:-9])
    assert "the gzip stream is cut off" in cut.left_out.values()


def test_a_file_that_cannot_be_read_is_a_log_error(tmp_path):
    with pytest.raises(LogError, match="gone: cannot be read: No such file"):
        next(tensorboard.read(Source("gone", tmp_path / "gone", b"")))


@pytest.mark.parametrize(
    ("head", "yes"),
    [
        (SMALL, True),
        (w.scalar(0, "loss", 1.0), True),
        (b"\xff" + w.version()[1:], True),
        (b"", False),
        (b"step,loss\n1,2\n3,4\n", False),
        (bytes(100), False),
    ],
)
def test_sniff(head, yes):
    assert tensorboard.sniff(source(head)) is yes


def readable(content):
    """The table, or the error a user sees; anything else is a bug."""
    try:
        read = table(content)
    except LogError:
        return None
    for column in read.columns.values():
        assert column.value[~column.logged].size == np.isnan(column.value[~column.logged]).sum()
    return read


@given(st.binary(max_size=300))
def test_any_bytes_give_a_table_or_a_log_error(content):
    readable(content)
    readable(w.frame(content))
    readable(w.scalar(1, "loss", 1.0) + content)
    tensorboard.sniff(source(content))


@settings(max_examples=200)
@given(st.lists(st.integers(0, 8 * len(SMALL) - 1), min_size=1, max_size=4))
@example([416, 896, 1392])  # every record of the loss is lost
def test_flipped_bits_lose_records_and_say_so(flips):
    content = bytearray(SMALL)
    for bit in flips:
        content[bit // 8] ^= 1 << bit % 8
    read = readable(bytes(content))
    if read is not None:
        n = sum(len(entries(read, tag)) for tag in read.columns if tag != "step")
        assert n == 4 or (n < 4 and read.left_out)
        left = entries(read, "loss") if "loss" in read.columns else []
        assert all(pair in [(0, 3), (1, 2), (2, 1)] for pair in left)


def real_files():
    return sorted(path for folder in labelled_logs.folders() for path in folder.glob("*/events*"))


@pytest.mark.skipif(not real_files(), reason="LRDOCTOR_LOGS names no folder with event files")
def test_real_files_are_read_whole():
    for path in real_files():
        (read,) = tensorboard.read(Source(str(path), path, path.read_bytes()[:HEAD_BYTES]))
        assert not any("damaged" in why or "cut" in why for why in read.left_out.values())
        assert len(read.columns["step"].value) > 100
