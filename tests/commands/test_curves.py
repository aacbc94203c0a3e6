from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.commands.curves import Growing, at_updates, logged, settled
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run

HEADER = "step,learning_rate,train_loss,grad_norm,val_loss\n"


def test_rows_come_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    growing = Growing(path)
    assert growing.new() == []
    path.write_text(HEADER)
    assert growing.new() == []
    with path.open("a") as file:
        file.write("0,0.1,2.5,1.0,\n1,0.1,2.")
        file.flush()
        assert growing.new() == [(0, 0.1, 2.5, 1.0, None)]
        file.write("25,,\n2,,2.0,3.0,\n")
    first, second = growing.new()
    assert first == (1, 0.1, 2.25, None, None)
    assert second[0] == 2
    assert math.isnan(second[1])
    assert growing.new(is_over=True) == []


@pytest.mark.parametrize(
    ("norms", "read"),
    [
        (["1.0", "inf", "2.0"], [1.0, None, 2.0]),
        (["inf", "inf", "2.0"], [None, None, 2.0]),
        (["1.0", "2.0", "nan"], [1.0, 2.0, math.nan]),
    ],
)
def test_a_norm_that_is_not_finite_counts_only_where_the_training_ends(
    tmp_path: Path, norms: list[str], read: list[float | None]
) -> None:
    path = tmp_path / "steps.csv"
    path.write_text(HEADER + "".join(f"{k},0.1,2.0,{norm},\n" for k, norm in enumerate(norms)))
    growing = Growing(path)
    found = [row[3] for row in (*growing.new(), *growing.new(is_over=True))]
    np.testing.assert_equal(found, read)


def run(steps: list[int], x: str = "step") -> Run:
    curve = Curve(np.array(steps), np.arange(len(steps), dtype=np.float64))
    return Run("log", "log.csv", {"val_loss": curve}, provenance={"x": x})


@pytest.mark.parametrize(
    ("found", "n_rows", "steps", "is_spread"),
    [
        (run([9, 19, 29]), 30, [9, 19, 29], False),
        (run([10, 20, 30]), 30, [10, 20, 29], False),
        (run([1, 2, 3], "epoch"), 30, [9, 19, 29], True),
        (run([640, 1280]), 30, [14, 29], True),
        (run([0], "row"), 7, [6], True),
        (run([1, 2, 3], "epoch"), 2, [0, 1], True),
    ],
)
def test_evaluations_are_put_at_updates(found: Run, n_rows: int, steps: list[int], is_spread: bool) -> None:
    evaluations, note = at_updates(found, n_rows)
    assert sorted(evaluations) == steps
    assert (note is not None) == is_spread


def test_evaluations_go_to_the_last_row_before_them() -> None:
    assert settled({0: 1.0, 7: 2.0, 9: 3.0}, [2, 3, 8]) == {3: 2.0, 8: 3.0}


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (run([10, 20, 30, 40]), {10: 0.0, 20: 1.0}),
        (run([10, 20]), {10: 0.0, 20: 1.0}),
        (run([1, 2], "epoch"), {}),
        (run([640, 1280]), {}),
    ],
)
def test_of_a_run_that_was_cut_off_only_what_came_for_certain_before_counts(found: Run, kept: dict[int, float]) -> None:
    evaluations, note = at_updates(found, 30, is_cut=True)
    assert settled(evaluations, range(30), is_cut=True) == kept
    assert note is None


def test_validation_losses_are_read_from_a_log(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    assert logged(path, 30, 0.0) == ({}, "validation loss: metrics.csv was not written")
    path.write_text("step,train_loss,val_loss\n" + "".join(f"{k},{3 - k / 20},{3.5 - k / 20}\n" for k in range(9, 30)))
    evaluations, note = logged(path, 30, 0.0)
    assert (evaluations[9], evaluations[29], note) == (3.05, 2.05, None)
    path.write_text("step,train_loss\n" + "".join(f"{k},{3 - k / 20}\n" for k in range(30)))
    evaluations, note = logged(path, 30, 0.0)
    assert evaluations == {}
    assert note == "validation loss: metrics.csv has none that is known as one"
    assert logged(path, 30, path.stat().st_mtime + 1) == ({}, "validation loss: metrics.csv was not written")
    path.write_text("")
    assert logged(path, 30, 0.0)[0] == {}
