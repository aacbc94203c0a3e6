from __future__ import annotations

from typing import Any

import pytest
from report_samples import report
from test_terminal_result import printed, rows

from lrdoctor.core.report import Report

MISSED = "The evaluation every 50 steps shows at most 0.75."


def seed(number: int, *found: str, **changes: Any) -> dict[str, Any]:
    return {
        "run": f"seed={number}",
        "seed": number,
        "first_loss": 2.4,
        "limit": 4.8,
        "train_peak": {"step": 2, "value": 7.5},
        "val_peak": {"step": 7, "value": 155.25},
        "train_seen": {"step": 49, "value": 0.5},
        "val_seen": {"step": 49, "value": 0.75},
        "blew_up": bool(found),
        "shown": False,
        "verdict": "unstable" if found else "stable",
        "found": list(found),
        "hidden": bool(found),
    } | changes


def probe_report(*seeds: dict[str, Any], **changes: Any) -> Report:
    probe = {
        "base_learning_rate": 0.2,
        "factor": 2.0,
        "n_steps": 150,
        "eval_every": 50,
        "evaluated": 256,
        "verdict": "unstable",
        "n_seeds": 3,
        "n_judged": len(seeds),
        "n_unstable": 1,
        "n_hidden": 1,
        "missed": MISSED,
        "note": "",
        "seeds": list(seeds),
        "figures": ["figures/figure_5.png"],
    }
    return report(sweep={}, command="probe", probe=probe | changes)


SAMPLE = probe_report(
    seed(0, "early blow-up", "rise"),
    seed(1),
    seed(2, val_peak=None, val_seen=None),
    note="In seed 1 it peaks alone.",
)


def test_the_table_has_a_row_a_seed_and_the_sentence_after_it() -> None:
    text = printed(SAMPLE)
    assert "Short run: 150 steps at 0.2 (2x lr*), both losses at every step" in text
    assert "evaluated on the first 256 validation examples" in text
    table = [line for line in rows(text, "") if line[:2] in ("0 ", "1 ", "2 ")]
    assert table == [
        "0 2.4 7.5 at 2 155.2 at 7 0.75 unstable: early blow-up, rise, hidden",
        "1 2.4 7.5 at 2 155.2 at 7 0.75 stable",
        "2 2.4 7.5 at 2 - 0.5 stable",
    ]
    assert text.index("early blow-up, rise") < text.index(MISSED) < text.index("In seed 1") < text.index("Fixes to try")
    assert "figures/figure_5.png" in text


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (probe_report(seed(0), seed(1)), "1 of 3 seeds failed and are no evidence"),
        (probe_report(seed(0, val_seen=None)), "nothing"),
    ],
)
def test_what_is_missing_is_said(sample: Report, words: str) -> None:
    assert words in printed(sample)


def test_quiet_leaves_the_table_out() -> None:
    assert "Short run" not in printed(SAMPLE, quiet=True)


@pytest.mark.parametrize("width", [72, 80, 120])
def test_fits_the_width(width: int) -> None:
    text = printed(SAMPLE, width)
    assert max(len(line.rstrip()) for line in text.splitlines()[1:]) <= width
    assert "155.2 at 7" in text
