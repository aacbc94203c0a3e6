from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Instability
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.fixes import FIXES, recommend

ORDER = [
    "warmup",
    "clip_gradients",
    "change_optimizer",
    "add_residuals_and_norm",
    "norm_placement",
    "zero_init_residual",
    "lower_learning_rate",
]


def finding(instability: Instability, code: str = "LRD999") -> Finding:
    return Finding(
        code=code, name="made up", severity="error", instability=instability, message="", observed=1.0, threshold=0.5
    )


def sweep(optimizer: str = "momentum", steps: int = 300) -> Study:
    """lr* = 0.1 with gradient norms 1..100 and 2..200, unstable from 0.5 on."""
    runs = tuple(
        Run(
            name=f"seed={seed}",
            source="",
            curves={"grad_norm": Curve.of([(seed + 1) * n for n in range(1, 101)])},
            trial=Trial(base_learning_rate=0.1, seed=seed, max_train_steps=steps, eval_every=1, optimizer="{}"),
        )
        for seed in (0, 1)
    )
    spec = {
        "max_train_steps": steps,
        "optimizer": {"name": optimizer},
        "warmup": {"factor": 10.0, "steps": [10, 1000, 10_000, 100_000]},
        "clip": {"percentile": 90.0},
    }
    return Study(name="s", runs=runs, spec=spec, best_learning_rate=0.1, unstable_base_learning_rate=0.5)


def test_the_order_is_the_playbooks() -> None:
    assert [fix.name for fix in FIXES] == ORDER


@pytest.mark.parametrize(
    ("instability", "names"),
    [
        ("early", ORDER),
        ("plateau", [n for n in ORDER if n != "clip_gradients"]),
        ("mid_training", ORDER[1:]),
        ("non_finite", ORDER),
        ("gradient", ["clip_gradients", "change_optimizer", "lower_learning_rate"]),
        ("edge", ["lower_learning_rate"]),
    ],
)
def test_fixes_treat_what_was_found_in_order(instability: Instability, names: list[str]) -> None:
    fixes = recommend(sweep(), [finding(instability)])
    assert [fix.name for fix in fixes] == names
    assert [fix.rank for fix in fixes] == [ORDER.index(name) + 1 for name in names]
    assert {fix.status for fix in fixes} == {"recommended"}


def test_nothing_found_needs_no_fix() -> None:
    assert recommend(sweep(), []) == ()


def test_a_fix_names_every_finding_it_answers_once() -> None:
    found = [finding("early", "LRD201"), finding("mid_training", "LRD202"), finding("early", "LRD201")]
    because = {fix.name: fix.because for fix in recommend(sweep(), found)}
    assert because["clip_gradients"] == ("LRD201", "LRD202")
    assert because["warmup"] == ("LRD201",)


def test_the_numbers_come_from_the_study() -> None:
    settings = {fix.name: fix.settings for fix in recommend(sweep(), [finding("non_finite")])}
    assert settings["warmup"] == {"base_learning_rate": 5.0, "warmup_steps": [1, 10, 30]}
    assert settings["clip_gradients"] == {"clip_norm": pytest.approx((90.1 + 180.2) / 2, rel=1e-3), "percentile": 90}
    assert settings["lower_learning_rate"] == {"base_learning_rate": 0.1}


@pytest.mark.parametrize(
    ("best", "unstable", "lower"),
    [(0.1, 0.15, 0.075), (0.1, 0.2, 0.1), (0.1, 0.5, 0.1), (0.1, 0.05, 0.025), (None, 0.5, 0.25), (0.1, None, None)],
)
def test_a_lower_learning_rate_is_never_a_higher_one(
    best: float | None, unstable: float | None, lower: float | None
) -> None:
    study = replace(sweep(), best_learning_rate=best, unstable_base_learning_rate=unstable)
    (fix,) = recommend(study, [finding("edge")])
    assert fix.settings == ({} if lower is None else {"base_learning_rate": lower})


@pytest.mark.parametrize(
    ("optimizer", "other", "warned"),
    [("momentum", "adam", False), ("adam", "momentum", True), ("adamw", "momentum", True)],
)
def test_what_depends_on_the_optimizer(optimizer: str, other: str, warned: bool) -> None:
    fixes = {fix.name: fix for fix in recommend(sweep(optimizer), [finding("non_finite")])}
    assert fixes["change_optimizer"].settings == {"optimizer": other}
    assert ("hardly changes the steps" in fixes["clip_gradients"].why) is warned


@pytest.mark.parametrize("study", [sweep(), Study(name="log", runs=())])
def test_every_snippet_is_python(study: Study) -> None:
    for fix in recommend(study, [finding("non_finite"), finding("edge")]):
        ast.parse(fix.snippet)
        assert fix.snippet
