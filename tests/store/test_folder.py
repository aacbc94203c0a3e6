from __future__ import annotations

import json
import math
from dataclasses import replace

import pandas as pd
import pytest
from folder_samples import ROWS, TRIAL, content, opened, run_trial


def test_a_finished_trial_reads_back_as_it_was_returned(tmp_path):
    with opened(tmp_path) as folder:
        run = run_trial(folder, exit_reason="a reason", status="truncated")
    with opened(tmp_path) as folder:
        assert folder.finished() == {"k1": run}
        assert folder.read("k1") == run
        assert set(folder.finished()) == {"k1"}
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


def test_a_control_is_read_and_is_no_trial(tmp_path):
    rows = [(0, 0.0, 2.5, None, None), (1, 0.0, 2.25, None, 2.0)]
    facts = {"device": "cpu", "constant_loss": 1.5, "output_spread": 0.25}
    with opened(tmp_path / "out") as folder:
        control = run_trial(folder, "c1", rows, trial=replace(TRIAL, control=True), worker_facts=facts)
        run_trial(folder, "k1", worker_facts={"device": "cpu", "output_spread": 0.125})
        assert list(folder.finished()) == ["k1"]
    with opened(tmp_path / "out") as folder:
        again = folder.read("c1")
        assert folder.finished()["k1"].provenance == {"seconds": 1.5, "output_spread": 0.125}
    assert again == control
    assert again.provenance == {"seconds": 1.5, "constant_loss": 1.5, "output_spread": 0.25}
    assert again.train_loss.value.tolist() == [2.5, 2.25]
    assert (len(again.grad_norm), again.val_loss.step.tolist()) == (0, [1])


def test_a_failed_trial_is_run_again(tmp_path):
    with opened(tmp_path) as folder:
        assert run_trial(folder, status="failed", exit_reason="killed").status == "failed"
        assert (folder.finished(), folder.read("k1")) == ({}, None)
        assert run_trial(folder).status == "completed"
        assert set(folder.finished()) == {"k1"}
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
        assert set(folder.finished()) == {"k0", "k1"}


def test_steps_that_were_edited_or_exchanged_do_not_count(tmp_path):
    other = replace(TRIAL, seed=1)
    with opened(tmp_path) as folder:
        run_trial(folder, "k1")
        run_trial(folder, "k2", trial=other, rows=[(step, rate, 3.5, 1.0, None) for step, rate, *_ in ROWS])
    first, second = (tmp_path / "trials" / key / "steps.csv" for key in ("k1", "k2"))
    whole = first.read_bytes(), second.read_bytes()
    assert len(whole[0].splitlines()) == len(whole[1].splitlines())

    def counted():
        with opened(tmp_path) as folder:
            return sorted(folder.finished()), list(folder.problems)

    assert counted() == (["k1", "k2"], [])
    first.write_bytes(whole[0].replace(b"2.5", b"2.4"))
    keys, problems = counted()
    assert keys == ["k2"]
    assert "k1/steps.csv is damaged and its trial does not count: it was changed since it was measured" in problems[0]
    first.write_bytes(whole[1])
    second.write_bytes(whole[0])
    assert counted()[0] == []
    first.write_bytes(whole[0])
    second.write_bytes(whole[1])
    assert counted() == (["k1", "k2"], [])


def test_a_folder_that_was_saved_without_digests_still_counts(tmp_path):
    with opened(tmp_path) as folder:
        saved = run_trial(folder)
    path = tmp_path / "trials" / "k1" / "trial.json"
    record = json.loads(path.read_text())
    del record["steps_sha256"]
    path.write_text(json.dumps(record))
    with opened(tmp_path) as folder:
        assert folder.finished()["k1"].train_loss == saved.train_loss
