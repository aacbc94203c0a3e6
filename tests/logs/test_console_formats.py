from __future__ import annotations

import pytest
from console_samples import HF_V4, LLMC, MEGATRON_OLD, NANOTRON, SAMPLES, TORCHTITAN
from structured_samples import columns, reader_of, sniffed_by, text_source

from lrdoctor.errors import LogError
from lrdoctor.logs.console import FORMATS

BY_NAME = {reader.NAME: reader for reader in FORMATS}


def table_of(text, reader=None):
    source = text_source(text)
    (table,) = (reader or reader_of(source)).read(source)
    return table


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.format)
def test_every_format_is_told_from_all_others(sample) -> None:
    assert sniffed_by(text_source(sample.text)) == [sample.format]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.format)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_format_gives_its_columns(sample, line_end) -> None:
    found = columns(table_of(sample.text.replace("\n", line_end)))
    assert {name: found.get(name) for name in sample.columns} == sample.columns


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.facts], ids=lambda sample: sample.format)
def test_what_a_format_says_of_its_values(sample) -> None:
    assert dict(table_of(sample.text).facts) == sample.facts


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.format)
def test_a_log_of_another_format_is_refused_by_name(sample) -> None:
    reader = BY_NAME["nanogpt" if sample.format != "nanogpt" else "olmo"]
    with pytest.raises(LogError, match=rf"^-: no line of the format {reader.NAME} "):
        list(reader.read(text_source(sample.text)))


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (LLMC, "3 lines", "no records of this format"),
        (TORCHTITAN, "1 line of other ranks", "they repeat what rank 0 logs"),
        (HF_V4, "summary at the end", "its train_loss is the mean of the whole run, not a step's loss"),
        (NANOTRON.rstrip("\n"), "last line", "unfinished, so its numbers may be cut"),
    ],
)
def test_what_was_left_out_is_said(text, key, reason) -> None:
    assert table_of(text).left_out[key] == reason


def test_a_last_line_without_an_end_is_not_trusted() -> None:
    whole = columns(table_of(MEGATRON_OLD))["lm loss"]
    assert (
        columns(table_of(MEGATRON_OLD.rstrip("\n") + "\n iteration        3/    5000 | lm loss: 1.2"))["lm loss"]
        == whole
    )


def test_megatron_lines_win_over_deepspeed_lines_between_them() -> None:
    deepspeed = "[INFO] [logging.py:1:log_dist] [Rank 0] step=1, skipped=0, lr=[0.1], mom=[[0.9, 0.9]]\n"
    assert reader_of(text_source(deepspeed + MEGATRON_OLD)).NAME == "megatron"


def test_deepspeed_lines_between_lines_with_a_loss_are_read_generically() -> None:
    lines = [
        f"[Rank 0] step={i}, skipped=0, lr=[0.1, 0.2], mom=[[0.9, 0.9]]\nepoch 1 step {i} loss: {i}.5\n" for i in (1, 2)
    ]
    found = columns(table_of("".join(lines)))
    assert found["loss"] == [None, 1.5, None, 2.5]
    assert found["lr"] == [0.1, None, 0.1, None]
