from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys

import pandas as pd
import pytest

from lrdoctor.core.trial import Trial
from lrdoctor.errors import Interrupted, StoreError
from lrdoctor.store import StudyFolder

TRIAL = Trial(
    base_learning_rate=0.01,
    seed=0,
    max_train_steps=3,
    eval_every=2,
    optimizer='{"name":"sgd"}',
    clip_norm=0.5,
)
ROWS = [(0, 0.0, 2.5, 1.0, None), (1, 0.005, math.nan, math.inf, 2.0), (2, 0.01, -math.inf, 0.1, None)]
IDENTITY = {"model": {"class_path": "m:Net", "init_args": {"depth": 3}}, "file:./workload.py": "aa"}
VERSIONS = {"python": "3.11", "torch": "2.6"}


def opened(out, identity=IDENTITY, environment=VERSIONS, fresh=False):
    return StudyFolder.open(
        out,
        name="study",
        identity=identity,
        spec_yaml="name: study\n",
        command_line=["lrdoctor", "sweep"],
        environment=environment,
        fresh=fresh,
    )


def finish(folder, key, trial=TRIAL, status="completed", **changes):
    facts = {"exit_reason": None, "seconds": 1.5, "attempts": 1, "worker_facts": {"device": "cpu"}}
    return folder.finish(key, trial, status=status, **{**facts, **changes})


def run_trial(folder, key="k1", rows=ROWS, **changes):
    folder.begin(key)
    folder.append(key, rows)
    return finish(folder, key, **changes)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def invocations(out):
    return json.loads((out / "study.json").read_text())["invocations"]


def test_a_finished_trial_reads_back_as_it_was_returned(tmp_path):
    with opened(tmp_path) as folder:
        run = run_trial(folder, exit_reason="a reason", status="truncated")
    with opened(tmp_path) as folder:
        assert folder.finished() == {"k1": run}
        assert folder.read("k1") == run
        assert folder.done_keys() == {"k1"}
        assert folder.problems == []
    assert (run.trial, run.status, run.exit_reason) == (TRIAL, "truncated", "a reason")
    assert (run.name, run.source) == ("lr=0.01 seed=0 clip=0.5", "trials/k1/steps.csv")
    assert run.val_loss.step.tolist() == [1]
    assert run.curve("learning_rate").value.tolist() == [0.0, 0.005, 0.01]


def test_what_the_files_of_a_trial_hold(tmp_path):
    with opened(tmp_path) as folder:
        run_trial(folder, worker_facts={"loss": math.nan, "limits": (1.0, -math.inf)})
    assert (tmp_path / "trials/k1/steps.csv").read_text() == (
        "step,learning_rate,train_loss,grad_norm,val_loss\n0,0.0,2.5,1.0,\n1,0.005,nan,inf,2.0\n2,0.01,-inf,0.1,\n"
    )
    record = json.loads((tmp_path / "trials/k1/trial.json").read_text(), parse_constant=pytest.fail)
    assert record["settings"]["procedure"] == "sweep"
    assert record["worker"] == {"loss": "NaN", "limits": [1.0, "-Infinity"]}
    assert {name: record[name] for name in ("key", "status", "n_rows", "seconds", "attempts")} == {
        "key": "k1",
        "status": "completed",
        "n_rows": 3,
        "seconds": 1.5,
        "attempts": 1,
    }


