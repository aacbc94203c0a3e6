"""The values of --columns."""

from __future__ import annotations

import pytest

from lrdoctor.cli.diagnose import column_mapping
from lrdoctor.errors import LogError


@pytest.mark.parametrize(
    ("options", "mapping"),
    [
        ([], {}),
        (["loss=train/loss"], {"loss": "train/loss"}),
        (["loss=a,step=b"], {"loss": "a", "step": "b"}),
        (["loss=a", "step=b"], {"loss": "a", "step": "b"}),
        ([" loss = my loss , lr=eta"], {"loss": "my loss", "lr": "eta"}),
        (["loss=loss, mean,step=b"], {"loss": "loss, mean", "step": "b"}),
        (["loss=a=b"], {"loss": "a=b"}),
    ],
)
def test_a_mapping(options: list[str], mapping: dict[str, str]) -> None:
    assert column_mapping(options) == mapping


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("loss", "--columns loss: expected KEY=COLUMN, such as loss=train/loss; keys are loss, "),
        ("loss=", "--columns loss=: expected KEY=COLUMN"),
        ("los=a", "--columns los=a: unknown key 'los', expected one of loss, "),
        ("loss=a,loss=b", "--columns loss=b: given before as loss=a"),
        ("loss=a,train_loss=b", "--columns train_loss=b: given before as loss=a"),
    ],
)
def test_what_is_no_mapping(option: str, message: str) -> None:
    with pytest.raises(LogError) as caught:
        column_mapping([option])
    assert str(caught.value).startswith(message)
