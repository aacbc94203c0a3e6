from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from lrdoctor.core.trial import Trial, canonical_json

TRIAL = Trial(
    base_learning_rate=0.01, seed=3, max_train_steps=300, eval_every=15, optimizer='{"momentum":0.9,"name":"momentum"}'
)
WORKLOAD = {"model.class_path": "nets:Net", "torch": "2.6"}

OTHER_VALUES: dict[str, Any] = {
    "base_learning_rate": 0.02,
    "seed": 4,
    "max_train_steps": 301,
    "eval_every": 16,
    "optimizer": '{"name":"sgd"}',
    "warmup_steps": 10,
    "post_warmup_steps": 20,
    "clip_norm": 1.0,
    "autoclip_percentile": 10.0,
    "rewrite": "add_norm",
    "stop_hopeless": False,
    "stop_after": 100,
    "eval_examples": 256,
    "control": True,
}


@pytest.mark.parametrize("name", [f.name for f in fields(Trial) if f.name != "procedure"])
def test_every_setting_is_in_the_key(name: str) -> None:
    assert replace(TRIAL, **{name: OTHER_VALUES[name]}).key(WORKLOAD) != TRIAL.key(WORKLOAD)


def test_the_procedure_is_not_in_the_key() -> None:
    assert replace(TRIAL, procedure="warmup").key(WORKLOAD) == TRIAL.key(WORKLOAD)
    assert "procedure" not in TRIAL.settings()


@pytest.mark.parametrize(
    ("workload", "same"),
    [
        ({"torch": "2.6", "model.class_path": "nets:Net"}, True),
        ({"model.class_path": "nets:Net", "torch": "2.7"}, False),
        ({"model.class_path": "nets:Net"}, False),
    ],
)
def test_the_workload_is_in_the_key(workload: dict[str, str], same: bool) -> None:
    assert (TRIAL.key(workload) == TRIAL.key(WORKLOAD)) is same


def test_key_is_the_one_that_study_folders_hold() -> None:
    # a change of this value makes every saved study start anew
    assert TRIAL.key(WORKLOAD) == "bf5bad47abbe4c08"


def test_key_is_the_same_in_another_process() -> None:
    program = f"from lrdoctor.core.trial import Trial; print({TRIAL!r}.key({WORKLOAD!r}))"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == TRIAL.key(WORKLOAD)


@pytest.mark.parametrize(
    ("changes", "n_steps"),
    [
        ({}, 300),
        ({"warmup_steps": 10}, 310),
        ({"warmup_steps": 10, "post_warmup_steps": 20}, 30),
        ({"warmup_steps": 10, "post_warmup_steps": 0}, 10),
    ],
)
def test_the_warmup_is_added_to_the_run(changes: dict[str, int], n_steps: int) -> None:
    assert replace(TRIAL, **changes).n_steps == n_steps


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        ('{"name":"adam"}', "adam"),
        ('{"class_path":"torch.optim.Adagrad"}', "torch.optim.Adagrad"),
        ('{"class_path":"torch.optim.Adagrad","name":null}', "torch.optim.Adagrad"),
    ],
)
def test_optimizer_name(optimizer: str, name: str) -> None:
    assert replace(TRIAL, optimizer=optimizer).optimizer_name == name


def test_frozen_and_hashable() -> None:
    assert len({TRIAL, replace(TRIAL), replace(TRIAL, seed=0)}) == 2
    with pytest.raises(FrozenInstanceError):
        TRIAL.seed = 1  # type: ignore[misc]


def test_canonical_json_refuses_nan() -> None:
    assert canonical_json({"b": [1, None], "a": {"d": 0.1, "c": "x"}}) == '{"a":{"c":"x","d":0.1},"b":[1,null]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


@pytest.mark.parametrize(("stop_after", "n_steps"), [(None, 310), (100, 100), (310, 310), (999, 310)])
def test_a_trial_may_stop_before_its_schedule_ends(stop_after: int | None, n_steps: int) -> None:
    one = replace(TRIAL, warmup_steps=10, stop_after=stop_after)
    assert (one.n_steps, one.schedule_steps) == (n_steps, 310)
