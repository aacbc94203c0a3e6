from __future__ import annotations

import json
import math
import os
import re
import resource
import struct
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrdoctor.core.trial import Trial
from lrdoctor.errors import StoreError
from lrdoctor.store.trial_files import StepsFile, TrialRecord, read_steps, run_name

TRIAL = Trial(base_learning_rate=0.01, seed=0, max_train_steps=3, eval_every=2, optimizer='{"name":"sgd"}')
RECORD = TrialRecord(
    key="k1",
    trial=TRIAL,
    status="completed",
    exit_reason=None,
    n_rows=3,
    seconds=1.5,
    attempts=1,
    worker={"device": "cpu"},
)
STEPS = "step,learning_rate,train_loss,grad_norm,val_loss\n0,0.0,2.5,1.0,\n1,0.1,nan,inf,2.0\n2,0.1,1.5,1.0,\n"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "lr=0.01 seed=0"),
        ({"warmup_steps": 100, "seed": 3}, "lr=0.01 seed=3 warmup=100"),
        ({"warmup_steps": 10, "post_warmup_steps": 490}, "lr=0.01 seed=0 warmup=10 post_warmup=490"),
        ({"clip_norm": 0.25, "warmup_steps": 10}, "lr=0.01 seed=0 warmup=10 clip=0.25"),
        ({"base_learning_rate": 10**-1.5}, "lr=0.0316228 seed=0"),
        ({"rewrite": "pre_norm"}, "lr=0.01 seed=0 rewrite=pre_norm"),
        ({"control": True, "seed": 2}, "control seed=2"),
        ({"control": True, "rewrite": "pre_norm"}, "control seed=0 rewrite=pre_norm"),
    ],
)
def test_names_of_runs(changes, name):
    assert run_name(replace(TRIAL, **changes)) == name


@pytest.mark.parametrize(
    ("usual", "name"),
    [
        ("sgd", "lr=0.01 seed=0"),
        ("momentum", "lr=0.01 seed=0 optimizer=sgd"),
        ("rules.py:Mine", "lr=0.01 seed=0 optimizer=sgd"),
    ],
)
def test_another_update_rule_is_named(usual, name):
    assert run_name(TRIAL, usual) == name


def test_a_file_is_the_same_from_any_folder():
    mine = replace(TRIAL, optimizer='{"class_path":"../rules.py:Mine"}')
    assert run_name(mine, "rules.py:Mine") == "lr=0.01 seed=0"


def bits(value):
    return struct.pack("<d", math.nan if math.isnan(value) else value)


floats = st.floats(width=64)


@given(st.lists(st.tuples(floats, floats, floats, st.none() | floats), max_size=20))
@example([(5e-324, 1.7976931348623157e308, -0.0, None), (math.inf, -math.inf, math.nan, math.nan)])
def test_numbers_read_back_bit_for_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("steps") / "steps.csv"
    steps = StepsFile(path)
    steps.append([(step, *row) for step, row in enumerate(numbers)])
    steps.finish()
    curves = read_steps(path, len(numbers))
    for column, name in enumerate(["learning_rate", "train_loss", "grad_norm", "val_loss"]):
        expected = [(step, bits(row[column])) for step, row in enumerate(numbers) if row[column] is not None]
        found = zip(curves[name].step.tolist(), map(bits, curves[name].value.tolist()), strict=True)
        assert list(found) == expected


def test_a_file_that_the_code_of_a_workload_has_closed_is_let_go_without_a_word(tmp_path):
    """The error that ended the trial is the one to tell."""
    steps = StepsFile(tmp_path / "steps.csv")
    os.close(steps._file.fileno())
    steps.close()


def test_rows_that_could_not_be_made_durable_are_told(tmp_path):
    steps = StepsFile(tmp_path / "steps.csv")
    os.close(steps._file.fileno())
    with pytest.raises(StoreError, match=r"steps\.csv"):
        steps.finish()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[: len(text) // 2], "it is cut off"),
        (lambda text: text[:-1], "it is cut off"),
        (lambda text: text[:-2], "it is cut off"),
        (lambda text: text + "3,1.0,1.0,1.0,\n", "it has 4 rows, trial.json says 3"),
        (lambda text: text.replace("0,0.0,2.5,1.0,\n", ""), "it has 2 rows, trial.json says 3"),
        (lambda text: text.replace("0,0.0,", "0,"), "a row has other than 5 columns"),
        (lambda text: text.replace("2.5", "2.x5"), "could not convert"),
        (lambda text: text.replace("\n2,", "\n1,"), "steps must increase"),
        (lambda text: text.replace("\n2,", "\n" + "2" * 30 + ","), "a step is too large"),
        (lambda text: text.replace("2.5", "2.\xb2"), "codec"),
        (lambda text: text.replace("step,", "time,"), "it has another header"),
        (lambda text: "", "it has another header"),
    ],
)
def test_damaged_steps_are_no_curves(tmp_path, damage, told):
    path = tmp_path / "steps.csv"
    path.write_text(STEPS)
    assert read_steps(path, 3)["val_loss"].value.tolist() == [2.0]
    path.write_bytes(damage(STEPS).encode("latin-1"))
    with pytest.raises(ValueError, match=told):
        read_steps(path, 3)


