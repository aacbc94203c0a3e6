"""Tables in memory: a DataFrame is judged as the CSV that pandas writes of it, a mapping says what is empty."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lrdoctor
from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs import read_bytes, read_table

N = 60
LOSS = np.round(3 - np.arange(N) / 40, 4)
NAN = np.nan


def runs(data: Any, **options: Any) -> dict[str, list[tuple[int, float]]]:
    """Run name -> the points of its training loss, nan as None."""
    return {run.name: points(run) for run in read_table(data, **options)}


def points(run: Run) -> list[tuple[int, Any]]:
    value = [None if np.isnan(v) else float(v) for v in run.train_loss.value]
    return list(zip(run.train_loss.step.tolist(), value, strict=True))


def every(step: int, values: Any) -> np.ndarray:
    """The values at every so many rows, nan between them."""
    return np.where(np.arange(N) % step == 0, values, NAN)


def ended(values: Any, last: int) -> np.ndarray:
    return np.where(np.arange(N) < N - last, values, NAN)


STEP = {"step": np.arange(N)}
FRAMES = {
    "steps and losses": pd.DataFrame(STEP | {"loss": LOSS}),
    "losses alone": pd.DataFrame({"loss": LOSS}),
    "whole numbers": pd.DataFrame(STEP | {"loss": np.arange(N, 0, -1)}),
    "float32": pd.DataFrame(STEP | {"loss": LOSS.astype(np.float32)}),
    "infinite": pd.DataFrame(STEP | {"loss": np.where(np.arange(N) > 50, np.inf, LOSS)}),
    "evaluations between": pd.DataFrame(STEP | {"loss": LOSS, "val_loss": every(10, LOSS)}),
    "a row an evaluation": pd.DataFrame(STEP | {"train_loss": every(2, LOSS), "val_loss": every(3, LOSS)}),
    "norms and rates": pd.DataFrame(STEP | {"loss": LOSS, "lr": 0.1, "grad_norm": LOSS}),
    "steps that start late": pd.DataFrame({"step": np.arange(N) + 500, "loss": LOSS}),
    "steps that start again": pd.DataFrame({"step": np.arange(N) % 30, "loss": LOSS}),
    "epochs": pd.DataFrame({"epoch": np.arange(N), "loss": LOSS, "val_loss": LOSS}),
    "a name for each run": pd.DataFrame({"run": ["a", "b"] * 30, "step": np.arange(N) // 2, "loss": LOSS}),
    "a number for each run": pd.DataFrame({"seed": [0, 1] * 30, "step": np.arange(N) // 2, "loss": LOSS}),
    "categories": pd.DataFrame(
        {"run": pd.Categorical(["a", "b"] * 30), "step": np.arange(N) // 2, "loss": LOSS},
    ),
    "a metric a row": pd.DataFrame({"step": np.arange(N) // 2, "metric": ["loss", "lr"] * 30, "value": LOSS}),
    "a run a column": pd.DataFrame(STEP | {"seed_0": LOSS, "seed_1": ended(LOSS, 20)}),
    "times": pd.DataFrame({"time": pd.date_range("2020", periods=N), "loss": LOSS}),
    "remarks": pd.DataFrame({"note": [f"remark {k}" for k in range(N)], "loss": LOSS}),
    "texts of numbers": pd.DataFrame({"loss": [f"{v}" for v in LOSS]}),
    "objects": pd.DataFrame({"loss": LOSS.astype(object)}),
    "nullable": pd.DataFrame({"step": pd.array(np.arange(N), "Int64"), "loss": pd.array(LOSS, "Float64")}),
    "missing": pd.DataFrame({"step": np.arange(N), "loss": pd.array([None, *LOSS[1:]], "Float64")}),
    "names that are no texts": pd.DataFrame({0: np.arange(N), "loss": LOSS}),
    "two of a name": pd.DataFrame([[k, v, v] for k, v in enumerate(LOSS)], columns=["step", "loss", "loss"]),
    "yes and no": pd.DataFrame(STEP | {"loss": LOSS, "skipped": LOSS > 2}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_read_as_its_csv(name: str) -> None:
    frame = FRAMES[name]
    from_csv = read_bytes("DataFrame", frame.to_csv(index=False).encode())
    from_frame = read_table(frame)
    assert [(run.name, run.source) for run in from_frame] == [(run.name, run.source) for run in from_csv]
    for ours, theirs in zip(from_frame, from_csv, strict=True):
        assert ours.curves.keys() == theirs.curves.keys()
        for curve in ours.curves:
            np.testing.assert_array_equal(ours.curve(curve).step, theirs.curve(curve).step)
            np.testing.assert_allclose(ours.curve(curve).value, theirs.curve(curve).value, rtol=1e-6)
        assert ours.provenance["columns"] == theirs.provenance["columns"]


@pytest.mark.parametrize(
    ("frame", "first", "n"),
    [
        (pd.DataFrame({"loss": LOSS}, index=pd.Index(np.arange(N) * 5, name="step")), (0, 3.0), N),
        (pd.DataFrame({"loss": LOSS}, index=pd.Index(np.arange(N) + 7, name="global_step")), (7, 3.0), N),
        (pd.DataFrame({"loss": LOSS})[20:], (20, 2.5), N - 20),  # what is left of a table keeps its numbers
        (pd.DataFrame({"loss": LOSS}, index=list(range(N))), (0, 3.0), N),
        (pd.DataFrame({("train", "loss"): LOSS, ("val", "loss"): LOSS}), (0, 3.0), N),
    ],
)
def test_an_index_is_a_column_where_it_says_anything(frame: pd.DataFrame, first: tuple[int, float], n: int) -> None:
    (run,) = runs(frame).values()
    assert (run[0], len(run)) == (first, n)


@pytest.mark.parametrize(
    ("loss", "more", "nans"),
    [
        (ended(LOSS, 1), {}, 1),
        (ended(LOSS, 40), {}, 40),
        (ended(LOSS, 40), {"accuracy": np.full(N, 0.1)}, 40),  # which goes on when the loss is lost
        (ended(LOSS, 40).astype(object), {}, 40),
        (every(10, LOSS), {"val_loss": LOSS}, 0),  # logged every ten rows, the last nine without
        (ended(every(10, LOSS), 15), {"val_loss": LOSS}, 19),
        (np.where(np.arange(N) == 30, NAN, LOSS), {}, 0),  # an empty cell, or one update that overflowed
        (np.where((np.arange(N) > 20) & (np.arange(N) < 40), NAN, LOSS), {}, 0),
        (np.where(np.arange(N) < 5, NAN, ended(LOSS, 5)), {}, 0),  # as many as before the first
        (np.where(np.arange(N) < 5, NAN, ended(LOSS, 6)), {}, 6),
    ],
)
def test_nan_at_the_end_of_the_loss_is_a_value(loss: np.ndarray, more: dict[str, Any], nans: int) -> None:
    (run,) = read_table(pd.DataFrame(STEP | {"loss": loss} | more))
    assert int(np.isnan(run.train_loss.value).sum()) == nans
    empty = int(pd.isna(loss).sum()) - nans
    assert run.provenance["left_out"].get(f"{empty} rows of loss") == (
        "nan in a DataFrame, taken as empty cells" if empty else None
    )


def test_every_run_of_a_frame_has_an_end_of_its_own() -> None:
    lost = pd.DataFrame(STEP | {"run": "lost", "loss": ended(LOSS, 20)})
    fine = pd.DataFrame(STEP | {"run": "fine", "loss": LOSS})
    found = runs(pd.concat([lost, fine]))
    assert {name: sum(v is None for _, v in run) for name, run in found.items()} == {"lost": 20, "fine": 0}


def test_the_users_column_is_the_one_whose_end_counts() -> None:
    frame = pd.DataFrame(STEP | {"a": ended(LOSS, 9), "b": LOSS})
    assert [sum(v is None for _, v in runs(frame, columns={"loss": name})["DataFrame"]) for name in "ab"] == [9, 0]


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([1.0, 2.0], [(0, 1.0), (1, 2.0)]),
        ((1, 2), [(0, 1.0), (1, 2.0)]),
        (range(2), [(0, 0.0), (1, 1.0)]),
        (iter([1.0, 2.0]), [(0, 1.0), (1, 2.0)]),
        (np.array([1.0, 2.0], dtype=np.float32), [(0, 1.0), (1, 2.0)]),
        (pd.Series([1.0, 2.0], index=[7, 8]), [(0, 1.0), (1, 2.0)]),
        ([1.0, None, 2.0], [(0, 1.0), (1, 2.0)]),
        ([1.0, pd.NA, 2.0], [(0, 1.0), (1, 2.0)]),
        ([1.0, NAN, 2.0], [(0, 1.0), (1, None), (2, 2.0)]),
        ([1.0, NAN, None, 2.0], [(0, 1.0), (1, None), (2, 2.0)]),
        (["1.0", "nan", "", "2.0"], [(0, 1.0), (1, None), (2, 2.0)]),
        ([1.0, float("inf")], [(0, 1.0), (1, float("inf"))]),
    ],
)
def test_the_cells_of_a_mapping(values: Any, read: list[tuple[int, Any]]) -> None:
    assert runs({"loss": values}) == {"mapping": read}


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    losses = torch.tensor([1.0, 2.0])
    assert runs({"loss": losses}) == runs({"loss": list(losses)}) == {"mapping": [(0, 1.0), (1, 2.0)]}
    with pytest.raises(ValueError, match=r"mapping\['loss'\]: .*requires grad.*; expected numbers .* loss.item\(\)"):
        runs({"loss": losses.requires_grad_()})


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ({"loss": [1, 2], "step": [1]}, ValueError, "columns of different lengths: 'loss' 2, 'step' 1; put None"),
        ({"loss": [[1, 2], [3, 4]]}, ValueError, "mapping['loss']: found 2 dimensions"),
        ({"loss": np.float64(3)}, TypeError, "mapping['loss']: found float64, expected a sequence"),
        ({"loss": [[1], [3, 4]]}, ValueError, "mapping['loss']: "),
        ({"loss": 3.0}, TypeError, "mapping['loss']: found float, expected a sequence"),
        ({"loss": "3.0"}, TypeError, "mapping['loss']: found str, expected a sequence"),
        ({"loss": {"a": 1}}, TypeError, "mapping['loss']: found dict, expected a sequence"),
        ({"a run": FRAMES["losses alone"]}, ValueError, "mapping['a run']: found 2 dimensions"),
        ({}, LogError, "mapping: holds no column of numbers"),
        ({"loss": []}, LogError, "mapping: holds no column of numbers"),
        ({"acc": [1.0, 2.0]}, LogError, "mapping: no column is known as the training loss; it has 'acc'"),
        (pd.DataFrame({"loss": [NAN] * 9}), LogError, "column 'loss' is empty in every row"),
        (pd.DataFrame({"loss": ["a", "b"]}), LogError, "DataFrame: holds no column of numbers"),
    ],
)
def test_what_is_no_log(data: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        runs(data)
    assert said in str(caught.value)


losses = st.lists(st.floats(1e-3, 1e3) | st.sampled_from([NAN, float("inf")]), min_size=1, max_size=80)


@settings(max_examples=60)
@given(losses, st.booleans(), st.integers(0, 1000), st.floats(1e-6, 1.0))
def test_diagnose_says_the_same_of_a_frame_and_of_its_csv(
    loss: list[float], with_norm: bool, first: int, rate: float
) -> None:
    columns: dict[str, Any] = {"step": np.arange(len(loss)) + first, "loss": loss, "lr": rate}
    if with_norm:
        columns["grad_norm"] = np.sqrt(np.nan_to_num(loss, posinf=1.0))
    of_mapping = lrdoctor.diagnose({name: pd.DataFrame(columns)[name] for name in columns})
    of_csv = lrdoctor.diagnose(io.StringIO(pd.DataFrame(columns).to_csv(index=False, na_rep="nan")))
    assert said(of_mapping) == said(of_csv)
    finite = pd.DataFrame(columns).replace(NAN, 1.0)
    assert said(lrdoctor.diagnose(finite)) == said(lrdoctor.diagnose(io.StringIO(finite.to_csv(index=False))))


def said(report: lrdoctor.Report) -> tuple[Any, ...]:
    """All that is said of the one run, but for its name."""
    findings = [(f.code, f.severity, f.message, f.first_step, f.last_step) for f in report.findings]
    skipped = [(skip.code, skip.reason) for skip in report.skipped]
    return report.verdict, findings, skipped, [(fix.name, fix.why) for fix in report.fixes], report.next_steps


def test_the_samples_are_judged_alike_from_a_frame() -> None:
    paths = sorted((Path(__file__).parents[2] / "sample_runs").glob("*.csv"))
    assert paths
    for path in paths:
        assert said(lrdoctor.diagnose(pd.read_csv(path)))[:2] == said(lrdoctor.diagnose(path))[:2]