def test_pandas_reads_the_tables(tmp_path):
    with opened(tmp_path) as folder:
        run = run_trial(folder)
        table = [
            {"key": "k1", "rate": 0.1 + 0.2, "loss": math.inf, "seed": 0, "note": 'a "b", c'},
            {"key": "k2", "rate": None, "loss": math.nan, "seed": 1, "note": None},
        ]
        folder.write_trials_csv(table)
        first = (tmp_path / "trials.csv").read_bytes()
        folder.write_trials_csv(table)
        assert (tmp_path / "trials.csv").read_bytes() == first
    steps = pd.read_csv(tmp_path / "trials/k1/steps.csv")
    assert steps["train_loss"].tolist()[0] == run.train_loss.value[0]
    assert steps["val_loss"].dropna().tolist() == run.val_loss.value.tolist()
    trials = pd.read_csv(tmp_path / "trials.csv")
    assert list(trials.columns) == ["key", "rate", "loss", "seed", "note"]
    assert trials.loc[0].tolist() == ["k1", pytest.approx(0.1 + 0.2, rel=1e-15), math.inf, 0, 'a "b", c']
    assert trials.loc[1].isna().tolist() == [False, True, True, False, True]


def test_rows_of_the_table_must_agree(tmp_path):
    with opened(tmp_path) as folder:
        folder.write_trials_csv([])
        assert not (tmp_path / "trials.csv").exists()
        with pytest.raises(ValueError, match="expected"):
            folder.write_trials_csv([{"a": 1}, {"b": 1}])


def test_a_failed_trial_is_run_again(tmp_path):
    with opened(tmp_path) as folder:
        assert run_trial(folder, status="failed", exit_reason="killed").status == "failed"
        assert (folder.finished(), folder.read("k1"), folder.done_keys()) == ({}, None, set())
        assert run_trial(folder).status == "completed"
        assert folder.done_keys() == {"k1"}
        assert folder.problems == []


def test_an_unfinished_trial_is_begun_anew_and_a_finished_one_is_kept(tmp_path):
    with opened(tmp_path) as folder:
        folder.begin("k1")
        folder.append("k1", [(0, 9.0, 9.0, 9.0, None)])
        # kept by a kill here: the row is in the file
        assert (tmp_path / "trials/k1/steps.csv").read_text().endswith("\n0,9.0,9.0,9.0,\n")
        folder.begin("k1")  # a second attempt in the same invocation
        folder.append("k1", ROWS[:1])
    with opened(tmp_path) as folder:
        assert folder.read("k1") is None
        run = run_trial(folder)
        before = content(tmp_path / "trials")
        with pytest.raises(ValueError, match="k1 is done"):
            folder.begin("k1")
        assert content(tmp_path / "trials") == before
    assert run.train_loss.value[0] == 2.5


@pytest.mark.parametrize("file", ["steps.csv", "trial.json"])
def test_a_damaged_trial_is_reported_and_run_again(tmp_path, file):
    with opened(tmp_path) as folder:
        run_trial(folder)
        kept = run_trial(folder, "k0")
    path = tmp_path / "trials/k1" / file
    path.write_bytes(path.read_bytes()[:-2])
    with opened(tmp_path) as folder:
        assert folder.finished() == {"k0": kept}
        assert folder.read("k1") is None
        assert [str(path) in problem and "damaged" in problem for problem in folder.problems] == [True]
        run_trial(folder)
        assert folder.done_keys() == {"k0", "k1"}


@pytest.mark.parametrize(
    ("identity", "environment", "told"),
    [
        (
            {"model": {"class_path": "m:Other", "init_args": {}}, "file:./workload.py": "bb", "seeds": [1]},
            VERSIONS,
            "OUT holds a study of another spec:\n"
            "  the content of ./workload.py changed\n"
            '  model.class_path: was "m:Net", is now "m:Other"\n'
            "  model.init_args.depth: was 3, is now not set\n"
            "  seeds: was not set, is now [1]\n"
            "Try another --out, or --fresh to delete the saved trials and start over.",
        ),
        (
            IDENTITY,
            {"python": "3.11", "torch": "2.7"},
            "OUT holds trials of other versions, whose curves do not mix with new ones:\n"
            '  torch: was "2.6", is now "2.7"\n'
            "Try another --out, or --fresh to delete the saved trials and start over.",
        ),
    ],
)
def test_another_study_is_refused_and_untouched(tmp_path, identity, environment, told):
    with opened(tmp_path) as folder:
        run_trial(folder)
    before = content(tmp_path)
    with pytest.raises(StoreError) as caught:
        opened(tmp_path, identity, environment)
    assert str(caught.value) == told.replace("OUT", str(tmp_path))
    del before[".lock"]
    assert content(tmp_path).items() >= before.items()


