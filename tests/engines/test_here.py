"""Trials in this process: the events of any engine, in order, and what ends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lrdoctor.engines.base import Finished, Progress, Started, Task
from lrdoctor.engines.here import HereEngine
from lrdoctor.errors import Interrupted, WorkloadError


class Session:
    def describe(self) -> Mapping[str, Any]:
        return {"device": "cpu", "devices": 0}

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        if isinstance(payload, Exception):
            raise payload
        emit(payload)
        if callable(payload):
            payload()
        emit(stopped())
        return "done"


def open_session(context: Mapping[str, Any], worker: int) -> Session:
    assert (context, worker) == ({"a": 1}, 0)
    return Session()


def engine() -> HereEngine:
    return HereEngine(f"{__name__}:open_session", {"a": 1})


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or __import__(__name__))


def test_every_task_is_begun_told_of_and_ended_in_order() -> None:
    tasks = [Task("a", 1), Task("b", 2)]
    with engine() as here:
        events = list(here.run(tasks))
        assert here.describe() == {"device": "cpu", "devices": 0, "jobs": 1}
    of = {key: [event for event in events if event.task.key == key] for key in "ab"}
    for task in tasks:
        expected = [Started(task, 0), Progress(task, task.payload), Progress(task, False), Finished(task, "done")]
        assert of[task.key] == expected
    assert events == of["a"] + of["b"]


def test_what_a_session_refuses_is_raised_as_it_is_and_anything_else_with_its_traceback() -> None:
    with engine() as here, pytest.raises(WorkloadError, match="no data"):
        list(here.run([Task("a", WorkloadError("no data"))]))
    with engine() as here, pytest.raises(RuntimeError, match=r"(?s)Traceback.*KeyError: 'x'") as caught:
        list(here.run([Task("a", KeyError("x"))]))
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_task_that_is_stopped_is_not_finished(how: str) -> None:
    with engine() as here:
        events = here.run([Task("a", getattr(here, how)), Task("b", 1)])
        assert isinstance(next(events), Started)
        with pytest.raises(Interrupted):
            next(events)
