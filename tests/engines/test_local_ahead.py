"""What workers begin before anything asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from engine_samples import engine, is_alive, results, wait_until

from lrdoctor.engines import local
from lrdoctor.engines.base import Finished, LooksAhead, Progress, Started, Task
from lrdoctor.engines.local import LocalEngine


def guessing(*guessed: Task) -> Callable[[], Task | None]:
    left: Iterator[Task] = iter(guessed)
    return lambda: next(left, None)


def waits(key: str, gate) -> Task:
    return Task(key, ("wait_for_file", gate))


def ahead(running: LocalEngine) -> list[str]:
    """Keys of what runs ahead."""
    return [worker.task.key for worker in running._workers if worker.is_ahead and worker.task is not None]


def run_until_begun(running: LocalEngine, task: Task, gate, key: str) -> None:
    """Runs the task, which waits for the gate, until the other key was begun ahead."""
    for event in running.run([task]):
        if isinstance(event, Progress):
            # in a thread: the engine hands out what is guessed only while it is asked for its events
            threading.Thread(target=open_when, args=(gate, lambda: key in ahead_begun(running))).start()


def ahead_begun(running: LocalEngine) -> list[str]:
    return [w.task.key for w in running._workers if w.is_ahead and w.has_begun and w.task is not None]


def open_when(gate, condition: Callable[[], bool]) -> None:
    wait_until(condition)
    gate.touch()


def test_the_engine_of_this_machine_looks_ahead():
    with engine() as running:
        assert isinstance(running, LooksAhead)


def test_what_is_begun_ahead_is_taken_over_by_who_asks_for_it_and_runs_once(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    with engine(jobs=2) as running:
        running.guess = guessing(waits("b", second))
        run_until_begun(running, waits("a", first), first, "b")
        (worker,) = [worker for worker in running._workers if worker.is_ahead]
        pid, number = worker._process.pid, worker._number
        asked = Task("b", ("wait_for_file", second))
        events = running.run([asked])
        assert next(events) == Started(asked, worker.index)
        second.touch()
        left = list(events)
        assert left[-1] == Finished(asked, pid)
        assert worker._number == number, "it was handed over again"


def test_it_has_no_events_of_its_own(tmp_path):
    gate = tmp_path / "gate"
    with engine(jobs=2) as running:
        running.guess = guessing(Task("b", ("count", 100)), Task("c", ("fail", "own")), Task("d", ("fail", "bug")))
        keys = set()
        for event in running.run([waits("a", gate)]):
            keys.add(event.task.key)
            if isinstance(event, Progress):
                threading.Thread(target=open_when, args=(gate, lambda: len(running._workers) == 1)).start()
        assert keys == {"a"}
        # neither of the errors ended anything, and each is raised where the task is asked for
        assert results(running.run([Task("e", ("count", 3))])) == {"e": 3}


def test_a_task_that_is_asked_for_gets_the_worker_of_one_that_is_not(tmp_path):
    gate, never = tmp_path / "gate", tmp_path / "never"
    stuck = Task("b", ("wait_for_stop",))
    with engine(jobs=2) as running:
        running.guess = guessing(stuck)
        run_until_begun(running, waits("a", gate), gate, "b")
        running.guess = lambda: None
        given = [waits("c", never), Task("d", ("count", 1))]
        done = []
        for event in running.run(given):
            if isinstance(event, Finished):
                done.append(event.task.key)
                never.touch()
        assert sorted(done) == ["c", "d"]
        assert ahead(running) == []


def test_one_that_takes_no_notice_loses_its_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "PATIENCE", 0.1)
    gate = tmp_path / "gate"
    with engine(jobs=2) as running:
        running.guess = guessing(Task("b", ("compute_for_ever",)))
        run_until_begun(running, waits("a", gate), gate, "b")
        running.guess = lambda: None
        (lost,) = [worker._process.pid for worker in running._workers if worker.is_ahead]
        both = tmp_path / "both"
        given = [waits("c", both), waits("d", both)]
        started = 0
        for event in running.run(given):
            started += isinstance(event, Started)
            if started == 2:
                both.touch()
        assert not is_alive(lost)


@pytest.mark.parametrize("ending", ["SIGKILL", 3])
def test_the_death_of_a_worker_in_it_ends_nothing(tmp_path, ending):
    gate, folder = tmp_path / "gate", tmp_path / "deaths"
    folder.mkdir()
    with engine(jobs=2) as running:
        running.guess = guessing(Task("b", ("die", folder, ending)))
        for event in running.run([waits("a", gate)]):
            if isinstance(event, Progress):
                threading.Thread(target=open_when, args=(gate, lambda: len(running._workers) == 1)).start()
        running.guess = lambda: None
        assert results(running.run([Task("b", ("die", folder, ending))])) == {"b": 1}


def test_what_is_forgotten_ends_though_nothing_else_is_asked_for(tmp_path):
    gate = tmp_path / "gate"
    with engine(jobs=2) as running:
        running.guess = guessing(Task("b", ("wait_for_stop",)))
        run_until_begun(running, waits("a", gate), gate, "b")
        running.forget()
        running.guess = lambda: None
        for _ in range(2):  # the first hears that it has ended
            assert results(running.run([Task("c", ("count", 1))])) == {"c": 1}
        wait_until(lambda: list(running.run([Task("c", ("count", 1))])) != [] and ahead(running) == [])


def test_nothing_is_begun_ahead_while_a_task_waits(tmp_path):
    asked: list[str] = []
    running = engine(jobs=1)
    with running:
        running.guess = lambda: asked.append("asked")
        assert results(running.run([Task(str(n), ("count", 2)) for n in range(3)])) == {"0": 2, "1": 2, "2": 2}
    assert asked == []
