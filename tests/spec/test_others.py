"""Which update rules are tried in place of the spec's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spec_files import load

from lrdoctor.spec import other_optimizers


@pytest.mark.parametrize(
    ("optimizer", "others"),
    [
        ("sgd", ["momentum", "adam"]),
        ("momentum", ["adam"]),
        ("nesterov", ["adam"]),
        ("adamw", ["momentum"]),
        ("rmsprop", ["momentum"]),
        ("torch.optim:Adagrad", ["momentum"]),
        ("my_rules:Mine", ["adam"]),
    ],
)
def test_rules_of_another_kind(optimizer: str, others: list[str], tmp_path: Path) -> None:
    found = other_optimizers(load(tmp_path, optimizer=optimizer))
    assert list(found) == others
    assert [json.loads(block)["name"] for block in found.values()] == others


def test_the_weight_decay_is_kept(tmp_path: Path) -> None:
    found = other_optimizers(load(tmp_path, optimizer={"name": "momentum", "weight_decay": 0.01}))
    assert json.loads(found["adam"])["weight_decay"] == 0.01
