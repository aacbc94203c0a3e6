from __future__ import annotations

import os
from multiprocessing import forkserver

import pytest
from engine_samples import engine, is_alive, results, tasks

from lrdoctor.engines.base import Finished, Progress, Started, Task
from lrdoctor.errors import EngineError, SpecError, WorkloadError


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_task_gives_its_own_result(jobs):
    with engine(jobs=jobs) as local:
        given = tasks(*(("count", n) for n in range(20)))
        assert results(local.run(given)) == {str(n): n for n in range(20)}


def test_events_of_a_task_come_in_order():
    (task,) = tasks(("count", 300))
    with engine() as local:
        events = list(local.run([task]))
    assert events == [Started(task, 0), *(Progress(task, i) for i in range(300)), Finished(task, 300)]


def test_no_tasks_start_no_worker():
    with engine(entry="no_such_module:open_session") as local:
        assert list(local.run([])) == []


def test_workers_are_kept_between_runs_and_gone_after_the_end():
    with engine() as local:
        seen = [results(local.run(tasks(("environment",), ("environment",)))) for _ in range(3)]
        pids = {facts["pid"] for found in seen for facts in found.values()}
        assert len(pids) == 1
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)


def test_a_worker_uses_one_thread_keeps_its_memory_ignores_ctrl_c_and_is_not_this_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)  # Dask sets it where it has started workers
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # the next one starts with this environment
    with engine() as local:
        (facts,) = results(local.run(tasks(("environment",)))).values()
    assert facts["threads"] == "1"
    assert int(facts["kept"]) == 256 * 1024 * 1024
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ
    assert facts["sigint"]
    assert facts["frozen"] > 10_000  # what was imported before the fork is looked through by no worker
    assert facts["pid"] != os.getpid()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("facts", "jobs", "expected"),
    [
        ({"devices": 3}, None, 3),
        ({"devices": 0}, None, "cores"),
        ({}, None, "cores"),
        ({"devices": 3}, 5, 5),
    ],
)
def test_number_of_workers(facts, jobs, expected):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with engine(facts, jobs) as local:
        assert local.describe() == {**facts, "index": 0, "jobs": cores if expected == "cores" else expected}


def test_workers_have_their_own_indices_and_are_no_more_than_the_tasks(tmp_path):
    gate = tmp_path / "gate"
    given = tasks(*[("wait_for_file", gate)] * 3)
    with engine({"devices": 9}, None) as local:
        workers = {}
        for event in local.run(given):
            if isinstance(event, Started):
                workers[event.task.key] = event.worker
            if len(workers) == len(given):  # all three run at a time, so each has a worker to itself
                gate.touch()
        assert sorted(workers.values()) == [0, 1, 2]


@pytest.mark.parametrize("jobs", [0, -1])
def test_fewer_than_one_job_is_refused(jobs):
    with pytest.raises(EngineError, match=f"must be 1 or more, got --jobs {jobs}"):
        engine(jobs=jobs)


def test_a_worker_gets_the_tasks_of_its_affinity_first():
    given = [Task(f"{affinity}{i}", ("count", 0), affinity) for i in range(3) for affinity in "abc"]
    with engine() as local:
        order = [event.task.key for event in local.run(given) if isinstance(event, Started)]
    assert order == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]


def test_no_worker_stays_idle_for_the_sake_of_affinity(tmp_path):
    gate = tmp_path / "gate"
    given = [Task(str(i), ("wait_for_file", gate), "same") for i in range(2)]
    with engine(jobs=2) as local:
        started = 0
        for event in local.run(given):
            started += isinstance(event, Started)
            if started == 2:
                gate.touch()
    assert started == 2


@pytest.mark.parametrize(
    ("payload", "error", "text"),
    [
        (("fail", "spec"), SpecError, "lr: expected a number\ntry 0.1"),
        (("fail", "own"), WorkloadError, "no data"),
    ],
)
def test_an_error_of_ours_comes_over_with_class_and_text(payload, error, text):
    with engine() as local, pytest.raises(error) as caught:
        list(local.run(tasks(payload)))
    assert (type(caught.value), str(caught.value)) == (error, text)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (("fail", "bug"), "ZeroDivisionError: a bug here"),
        (("unpicklable",), "pickle"),
        (("no_such_action",), "AttributeError"),
    ],
)
def test_any_other_error_is_a_bug_with_the_traceback_of_the_worker(payload, text):
    with engine() as local, pytest.raises(RuntimeError, match=text) as caught:
        list(local.run(tasks(payload)))
    assert "in worker process 0:\nTraceback" in str(caught.value)


def test_an_error_ends_the_other_tasks_and_the_engine_goes_on():
    with engine(jobs=2) as local:
        other = local.run(tasks(("wait_for_stop",), ("fail", "spec")))
        with pytest.raises(SpecError):
            list(other)
        assert results(local.run(tasks(("count", 1), ("count", 2)))) == {"0": 1, "1": 2}


def test_closing_the_run_early_abandons_its_tasks():
    with engine() as local:
        events = local.run(tasks(("wait_for_stop",)))
        (pid,) = [event.value for event in (next(events), next(events)) if isinstance(event, Progress)]
        events.close()
        assert not is_alive(pid)


@pytest.mark.parametrize(
    ("entry", "context", "error", "text"),
    [
        ("no_such_module:open_session", {}, EngineError, "'no_such_module:open_session' cannot be imported"),
        ("fake_session:no_such_name", {}, EngineError, "AttributeError"),
        ("fake_session", {}, EngineError, "written \"module:name\", got 'fake_session'"),
        ("fake_session:open_badly", {"cause": 3}, EngineError, "exited with code 3 before it was ready"),
        (
            "fake_session:open_badly",
            {"cause": "SIGKILL"},
            EngineError,
            "killed by SIGKILL before it was ready for a task",
        ),
        ("fake_session:open_badly", {}, RuntimeError, "KeyError: 'cause'"),
        ("fake_session:open_with_error", {}, WorkloadError, "the model has no parameters"),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_session_that_does_not_open_is_an_error(entry, context, error, text, jobs):
    for ask in (lambda local: local.describe(), lambda local: list(local.run(tasks(("count", 1))))):
        with engine(context, jobs, entry) as local, pytest.raises(error, match=text):
            ask(local)
