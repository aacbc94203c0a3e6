from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrdoctor.engines.base import Failed, Finished, Progress, Started, Task
from lrdoctor.engines.local import LocalEngine
from lrdoctor.errors import EngineError, Interrupted, SpecError, WorkloadError

HERE = Path(__file__).parent
PATIENCE = 120.0
"""Seconds after which something that should happen soon counts as never happening."""


def engine(context=None, jobs=1, entry="fake_session:open_session"):
    return LocalEngine(entry, context or {}, jobs)


def tasks(*payloads):
    return [Task(str(position), payload) for position, payload in enumerate(payloads)]


def results(events):
    return {event.task.key: event.result for event in events if isinstance(event, Finished)}


def is_listed(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_alive(pid):
    """Whether the process runs; orphans that nobody waits for may stay listed for ever, as zombies."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:  # gone, or a system without /proc
        return is_listed(pid)
    return state != "Z"


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


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


def test_a_worker_uses_one_thread_ignores_ctrl_c_and_is_not_this_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with engine() as local:
        (facts,) = results(local.run(tasks(("environment",)))).values()
    assert facts["threads"] == "1"
    assert facts["sigint"]
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
        ("fake_session:open_badly", {"cause": "SIGKILL"}, EngineError, "killed by SIGKILL .* fewer --jobs"),
        ("fake_session:open_badly", {}, RuntimeError, "KeyError: 'cause'"),
        ("fake_session:open_with_error", {}, WorkloadError, "the model has no parameters"),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_session_that_does_not_open_is_an_error(entry, context, error, text, jobs):
    for ask in (lambda local: local.describe(), lambda local: list(local.run(tasks(("count", 1))))):
        with engine(context, jobs, entry) as local, pytest.raises(error, match=text):
            ask(local)


@pytest.mark.parametrize("cause", ["SIGKILL", "SIGSEGV", 3, 0])
def test_a_task_that_costs_one_worker_is_run_again(tmp_path, cause):
    (task,) = tasks(("die", tmp_path, cause))
    with engine() as local:
        events = list(local.run([task]))
    once = [Started(task, 0), Progress(task, 0), Started(task, 0), Progress(task, 1), Finished(task, 1)]
    assert events == once


@pytest.mark.parametrize(
    ("causes", "reason"),
    [
        ((3, 3), "the worker process exited with code 3 twice"),
        (
            ("SIGKILL", "SIGKILL"),
            "the worker process was killed by SIGKILL twice "
            "(the system's out-of-memory killer does that: try fewer --jobs)",
        ),
        (
            ("SIGTERM", 1),
            "the worker process was killed by SIGTERM, and on the second try exited with code 1",
        ),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_costs_two_workers_fails_and_the_others_go_on(tmp_path, causes, reason, jobs):
    bad, *good = tasks(("die", tmp_path, *causes), *[("count", 5)] * 6)
    with engine(jobs=jobs) as local:
        events = list(local.run([bad, *good]))
        assert [event for event in events if isinstance(event, Failed)] == [Failed(bad, reason)]
        assert results(events) == {task.key: 5 for task in good}
        assert results(local.run(tasks(("count", 1)))) == {"0": 1}


def test_progress_sent_before_a_death_arrives_before_the_second_start(tmp_path):
    (task,) = tasks(("die", tmp_path, "SIGKILL", "SIGKILL"))
    with engine() as local:
        kinds = [type(event) for event in local.run([task])]
    assert kinds == [Started, Progress, Started, Progress, Failed]


def test_a_result_that_was_sent_counts_though_the_worker_is_dead():
    with engine() as local:
        events = list(local.run(tasks(("answer_and_die", "all of it"), ("count", 0))))
    assert results(events) == {"0": "all of it", "1": 0}
    assert not any(isinstance(event, Failed) for event in events)


def test_a_worker_killed_from_outside_in_mid_task_is_replaced(tmp_path):
    gate = tmp_path / "gate"
    victims = []
    with engine() as local:
        for event in local.run(tasks(("wait_for_file", gate))):
            if isinstance(event, Progress) and not victims:
                victims.append(event.value)
                os.kill(event.value, signal.SIGKILL)
                gate.touch()
        assert isinstance(event, Finished)
        assert event.result not in victims


@pytest.mark.parametrize("action", ["environment", "leave_a_child"])
def test_a_worker_killed_while_idle_costs_nothing(tmp_path, action):
    gate = tmp_path / "gate"
    try:
        with engine() as local:
            (facts,) = results(local.run(tasks((action, gate)))).values()
            os.kill(facts["pid"], signal.SIGKILL)
            wait_until(lambda: not is_listed(facts["pid"]))
            events = list(local.run(tasks(("count", 0))))
    finally:
        gate.touch()
    assert [type(event) for event in events] == [Started, Finished]


def interrupted(events, on_progress):
    """All events up to the Interrupted that ends them."""
    found = []

    def follow():
        for event in events:
            found.append(event)
            if isinstance(event, Progress):
                on_progress(len(found))

    with pytest.raises(Interrupted):
        follow()
    return found


@pytest.mark.parametrize("jobs", [1, 2])
def test_stop_abandons_the_running_tasks_and_starts_no_other(jobs):
    everybody_runs = 2 * jobs  # events: a start and the pid of each worker
    with engine(jobs=jobs) as local:
        events = local.run(tasks(*[("wait_for_stop",)] * 4))
        found = interrupted(events, lambda n: local.stop() if n == everybody_runs else None)
        with pytest.raises(Interrupted):
            list(local.run(tasks(("count", 1))))
    pids = [event.value for event in found if isinstance(event, Progress)]
    assert len(pids) == jobs
    assert not any(is_alive(pid) for pid in pids)


def test_stop_does_not_wait_for_a_second_try(tmp_path, monkeypatch):
    with engine() as local:
        start = local._start

        def start_and_stop(index, retry=None):
            start(index, retry)
            if retry is not None:
                local.stop()

        monkeypatch.setattr(local, "_start", start_and_stop)
        found = interrupted(local.run(tasks(("die", tmp_path, 3))), lambda _: None)
    assert [type(event) for event in found] == [Started, Progress]


def test_what_is_finished_during_stop_is_delivered():
    with engine() as local:
        found = interrupted(local.run(tasks(("finish_when_stopped",), ("count", 1))), lambda _: local.stop())
    assert [event.value for event in found if isinstance(event, Progress)][1:] == ["last words"]
    assert results(found) == {"0": "finished"}


def test_stop_from_a_signal_handler_ends_the_wait_for_workers():
    def ring_soon(_):  # during the next wait, which nothing else would end
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    with engine() as local:
        before = signal.signal(signal.SIGALRM, lambda *_: local.stop())
        try:
            interrupted(local.run(tasks(("wait_for_stop",))), ring_soon)
        finally:
            signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("ways", [("kill",), ("stop", "kill")])
def test_kill_ends_workers_that_do_not_listen(ways):
    with engine() as local:
        events = local.run(tasks(("compute_for_ever",)))
        found = interrupted(events, lambda _: [getattr(local, way)() for way in ways])
        assert not is_alive(found[1].value)


def test_leaving_the_engine_ends_a_worker_that_does_not_listen(monkeypatch):
    monkeypatch.setattr("lrdoctor.engines.local_process.PATIENCE", 0.1)
    with engine() as local:
        events = local.run(tasks(("compute_for_ever",)))
        next(events)
        pid = next(events).value
    assert not is_alive(pid)
    events.close()


def test_stop_and_kill_after_the_end_do_nothing():
    with engine() as local:
        pass
    local.stop()
    local.kill()


SCRIPT = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from lrdoctor.engines.base import Finished, Progress, Task
from lrdoctor.engines.local import LocalEngine
with LocalEngine("fake_session:open_session", {{}}, 2) as engine:
    for event in engine.run([Task(str(i), payload) for i, payload in enumerate(PAYLOADS)]):
        if isinstance(event, (Progress, Finished)):
            print(event.value if isinstance(event, Progress) else event.result, flush=True)
assert "torch" not in sys.modules and "fake_session" not in sys.modules
"""


@pytest.mark.parametrize("action", ["wait_for_stop", "compute_for_ever"])
def test_workers_do_not_outlive_a_parent_that_is_killed(action):
    script = f"PAYLOADS = [({action!r},), ({action!r},)]" + SCRIPT
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(is_alive(pid) for pid in pids)
        parent.kill()
        wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_idle_workers_do_not_outlive_a_parent_that_is_killed():
    script = SCRIPT.replace("assert", "    sys.stdin.read()\nassert")
    script = "PAYLOADS = [('environment',)]" + script
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        pid = ast.literal_eval(parent.stdout.readline())["pid"]
        assert is_alive(pid)
        parent.kill()
        wait_until(lambda: not is_alive(pid))


def test_ctrl_c_while_the_workers_are_still_being_prepared_is_left_to_the_parent(tmp_path):
    preloaded = "import pathlib, time\npathlib.Path('loading').touch()\n"
    preloaded += "while not pathlib.Path('go').exists(): time.sleep(0.001)"
    (tmp_path / "slow_to_load.py").write_text(preloaded)
    script = "import signal; signal.signal(signal.SIGINT, lambda *_: print('heard', flush=True))\n"
    script += "PAYLOADS = [('count', 0)]" + SCRIPT.replace(", 2)", ", 2, preload=['slow_to_load'])")
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        wait_until((tmp_path / "loading").exists)
        os.killpg(parent.pid, signal.SIGINT)
        (tmp_path / "go").touch()
        assert parent.communicate(timeout=PATIENCE) == ("heard\n0\n", "")


@pytest.mark.parametrize("how", ["text", "standard input", "unguarded script", "module"])
def test_it_runs_however_the_program_was_started(tmp_path, how):
    script = "PAYLOADS = [('count', 0), ('print', 'said by a worker')]" + SCRIPT
    (tmp_path / "program.py").write_text(script)
    arguments, text = {
        "text": (["-c", script], None),
        "standard input": (["-"], script),
        "unguarded script": (["program.py"], None),
        "module": (["-m", "program"], None),
    }[how]
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        input=text,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == ["0", "None"]
    assert done.stderr == "said by a worker\n"
