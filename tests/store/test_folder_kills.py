"""A study folder after a kill at any moment: the same command, typed again, goes on in it."""

from __future__ import annotations

import pytest
from folder_samples import opened, run_trial
from kills import kill_at_every_call

from lrdoctor.store import study_file


def sweep(out, fresh):
    """What a command does in the folder: opens it, trains what is missing, and writes its results."""
    with opened(out, fresh=fresh) as folder:
        if "k1" not in folder.finished():
            run_trial(folder, worker_facts={"device": "cpu"})
        folder.write_trials_csv([{"key": "k1"}])
        folder.write_bytes("figures/a.svg", b"<svg/>")
        folder.write_text("report.json", "{}")
    return folder


def earlier(out):
    """A folder with a study of another spec, its page of a live sweep, and what an earlier kill left."""
    with opened(out, {"model": "other"}) as folder:
        run_trial(folder, "k0", worker_facts={"device": "another"})
        for name in ("live.html", "report.html", ".trials.csv.tmp"):
            folder.write_text(name, "x")


@pytest.mark.parametrize("fresh", [False, True])
def test_the_next_invocation_goes_on_after_a_kill_at_any_moment(tmp_path, monkeypatch, fresh):
    def do(number):
        sweep(tmp_path / str(number), fresh)

    def again(number):
        out = tmp_path / str(number)
        folder = sweep(out, fresh)
        assert folder.problems == []
        assert sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) == [
            "figures", "report.json", "spec.yaml", "study.json", "trials", "trials.csv",
        ]  # fmt: skip
        with opened(out) as last:
            assert list(last.finished()) == ["k1"]
            assert last.read("k1").provenance.get("unlike") is None

    for number in range(200 if fresh else 0):
        earlier(tmp_path / str(number))
    assert 40 < kill_at_every_call(monkeypatch, do, again) < 200


def test_a_folder_is_a_study_while_an_earlier_one_is_deleted(tmp_path, monkeypatch):
    """Also for a command that does not ask for it again, and whatever else lies there."""
    deleted = study_file.delete_results

    def killed(out):
        deleted(out)
        raise KeyboardInterrupt

    earlier(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with monkeypatch.context() as patched:
        patched.setattr(study_file, "delete_results", killed)
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path, fresh=True)
    with opened(tmp_path) as folder:
        run = run_trial(folder, worker_facts={"device": "cpu"})
    assert run.provenance.get("unlike") is None
    assert (tmp_path / "notes.txt").read_text() == "mine"
