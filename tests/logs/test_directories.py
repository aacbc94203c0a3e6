from __future__ import annotations

import os
from collections import Counter

import pytest

from lrdoctor.errors import LogError
from lrdoctor.logs.directories import sources_below

STATE = '{"global_step": %d, "log_history": [{"step": 1, "loss": 1.0}]}'


def write(root, **files) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(root):
    skipped: Counter[str] = Counter()
    return [path.relative_to(root).as_posix() for path in sources_below(root, skipped)], dict(skipped)


def test_logs_are_given_in_order_and_the_rest_is_counted(tmp_path) -> None:
    write(
        tmp_path,
        **{"b/run.csv": "x", "a/log": "x", "a/log.txt.gz": "x", "run.jsonl": "x", "events.out.tfevents.1": "x"},
    )
    write(tmp_path, **{"a/model.pt": "x", "a/model.pt.gz": "x", "plot.PNG": "x", "train.py": "x", "config.json": "x"})
    write(tmp_path, **{".git/log.csv": "x", ".hidden.csv": "x", "empty.csv": "", "node_modules/a.json": "x"})
    assert found(tmp_path) == (
        ["a/log", "a/log.txt.gz", "b/run.csv", "events.out.tfevents.1", "run.jsonl"],
        {
            "weights, pictures, code and settings": 5,
            "hidden files and directories": 2,
            "empty files": 1,
            "directories that hold no logs": 1,
        },
    )


def test_of_a_trainers_checkpoints_the_highest_by_number_is_given(tmp_path) -> None:
    for step in (999, 1000, 500):
        write(tmp_path, **{f"out/checkpoint-{step}/trainer_state.json": STATE % step})
    write(tmp_path, **{"out/runs/events.out.tfevents.1": "x"})
    assert found(tmp_path) == (
        ["out/checkpoint-1000/trainer_state.json", "out/runs/events.out.tfevents.1"],
        {"older checkpoints": 2},
    )


def test_the_runs_own_state_is_given_instead_of_its_checkpoints(tmp_path) -> None:
    write(tmp_path, **{"checkpoint-5/trainer_state.json": STATE % 5, "trainer_state.json": STATE % 6})
    assert found(tmp_path) == (["trainer_state.json"], {"older checkpoints": 1})


def test_folders_that_are_one_source(tmp_path) -> None:
    write(tmp_path, **{"dvclive/plots/metrics/loss.tsv": "step\tloss\n"})
    for run in ("r1", "r2"):
        write(tmp_path, **{f"mlruns/0/{run}/meta.yaml": "x", f"mlruns/0/{run}/metrics/loss": "1 2 3\n"})
    assert found(tmp_path) == (["dvclive", "mlruns/0/r1", "mlruns/0/r2"], {})


def test_of_a_ray_trial_one_copy_is_given(tmp_path) -> None:
    write(
        tmp_path, **{"t/result.json": "x", "t/progress.csv": "x", "t/params.json": "x", "t/events.out.tfevents.1": "x"}
    )
    paths, skipped = found(tmp_path)
    assert paths == ["t/result.json"]
    assert skipped == {"copies of a Ray result.json": 2, "weights, pictures, code and settings": 1}


def test_link_loops_pipes_and_broken_links_do_not_stop_it(tmp_path) -> None:
    write(tmp_path, **{"a/run.csv": "x"})
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "broken").symlink_to(tmp_path / "nothing")
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    os.mkfifo(tmp_path / "a" / "pipe")
    paths, skipped = found(tmp_path)
    assert paths == ["a/run.csv"]
    assert skipped == {
        "links to directories already read": 1,
        "broken links": 2,
        "pipes, sockets and devices": 1,
    }


def test_a_linked_directory_is_read(tmp_path) -> None:
    write(tmp_path, **{"elsewhere/run.csv": "x", "here/other.csv": "x"})
    (tmp_path / "here" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert found(tmp_path / "here")[0] == ["linked/run.csv", "other.csv"]


@pytest.mark.parametrize("name", ["missing", "a file"])
def test_what_is_no_directory_is_refused(tmp_path, name) -> None:
    (tmp_path / "a file").write_text("x")
    with pytest.raises(LogError, match=f"{name}: cannot be listed"):
        list(sources_below(tmp_path / name))


def test_a_very_deep_tree_is_cut_and_counted(tmp_path) -> None:
    deep = tmp_path.joinpath(*("d" for _ in range(80)))
    (tmp_path / "run.csv").write_text("x")
    deep.mkdir(parents=True)
    (deep / "run.csv").write_text("x")
    assert found(tmp_path) == (["run.csv"], {"directories nested too deeply": 1})
