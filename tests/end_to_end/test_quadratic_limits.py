"""On a quadratic the highest stable learning rate of each update rule is known exactly: the sweep has to find it."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import lrdoctor
from sweep_in_process import swept

WORKLOAD = Path(__file__).with_name("quadratic.py")

RESOLUTION = 1.02
"""Finer than the 5 % that are asked for, coarser than the rates at which nothing has grown yet after 200 updates."""

SEVEN_RATES = "{min: 0.003, max: 3, points: 7}"
"""Half a decade from one to the next: no limit below lies within 5 % of one, so that only the search can find it."""

CASES = [
    ("sgd", 0.0, 5.0, 0.0),
    ("sgd", 0.0, 40.0, 0.1),
    ("momentum", 0.9, 5.0, 0.1),
    ("momentum", 0.5, 30.0, 0.0),
    ("nesterov", 0.9, 5.0, 0.0),
    ("nesterov", 0.5, 30.0, 0.1),
]
"""Rule, gamma, largest curvature, and the noise of a gradient's coordinate as a share of that coordinate at the start
(about the largest curvature, in every direction)."""


def limit(rule: str, gamma: float, curvature: float) -> float:
    """The learning rate above which the most curved direction grows without bound (gamma is 0 for sgd)."""
    return 2 * (1 + gamma) / ((1 + 2 * gamma if rule == "nesterov" else 1) * curvature)


def spec_of(rule: str, gamma: float, sweep: str = SEVEN_RATES, noise: float = 0.0, **model: Any) -> str:
    optimizer = {"name": rule} if rule == "sgd" else {"name": rule, "momentum": gamma}
    blocks = {
        "name": "quadratic",
        "model": {"class_path": f"{WORKLOAD}:Quadratic", "init_args": model},
        "data": {"class_path": f"{WORKLOAD}:batches", "init_args": {"noise": noise}},
        "step": f"{WORKLOAD}:loss_of",
        "optimizer": optimizer,
        "max_train_steps": 200,
        "device": "cpu",
    }
    return "".join(f"{key}: {json.dumps(block)}\n" for key, block in blocks.items()) + f"sweep: {sweep}\n"


@pytest.mark.parametrize(("rule", "gamma", "curvature", "noise"), CASES)
def test_the_sweep_measures_the_limit(tmp_path: Path, rule: str, gamma: float, curvature: float, noise: float) -> None:
    text = spec_of(rule, gamma, noise=noise * curvature, curvature=curvature)
    study = swept(tmp_path, text, RESOLUTION)
    edge = limit(rule, gamma, curvature)
    assert all(abs(r.base_learning_rate / edge - 1) > 0.05 for r in study.rates if r.stage == "grid")
    assert study.unstable_base_learning_rate == pytest.approx(edge, rel=0.05)
    # and on its own side of it, the slow growth within the resolution left open
    flagged_below = [r for r in study.rates if r.base_learning_rate < edge and r.n_unstable]
    held_above = [r for r in study.rates if r.base_learning_rate > RESOLUTION * edge and r.n_unstable < r.n_judged]
    assert (flagged_below, held_above) == ([], [])
    assert study.best_learning_rate is not None
    assert study.best_learning_rate < edge


@pytest.mark.parametrize(("rule", "gamma", "curvature"), [("sgd", 0.0, 5.0), ("sgd", 0.0, 40.0)])
def test_one_direction_alone(tmp_path: Path, rule: str, gamma: float, curvature: float) -> None:
    """Nothing else falls: at the limit itself the loss stands still."""
    study = swept(tmp_path, spec_of(rule, gamma, curvature=curvature, others=0), RESOLUTION)
    assert study.unstable_base_learning_rate == pytest.approx(limit(rule, gamma, curvature), rel=0.05)


@pytest.mark.parametrize(("rule", "gamma", "curvature"), [("momentum", 0.5, 30.0), ("nesterov", 0.9, 5.0)])
def test_an_overshoot_that_settles_is_an_early_blow_up(
    tmp_path: Path, rule: str, gamma: float, curvature: float
) -> None:
    """Where the most curved direction is all of the loss, a rule with momentum doubles it below its limit, and then is
    worse than the untrained weights. What rises by less is no blow-up.

    The first update takes x to (1 - eta c) x, with c the curvature, times 1 + gamma for Nesterov: twice the loss is
    at eta c = 1 + sqrt(2).
    """
    doubling = (1 + math.sqrt(2)) / ((1 + gamma if rule == "nesterov" else 1) * curvature)
    assert 1.05 * doubling < limit(rule, gamma, curvature)
    below, above = 0.95 * doubling, 1.05 * doubling
    grid = f"{{values: [{0.1 * doubling}, {below}, {above}]}}"
    study = swept(tmp_path, spec_of(rule, gamma, grid, curvature=curvature, others=0), RESOLUTION)
    judged = {r.base_learning_rate: (r.events.get("early blow-up", 0), r.n_judged) for r in study.rates}
    # seeds that agree need no third
    assert judged[below][0] == 0
    assert judged[above][0] == judged[above][1] >= 2


@pytest.mark.skipif(sys.platform == "win32", reason="forkserver is POSIX")
def test_the_command_measures_the_limit_with_a_fine_grid(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(spec_of("sgd", 0.0, "{min: 0.05, max: 1, points: 80}", curvature=5.0))
    done = lrdoctor("sweep", tmp_path / "spec.yaml", "--out", tmp_path / "out", "--json", "--seeds", 1, "--jobs", 2)
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["unstable_base_learning_rate"] == pytest.approx(limit("sgd", 0.0, 5.0), rel=0.05)
