from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from report_samples import report
from rich.console import Console
from treat_samples import BEFORE, CLIPPING, CUT, LOWER, TREATS, WARMUP, treat
from warmup_samples import TABLES

from lrdoctor.core.report import Fix
from lrdoctor.reports.terminal.result import print_report


def printed(
    of: dict[str, Any], width: int = 110, encoding: str = "utf-8", fixes: tuple[Fix, ...] = (), **options: Any
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(file=file, width=width, color_system=None, _environ={})
    print_report(report(treat=of, command="treat", next_steps=(), fixes=fixes), console, **options)
    file.flush()
    return raw.getvalue().decode(encoding)


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "width", "lines"),
    [
        (
            "all",
            140,
            [
                "Fixes tried in the playbook's order, to restore a margin of 10x",
                "as it is * 0.0282 1.58x 0.62 0.558..0.682 - 0 - -",
                "warmup: 30 steps rejected 0.0282 -> 0.03637 2x 0.61 0.549..0.671 no change 2/3 30 42 12,600",
                "clip gradients: norm 4.781 unconfirmed 0.0282 -> 0.05 2.81x 0.58 0.522..0.638 no change "
                "3/3 0 36 10,800",
                "change optimizer: adam verified* 0.02512 >= 12.6x 0.35 0.315..0.385 gain 10/10 0 51 15,300",
                "change optimizer: nadam rejected 0.0028 1.5x 0.66 0.594..0.726 loss 0/3 0 30 9,000",
                "- the rates of two optimizers do not compare, their margins do",
                "- add_residuals_and_norm, norm_placement, zero_init_residual: nothing is known of the architecture",
                "Prescription: change_optimizer (verified)",
                "base_learning_rate 0.002",
                'optimizer {"name": "adam"}',
                "lrdoctor sweep lrdoctor_out/mlp10/prescription.yaml",
                "Cost, with the sweep: 195 trials, 59,580 training steps, 1 min 15 s summed over the trials",
                "figures/figure_8.png",
            ],
        ),
        (
            "pair",
            80,
            [
                "as it is * 0.0282 1.58x 0.62 - 0",
                "warmup: 30 rejected 0.03637 2x 0.61 no change 2/3 30",
                "warmup + clip verified* 0.1 >= 5x 0.57 no change 4/5 30",
                "Prescription: warmup + clip_gradients (verified)",
                "warmup_steps 30",
                "clip_norm 4.781",
            ],
        ),
        ("pair", 60, ["warmup: 30 steps rejected 0.03637 2x 0.61"]),
        (
            "none",
            200,
            [
                "No prescription",
                "- none of the fixes that were tried makes clearly higher rates trainable without losing, or trains "
                "better by more than the spread over the seeds",
                "- stay at lr* = 0.02 as it is, with a margin of 1.58x",
            ],
        ),
        (
            "refuted",
            200,
            [
                "warmup + clip gradients: 30 steps, norm 4.781 rejected* - - 0.57 0.513..0.627 no change "
                "4/5 30 36 11,880",
                "- rows marked * were trained again, beside the training as it is, on up to 5 fresh seeds "
                "that the search "
                "did not use; their loss and its change are those of these seeds, and verified is what holds",
                "No prescription",
                "- on fresh seeds these helped nothing, or cost something: warmup + clip gradients: 30 "
                "steps, norm 4.781",
                "- stay at lr* = 0.02 as it is, with a margin of 1.58x",
            ],
        ),
        (
            "unconfirmed",
            200,
            [
                "No prescription",
                "- not tried on fresh seeds: clip gradients: norm 4.781",
                "Cut by the budget",
                "- clip_gradients: 9 trials to train, of up to 900 steps in all",
                "- a larger budget goes on with what was cut; what was trained is not trained again",
            ],
        ),
        (
            "cut",
            110,
            [
                "warmup rejected - - - - - 0",
                f"- change_optimizer: cut by --max-trial-steps: {CUT}",
                "- a larger budget goes on with what was cut; what was trained is not trained again",
            ],
        ),
        ("healthy", 110, ["- none was tried: no instability was found up to 10 times lr*"]),
        ("no rate", 110, ["- none was tried: no learning rate trains well"]),
    ],
)
def test_the_section(name: str, width: int, lines: list[str]) -> None:
    shown = squeezed(printed(TREATS[name], width))
    assert [line for line in lines if line not in shown] == []


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("healthy", ["Fixes tried", "Not tried", "Prescription", "prescription", "Cost"]),
        ("cut", ["Cut by the budget"]),
        ("none", ["Cut by", "--max-trial-steps", "lrdoctor sweep", "fresh seeds"]),
        ("pair", ["do not compare", "Not tried", "No prescription"]),
        ("refuted", ["none of the fixes", "Cut by", "lrdoctor sweep"]),
        ("unconfirmed", ["none of the fixes", "rows marked"]),
    ],
)
def test_what_is_not_there_is_not_shown(name: str, absent: list[str]) -> None:
    assert [words for words in absent if words in printed(TREATS[name])] == []


