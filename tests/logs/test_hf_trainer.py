from __future__ import annotations

import json
import math

import pytest
from structured_samples import columns, sniffed_by, text_source

from lrdoctor.errors import LogError
from lrdoctor.logs import hf_trainer

HISTORY = [
    {"epoch": 0.1, "grad_norm": 3.5, "learning_rate": 5e-05, "loss": 2.5, "step": 10},
    {"epoch": 0.2, "grad_norm": math.nan, "learning_rate": 4e-05, "loss": 0.0, "step": 20},
    {"epoch": 0.2, "eval_loss": math.inf, "eval_runtime": 0.5, "step": 20},
    {"epoch": 0.3, "grad_norm": math.nan, "learning_rate": 3e-05, "loss": 0.0, "step": 30},
    {"epoch": 0.3, "step": 30, "total_flos": 1.0, "train_loss": 0.8, "train_runtime": 5.0},
]


def state(history=HISTORY, **more) -> str:
    return json.dumps({"best_metric": None, "global_step": 30, "log_history": history, **more}, indent=2)


def table_of(text):
    (table,) = hf_trainer.read(text_source(text))
    return table


def test_what_is_read() -> None:
    assert sniffed_by(text_source(state())) == ["hf-trainer"]
    found = columns(table_of(state()))
    assert found == {
        "epoch": [0.1, 0.2, 0.2, 0.3],
        "step": [10, 20, 20, 30],
        "loss": [2.5, 0, None, 0],
        "grad_norm": [3.5, "nan", None, "nan"],
        "learning_rate": [5e-5, 4e-5, None, 3e-5],
        "eval_loss": [None, None, math.inf, None],
        "eval_runtime": [None, None, 0.5, None],
    }


@pytest.mark.parametrize(
    ("text", "averaged"),
    [
        (state(logging_steps=25), 25),
        (state(logging_steps=1), None),
        (state(), 10),
        (state([{"loss": 1.0, "step": i} for i in range(5)]), None),
        (state([{"loss": 1.0}] * 3), None),
    ],
)
def test_over_how_many_steps_a_loss_is_averaged(text, averaged) -> None:
    table = table_of(text)
    assert table.facts.get("averaged") == averaged
    assert table.facts["nan_filter"] is True
    (note,) = table.facts["notes"]
    assert note.startswith("logging_nan_inf_filter, on by default")


def test_what_was_left_out_is_said() -> None:
    assert table_of(state()).left_out == {
        "summary at the end": "its train_loss is the mean of the whole run, not a step's loss"
    }


def test_a_file_that_was_cut_is_read_as_far_as_it_goes() -> None:
    text = state()
    table = table_of(text[: text.index('"step": 30')])
    assert columns(table)["step"] == [10, 20, 20]
    assert table.left_out == {"end of the file": "cut short"}


@pytest.mark.parametrize("text", ["", "{}", state([]), '{"log_history": 3}', state([HISTORY[-1]])])
def test_a_state_without_a_history_is_refused(text) -> None:
    with pytest.raises(LogError, match=r"^-: expected a `log_history` with records, as trainer_state.json has it"):
        table_of(text)


@pytest.mark.parametrize(
    ("steps", "newest"),
    [
        ({"checkpoint-500": 500, "checkpoint-1000": 1000}, "checkpoint-1000"),
        ({"checkpoint-999": 999, "checkpoint-1000": 1000, ".": 1000}, "."),
        ({"checkpoint-1000": 1000, ".": 800}, "checkpoint-1000"),
        ({".": 10}, "."),
        ({"other-5": 5}, None),
        ({}, None),
    ],
)
def test_the_state_that_goes_furthest(tmp_path, steps, newest) -> None:
    for folder, step in steps.items():
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "trainer_state.json").write_text(state(global_step=step))
    (tmp_path / "checkpoint-7").write_text("a file, not a folder")
    expected = None if newest is None else tmp_path / newest / "trainer_state.json"
    assert hf_trainer.newest_state(tmp_path) == expected