def test_missing_steps_are_no_curves(tmp_path):
    with pytest.raises(ValueError, match="it is missing"):
        read_steps(tmp_path / "steps.csv", 3)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[: len(text) // 2], "line 1?[0-9] column"),
        (lambda text: "", "line 1 column 1"),
        (lambda text: "[]", "not what lrdoctor writes"),
        (lambda text: text.replace('"seed"', '"sead"'), "not what lrdoctor writes: .* 'sead'"),
        (lambda text: text.replace('"n_rows"', '"rows"'), "not what lrdoctor writes: .* 'rows'"),
        (lambda text: text.replace('"completed"', '"fine"'), "status 'fine' is unknown"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "schema_version 2"),
        (lambda text: text.replace('"k1"', '"k2"'), "it is of trial k2"),
    ],
)
def test_a_damaged_record_is_none(tmp_path, damage, told):
    path = tmp_path / "k1" / "trial.json"
    path.parent.mkdir()
    RECORD.write(path)
    assert TrialRecord.read(path) == RECORD
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=told):
        TrialRecord.read(path)


def test_no_half_row_stays_when_a_file_may_not_grow(tmp_path):
    path = tmp_path / "steps.csv"
    steps = StepsFile(path)
    steps.append([(0, 0.1, 1.0, 1.0, None)])
    whole = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 7, limits[1]))
    try:
        with pytest.raises(StoreError, match=r"steps.csv: File too large; raise the limit"):
            steps.append([(1, 0.1, 1.0, 1.0, None)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == whole
    steps.append([(1, 0.1, 2.0, 1.0, None)])
    steps.finish()
    assert read_steps(path, 2)["train_loss"].value.tolist() == [1.0, 2.0]


def test_what_json_has_no_number_for_reads_back_as_a_number(tmp_path):
    path = tmp_path / "k1" / "trial.json"
    path.parent.mkdir()
    told = {"output_spread": math.inf, "constant_losses": [[3, 1.5], [4, -math.inf]], "rate_flag": None}
    replace(RECORD, worker=told).write(path)
    assert TrialRecord.read(path).worker == told
    replace(RECORD, worker={"constant_loss": math.nan}).write(path)
    assert math.isnan(TrialRecord.read(path).worker["constant_loss"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seconds": "long"}, "seconds is str"),
        ({"n_rows": 3.5}, "n_rows is float"),
        ({"n_rows": True}, "n_rows is bool"),
        ({"worker": []}, "worker is list"),
        ({"worker": {"output_spread": "wide"}}, "worker.output_spread: could not convert string to float: 'wide'"),
        ({"worker": {"output_spread": None}}, "worker.output_spread: found NoneType, expected a number"),
        ({"worker": {"constant_loss": ""}}, "worker.constant_loss: could not convert"),
        ({"worker": {"constant_losses": True}}, "worker.constant_losses: 'bool' object is not iterable"),
        ({"worker": {"constant_losses": "x"}}, "worker.constant_losses: not enough values"),
        ({"worker": {"constant_losses": [[2, 1.0], [2, 1.0]]}}, "worker.constant_losses: its steps do not increase"),
        ({"worker": {"constant_losses": [[0, {}]]}}, "worker.constant_losses: found dict, expected a number"),
        ({"worker": {"evaluated": "1e3"}}, "worker.evaluated: invalid literal for int"),
        ({"worker": {"evaluated": []}}, "worker.evaluated: int() argument must be"),
        ({"worker": {"unlike": [[]]}}, "worker.unlike: found list, expected text"),
        ({"worker": {"objective": 3}}, "worker.objective: found int, expected text"),
        ({"status": {}}, "status is dict"),
        ({"settings": {"base_learning_rate": "0.01"}}, "settings.base_learning_rate is str"),
        ({"settings": {"seed": None}}, "settings.seed is NoneType"),
        ({"settings": {"clip_norm": []}}, "settings.clip_norm is list"),
        ({"settings": {"stop_hopeless": 1}}, "settings.stop_hopeless is int"),
        ({"settings": []}, "not what lrdoctor writes"),
    ],
)
def test_a_value_of_another_type_is_damage(tmp_path, changes, said):
    path = tmp_path / "k1" / "trial.json"
    path.parent.mkdir()
    RECORD.write(path)
    document = json.loads(path.read_text())
    settings = changes.get("settings")
    whole = {**document["settings"], **settings} if isinstance(settings, dict) else settings
    path.write_text(json.dumps({**document, **changes, **({"settings": whole} if "settings" in changes else {})}))
    with pytest.raises(ValueError, match=re.escape(said)):
        TrialRecord.read(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"n_rows": ' + "9" * 400 + "}", "null", "", "\x00"])
def test_text_that_is_no_record_is_damage(tmp_path, text):
    (tmp_path / "trial.json").write_text(text)
    with pytest.raises(ValueError, match=r"damaged|Expecting|deeply|beyond|not what"):
        TrialRecord.read(tmp_path / "trial.json")
