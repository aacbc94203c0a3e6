"""What a worker keeps of a trial, whoever dies meanwhile, and what becomes of it."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import pytest
from folder_samples import IDENTITY, ROWS, TRIAL, finish, opened, run_trial

from lrdoctor.errors import StoreError
from lrdoctor.examine.laboratory import unlike_others
from lrdoctor.store import attempts

ENDED = {"status": "completed", "reason": None, "facts": {"update_rule": "SGD"}, "evaluations": {2: 0.5}}
WORKER = {"device_name": "cpu", "host": "node1", "torch": "2.6", "devices": 0}


def trainer(rows=ROWS, ended=ENDED, beside=None, error=None):
    """Trains row by row, keeps a file, and may die of an error."""

    def train(payload, write):
        for row in rows:
            write([row])
        if beside is not None:
            os.makedirs(payload["folder"])
            for name, data in beside.items():
                with open(os.path.join(payload["folder"], name), "wb") as file:
                    file.write(data)
        if error is not None:
            raise error
        return ended

    return train


def never(payload, write):
    raise AssertionError("a finished trial was trained again")


def place(folder, key="k1"):
    return {"kind": "trial", "folder": str(folder.scratch_folder(key)), "mark": folder.mark}


def train(folder, with_trainer=None, key="k1", emit=lambda sign: None):
    return attempts.train(place(folder, key), emit, with_trainer or trainer(), WORKER)


def test_a_finished_attempt_becomes_a_trial_with_the_rows_the_loss_and_the_worker(tmp_path):
    with opened(tmp_path / "direct") as folder:
        run_trial(folder)
        rows = (tmp_path / "direct/trials/k1/steps.csv").read_bytes()
    with opened(tmp_path / "out") as folder:
        train(folder, trainer(ended={**ENDED, "evaluations": {}}, beside={"stdout.txt": b"said"}))
        run = folder.adopt("k1", TRIAL)
        assert folder.finished() == {"k1": run}
    assert (tmp_path / "out/trials/k1/steps.csv").read_bytes() == rows
    assert (tmp_path / "out/trials/k1/stdout.txt").read_bytes() == b"said"
    record = json.loads((tmp_path / "out/trials/k1/trial.json").read_text())
    assert (record["status"], record["n_rows"], record["attempts"]) == ("completed", 3, 1)
    assert record["worker"] == {"device": "cpu", "host": "node1", "torch": "2.6", "update_rule": "SGD"}
    assert not (tmp_path / "out/running/k1").exists()


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it and nothing cleans up after it."""


CALLS = [(os, "replace"), (os, "fsync"), (shutil, "copyfile"), (shutil, "rmtree"), (attempts, "write_atomic")]
"""What the saving of a trial does to the disk."""


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_finished_attempt_survives_a_kill_at_any_moment_of_its_saving(tmp_path, monkeypatch, is_after):
    def saved(out):
        return {name: (out / "trials/k1" / name).read_bytes() for name in ("steps.csv", "stdout.txt")}

    def counted(function):
        def call(*args, **options):
            calls.append(function)
            is_last = len(calls) == limit
            if is_last and not is_after:
                raise Killed
            result = function(*args, **options)
            if is_last:
                raise Killed
            return result

        return call

    n_kills, limit, is_over = 0, 0, False
    while not is_over:
        out, limit = tmp_path / str(limit), limit + 1
        calls: list[Any] = []
        try:
            with opened(out) as folder, monkeypatch.context() as patched:
                train(folder, trainer(beside={"stdout.txt": b"said"}))
                for owner, name in CALLS:
                    patched.setattr(owner, name, counted(getattr(owner, name)))
                run = folder.adopt("k1", TRIAL)
                is_over = True
        except Killed:
            n_kills += 1
        with opened(out) as folder:
            again = folder.finished().get("k1") or folder.adopt("k1", TRIAL)
            assert again is not None, f"lost by a kill at call {limit}"
            assert (again.train_loss.step.tolist(), saved(out)["stdout.txt"]) == ([0, 1, 2], b"said")
            assert list((out / "running").glob("*")) == []
            assert folder.problems == []
    assert run == again
    assert n_kills > 5


def test_an_ending_whose_rows_were_moved_by_an_earlier_version_is_trained_again(tmp_path):
    with opened(tmp_path) as folder:
        first = train(folder)["attempt"]
        os.remove(os.path.join(first, "steps.csv"))
        assert folder.adopt("k1", TRIAL) is None
        assert train(folder)["attempt"] != first
        assert folder.adopt("k1", TRIAL) is not None


