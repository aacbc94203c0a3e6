from __future__ import annotations

import io
from typing import Any

import pytest
from section_samples import attempt, lowered, section

from lrdoctor.core.fix_sections import ClipResult
from lrdoctor.reports.terminal.clip import print_clip
from lrdoctor.reports.terminal.text import Screen

BROKEN = {"base_learning_rate": 0.03, "n_held": 0, "holds": False, "events": {"stuck": 3}, "objective": float("inf")}
CLIPPED = {"base_learning_rate": 0.03, "percentile": 90.0, "clip_norm": 3.4, "share_clipped": 0.22}
HARDER = {"base_learning_rate": 0.03, "percentile": 50.0, "clip_norm": 2.1, "share_clipped": 0.67, "aggressive": True}


def clip(**changes: Any) -> ClipResult:
    rows = [{"percentile": q, "median": q / 30, "low": q / 40, "high": q / 20} for q in (50.0, 90.0, 100.0)]
    fields: dict[str, Any] = {
        "status": "verified",
        "verdict": "verified: it holds [red]",
        "objective": "best_val_loss",
        "base_learning_rate": 0.03,
        "clip_norm": 3.4,
        "norms": {"base_learning_rate": 0.01, "seeds": [0, 2], "left_out": [1], "n_norms": 300, "percentiles": rows},
        "attempts": [attempt(), attempt(**BROKEN), attempt(**HARDER), attempt(**CLIPPED)],
        "lowered": [lowered(base_learning_rate=0.02, clip_norm=2.1)],
    }
    made: ClipResult = section("clip", fields | changes)
    return made


def shown(of: ClipResult) -> list[str]:
    screen = Screen(file=io.StringIO(), width=130, color_system=None, force_terminal=False)
    with screen.capture() as text:
        print_clip(of, screen)
    return [" ".join(line.split()) for line in text.get().splitlines()]


def test_the_whole_section() -> None:
    lines = shown(clip())
    for line in (
        "Gradient norms at lr* = 0.01, before clipping",
        "percentile 50 90 max",
        "median over the seeds 1.667 3 3.333",
        "lowest seed 1.25 2.25 2.5",
        "300 updates of 2 seeds; left out, since training did not hold there: seed 1",
        "- verified: it holds [red]",
    ):
        assert line in lines


def test_the_table_goes_by_rate_then_from_easy_to_hard() -> None:
    lines = shown(clip())
    start = next(i for i, line in enumerate(lines) if line.startswith("learning rate"))
    assert lines[start + 1 : start + 6] == [
        "0.01 none 3/3 0.55 0.5..0.6",
        "0.02 none 3/3 0.55 0.5..0.6",
        "0.03 none 0/3 inf 0.5..0.6 stuck 3/3",
        "0.03 3.4 (90th) 3/3 22 % 0.55 0.5..0.6",
        "0.03 2.1 (50th) 3/3 67 %! 0.55 0.5..0.6",
    ]
    assert any("!: more than half" in line for line in lines)


def test_what_the_spec_clips_itself_is_shown_as_the_spec_s() -> None:
    lines = shown(clip(own_clip_norm=2.5))
    assert "0.01 2.5 (the spec's) 3/3 0.55 0.5..0.6" in lines
    assert not any(" none " in line for line in lines)


@pytest.mark.parametrize(
    ("of", "absent"),
    [
        (clip(norms=None), "Gradient norms"),
        (clip(attempts=[attempt()]), "Clipping tried"),
        (clip(attempts=[attempt(), attempt(**CLIPPED)]), "!: more than half"),
    ],
)
def test_what_is_not_there_is_not_shown(of: ClipResult, absent: str) -> None:
    assert not any(absent in line for line in shown(of))


@pytest.mark.parametrize("status", ["verified", "rejected", "unconfirmed", "not_tried"])
def test_every_way_in_which_clipping_ends_has_a_colour(status: str) -> None:
    assert "- it came to this" in shown(clip(status=status, verdict="it came to this"))
