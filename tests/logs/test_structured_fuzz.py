"""Whatever the bytes are: tables of sound columns, or a LogError; nothing else, and in time."""

from __future__ import annotations

import json

import pytest
from console_samples import SAMPLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structured_samples import READERS, text_source

from lrdoctor.errors import LogError

JSON = '{"step": 1, "loss": 0.5, "a": {"b": [1, 2]}}\n{"step": 2, "loss": NaN, "name": "x", "split": "val"}\n'
ARRAY = json.dumps([{"step": i, "loss": i, "run": f"r{i % 2}"} for i in range(6)])
STATE = json.dumps(
    {"logging_steps": 5, "log_history": [{"step": 5, "loss": 1.5}, {"train_runtime": 1, "train_loss": 2}]}
)
METRIC = "1600000000100 2.5 0\n1600000000300 nan 10\n"
TEXTS = [*(sample.text for sample in SAMPLES), JSON, ARRAY, STATE, METRIC]
SCRAPS = [
    "\n",
    "\r",
    "nan",
    "-inf",
    "1e999",
    "9" * 400,
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    ":",
    "=",
    "|",
    "\x00",
    "\x1b[",
    ",",
    "é",
]

fuzzing = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check(raw: bytes) -> None:
    source = text_source(raw)
    refusals: list[str] = []
    for reader in READERS:
        assert reader.sniff(source) in (True, False)
        try:
            tables = list(reader.read(source))
        except LogError as error:
            refusals.append(str(error))
            continue
        assert tables
        for table in tables:
            assert table.columns
            assert len({column.value.size for column in table.columns.values()}) <= 1
            assert all(column.logged.any() for column in table.columns.values())
            assert all(isinstance(part, str) for pair in table.left_out.items() for part in pair)
    assert all(refusal.startswith("-: ") for refusal in refusals)


@fuzzing
@given(st.binary(max_size=300))
def test_random_bytes(raw) -> None:
    check(raw)


@fuzzing
@given(st.sampled_from(TEXTS), st.integers(0, 3000), st.sampled_from(TEXTS), st.integers(0, 3000))
def test_spliced_logs(first, end, second, start) -> None:
    check((first[:end] + second[start:]).encode())


@st.composite
def damaged(draw):
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        at, removed = draw(st.integers(0, len(text))), draw(st.integers(0, 8))
        text = text[:at] + draw(st.sampled_from(SCRAPS)) + text[at + removed :]
    return text


@fuzzing
@given(damaged(), st.sampled_from(["utf-8", "utf-16", "utf-16-le", "gbk"]))
def test_damaged_logs(text, encoding) -> None:
    check(text.encode(encoding, "replace"))


KEYS = st.sampled_from(["loss", "step", "run", "name", "value", "metric", "split", "config"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner),
)


@fuzzing
@given(VALUES)
def test_any_json(value) -> None:
    check((json.dumps(value) + "\n" + json.dumps({"step": 1, "loss": value})).encode())


@pytest.mark.parametrize(
    "unit", ["a ", "1,", "loss ", "| a: ", '{"a":', "{'a': 1, ", "[step=1,", "Epoch: [1][", "\n ", "val "]
)
def test_one_endless_line_is_read_in_time(unit) -> None:
    # a pattern that tries every pair of positions would need minutes for this
    check(("step 1 loss: 1\nstep 2 loss: 2\n" + unit * (200_000 // len(unit))).encode())
