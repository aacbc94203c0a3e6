from __future__ import annotations

import re

import pytest

from lrdoctor.core.command import all_fields, fields_of, filled, values_of
from lrdoctor.core.trial import Trial

TRIAL = Trial(
    base_learning_rate=1, seed=3, max_train_steps=100, eval_every=100, optimizer='{"name":"own"}', warmup_steps=20
)


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("--lr", ()),
        ("{lr}", ("lr",)),
        ("--lr={lr}", ("lr",)),
        ("{dir}/run-{seed}-{seed}", ("dir", "seed", "seed")),
        ("{{lr}}", ()),
        ('{{"a": {lr}}}', ("lr",)),
        ("{{{lr}}}", ("lr",)),
        ("", ()),
    ],
)
def test_the_fields_of_a_word(word: str, fields: tuple[str, ...]) -> None:
    assert fields_of(word) == fields


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--lr={rate}", "found the field {rate}, expected one of {lr}, {seed}, "),
        ("{}", "found the field {}, expected one of"),
        ("{lr.real}", "found the field {lr.real}"),
        ("{lr:g}", "found the field {lr:g}"),
        ('{"a": 1}', 'found the field {"a": 1}'),
        ("--x={", "found a single {, expected a field such as {lr}, or {{ for the brace"),
        ("}", "found a single }, expected a field such as {lr}, or }} for the brace"),
        ("{lr", "found a single {"),
    ],
)
def test_what_is_no_field_is_told(word: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        fields_of(word)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--lr", "{lr}"], ["--lr", "1.0"]),
        (["{seed}", "{steps}", "{warmup_steps}", "{clip_norm}"], ["3", "120", "20", "inf"]),
        (["{dir}/{{x}}"], ["/tmp/a b/{x}"]),
        (["{{lr}}"], ["{lr}"]),
        (["a b", "$HOME", ""], ["a b", "$HOME", ""]),
    ],
)
def test_words_are_filled_in(words: list[str], expected: list[str]) -> None:
    assert filled(words, values_of(TRIAL, "/tmp/a b")) == expected


def test_rates_are_written_to_the_last_bit() -> None:
    (word,) = filled(["{lr}"], {"lr": 0.1 + 0.2})
    assert float(word) == 0.1 + 0.2


def test_what_any_word_names() -> None:
    assert all_fields(["python", "--lr={lr}", "{dir}"]) == {"lr", "dir"}
