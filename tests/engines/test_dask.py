"""The Dask engine on real workers: a LocalCluster of two, joined by its address as any cluster is."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from typing import Any

import dask
import pytest
from distributed import LocalCluster, Nanny, Scheduler, SpecCluster
from engine_samples import results, tasks, wait_until

from lrdoctor.engines import dask_cluster, dask_engine, dask_tasks, dask_worker
from lrdoctor.engines.base import Failed, Finished, Progress, Started, Task
from lrdoctor.engines.dask_engine import DaskEngine
from lrdoctor.errors import EngineError, Interrupted, SpecError, WorkloadError

ENTRY = "fake_session:open_session"
GPUS = "fake_session:open_gpus"


pytestmark = pytest.mark.usefixtures("bounded")


@pytest.fixture(scope="module")
def cluster():
    # as in clusters of the engine's own
    dask.config.set({"distributed.deploy.lost-worker-timeout": dask_cluster.NEVER})
    with LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


@pytest.fixture
def address(cluster):
    return cluster.scheduler_address


def joined(address, context=None, jobs=None, **options):
    return DaskEngine(ENTRY, context or {}, jobs, address=address, **options)


def shared(key, *payload):
    return Task(key, payload, shared=True)


def test_every_task_gives_its_own_result_with_its_events_in_order(address):
    with joined(address) as engine:
        given = tasks(*(("count", n) for n in range(9)))
        events = list(engine.run(given))
    assert results(events) == {str(n): n for n in range(9)}
    assert [e for e in events if e.task is given[5]] == [
        Started(given[5], next(e.worker for e in events if isinstance(e, Started) and e.task is given[5])),
        *(Progress(given[5], i) for i in range(5)),
        Finished(given[5], 5),
    ]


def test_what_it_says_of_itself(address):
    said: list[str] = []
    with joined(address, {"devices": 0}) as engine:
        engine.tell = said.append
        assert engine.describe() == {"devices": 0, "index": 0, "jobs": 2}
    assert [address in text and "dashboard at http" in text for text in said] == [True]


def test_no_tasks_join_no_cluster():
    with joined("tcp://127.0.0.1:1") as engine:
        assert list(engine.run([])) == []


def test_a_task_runs_in_a_process_of_its_own_with_one_thread(address):
    with joined(address) as engine:
        (facts,) = results(engine.run(tasks(("environment",)))).values()
        pids = engine._connected().run(os.getpid).values()
    assert facts["threads"] == "1"
    assert facts["kept"] == str(256 * 1024 * 1024)
    assert facts["pid"] not in pids


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("spec", SpecError, "^lr: expected a number\ntry 0.1$"),
        ("own", WorkloadError, "^no data$"),
        ("bug", RuntimeError, "a bug here"),
    ],
)
def test_an_error_comes_over_with_class_and_text(address, kind, error, text):
    with joined(address) as engine, pytest.raises(error, match=text):
        list(engine.run(tasks(("fail", kind))))


def test_a_task_that_costs_one_process_is_tried_again_and_one_that_costs_two_is_not(address, tmp_path):
    folders = [tmp_path / name for name in ("once", "twice")]
    for folder in folders:
        folder.mkdir()
    given = [Task("once", ("die", folders[0], 3)), Task("twice", ("die", folders[1], 3, "SIGKILL"))]
    with joined(address) as engine:
        ends: dict[str, Any] = {e.task.key: e for e in engine.run(given) if isinstance(e, Finished | Failed)}
    assert ends["once"] == Finished(given[0], 1)
    assert "exited with code 3, and on the second try was killed by SIGKILL" in ends["twice"].reason


def test_a_killed_worker_costs_only_what_it_ran_and_a_restarted_one_nothing_more(address, tmp_path):
    """The results that were there stay, though Dask keeps results on the workers that made them."""
    gate = tmp_path / "gate"
    done: dict[str, Any] = {}
    begun: list[str] = []
    deaths: list[str] = []
    said: list[str] = []
    with joined(address) as engine:
        engine.tell = said.append
        killed = False
        given = [shared(f"n{n}", "count", n) for n in range(6)]
        given += [shared(f"w{n}", "wait_for_file", gate) for n in range(2)]
        for event in engine.run(given):
            if isinstance(event, Started):
                begun.append(event.task.key)
                deaths += event.deaths
            if isinstance(event, Finished):
                assert event.task.key not in done
                done[event.task.key] = event.result
            if not killed and {"w0", "w1"} <= set(begun):
                killed = True
                os.kill(next(iter(engine._connected().run(os.getpid).values())), signal.SIGKILL)
                wait_until(lambda: any(what[0] == "gone" for what in _peeked(engine)))
                gate.touch()
    assert len(done) == 8
    assert [begun.count(f"n{n}") for n in range(6)] == [1] * 6
    assert sorted(begun.count(f"w{n}") for n in range(2)) == [1, 2]
    assert any("died or lost its connection; its trial runs anew" in text for text in said)
    assert [death.rpartition(" at ")[0] for death in deaths] == ["the worker"]
    assert deaths[0].endswith(" died or lost its connection")


def _peeked(engine):
    """What waits in the engine's queue, left there."""
    found = []
    while not engine._news.empty():
        found.append(engine._news.get())
    for item in found:
        engine._news.put(item)
    return found


