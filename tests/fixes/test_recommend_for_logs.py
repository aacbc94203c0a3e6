from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from fix_samples import found, log, ramp, study

from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.fixes import FIXES, recommend
from lrdoctor.logs import read_log

ORDER = [fix.name for fix in FIXES]
ARCHITECTURE = ORDER[3:6]
NAN = float("nan")


@pytest.mark.parametrize(
    ("findings", "names"),
    [
        ([found("early")], ORDER),
        ([found("mid_training", 900)], ORDER[1:]),
        ([found("non_finite", 900)], ORDER[1:]),
        ([found("non_finite", 3)], ORDER),
        ([found("gradient")], ["clip_gradients", "change_optimizer", "lower_learning_rate"]),
        ([found("resume")], []),
        ([found("restart", severity="info")], []),
        ([found("dead", None)], []),
        ([found("mid_training", severity="info")], []),
        ([], []),
    ],
)
def test_a_log_gets_the_fixes_of_what_was_found_in_order(findings: list[Finding], names: list[str]) -> None:
    assert [fix.name for fix in recommend(study(log()), findings)] == names


def test_what_needs_no_fix_is_no_reason_for_one() -> None:
    findings = [found("resume", code="LRD001"), found("dead", code="LRD002"), found("mid_training", code="LRD202")]
    assert {fix.because for fix in recommend(study(log()), findings)} == {("LRD202",)}


@pytest.mark.parametrize(("first", "names"), [(0, ARCHITECTURE), (1, ARCHITECTURE), (2, ORDER), (50, ORDER)])
def test_a_loss_lost_before_the_first_update_is_no_matter_of_updates(first: int, names: list[str]) -> None:
    run = log(losses=[NAN] * 100, first=first)
    assert [fix.name for fix in recommend(study(run), [found("non_finite", first)])] == names


def test_the_architecture_has_to_be_looked_at() -> None:
    for fix in recommend(study(log()), [found("mid_training")]):
        assert ("the log does not show the model" in fix.why) is (fix.name in ARCHITECTURE)


@pytest.mark.parametrize(("end", "is_said"), [(20.0, True), (5.0, False)])
def test_growing_gradients_speak_for_the_architecture(end: float, is_said: bool) -> None:
    run = log(norms=[*[1.0, 1.1, 0.9] * 100, *[end, 1.1 * end] * 100])
    fixes = {fix.name: fix for fix in recommend(study(run), [found("mid_training", 500)])}
    assert ("the gradient norm grew" in fixes["norm_placement"].why) is is_said


@pytest.mark.parametrize(
    ("norms", "finding", "how", "is_flat"),
    [
        ([1.0, 1.1, 0.9] * 300, found("mid_training", 500), {}, True),
        ([1.0, 1.1, 0.9] * 300, found("early", 500), {}, False),
        ([1.0, 1.1, 0.9] * 300, found("mid_training", 5000), {"gap": 10}, False),  # one norm in ten is no proof
        ([*[1.0, 1.1, 0.9] * 165, 4.0, *[1.0, 1.1] * 100], found("mid_training", 500), {}, False),
        ([*[1.0, 1.1, 0.9] * 165, NAN, *[1.0, 1.1] * 100], found("mid_training", 500), {}, False),
        (None, found("mid_training", 500), {}, False),
    ],
    ids=["flat", "early", "sparse", "outlier", "nan", "unlogged"],
)
def test_spikes_out_of_flat_gradients_point_at_the_optimizer(
    norms: Any, finding: Finding, how: dict[str, Any], is_flat: bool
) -> None:
    fixes = {fix.name: fix for fix in recommend(study(log(norms=norms, **how)), [finding])}
    assert "Adam or AdamW where this run used SGD" in fixes["change_optimizer"].why
    assert ("beta2 = 0.95" in fixes["change_optimizer"].why) is is_flat


