"""An operation's place is the same every time it runs, and one of its own on its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lrdoctor.architecture.graph import Key
from lrdoctor.architecture.recorder import Recorder


def keys(form: Callable[[Tensor], object], n: int = 1) -> list[Key]:
    x = torch.ones(1)
    recorder = Recorder(nn.Identity(), x)
    with recorder:
        for _ in range(n):
            form(x)
    return [node.key for node in recorder.graph.nodes if node.key is not None]


@pytest.mark.parametrize(
    "form",
    [
        lambda x: sum([x, x]),
        lambda x: torch.add(x, x, alpha=0.5),
        lambda x: x.add(x),
        lambda x: x + x,
    ],
)
def test_the_place_stays_when_the_interpreter_has_specialized_the_call(form: Callable[[Tensor], Tensor]) -> None:
    found = keys(form, 40)
    assert {key.file for key in found} == {__file__}
    assert len({(key.line, key.span) for key in found}) == 1
    assert [key.call for key in found] == [key.within for key in found] == list(range(len(found)))


def test_every_add_on_a_line_has_a_place_of_its_own() -> None:
    found = keys(lambda x: x + x + x - (x + x))
    assert len({key.line for key in found}) == 1
    assert len({key.span for key in found}) == len(found) == 4