def test_fresh_deletes_what_lrdoctor_wrote_and_nothing_else(tmp_path):
    with opened(tmp_path) as folder:
        run_trial(folder)
        folder.write_trials_csv([{"a": 1}])
        for name in ("report.json", "report.html", "figures/sweep.svg"):
            folder.write_text(name, "text")
    (tmp_path / "notes.md").write_text("mine")
    with opened(tmp_path, {"other": 1}, {}, fresh=True) as folder:
        assert folder.finished() == {}
        assert content(tmp_path).keys() == {".lock", "notes.md", "spec.yaml", "study.json"}
        assert json.loads((tmp_path / "study.json").read_text())["identity"] == {"other": 1}


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"thesis.tex": "x", "trials/k1/trial.json": "{}"}, "holds 'thesis.tex' .* has no study.json"),
        ({"study.json": "{}"}, "is damaged or not lrdoctor's"),
        ({"study.json": '["lrdoctor_version"]'}, "is damaged or not lrdoctor's"),
        ({"study.json": '{"lrdoctor_version": '}, "is damaged or not lrdoctor's"),
        ({"study.json": ""}, "is damaged or not lrdoctor's"),
    ],
)
def test_a_folder_that_is_no_study_is_refused_and_untouched(tmp_path, files, told, fresh):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = content(tmp_path)
    with pytest.raises(StoreError, match=told):
        opened(tmp_path, fresh=fresh)
    assert content(tmp_path) == before


def test_a_study_of_another_format_is_refused(tmp_path):
    (tmp_path / "study.json").write_text('{"schema_version": 99, "lrdoctor_version": "9.0"}')
    with pytest.raises(StoreError, match=r"schema_version 99, expected 1: lrdoctor 9\.0 wrote it"):
        opened(tmp_path)
    with opened(tmp_path, fresh=True) as folder:
        assert folder.finished() == {}


@pytest.mark.parametrize("leftover", [[], [".lock"], [".lock", ".study.json.tmp"]])
def test_an_empty_or_missing_folder_becomes_a_study(tmp_path, leftover):
    out = tmp_path / "a/b" if not leftover else tmp_path
    for name in leftover:
        (out / name).write_text("half")
    with opened(out, fresh=True) as folder:
        run_trial(folder)
    assert content(out).keys() >= {"study.json", "spec.yaml", "trials/k1/trial.json"}
    assert not list(out.rglob("*.tmp"))


def test_study_json_tells_of_every_invocation(tmp_path):
    with opened(tmp_path):
        (now,) = invocations(tmp_path)
        assert (now["command_line"], now["finished"], now["exit"]) == (["lrdoctor", "sweep"], None, None)

    def end_with(error):
        with opened(tmp_path):
            raise error

    for error in (Interrupted("Ctrl-C"), KeyboardInterrupt(), StoreError("disk")):
        with pytest.raises(type(error)):
            end_with(error)
    exits = [entry["exit"] for entry in invocations(tmp_path)]
    assert exits == ["completed", "interrupted", "interrupted", "failed: StoreError"]
    assert all(entry["finished"] >= entry["started"] for entry in invocations(tmp_path))


def test_data_that_changed_is_refused(tmp_path):
    with opened(tmp_path) as folder:
        folder.note_data({"train": {"sha256": "aa", "n": 10}, "shape": (3, 2)})
        folder.note_data({"train": {"sha256": "aa", "n": 10}, "other": "new facts are added"})
        run_trial(folder)
    with opened(tmp_path) as folder:
        with pytest.raises(StoreError) as caught:
            folder.note_data({"train": {"sha256": "bb", "n": 10}, "shape": (3, 2)})
        folder.note_data({"train": {"sha256": "aa", "n": 10}, "shape": (3, 2)})
    assert str(caught.value).splitlines()[:2] == [
        f"the data changed since the trials in {tmp_path} were run:",
        '  train.sha256: was "aa", is now "bb"',
    ]