def test_losses_that_come_at_the_end_keep_their_steps(tmp_path):
    with opened(tmp_path) as folder:
        ended = train(folder)
        assert ended["evaluations"] == {2: 0.5}  # whole numbers, though JSON keeps text
        run = folder.adopt("k1", TRIAL)
    assert (run.val_loss.step.tolist(), run.val_loss.value.tolist()) == ([1, 2], [2.0, 0.5])


def test_only_counts_are_sent_of_rows_that_are_written(tmp_path):
    signs: list[Any] = []
    with opened(tmp_path) as folder:
        train(folder, emit=signs.append)
    assert signs[0] == {"rows": 1, "step": 0, "train_loss": 2.5}
    assert all(isinstance(sign, dict) for sign in signs)


def test_a_trial_that_another_worker_finished_is_not_trained_again(tmp_path):
    with opened(tmp_path) as folder:
        first = train(folder)
        assert train(folder, never) == first


def test_an_attempt_that_died_or_failed_is_no_trial_and_harms_none(tmp_path):
    with opened(tmp_path) as folder:
        with pytest.raises(MemoryError):
            train(folder, trainer(rows=ROWS[:1], error=MemoryError()))
        assert folder.adopt("k1", TRIAL) is None
        train(folder, trainer(ended={**ENDED, "status": "failed", "reason": "exit code 3"}))
        assert folder.adopt("k1", TRIAL) is None
        assert len(attempts.ended_attempts(folder.scratch_folder("k1"))) == 0
        train(folder)
        run = folder.adopt("k1", TRIAL)
        assert len(run.train_loss.step) == 3
    assert json.loads((tmp_path / "trials/k1/trial.json").read_text())["attempts"] == 3


def test_of_two_whole_attempts_the_first_one_counts(tmp_path):
    with opened(tmp_path) as folder:
        first = train(folder)["attempt"]
        hidden = os.path.join(first, "hidden")
        os.rename(os.path.join(first, "ended.json"), hidden)
        second = train(folder, trainer(rows=ROWS[:2]))["attempt"]
        os.rename(hidden, os.path.join(first, "ended.json"))
        for place_in_time, attempt in enumerate((first, second)):
            os.utime(os.path.join(attempt, "ended.json"), (place_in_time, place_in_time))
        assert [str(path) for path in attempts.ended_attempts(folder.scratch_folder("k1"))] == [first, second]
        assert len(folder.adopt("k1", TRIAL).train_loss.step) == 3


def test_half_a_row_of_a_killed_worker_is_cut_off(tmp_path):
    attempt, trial = tmp_path / "attempt", tmp_path / "trial"
    attempt.mkdir()
    trial.mkdir()
    (attempt / "steps.csv").write_text("step,learning_rate,train_loss,grad_norm,val_loss\n0,0.1,2.5,1.0,\n1,0.1,2")
    assert attempts.take(attempt, trial) == 1
    assert (trial / "steps.csv").read_text() == "step,learning_rate,train_loss,grad_norm,val_loss\n0,0.1,2.5,1.0,\n"


@pytest.mark.parametrize("content", [None, "", "{}", '{"id": "another"}', "[1]", '{"id": '])
def test_a_folder_without_this_study_is_not_reachable(tmp_path, content):
    if content is not None:
        (tmp_path / "study.json").write_text(content)
    assert not attempts.is_reachable(tmp_path / "running" / "k1", "mine")


def test_the_folder_of_this_study_is_reachable(tmp_path):
    with opened(tmp_path) as folder:
        assert attempts.is_reachable(folder.scratch_folder("k1"), folder.mark)


def test_a_worker_that_does_not_see_the_study_sends_the_rows_and_the_end_of_every_file(tmp_path):
    sent: list[Any] = []
    large = b"a" * attempts.LARGEST_FILE + b"the end"
    payload = {"folder": str(tmp_path / "elsewhere/running/k1"), "mark": "m"}
    ended = attempts.train(payload, sent.append, trainer(beside={"stdout.txt": large}), WORKER)
    assert sent == [[row] for row in ROWS]
    assert ended["files"] == {"stdout.txt": large[-attempts.LARGEST_FILE :]}
    assert "attempt" not in ended
    assert ended["worker"] == {"device": "cpu", "host": "node1", "torch": "2.6"}
    assert not (tmp_path / "elsewhere").exists()


