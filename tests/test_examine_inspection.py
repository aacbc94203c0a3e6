"""A look at the model through an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from lrdoctor import examine
from lrdoctor.core.architecture import Inspection
from lrdoctor.engines.base import Event, Failed, Finished, Started, Task
from lrdoctor.errors import EngineError

SEEN = Inspection(model=None, failure="made up")


class OneTask:
    """An engine that ends its one task as it is told."""

    def __init__(self, dies: bool) -> None:
        self.dies = dies
        self.payloads: list[Any] = []

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        for task in tasks:
            self.payloads.append(task.payload)
            yield Started(task, 0)
            yield Failed(task, "killed by SIGKILL twice") if self.dies else Finished(task, SEEN)


def test_what_the_worker_saw_comes_back() -> None:
    engine = OneTask(dies=False)
    assert examine.inspect(engine, 3, sharpness=True) == SEEN  # type: ignore[arg-type]
    assert engine.payloads == [{"kind": "inspect", "seed": 3, "rewrite": None, "sharpness": True}]


def test_a_worker_that_dies_is_an_error() -> None:
    with pytest.raises(EngineError, match="the look at the model ended: killed by SIGKILL twice"):
        examine.inspect(OneTask(dies=True), 0, sharpness=False)  # type: ignore[arg-type]