def end_the_busy_one(engine):
    """Ends the worker that has a task, as at the end of its time in a queue; its nanny starts another one here."""
    client = engine._connected()
    (busy,) = [worker for worker, keys in client.processing().items() if keys]
    client.restart_workers([busy])
    return busy


def test_a_worker_that_is_closed_gives_its_task_to_another_one(address, tmp_path):
    gate = tmp_path / "gate"
    strikes, begun = [], []
    with joined(address) as engine:
        for event in engine.run([shared("w", "wait_for_file", gate)]):
            begun += [event.deaths] if isinstance(event, Started) else []
            if isinstance(event, Progress) and len(begun) == 1:
                busy = end_the_busy_one(engine)
            elif isinstance(event, Progress):
                strikes = engine._open["w"].deaths
                gate.touch()
    assert (begun, strikes) == ([(), (f"the worker at {busy} left (preempted, closed, or restarted)",)], [])


def test_a_task_that_dask_has_given_up_for_workers_that_left_is_asked_for_again(
    cluster, address, tmp_path, monkeypatch
):
    """Dask counts workers that were preempted as ones that died."""
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    gate = tmp_path / "gate"
    begun = []
    with joined(address) as engine:
        for event in engine.run([shared("w", "wait_for_file", gate)]):
            begun += [event.deaths] if isinstance(event, Started) else []
            if isinstance(event, Progress) and len(begun) == 1:
                end_the_busy_one(engine)
            elif isinstance(event, Progress):
                gate.touch()
    assert [len(deaths) for deaths in begun] == [0, 1]


def test_a_task_that_two_workers_died_of_is_given_up_with_both_reasons(address, tmp_path):
    ends = []
    with joined(address) as engine:
        for event in engine.run([shared("w", "wait_for_file", tmp_path / "never")]):
            if isinstance(event, Progress):
                client = engine._connected()
                (busy,) = [worker for worker, keys in client.processing().items() if keys]
                os.kill(client.run(os.getpid, workers=[busy])[busy], signal.SIGKILL)
            ends += [event] if isinstance(event, Failed) else []
    (failed,) = ends
    assert failed.reason.startswith("2 workers died of it: the one at ")
    assert failed.reason.count("died or lost its connection") == 2


def killed(client, busy):
    os.kill(client.run(os.getpid, workers=[busy])[busy], signal.SIGKILL)


def preempted(client, busy):
    """Asked until it is done: Dask leaves a worker alone as long as a result that was just sent lies there only."""
    while not client.retire_workers([busy], close_workers=True):
        time.sleep(0.05)  # the test is bounded


@pytest.mark.parametrize(
    ("end", "reason"),
    [(killed, "died or lost its connection"), (preempted, "left (preempted, closed, or restarted)")],
)
def test_a_worker_that_a_cluster_class_lost_is_replaced_and_its_task_runs_there(end, reason, tmp_path, monkeypatch):
    """There is one worker, and none that comes back by itself, so that nothing else can finish the task."""
    monkeypatch.setattr(dask_tasks, "REPLACED", 0.5)
    gate = tmp_path / "gate"
    given = [shared("before", "count", 1), shared("w", "wait_for_file", gate)]
    begun: list[Started] = []
    done: list[str] = []
    processes: list[int] = []
    block = {"class_path": "one_life_cluster:Queue"}
    # how long Dask itself waits for a lost worker before it lets another one take its place
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "500ms"}),
        DaskEngine(ENTRY, {}, 1, cluster=block) as engine,
    ):
        for event in engine.run(given):
            begun += [event] if isinstance(event, Started) else []
            done += [event.task.key] if isinstance(event, Finished) else []
            if isinstance(event, Progress) and event.task.key == "w":
                processes.append(event.value)
                if len(begun) == 2:
                    client = engine._connected()
                    (busy,) = [worker for worker, keys in client.processing().items() if keys]
                    end(client, busy)
                else:
                    gate.touch()
    assert (done, [event.task.key for event in begun]) == (["before", "w"], ["before", "w", "w"])
    assert begun[2].deaths == (f"the worker at {busy} {reason}",)
    assert len(set(processes)) == 2


