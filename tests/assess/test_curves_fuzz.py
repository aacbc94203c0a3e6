"""Whatever the numbers of a log are: a verdict that its findings bear out, and neither an exception nor a warning."""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzzing import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from report_schema import SCHEMA, faults, parse

from lrdoctor.assess import report_of_logs
from lrdoctor.core.curve import Curve, Steps, Values
from lrdoctor.core.run import Run
from lrdoctor.logs.gather import Gathered
from lrdoctor.reports.json import render
from lrdoctor.rules import non_finite

LARGEST_STEP = 2**62
NON_FINITE = non_finite.RULE.code
WILD = (0.0, -0.0, 1.0, -1.0, 2.5, 1e-3, 1e6, 1e154, 1e308, -1e308, 5e-324, -5e-324, 1e-300, np.nan, np.inf, -np.inf)
SCALES = (1.0, 1.0, 1.0, -1.0, 1e-8, 1e-320, 1e300)
levels = st.sampled_from(WILD) | st.floats(-10, 10) | st.floats()
PIECES = ("constant", "noise", "ramp", "signs", "huge noise", "cauchy", "wild", "exponential", "training", "training")


@st.composite
def values(draw: st.DrawFn, longest: int = 400) -> Values:
    """Pieces of curves of all sizes behind each other, with single points put in."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(0, longest))
    parts: list[Values] = [np.zeros(0)]
    while (left := n - sum(map(len, parts))) > 0:
        length = draw(st.integers(1, left) | st.just(left))
        parts.append(piece(draw(st.sampled_from(PIECES)), length, draw(levels), draw(levels), random))
    value = np.concatenate(parts)
    for at in draw(st.lists(st.integers(0, max(n - 1, 0)), max_size=4)) if n else []:
        value[at] = draw(levels)
    digits = draw(st.none() | st.integers(-2, 6))
    with np.errstate(all="ignore"):
        return value if digits is None else np.round(value, digits)


def piece(kind: str, n: int, level: float, other: float, random: np.random.Generator) -> Values:
    along = np.linspace(0, 1, n)
    noise = random.standard_normal(n)
    with np.errstate(all="ignore"):
        made: dict[str, Any] = {
            "constant": np.full(n, level),
            "noise": level + 0.1 * noise,
            "ramp": level + (other - level) * along,
            "signs": level * np.sign(noise),
            "huge noise": other * noise,
            "cauchy": level + random.standard_cauchy(n),
            "wild": random.choice(WILD, n),
            "training": random.choice(SCALES) * (0.5 + 3 * np.exp(-5 * along) + 0.02 * noise),
            "exponential": np.exp(300 * along * random.uniform(-2, 2)) + noise,
        }
        return np.asarray(made[kind], dtype=np.float64)


@st.composite
def steps(draw: st.DrawFn, n: int) -> Steps:
    """Increasing steps, one apart, evenly apart, or with gaps up to the largest step there can be."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        apart = draw(st.sampled_from([1, 1, 1, 2, 50, 10**6, LARGEST_STEP // (n + 1)]))
        return apart * np.arange(n, dtype=np.int64) + draw(st.sampled_from([0, 0, 1, 17, 10**9]))
    largest = draw(st.sampled_from([4 * n + 4, 10**6, LARGEST_STEP]))
    return np.unique(random.integers(-5, largest, n))


@st.composite
def curves(draw: st.DrawFn) -> dict[str, Curve]:
    """The curves of a run, which need not be logged at the same steps."""
    found = {}
    names = st.lists(st.sampled_from(["learning_rate", "grad_norm", "val_loss"]), unique=True, max_size=3)
    for name in ["train_loss", *draw(names)]:
        value = draw(values())
        step = draw(steps(len(value)))
        found[name] = Curve(step, value[: len(step)])
    return found


def facts(curve: Curve) -> st.SearchStrategy[dict[str, Any]]:
    """Provenance, some of it wrong."""
    some = st.sampled_from(curve.step.tolist() or [0])
    return st.fixed_dictionaries(
        {},
        optional={
            "resumed_at": st.lists(some, max_size=3).map(tuple),
            "discarded": st.sampled_from([5, 60]).map(lambda n: (Curve(curve.step[-n:], curve.value[-n:]),)),
            "smoothed": st.sampled_from([0.6, 0.99]),
            "quantised": st.integers(0, 6),
            "averaged": st.just("window of 10 steps"),
            "x": st.sampled_from(["step", "epoch", "row"]),
            "nan_filter": st.booleans(),
            "objective": st.sampled_from(["minimized", "reinforcement", "adversarial"]),
            "objective_reason": st.just("given by --objective"),
        },
    )


@fuzzing(200)
@given(st.data(), curves(), st.sampled_from([0.01, 1e-9, 0.49]))
def test_any_curve_is_judged(data: st.DataObject, made: dict[str, Curve], alpha: float) -> None:
    known = data.draw(facts(made["train_loss"]))
    run = Run("log", "log", made, provenance={"format": "csv", "left_out": {}, **known})
    report = report_of_logs(Gathered(runs=(run,)), alpha=alpha)
    document = parse(render(report))
    assert faults(document, SCHEMA) == []
    is_error = any(finding.severity == "error" for finding in report.findings)
    assert (report.verdict == "unstable") == is_error
    assert report.summary
    inside = [step for curve in made.values() for step in curve.step.tolist()]
    for finding in report.findings:
        assert "nan" not in finding.message or finding.code == NON_FINITE
        assert finding.first_step is None or min(inside) <= finding.first_step <= max(inside)
        assert finding.last_step is None or min(inside) <= finding.last_step <= max(inside)
        assert finding.first_step is None or finding.last_step is None or finding.first_step <= finding.last_step
