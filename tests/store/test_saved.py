"""A study folder that is only looked at."""

from __future__ import annotations

import pytest
from folder_samples import IDENTITY, VERSIONS, content, opened, run_trial

from lrdoctor.errors import StoreError
from lrdoctor.store import SavedStudy


def saved(out, identity=IDENTITY, environment=VERSIONS, fresh=False):
    return SavedStudy(out, identity=identity, environment=environment, fresh=fresh)


def test_finished_trials_are_read_and_nothing_changes(tmp_path):
    with opened(tmp_path) as folder:
        run = run_trial(folder)
    before = content(tmp_path)
    with saved(tmp_path) as looked:
        assert looked.read("k1") == run
        assert list(looked.finished()) == ["k1"]
        assert [(record.key, record.n_rows, record.seconds) for record in looked.records()] == [("k1", 3, 1.5)]
        assert looked.read("k2") is None
    assert content(tmp_path) == before


def test_a_folder_in_use_can_be_looked_at(tmp_path):
    with opened(tmp_path) as folder:
        run_trial(folder)
        assert list(saved(tmp_path).finished()) == ["k1"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    looked = saved(tmp_path / "none" / "out")
    assert (looked.finished(), looked.records(), looked.read("k1")) == ({}, [], None)
    assert not list(tmp_path.iterdir())


def test_fresh_counts_no_trial_and_keeps_them(tmp_path):
    with opened(tmp_path) as folder:
        run_trial(folder)
    before = content(tmp_path)
    looked = saved(tmp_path, {"model": "other"}, fresh=True)
    assert (looked.finished(), looked.records(), looked.read("k1")) == ({}, [], None)
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"identity": {**IDENTITY, "model": "m:Other"}}, "holds a study of another spec"),
        ({"environment": {**VERSIONS, "torch": "9"}}, "holds trials of other versions"),
    ],
)
def test_another_study_is_refused(tmp_path, changes, told):
    with opened(tmp_path) as folder:
        run_trial(folder)
    with pytest.raises(StoreError, match=told):
        saved(tmp_path, **changes)


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match="is no study"):
        saved(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("write", [lambda s: s.begin("k"), lambda s: s.write_text("a", "b"), lambda s: s.note_data({})])
def test_writing_to_it_is_a_bug(tmp_path, write):
    with pytest.raises(ValueError, match="only looked at"):
        write(saved(tmp_path))
    assert not list(tmp_path.iterdir())