WHOLE = {"status": "completed", "reason": None, "seconds": 1.5, "facts": {}, "worker": {"device": "cpu"}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "Expecting"),
        ("[]", ""),
        ("true", ""),
        ("[" * 100_000, "nested too deeply"),
        *[
            (json.dumps({name: value for name, value in WHOLE.items() if name != absent}), f"it has no {absent}")
            for absent in WHOLE
        ],
        *[
            (json.dumps(WHOLE | changed), told)
            for changed, told in (
                ({"evaluations": {"x": 1}}, "invalid literal"),
                ({"evaluations": {"1": []}}, ""),
                ({"evaluations": {"1": None}}, ""),
                ({"evaluations": []}, "evaluations is list"),
                ({"status": "gone"}, "status 'gone' after 1.5 s is unknown"),
                ({"status": None}, "status is NoneType"),
                ({"seconds": float("nan")}, "after nan s is unknown"),
                ({"seconds": True}, "seconds is bool"),
                ({"facts": True}, "facts is bool"),
                ({"worker": 1.5}, "worker is float"),
                ({"notes": "x"}, "notes is str"),
            )
        ],
    ],
)
def test_a_damaged_ending_says_what_to_delete(tmp_path, content, told):
    (tmp_path / "ended.json").write_text(content)
    with pytest.raises(StoreError, match=rf"ended\.json is damaged: .*{told}.*; delete .* to train the trial again"):
        attempts.read_ending(tmp_path)


HEADER = b"step,learning_rate,train_loss,grad_norm,val_loss\n"


@pytest.mark.parametrize(
    "rows", [b"", b"\n", b"step\n1\n", b"\xff\n", b"a,b\n", HEADER + b"x,,,,\n", HEADER + b"1,x,,,\n"]
)
def test_damaged_rows_of_an_attempt_say_what_to_delete(tmp_path, rows):
    with opened(tmp_path) as folder:
        place = folder.scratch_folder("k1") / "a"
        place.mkdir(parents=True)
        (place / "steps.csv").write_bytes(rows)
        (place / "ended.json").write_text(json.dumps(WHOLE | {"evaluations": {"1": 0.5}}))
        with pytest.raises(StoreError, match=r"a/steps\.csv is damaged: .*; delete .*a to train the trial again"):
            folder.adopt("k1", TRIAL)
        shutil.rmtree(place)
        assert folder.read("k1") is None
        run_trial(folder)


@pytest.mark.parametrize(
    "facts", [{"device": ["cpu"]}, {"torch": 2.6}, {"recorded": ["torch"]}, {"device": float("nan")}]
)
def test_a_worker_whose_facts_are_of_another_type_is_no_other_kind_of_worker(tmp_path, facts):
    with opened(tmp_path) as folder:
        assert "unlike" not in run_trial(folder, worker_facts={"device": "cpu"}).provenance
        assert "unlike" not in run_trial(folder, "k2", worker_facts=facts).provenance


def test_an_ending_that_never_appears_is_an_error_of_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "SECONDS_TO_APPEAR", 0.0)
    with pytest.raises(StoreError, match=r"ended\.json"):
        attempts.read_ending(tmp_path)


# -- trials of unlike machines


@pytest.mark.parametrize(
    ("first", "second", "mark"),
    [
        ({"device": "cpu", "torch": "2.6"}, {"device": "cpu", "torch": "2.6"}, None),
        ({"device": "cpu", "torch": "2.6", "host": "a"}, {"device": "cpu", "torch": "2.6", "host": "b"}, None),
        ({"device": "cpu"}, {"device": "cpu", "torch": "2.6"}, None),  # what is unknown is no difference
        ({"device": "cpu", "torch": "2.6"}, {"device": "cpu"}, None),
        (
            {"device": "cpu", "torch": "2.6"},
            {"device": "H100", "torch": "2.6"},
            "H100 with torch 2.6, and the study's first trial on cpu with torch 2.6",
        ),
        (
            {"device": "cpu", "torch": "2.6"},
            {"device": "cpu", "torch": "2.7"},
            "cpu with torch 2.7, and the study's first trial on cpu with torch 2.6",
        ),
        (  # a command has the torch that its recording names
            {"device": "what the command takes", "recorded": {"torch": "2.6"}},
            {"device": "what the command takes", "recorded": {"torch": "2.7"}},
            "what the command takes with torch 2.7, and the study's first trial on what the command takes with torch "
            "2.6",
        ),
        (  # a script without torch records none
            {"device": "what the command takes", "recorded": {"torch": None}},
            {"device": "what the command takes", "recorded": None},
            None,
        ),
    ],
)
def test_a_trial_on_another_device_or_torch_than_the_first_is_marked(tmp_path, first, second, mark):
    with opened(tmp_path, IDENTITY) as folder:
        run_trial(folder, "k1", worker_facts=first)
    with opened(tmp_path, IDENTITY) as folder:  # what the first trial ran on outlives the invocation
        folder.begin("k2")
        folder.append("k2", ROWS)
        run = finish(folder, "k2", worker_facts=second)
        runs = [folder.read("k1"), run]
    assert run.provenance.get("unlike") == mark
    assert runs[0].provenance.get("unlike") is None
    said = () if mark is None else (f"1 of 2 trials ran on {mark}: bit for bit they do not compare",)
    assert unlike_others(runs) == said
