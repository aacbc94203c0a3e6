"""What `lrdoctor sweep` says of the curves of a workload: the one place that knows how its report is read."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.trials.labels import Label
from lrdoctor.core.report import Verdict

KIND_OF_CODE: Mapping[str, Label] = {
    "LRD101": "divergence",
    "LRD201": "early_blow_up",
    "LRD202": "divergence",
    "LRD203": "rise",
    "LRD301": "stuck",
}
"""Code of a finding about a run -> the label it amounts to; a rise counts, though it is a warning, since the lowest
unstable rate of a sweep counts it. An error with another code says that the run is unstable, without a kind."""

NOT_THE_RATE_CODES: frozenset[str] = frozenset()
"""Codes of findings about a run which say that the rate is not the cause. Where one is given, the other findings about
the run do not make it unstable."""

OBSTACLES: Mapping[str, Label] = {
    "not_the_rate": "not_the_rate",
    "nothing_learned": "not_the_rate",
    "no_effect": "stable",
    "unlike_trials": "stable",
    "not_minimized": "not_the_rate",
}
"""Why a sweep says nothing of the rate (`sweep.obstacle.kind` of the report) -> what that makes of all its curves: the
first two and the last excuse what they show, the others speak of trials beside one another, which may be healthy.
Where nothing is learned the report still lists what single trials did wrong, and that stands."""

ROOT = Path(__file__).parent.parent.parent
"""The specs name their models as modules of this package, so lrdoctor runs where it can be imported."""


@dataclass(frozen=True)
class Curve:
    """What is said of one curve.

    Args:
        unstable: whether the run is called unstable or infeasible.
        kinds: what it is said to show.
    """

    unstable: bool
    kinds: frozenset[Label]


@dataclass(frozen=True)
class Judgement:
    """What is said of one sweep.

    Args:
        verdict: of the sweep.
        best, unstable_rate: lr* and the lowest unstable rate; None where they are withheld.
        curves: (base learning rate, seed) -> what is said of it, without runs that could not be judged.
    """

    verdict: Verdict
    best: float | None
    unstable_rate: float | None
    curves: Mapping[tuple[float, int], Curve]


def judge(spec: Path, out: Path, rates: Sequence[float], jobs: int, exhaustive: bool) -> Judgement:
    """Sweeps the spec into the folder, reusing what is trained there, and reads what the report says of the rates.

    Args:
        spec: of the workload.
        out: study folder.
        rates: of the labelled curves.
        jobs: worker processes.
        exhaustive: train every seed at every rate, as judging every curve needs; a sweep by itself leaves out what
            cannot change its answer.

    Raises:
        RuntimeError: lrdoctor found a fault in itself, or was interrupted.
    """
    command = [sys.executable, "-m", "lrdoctor", "sweep", str(spec), "--out", str(out), "--jobs", str(jobs)]
    command += ["--json", "--fail-on", "never", "-q", *(["--exhaustive"] if exhaustive else [])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in (0, 2):
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stderr}")
    if not done.stdout.strip():  # refused before any trial: no report, and so no verdict
        return Judgement("inconclusive", None, None, {})
    return read(json.loads(done.stdout), rates)


def read(report: Mapping[str, Any], rates: Sequence[float]) -> Judgement:
    """What a report of a sweep says of the trials at these rates; those that the sweep added are left out."""
    findings = report["findings"]
    obstacle = (report.get("sweep") or {}).get("obstacle")
    excuse = None if obstacle is None else OBSTACLES[obstacle["kind"]]
    stands = obstacle is not None and obstacle["kind"] == "nothing_learned"
    curves = {}
    for run in report["runs"]:
        near = [rate for rate in rates if math.isclose(rate, run["base_learning_rate"], rel_tol=1e-3)]
        if near and run["feasible"] is not None:
            own = [f for f in findings if f["run"] == run["name"]]
            curves[near[0], run["seed"]] = _curve(run, own, excuse, stands)
    return Judgement(report["verdict"], report["best_learning_rate"], report["unstable_base_learning_rate"], curves)


def _curve(run: Mapping[str, Any], findings: Sequence[Mapping[str, Any]], excuse: Label | None, stands: bool) -> Curve:
    if any(f["code"] in NOT_THE_RATE_CODES for f in findings):
        excuse = "not_the_rate"
    kinds = frozenset(KIND_OF_CODE[f["code"]] for f in findings if f["code"] in KIND_OF_CODE)
    is_error = any(f["severity"] == "error" for f in findings)
    if excuse is not None and not (stands and (kinds or is_error)):
        return Curve(False, frozenset({excuse} - {"stable"}))
    return Curve(bool(kinds) or is_error or not run["feasible"], kinds)
