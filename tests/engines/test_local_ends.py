from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys

import pytest
from engine_samples import HERE, PATIENCE, engine, is_alive, is_listed, results, tasks, wait_until

from lrdoctor.engines import death, local_process
from lrdoctor.engines.base import Failed, Finished, Progress, Started
from lrdoctor.engines.local import LocalEngine
from lrdoctor.errors import EngineError, Interrupted


def test_temporary_files_that_hold_no_socket_are_explained(monkeypatch):
    def refuse(preload):
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(local_process, "starter", refuse)
    with engine() as local, pytest.raises(EngineError, match="cannot be started: AF_UNIX path too long; try a TMPDIR"):
        local.describe()


@pytest.mark.parametrize("cause", ["SIGKILL", "SIGSEGV", 3, 0])
def test_a_task_that_costs_one_worker_is_run_again(tmp_path, monkeypatch, cause):
    monkeypatch.setattr(death, "COUNTERS", tmp_path.parent / "none")
    (task,) = tasks(("die", tmp_path, cause))
    said = []
    with engine() as local:
        local.tell = said.append
        events = list(local.run([task]))
    words = f"the worker process {'was killed by ' + cause if isinstance(cause, str) else f'exited with code {cause}'}"
    assert [event.deaths for event in events if isinstance(event, Started)] == [(), (words,)]
    assert said == [f"{words}; its trial is tried once more"]
    once = [Started(task, 0), Progress(task, 0), Started(task, 0), Progress(task, 1), Finished(task, 1)]
    assert events == once


@pytest.mark.parametrize(
    ("causes", "reason"),
    [
        ((3, 3), "the worker process exited with code 3 twice"),
        (
            ("SIGKILL", "SIGKILL"),
            "the worker process was killed by SIGKILL twice "
            "(and not for want of memory: somebody, or a limit of this machine, did it)",
        ),
        (
            ("SIGTERM", 1),
            "the worker process was killed by SIGTERM, and on the second try exited with code 1",
        ),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_costs_two_workers_fails_and_the_others_go_on(tmp_path, monkeypatch, causes, reason, jobs):
    (tmp_path / "vmstat").write_text("oom_kill 7\n")
    monkeypatch.setattr(death, "COUNTERS", tmp_path / "vmstat")
    tmp_path = tmp_path / "own"
    tmp_path.mkdir()
    bad, *good = tasks(("die", tmp_path, *causes), *[("count", 5)] * 6)
    with engine(jobs=jobs) as local:
        events = list(local.run([bad, *good]))
        assert [event for event in events if isinstance(event, Failed)] == [Failed(bad, reason)]
        assert results(events) == {task.key: 5 for task in good}
        assert results(local.run(tasks(("count", 1)))) == {"0": 1}


def test_a_worker_that_can_tell_no_error_ends_without_a_traceback(capfd):
    bad, good = tasks(("leave_no_words",), ("count", 1))
    with engine() as local:
        events = list(local.run([bad, good]))
    assert [event for event in events if isinstance(event, Failed)] == [
        Failed(bad, "the worker process exited with code 1 twice")
    ]
    assert results(events) == {good.key: 1}
    assert "Traceback" not in capfd.readouterr().err


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


def test_stop_ends_workers_that_take_no_notice(monkeypatch):
    """As in a loop of the user's own that makes data and never comes back; the second task listens and is not begun."""
    monkeypatch.setattr("lrdoctor.engines.local.PATIENCE", 0.1)
    with engine() as local:
        found = interrupted(local.run(tasks(("compute_for_ever",), ("count", 1))), lambda _: local.stop())
        assert not is_alive(found[1].value)
    assert [type(event) for event in found] == [Started, Progress]


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


def test_a_task_that_takes_too_long_is_given_up_and_the_others_are_not():
    slow, fast = tasks(("compute_for_ever",), ("count", 2))
    with LocalEngine("fake_session:open_session", {}, jobs=1, task_seconds=1.0) as local:
        events = list(local.run([slow, fast]))
    reason = "it took longer than the 1 s of --trial-timeout"
    assert [event for event in events if isinstance(event, Failed)] == [Failed(slow, reason)]
    assert results(events) == {fast.key: 2}


@pytest.mark.parametrize("how", ["engine ends", "worker is killed"])
def test_what_a_task_has_started_ends_with_its_worker(tmp_path, how):
    gate = tmp_path / "never"
    with engine() as local:
        (result,) = results(local.run(tasks(("leave_a_child_with", gate)))).values()
        assert is_alive(result["child"])
        if how == "worker is killed":
            os.kill(result["pid"], signal.SIGKILL)
            assert results(local.run(tasks(("count", 1)))) == {"0": 1}
            wait_until(lambda: not is_alive(result["child"]))
    wait_until(lambda: not is_alive(result["child"]))


def test_few_open_files_are_explained():
    begin = (
        "import resource\n"
        "from lrdoctor.engines.local import LocalEngine\n"
        "from lrdoctor.errors import EngineError\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))\n"
        "try:\n"
        "    LocalEngine('fake_session:open_session', {}, jobs=1).describe()\n"
        "except EngineError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", begin], cwd=HERE, capture_output=True, text=True, timeout=60)
    assert "20 open files are allowed, expected 64 or more; try ulimit -n 1024" in done.stdout
    assert done.stderr == ""


def test_nothing_is_left_among_the_temporary_files_by_a_parent_that_is_killed(tmp_path):
    begin = (
        "import os, sys\n"
        "from lrdoctor.engines.base import Progress, Task\n"
        "from lrdoctor.engines.local import LocalEngine\n"
        "local = LocalEngine('fake_session:open_session', {}, jobs=1)\n"
        "for event in local.run([Task('0', ('compute_for_ever',))]):\n"
        "    if isinstance(event, Progress):\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    surroundings = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", begin], cwd=HERE, env=surroundings, capture_output=True, timeout=60)
    wait_until(lambda: not list(tmp_path.glob("pymp-*")))


def test_nor_by_one_that_is_killed_before_it_has_a_worker(tmp_path):
    begin = "import os; from lrdoctor.engines import local_start; local_start.starter(()); os.kill(os.getpid(), 9)"
    surroundings = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", begin], env=surroundings, stdout=subprocess.PIPE, timeout=60)
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: not list(tmp_path.glob("pymp-*")))


LIFELINE = """
import contextlib, multiprocessing, os, sys, time
from lrdoctor.engines.local_worker import Lifeline

ours, of_parent = multiprocessing.Pipe(duplex=False)
Lifeline(ours, sys.argv[1])
with contextlib.suppress(BrokenPipeError):  # nobody was reading yet
    {cut}
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX")
@pytest.mark.parametrize(
    ("cut", "is_there"),
    [
        ("of_parent.close()", False),  # as when the parent is killed
        ("os.close(ours.fileno()); of_parent.send_bytes(bytes(8))", True),  # by the user's code: the parent lives
    ],
)
def test_the_folder_of_sockets_goes_with_the_parent_alone(tmp_path, cut, is_there):
    folder = tmp_path / "sockets"
    folder.mkdir()
    words = [sys.executable, "-c", LIFELINE.format(cut=cut), str(folder)]
    done = subprocess.run(words, start_new_session=True, capture_output=True, text=True, timeout=50)
    assert (done.returncode in (1, -signal.SIGKILL), done.stderr) == (True, "")
    assert folder.exists() == is_there
