from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest
from folder_samples import IDENTITY, VERSIONS, content, finish, invocations, opened, run_trial

from lrdoctor.errors import Interrupted, StoreError


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
            {**IDENTITY, "optimizer": {"class_path": "./rules.py:Lion"}},
            VERSIONS,
            "OUT holds a study of another spec:\n"
            '  optimizer: was not set, is now {"class_path": "./rules.py:Lion"}\n'
            "Learning rates hold for one optimizer only, so each has a study of its own: pass --out OUT-Lion for this "
            "one.\n"
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
        for name in ("report.json", "report.html", "prescription.yaml", "figures/sweep.svg"):
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
        ({"study.json": '{"lrdoctor_version": "1", "identity": {"a": NaN}}'}, "is damaged or not lrdoctor's"),
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
        f"data or code changed since the trials in {tmp_path} were run:",
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