RUNS = {
    "bare": log(),
    "all": log(norms=[1 + 0.01 * (t % 100) for t in range(1000)], rates=ramp(20, 0.1, 1000)),
    "constant rate": log(rates=[0.1] * 1000),
    "epochs": log(x="epoch"),
}
UNKNOWN = {"bare": {"warmup"}, "epochs": {"warmup"}}
"""Snippets that must leave a name open, since the log does not tell the number."""


@pytest.mark.parametrize("name", RUNS)
def test_every_snippet_runs(name: str) -> None:
    torch = pytest.importorskip("torch")
    for fix in recommend(study(RUNS[name]), [found("early", 30), found("mid_training", 500)]):
        ast.parse(fix.snippet)
        model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LayerNorm(3))
        block = torch.nn.Module()
        block.last = torch.nn.Linear(3, 3)
        x = torch.randn(2, 3)
        names = {
            "torch": torch, "model": model, "block": block, "x": x, "f": model[0], "norm": model[1],
            "optimizer": torch.optim.SGD(model.parameters(), lr=1.0), "loss": model(x).sum(),
        }  # fmt: skip
        if fix.name in UNKNOWN.get(name, ()):
            with pytest.raises(NameError):
                exec(fix.snippet, names)  # our own text, the point of the test
            continue
        exec(fix.snippet, names)  # our own text, the point of the test


def test_the_warmup_snippet_ramps_from_0_to_the_rate() -> None:
    torch = pytest.importorskip("torch")
    (fix,) = (f for f in recommend(study(RUNS["all"]), [found("early", 30)]) if f.name == "warmup")
    names: dict[str, Any] = {"torch": torch, "model": torch.nn.Linear(1, 1)}
    exec(fix.snippet, names)  # our own text, the point of the test
    rates = []
    for _ in range(names["warmup_steps"] + 2):
        rates.append(names["optimizer"].param_groups[0]["lr"])
        names["optimizer"].step()
        names["warmup"].step()
    assert (rates[0], rates[1], rates[-1]) == (0.0, pytest.approx(0.1 / 100), pytest.approx(0.1))
    assert rates[-2] == rates[-1] > rates[-3]


def test_the_clipping_snippet_clips_or_only_measures() -> None:
    torch = pytest.importorskip("torch")
    for name, norm in {"bare": 30.0, "all": 1.891}.items():
        (fix,) = (f for f in recommend(study(RUNS[name]), [found("mid_training", 500)]) if f.name == "clip_gradients")
        model = torch.nn.Linear(1, 1, bias=False)
        names: dict[str, Any] = {"torch": torch, "model": model, "optimizer": torch.optim.SGD(model.parameters())}
        names["loss"] = 30 * model(torch.ones(1)).sum()
        exec(fix.snippet, names)  # our own text, the point of the test
        assert float(names["grad_norm"]) == pytest.approx(30.0)
        assert float(model.weight.grad.norm()) == pytest.approx(norm, rel=2e-3)


def test_a_real_file_from_reading_to_threshold(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    rows = [f"{t},{3 - t / 500},{1 + 0.01 * (t % 100)},{min(t / 50, 1) * 0.1}" for t in range(800)]
    path.write_text("\n".join(["step,loss,grad_norm,lr", *rows, "800,nan,nan,0.1"]))
    (run,) = read_log(path)
    fixes = {fix.name: fix for fix in recommend(study(run), [found("non_finite", 800, run=run.name)])}
    assert [*fixes] == ORDER[1:]
    assert fixes["clip_gradients"].settings["clip_norm"] == pytest.approx(1.891, rel=2e-3)
    assert fixes["lower_learning_rate"].settings == {"base_learning_rate": 0.05}


def test_a_sweep_takes_nothing_from_the_log_of_a_run() -> None:
    run = log(norms=[1.0] * 1000, rates=[0.1] * 1000)
    both = (run, Run("other", "other", run.curves))
    several = study(run).__class__(name="two", runs=both)
    assert [dict(fix.settings) for fix in recommend(several, [found("early")])] == [{}] * len(ORDER)
