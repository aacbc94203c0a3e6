from __future__ import annotations

import functools
import xml.etree.ElementTree as ElementTree
from typing import Any

import matplotlib
import pytest
from report_samples import report
from section_samples import section
from treat_samples import ADAM, BEFORE, CLIPPING, NOT_TRIED, TREATS, WARMUP, row, seeds, swept, treat

from lrdoctor.core.fix_sections import TreatResult, TriedFix
from lrdoctor.core.plain import read
from lrdoctor.reports.figures import treat_figures
from lrdoctor.reports.figures.treat import treatments, with_treatment
from lrdoctor.reports.figures.with_fix import WithFix

FIGURE = "figure_8_objective_with_"
FIXES = ["all_fixes", "warmup", "clip_gradients", "warmup_and_clip_gradients", "change_optimizer", "change_optimizer_2"]


@functools.cache
def figures() -> dict[str, bytes]:
    return treat_figures(report(treat=TREATS["all"]), "mlp10")


def of_fix(row: dict[str, Any]) -> WithFix:
    whole: TreatResult = section("treat", TREATS["all"])
    assert whole.before is not None
    return with_treatment("x", whole, whole.before, read(TriedFix, row))


def svg_text(content: bytes) -> str:
    root = ElementTree.fromstring(content)
    return " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))


def test_every_fix_with_rates_gives_two_files() -> None:
    assert list(figures()) == [f"{FIGURE}{fix}.{kind}" for fix in FIXES for kind in ("png", "svg")]
    assert all(content.startswith(b"\x89PNG") for name, content in figures().items() if name.endswith("png"))


@pytest.mark.parametrize(
    ("fix", "texts", "absent"),
    [
        (
            "warmup",
            [
                "mlp10",
                "warmup (30 steps): rejected",
                "highest stable rate 0.0282 without, 0.03637 with",
                "without: infeasible",
                "with: infeasible",
                "lr* 0.02",
                "unstable without it from 0.03162",
                "unstable with it from 0.04",
            ],
            ["do not compare"],
        ),
        ("warmup_and_clip_gradients", ["warmup + clip gradients: verified", "30 steps, norm 4.781"], []),
        (
            "change_optimizer",
            [
                "adam in place of momentum: verified",
                "margin 1.58x before, >= 12.6x after",
                "momentum: infeasible",
                "adam: infeasible",
                "lr* with momentum 0.02",
                "unstable with adam from 0.02818",
                "(those of two optimizers do not compare)",
            ],
            ["without"],
        ),
        ("change_optimizer_2", ["nadam in place of momentum: rejected"], []),
        (
            "all_fixes",
            ["as it is", "rejected: warmup (30 steps)", "verified: adam", "those of two optimizers do not compare"],
            [],
        ),
    ],
)
def test_figures_say_it_in_real_text(fix: str, texts: list[str], absent: list[str]) -> None:
    shown = svg_text(figures()[f"{FIGURE}{fix}.svg"])
    assert [text for text in texts if text not in shown] == []
    assert [text for text in absent if text in shown] == []


def test_same_treatment_gives_the_same_bytes_whatever_the_user_configured() -> None:
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": "other"}):
        again = treat_figures(report(treat=treat([WARMUP, ADAM])), "mlp10")
    # the figure of all fixes has others in it where others were tried
    alone = {name: content for name, content in again.items() if "all_fixes" not in name}
    assert {name: figures()[name] for name in alone} == alone
    assert len(again) == len(alone) + 2


def test_both_trainings_are_drawn_over_their_own_rates() -> None:
    plot = of_fix(CLIPPING)
    assert plot.without.rates == (0.005, 0.01, 0.02, 0.0282, 0.03162, 0.1, 0.2)
    assert plot.with_fix.rates == (0.01, 0.02, 0.05, 0.0562, 0.2)
    assert plot.with_fix.infeasible == (0.0562, 0.2)
    assert [(mark.rate, mark.of_fix) for mark in plot.marks] == [(0.02, False), (0.03162, False), (0.0562, True)]


def test_rates_that_rise_and_come_back_are_marked_with_and_without() -> None:
    rising = swept(seeds(0.01), seeds(0.02, n_unstable=2), seeds(0.05, feasible=0))
    assert [point.learning_rate for point in of_fix(CLIPPING).unstable] == []
    assert [point.learning_rate for point in of_fix({**CLIPPING, "rates": rising}).unstable] == [0.02]


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        (0, ["clip gradients (norm 4.781): unconfirmed"]),
        (12345678, ["clip gradients: unconfirmed", "12345678 steps, norm 4.781"]),
    ],
)
def test_the_title_has_the_settings_on_a_line_of_their_own_where_they_are_long(steps: int, lines: list[str]) -> None:
    settings = {**CLIPPING["settings"], "warmup_steps": steps}
    assert list(of_fix({**CLIPPING, "settings": settings}).headline[:-1]) == lines


@pytest.mark.parametrize(
    ("changes", "marks", "said"),
    [
        ({"unstable_base_learning_rate": None}, [0.02, 0.03162], "highest stable rate 0.0282 without, 0.05 with"),
        ({"highest_stable_learning_rate": None}, [0.02, 0.03162, 0.0562], "0.0282 without, none with"),
    ],
)
def test_what_is_not_known_is_not_drawn(changes: dict[str, Any], marks: list[float], said: str) -> None:
    plot = of_fix({**CLIPPING, **changes})
    assert [mark.rate for mark in plot.marks] == marks
    assert said in plot.headline[1]


@pytest.mark.parametrize(
    ("optimizer", "label"),
    [
        ("adam", "adam"),
        ("torch.optim.AdamW", "AdamW"),
        ("my.nets:Own", "Own"),
        ("ReallyQuiteLongName", "ReallyQuite…"),
        ("momentum", "with"),
    ],
)
def test_the_optimizers_name_is_the_label(optimizer: str, label: str) -> None:
    plot = of_fix({**ADAM, "optimizer": optimizer})
    assert plot.with_fix.label == label
    assert plot.without.label == ("without" if optimizer == BEFORE["optimizer"] else "momentum")


def test_what_was_not_tried_has_no_figure_and_names_are_safe() -> None:
    odd = row("a/b c", 9, "verified", "", rates=swept(seeds(0.1)))
    assert list(treatments("x", section("treat", treat([*NOT_TRIED, odd, odd, odd])))) == [
        f"{FIGURE}a_b_c",
        f"{FIGURE}a_b_c_2",
        f"{FIGURE}a_b_c_3",
    ]
    assert treat_figures(report(treat=TREATS["healthy"]), "x") == {}
