"""The page: self-contained, safe with any text, readable by everybody, small, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import log_report_samples as logs
import numpy as np
import pytest
from html_pages import Page, faults
from report_samples import finding, report, summary
from treat_samples import TREATS
from warmup_samples import TABLES

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Report, RunSummary, Skip
from lrdoctor.reports.html import render

KILO = 1000
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><svg onload=alert(1)>",
    "</title></style></code></pre></svg><h1>x",
    "{{ 7 * 7 }}{% raw %}",
    "a & b &lt; c",
    "\x1b[31mred\x00\x07",
    "\u202egnp.exe\u2028\ud800",
    "javascript:alert(1)",
    "line\nbreak\ttab",
    "n" * 10 * KILO,
    "",
)

STUDIES: dict[str, Report] = {
    "sweep": report(),
    "nothing judged": report(sweep={}, treat={}, probe={}, runs=(), findings=(), skipped=(), fixes=()),
    **{f"treat {name}": report(treat=treat, command="treat") for name, treat in TREATS.items()},
    **{f"warmup {name}": report(warmup=warmup, command="warmup") for name, warmup in TABLES.items()},
}
LOGS: dict[str, Report] = {
    "one log": logs.BAD,
    "two logs": logs.report(logs.log_run("a.csv"), logs.log_run("b.csv", "inconclusive")),
    "unread": logs.report(logs.unread("a.csv"), verdict="inconclusive"),
    "no log": logs.report(verdict="inconclusive", passed_over={"images": 3}, no_logs={"a.png": "is an image"}),
}


@pytest.mark.parametrize("sample", [*STUDIES.values(), *LOGS.values()], ids=[*STUDIES, *LOGS])
def test_every_report_is_a_sound_page(sample: Report) -> None:
    text = render(sample)
    assert faults(text) == []
    page = Page.of(text)
    assert page.every("html") == [{"lang": "en"}]
    assert any("default-src 'none'" in of.get("content", "") for of in page.every("meta"))
    assert sample.summary in page.text
    assert page.tags[page.tags.index(("body", {})) + 1] == ("a", {"class": "skip", "href": "#main"})


@pytest.mark.parametrize(
    "sample", [STUDIES["sweep"], STUDIES["treat all"], LOGS["one log"]], ids=["sweep", "treat", "log"]
)
def test_the_same_report_is_the_same_page(sample: Report) -> None:
    assert render(sample) == render(sample)


def everywhere(words: str) -> list[Report]:
    """Reports that say the words wherever text of logs and specs comes in."""
    run = logs.log_run(words, "unstable")
    found = finding(words, run=words, code="LRD202", name=words, observed=words, first_step=60)
    fix = replace(logs.fix(words, words), snippet=f"{words}\n{words}", settings={words: words}, gain={words: 1.0})
    log = replace(
        logs.report(run, summary=words, findings=(found, finding(words))),
        runs=(replace(run, provenance={**logs.PROVENANCE, "format": words, "notes": [words]}, source=words),),
        skipped=(Skip(code=words, reason=words, run=words), Skip(code=words, reason=words)),
        fixes=(fix,),
        next_steps=(words, f"lrdoctor {words}"),
        passed_over={words: 1},
        no_logs={words: words},
    )
    trial = summary(words, source=words, exit_reason=words, optimizer=words)
    study = report(treat=TREATS["all"], runs=(trial,), findings=(found, finding(words)), skipped=log.skipped)
    assert study.sweep is not None
    rates = tuple(replace(rate, events={words: 1}) for rate in study.sweep.rates)
    return [
        log,
        replace(study, summary=words, sweep=replace(study.sweep, rates=rates, notes=(words,), figures=(words,))),
    ]


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: repr(words[:12]))
def test_no_text_harms_the_page(words: str) -> None:
    harmless = [Page.of(render(sample)) for sample in everywhere("harmless")]
    for sample, other in zip(everywhere(words), harmless, strict=True):
        text = render(sample)
        assert faults(text) == []
        allowed = {tag for tag, _ in other.tags} | {"pre", "code", "span", "p", "dl", "div", "dt", "dd"}
        assert {tag for tag, _ in Page.of(text).tags} <= allowed
        text.encode()  # no surrogate is left
        assert not {c for c in text if ord(c) < 0x20} - {"\n"}
        assert len(text) < 200 * KILO


def test_markup_is_shown_as_it_was_written() -> None:
    page = Page.of(render(logs.report(logs.log_run("<b>bold</b>"))))
    assert "<b>bold</b>" in page.words["h3"]


def wavy(seed: int, n: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.exp(-np.arange(n) / 700) + 0.1 * rng.random(n)


def long_run(i: int) -> RunSummary:
    curves = {name: Curve.of(wavy(i)) for name in ("train_loss", "val_loss", "grad_norm", "learning_rate")}
    return replace(logs.log_run(f"run-{i}.csv", "unstable", n_points=2000), curves=curves)


def long_report(n: int) -> Report:
    runs = [long_run(i) for i in range(n)]
    found = [
        finding("it rose", run=run.name, code=f"LRD20{k}", first_step=100 * k, last_step=100 * k + 50)
        for run in runs
        for k in range(4)
    ]
    return logs.report(*runs, findings=tuple(found), fixes=tuple(logs.fix(run.name) for run in runs))


@pytest.mark.parametrize(("n", "most"), [(20, 500), (70, 1000)])
def test_pages_stay_small(n: int, most: int) -> None:
    text = render(long_report(n))
    assert faults(text) == []
    assert len(text.encode()) < most * KILO


def test_a_spike_of_one_step_survives() -> None:
    values = np.ones(100_000)
    values[54_321] = 3.0
    run = replace(logs.log_run("spiked.csv"), curves={"train_loss": Curve.of(values)})
    (line,) = [of["d"] for of in Page.of(render(logs.report(run))).every("path") if of.get("class") == "line first"]
    moves = [float(number) for number in line.partition("l")[2].split()]
    assert len(moves) < 1000
    assert min(moves[1::2]) < -100  # up by most of the panel
    assert max(moves[1::2]) > 100  # and down again


@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        [float("nan")] * 3,
        [1.0, float("inf"), 2.0],
        [1e308, -1e308, 1e308],
        [5e-324, 1e308],
        [0.0, 0.0],
        [-3.0, -3.0],
        [1e-320, 1e-310],
    ],
)
def test_any_curve_can_be_drawn(values: list[float]) -> None:
    found = finding("it rose", run="a.csv", first_step=0, last_step=len(values))
    text = render(logs.report(logs.log_run("a.csv", "unstable", values), findings=(found,)))
    assert faults(text) == []
    assert not {"nan", "inf"} & {
        word for d in Page.of(text).attributes("d", "y") for word in d.replace("l", " ").split()
    }


def test_the_worst_runs_are_open_and_the_others_are_folded() -> None:
    runs = [logs.log_run("good.csv"), *(logs.log_run(f"bad-{i}.csv", "unstable") for i in range(12))]
    page = Page.of(render(logs.report(*runs)))
    is_open = ["open" in of for of in page.every("details") if of.get("class") == "run"]
    assert is_open == [True] * 8 + [False] * 5
    assert [word for word in page.words["h3"] if word.endswith(".csv")][-1] == "good.csv"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"curves": {}}, "curves are no part of a saved report; judge the log again"),
        ({"curves": {"train_loss": Curve.of([np.nan])}}, "none of its values is finite"),
    ],
)
def test_a_run_without_a_drawing_says_why(changes: dict[str, Any], why: str) -> None:
    run = replace(logs.log_run("a.csv"), **changes)
    assert why in Page.of(render(logs.report(run))).text


def test_of_very_many_runs_the_worst_are_drawn() -> None:
    runs = [*(logs.log_run(f"{i}.csv") for i in range(160)), logs.log_run("bad.csv", "unstable")]
    text = render(logs.report(*runs))
    assert faults(text) == []
    in_full = 8  # each with its gradient norms as bars
    assert len(Page.of(text).every("figure")) == 150 + in_full
    assert text.count("draws the worst 150 runs") == 11
    assert Page.of(text).words["h3"][0] == "bad.csv"


@pytest.mark.parametrize(
    ("first", "last", "title"),
    [
        (500, None, "steps 488 to 512"),
        (500, 599, "steps 451 to 648"),
        (0, None, "steps 0 to 12"),
        (200, 999, "steps 101 to 498"),
        (990, 5000, "steps 891 to 999"),
    ],
)
def test_a_long_finding_is_enlarged_where_it_begins(first: int, last: int | None, title: str) -> None:
    found = finding("it rose", run="a.csv", first_step=first, last_step=last)
    text = render(logs.report(logs.log_run("a.csv", "unstable", np.ones(1000)), findings=(found,)))
    assert f"training loss, {title}, enlarged" in Page.of(text).words["figcaption"]


def test_fixes_that_are_alike_for_several_runs_stand_once() -> None:
    runs = [logs.log_run(name, "unstable") for name in ("a.csv", "b.csv", "c.csv")]
    fixes = (logs.fix("a.csv", "alike"), logs.fix("b.csv", "alike"), logs.fix("c.csv", "of its own"))
    page = Page.of(render(logs.report(*runs, fixes=fixes)))
    assert [words for words in page.words["p"] if words.startswith("For ")] == ["For a.csv, b.csv", "For c.csv"]
    assert page.words["code"].count("code()") == 2
