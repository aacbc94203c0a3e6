from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from section_samples import with_sections

from lrdoctor.assess import hold_to_margin
from lrdoctor.core.report import Report
from lrdoctor.core.study import Cut, Stage


def report(margin: float | None, stable_up_to: float | None = None, **changes: Any) -> Report:
    return Report(
        **with_sections(
            {
                "command": "sweep",
                "verdict": "stable",
                "summary": "",
                "runs": (),
                "findings": (),
                "skipped": (),
                "stability_margin": margin,
                "sweep": {"stable_up_to": stable_up_to},
                **changes,
            }
        )
    )


@pytest.mark.parametrize(
    ("sample", "required", "status", "words"),
    [
        (report(5.0), 4.0, "passed", "the stability margin (5x) reaches the 4x that --min-margin demands"),
        (report(5.0), 5.0, "passed", "reaches the 5x"),
        (report(0.05 / 0.01 * (1 - 1e-12)), 5.0, "passed", "reaches the 5x"),
        (report(3.36, 2.8), 5.0, "failed", "the stability margin (3.36x) is below the 5x"),
        (report(None, 10.0), 5.0, "passed", "(>= 10x, none found) reaches the 5x"),
        (report(None, 10.0), 10.0, "passed", "reaches the 10x"),
        (report(None, 4.64), 5.0, "unknown", "no instability was found up to 4.64x lr*, and nothing up to the 5x"),
        (report(None), 5.0, "unknown", "not known (the sweep did not find it)"),
        (report(None, sweep={}), 5.0, "unknown", "not known (no learning rates were swept)"),
        (report(float("nan"), 10.0), 5.0, "unknown", "not known"),
        (report(float("inf")), 5.0, "passed", "(infx) reaches"),
    ],
)
def test_a_margin_is_held_to_what_is_demanded(sample: Report, required: float, status: str, words: str) -> None:
    held = hold_to_margin(sample, required)
    assert (held.required, held.status) == (required, status)
    assert words in held.message


@pytest.mark.parametrize(
    ("stage", "margin", "status"),
    [
        ("grid", 10.0, "unknown"), (None, 10.0, "unknown"), ("check", 10.0, "unknown"), ("refinement", 10.0, "unknown"),
        ("grid", 2.0, "unknown"), (None, 2.0, "unknown"), ("check", 2.0, "failed"), ("refinement", 2.0, "failed"),
    ],
)  # fmt: skip
def test_a_margin_that_a_budget_left_open_is_held_to_nothing(stage: Stage | None, margin: float, status: str) -> None:
    whole = report(margin)
    assert whole.sweep is not None
    cut = replace(whole, sweep=replace(whole.sweep, cut=Cut(stage=stage, left_out="1 trial")))
    assert hold_to_margin(whole, 5.0).status == ("passed" if margin > 5 else "failed")
    held = hold_to_margin(cut, 5.0)
    assert held.status == status
    assert ("the budget ended" in held.message) == (status == "unknown")


def test_a_bound_is_told_apart_from_a_margin() -> None:
    assert (hold_to_margin(report(None, 10.0), 5).is_bound, hold_to_margin(report(10.0), 5).is_bound) == (
        True,
        False,
    )