def test_a_study_without_a_trial_takes_another_spec_and_other_data(tmp_path):
    with opened(tmp_path) as folder:
        folder.note_data({"sha256": "aa"})
        folder.begin("k1")
    with opened(tmp_path, identity={**IDENTITY, "max_train_steps": 7}) as folder:
        folder.note_data({"sha256": "bb"})
    assert len(invocations(tmp_path)) == 2


def test_a_second_lrdoctor_is_kept_out_until_the_first_has_ended(tmp_path):
    with opened(tmp_path):
        with pytest.raises(StoreError, match=f"process {os.getpid()};"):
            opened(tmp_path)
        with pytest.raises(StoreError, match="in use"):
            opened(tmp_path, fresh=True)
    with opened(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    script = (
        "import pathlib, sys\nfrom lrdoctor.store import StudyFolder\n"
        f"folder = StudyFolder.open(pathlib.Path({str(tmp_path)!r}), name='study', identity={IDENTITY!r},"
        f" spec_yaml='', command_line=[], environment={VERSIONS!r}, fresh=False)\n"
        "assert not {'torch', 'pandas'} & set(sys.modules)\n"
        "folder.begin('k1'); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=f"process {owner.pid};"):
            opened(tmp_path)
        owner.kill()
        owner.wait()
        with opened(tmp_path) as folder:
            run_trial(folder)
    assert [entry["exit"] for entry in invocations(tmp_path)] == [None, "completed"]


def refuse(code):
    def refusing(*_, **__):
        raise OSError(code, os.strerror(code))

    return refusing


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize(
    ("call", "act"),
    [
        ("os.replace", lambda folder: folder.write_text("report.json", "new")),
        ("os.fsync", lambda folder: folder.write_text("report.json", "new")),
        ("os.fsync", lambda folder: finish(folder, "k1")),
        ("os.replace", lambda folder: finish(folder, "k1")),
        ("os.replace", lambda folder: folder.note_data({"n": 1})),
        ("os.mkdir", lambda folder: folder.begin("k2")),
        ("shutil.rmtree", lambda folder: folder.begin("k1")),
    ],
)
def test_a_refusal_of_the_system_says_where_why_and_what_to_try(tmp_path, monkeypatch, call, act, code):
    with opened(tmp_path) as folder:
        folder.write_text("report.json", "old")
        folder.begin("k1")
        before = content(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(call, refuse(code))
            with pytest.raises(StoreError) as caught:
                act(folder)
        assert str(tmp_path) in str(caught.value)
        assert os.strerror(code) in str(caught.value)
        assert "--out on" in str(caught.value)
        assert content(tmp_path) == before
        run_trial(folder)  # and it goes on once the disk does


def test_an_error_while_ending_does_not_hide_the_first_error(tmp_path, monkeypatch):
    def end_with(error):
        with opened(tmp_path):
            monkeypatch.setattr("os.replace", refuse(errno.ENOSPC))
            if error:
                raise error

    with pytest.raises(Interrupted, match="Ctrl-C"):
        end_with(Interrupted("Ctrl-C"))
    monkeypatch.undo()
    with pytest.raises(StoreError, match=r"study\.json: No space left"):
        end_with(None)
    monkeypatch.undo()
    with opened(tmp_path):  # the lock was freed all the same
        pass


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("file", "file is a file, expected a folder"),
        ("file/below", "Not a directory; pass an --out whose parents are folders"),
        ("x" * 300, "File name too long; pass a shorter --out"),
    ],
)
def test_an_impossible_folder_is_refused(tmp_path, name, told):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=told):
        opened(tmp_path / name)