def test_deaths_of_the_process_in_a_worker_are_told_with_its_second_start(address, tmp_path, monkeypatch):
    said: list[str] = []
    with joined(address) as engine:
        engine.tell = said.append
        events = engine.run([shared("t", "die", tmp_path, 3)])
        begun = [event.deaths for event in events if isinstance(event, Started)]
    assert begun == [(), ("the worker process exited with code 3",)]
    assert any(text.startswith("the worker process exited with code 3 at ") for text in said)


def test_a_stopped_run_abandons_what_runs_elsewhere(address):
    ends, pids = [], []

    def run(engine):
        for event in engine.run([shared(f"t{n}", "finish_when_stopped") for n in range(5)]):
            if isinstance(event, Progress) and isinstance(event.value, int):
                pids.append(event.value)
                if len(pids) == 2:
                    engine.stop()
            ends.extend([event.task.key] if isinstance(event, Finished) else [])

    with joined(address) as engine, pytest.raises(Interrupted):
        run(engine)
    assert len(ends) == len(set(pids)) == 2
    with joined(address) as engine:
        assert set(engine._connected().processing().values()) == {()}


def test_a_run_that_its_caller_breaks_off_leaves_nothing_behind(address, tmp_path):
    with joined(address) as engine:
        for event in engine.run([shared("t", "wait_for_stop")]):
            if isinstance(event, Progress):
                break
    with joined(address) as engine:
        wait_until(lambda: set(engine._connected().processing().values()) == {()})
        assert results(engine.run(tasks(("count", 2)))) == {"0": 2}


def test_a_second_process_takes_over_what_runs(cluster, address, tmp_path):
    """The first one only goes, as one that was killed: it takes nothing back."""
    gate = tmp_path / "gate"
    given = [shared(f"w{n}", "wait_for_file", gate) for n in range(3)]
    first = joined(address, study="s1")
    pids = {}
    for event in first.run(given):
        if isinstance(event, Progress):
            pids[event.task.key] = event.value
        if len(pids) == 2:
            first._client.close()
            break_off = first._open
            first._open = {}
            break
    assert len(break_off) == 3
    with joined(address, study="s1") as second:
        assert set(pids) <= set(second.attach(given))  # the third may wait at a worker
        assert second.attach([shared("other", "count", 1)]) == {}
        second._facts = {}  # both workers are busy, and nobody answers a question before they are done

        def open_when_asked_for_again():
            states = [state for key, state in cluster.scheduler.tasks.items() if key.startswith("lrdoctor-s1-")]
            wait_until(lambda: all(len(state.who_wants) == 2 for state in states))
            gate.touch()

        waiting = threading.Thread(target=open_when_asked_for_again)
        waiting.start()
        found = results(second.run(given))
        waiting.join()
    assert set(found) == {"w0", "w1", "w2"}
    assert {key: found[key] for key in pids} == pids


def test_a_folder_that_workers_do_not_see_is_sent(address, tmp_path):
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "data.txt").write_text("7")
    (folder / "code.py").write_text("A = 1")
    context = {"folder": str(folder), "words": [f"{folder}/code.py", "other"]}
    with joined(address, context, folder=str(folder)) as engine:
        engine._connected()
        shutil.rmtree(folder)
        facts = engine.describe()
    assert facts["folder"] != str(folder)
    assert facts["words"] == [f"{facts['folder']}/code.py", "other"]


COMMAND: dict[str, Any] = {"command": ["train"], "slots": {"gpus": 1, "per_gpu": 1}, "validation": None}


def test_each_worker_that_is_joined_has_the_gpus_of_its_own_environment(tmp_path):
    visible = ["0", "3"]
    workers = {
        n: {"cls": Nanny, "options": {"nthreads": 1, "env": {"CUDA_VISIBLE_DEVICES": text}}}
        for n, text in enumerate(visible)
    }
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard": False}}
    with (
        SpecCluster(workers, scheduler, silence_logs=60) as cluster,
        DaskEngine(GPUS, COMMAND, address=cluster.scheduler_address) as engine,
    ):
        found = results(engine.run(tasks(*[(tmp_path, 2)] * 2)))
    assert sorted(found.values()) == visible