@pytest.mark.parametrize(
    ("of", "line"),
    [
        (treat([WARMUP], n_seeds=2), "- change: none can be shown with 2 seeds; --seeds 3 is the least that can"),
        (treat([WARMUP], n_seeds=1), "- every row is a sweep of its own with 1 seed a rate; the loss"),
        (
            treat([{**CLIPPING, "margin_is_bound": True, "comparison": None}]),
            "clip gradients: norm 4.781 unconfirmed 0.0282 -> 0.05 >= 2.81x 0.58 0.522..0.638 - 0",
        ),
        (treat([], prescription=None, why_not="there is no lr*"), "- there is no lr*"),
        (treat([WARMUP], cut=["warmup: no room for 5x"]), "Cut by the budget"),
        (treat([WARMUP], cut=["warmup: no room for 5x"]), "- warmup: no room for 5x"),
        (
            treat([], prescription=None, before={**BEFORE, "stability_margin": None}),
            "- stay at lr* = 0.02 as it is, with a margin that is not known",
        ),
        (treat([WARMUP, LOWER], objective="best_train_loss"), "stable training steps cost: cost:"),
        (
            treat([WARMUP], cost={"trials": 3, "steps": 900, "seconds": 4.2}),
            "Cost, with the sweep: 3 trials, 900 training steps, 4 s summed",
        ),
    ],
)
def test_single_words(of: dict[str, Any], line: str) -> None:
    assert any(shown.startswith(line) for shown in squeezed(printed(of, 200)))


def test_several_of_one_name_are_told_apart_and_reasons_stand_with_them() -> None:
    shown = squeezed(printed(TREATS["all"]))
    start = shown.index("What came of them")
    labels = ["warmup", "clip_gradients", "warmup+clip_gradients", "change_optimizer adam", "change_optimizer nadam"]
    whys = [line for line in shown[start:] if any(line.startswith(f"{label} ") for label in labels)]
    assert [any(line.startswith(f"{label} ") for line in whys) for label in labels] == [True] * len(labels)
    assert "change_optimizer nadam nadam has no more room" in whys


def test_the_snippet_survives_copy_and_paste_on_any_terminal() -> None:
    snippet = "optimizer = torch.optim.Adam(model.parameters(), lr=0.002)  # in place of SGD\nscheduler = None"
    of = treat(
        [WARMUP], prescription={**TREATS["all"]["prescription"], "snippet": snippet, "spec_file": "my out/p.yaml"}
    )
    shown = printed(of, 40).splitlines()
    assert [
        line for line in (*snippet.splitlines(), "lrdoctor sweep 'my out/p.yaml'") if f"  {line}" not in shown
    ] == []


@pytest.mark.parametrize("name", [name for name in TREATS if TREATS[name]["tried"]])
@pytest.mark.parametrize("width", [60, 80, 100, 110, 126, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_number_is_cut_or_broken(name: str, width: int, encoding: str) -> None:
    text = printed(TREATS[name], width, encoding).split("Fixes tried")[-1]
    table = text.split("every row is")[0].splitlines()
    assert max(len(line) for line in table) <= width
    rows = [row for row in (BEFORE, *TREATS[name]["tried"]) if row["highest_stable_learning_rate"] is not None]
    words = text.split()
    assert [row["name"] for row in rows if f"{row['highest_stable_learning_rate']:.4g}" not in words] == []
    assert "\x1b" not in text


def fix(name: str, rank: int) -> Fix:
    return Fix(rank=rank, name=name, status="verified", why=f"generic words on {name}", because=(), snippet=f"{name}()")


@pytest.mark.parametrize(
    ("name", "title", "listed"),
    [
        ("all", None, []),
        ("none", "Further fixes, in this order", ["clip_gradients", "change_optimizer", "lower_learning_rate"]),
        ("healthy", "Further fixes, in this order", ["warmup", "clip_gradients", "change_optimizer"]),
        ("", "Fixes to try, in this order", ["warmup", "clip_gradients", "change_optimizer"]),
    ],
)
def test_the_list_of_fixes_does_not_repeat_what_was_treated(name: str, title: str | None, listed: list[str]) -> None:
    order = ["warmup", "clip_gradients", "change_optimizer", "norm_placement", "lower_learning_rate"]
    fixes = tuple(fix(of, rank) for rank, of in enumerate(order, start=1))
    text = printed(TREATS[name] if name else {}, fixes=fixes, verbose=True)
    assert [of for of in listed if f"generic words on {of}" not in text or f"{of}()" not in text] == []
    told = {row["name"] for row in TREATS[name]["tried"]} if name else set()
    assert [of for of in told if f"generic words on {of}" in text or f"{of}()" in text] == []
    assert title is None or title in text
    assert title is not None or "in this order" not in text.split("What came")[0]


def test_a_figure_that_two_sections_draw_is_listed_once() -> None:
    sample = report(
        treat=treat([WARMUP], figures=["figures/8.png"]), warmup=replace(TABLES["held"], figures=("figures/8.png",))
    )
    console = Console(file=io.StringIO(), width=110, color_system=None, _environ={})
    with console.capture() as text:
        print_report(sample, console)
    assert text.get().count("figures/8.png") == 1


@pytest.mark.parametrize(
    ("options", "shown", "absent"),
    [({}, "-v shows it", "Warmups tried"), ({"verbose": True}, "Warmups tried", "-v shows it")],
)
def test_the_search_for_the_numbers_is_for_those_who_ask(options: dict[str, bool], shown: str, absent: str) -> None:
    console = Console(file=io.StringIO(), width=110, color_system=None, _environ={})
    with console.capture() as text:
        print_report(report(treat=treat([WARMUP]), warmup=TABLES["held"]), console, **options)
    assert shown in text.get()
    assert absent not in text.get()


def test_a_treatment_alone_is_a_report_of_trials() -> None:
    alone = replace(report(treat=TREATS["healthy"]), sweep=None)
    assert alone.is_of_trials


def test_quiet_shows_the_headline_only() -> None:
    assert "Fixes" not in printed(TREATS["all"], quiet=True)