def test_workers_of_this_machine_share_its_gpus_by_number(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    with DaskEngine(GPUS, COMMAND) as engine:
        found = results(engine.run(tasks(*[(tmp_path, 2)] * 2)))
        assert engine.describe()["jobs"] == 2
    assert sorted(found.values()) == ["5", "7"]


GPU = {"devices": 1, "host": "node1"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([{**GPU, "visible": "0"}, {**GPU, "visible": "1"}], 0),
        ([{**GPU, "visible": "0"}, {**GPU, "visible": "0", "host": "node2"}], 0),
        ([{"devices": 0, "host": "node1", "visible": None}] * 2, 0),
        ([{**GPU, "visible": None, "alone": True}] * 2, 0),
        ([{**GPU, "visible": "0"}] * 3, 1),
        ([{**GPU, "visible": None}] * 2, 1),
    ],
)
def test_workers_that_would_take_the_same_gpu_are_named_once(told, said):
    seen: dict[tuple[str, str], set[str]] = {}
    texts = [dask_cluster.sharing(seen, f"w{n}", facts) for _ in range(2) for n, facts in enumerate(told)]
    assert sum("take the same GPU" in text for text in texts) == said
    assert all("w0 and w1 on node1" in text for text in texts if text)


def test_workers_with_more_threads_are_refused():
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": "127.0.0.1:0"}
    block = {"class_path": "distributed.LocalCluster", "init_args": options}
    with DaskEngine(ENTRY, {}, cluster=block) as engine, pytest.raises(EngineError, match="2 threads, expected 1"):
        engine.describe()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"jobs": 0}, "must be 1 or more, got --jobs 0"),
        ({"cluster": {"class_path": "some.Cluster"}}, "without a number of workers, expected jobs: N"),
    ],
)
def test_settings_that_are_refused(options, told):
    with pytest.raises(EngineError, match=told):
        DaskEngine(ENTRY, {}, **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"address": "tcp://127.0.0.1:1"}, "no Dask scheduler at tcp://127.0.0.1:1 answers"),
        ({"cluster": {"class_path": "no_such.Cluster"}, "jobs": 1}, "no_such"),
        ({"cluster": {"class_path": "json.dumps"}, "jobs": 1}, "json.dumps cannot be started: TypeError"),
    ],
)
def test_clusters_that_are_not_there(options, told, monkeypatch):
    monkeypatch.setattr(dask_engine, "SECONDS_TO_JOIN", 1)
    with DaskEngine(ENTRY, {}, **options) as engine, pytest.raises(EngineError, match=told):
        engine.describe()


def test_an_idle_worker_gives_back_its_process(address, monkeypatch):
    guest = dask_worker.Guest("t", ENTRY, {}, (), "lrdoctor.engines.local:LocalEngine", False, None, "", None, "topic")
    guest._index = 0
    monkeypatch.setattr(dask_worker, "IDLE", 0.01)
    assert results(guest.engine("1").run(tasks(("count", 1)))) == {"0": 1}
    guest.rest()
    wait_until(lambda: guest._engine is None)
    assert results(guest.engine("2").run(tasks(("count", 2)))) == {"0": 2}
    guest.drop()


def test_a_scheduler_that_goes_away_is_an_error(monkeypatch):
    monkeypatch.setattr(dask_engine, "SECONDS_TO_JOIN", 1)
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0")

    def run(engine):
        for event in engine.run([shared("t", "wait_for_stop")]):
            if isinstance(event, Progress):
                cluster.close()

    with joined(cluster.scheduler_address) as engine, pytest.raises(EngineError, match="does not answer any more"):
        run(engine)


def test_a_worker_abandons_the_tasks_that_are_named_and_no_later_one():
    guest = dask_worker.Guest("t", ENTRY, {}, (), "lrdoctor.engines.local:LocalEngine", False, None, "", None, "topic")
    guest._index = 0
    guest.stop(["earlier"])
    assert results(guest.engine("a").run(tasks(("count", 1)))) == {"0": 1}
    guest.stop(["b"])
    assert results(guest.engine("a").run(tasks(("count", 1)))) == {"0": 1}
    guest.stop(["a"])
    guest.rest()
    guest.stop(None)
    assert results(guest.engine("b").run(tasks(("count", 2)))) == {"0": 2}
    guest.drop()
