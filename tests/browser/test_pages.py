"""Every kind of page in headless Chromium: nothing on the console, no request, no sideways scrolling, accessible (by
axe-core), dark, and on paper with its folded parts open.

Needs Chromium (`apt-get install chromium`) and the dev extra; without either the tests are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import log_report_samples as logs
import numpy as np
import pytest
from report_samples import falling, finding, rate, report, run, study, summary
from treat_samples import TREATS

from lrdoctor.assess.between import VALIDATION, Side, compare_studies
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Report
from lrdoctor.reports import compare as comparisons
from lrdoctor.reports import figures
from lrdoctor.reports.html import render

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or ""
MISSING = "" if BROWSER else "no chromium on PATH; apt-get install chromium"
if not MISSING and find_spec("playwright") is None:
    MISSING = "playwright is not installed; pip install -e '.[dev]'"
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "there")

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTHS = (400, 1280)
LONGEST_PAGE = 400_000
"""Bytes of the page of a treatment."""


def of_logs(folder: Path) -> str:
    steps = np.linspace(0.0, 6.0, 400)
    norms = {"train_loss": Curve.of(np.exp(-steps) + 0.1), "grad_norm": Curve.of(1 + np.cos(9 * steps) ** 2)}
    runs = [logs.log_run("spiked.csv", "unstable"), replace(logs.log_run("with-norms.csv"), curves=norms)]
    found = (finding("it rose", run="spiked.csv", first_step=3, last_step=5),)
    return render(logs.report(*runs, findings=found, fixes=(logs.fix("spiked.csv"),)))


def of_a_treatment(folder: Path) -> str:
    runs = [run(0.01, seed, train=falling(300), val=[0.2 + seed / 10]) for seed in range(5)]
    runs += [run(0.1, seed, train=[*falling(50), 5.0, 3e38], status="diverged") for seed in range(5)]
    swept = study(
        [rate(0.001), rate(0.01), rate(0.1, feasible=0)], runs,
        best_learning_rate=0.01, unstable_base_learning_rate=0.1,
    )  # fmt: skip
    plain = report(treat=TREATS["all"], command="treat")
    assert plain.sweep is not None
    assert plain.treat is not None
    drawn = {"sweep": figures.sweep_figures(swept), "treat": figures.treat_figures(plain, "a treatment")}
    (folder / "figures").mkdir(parents=True)
    for name, content in (drawn["sweep"] | drawn["treat"]).items():
        (folder / "figures" / name).write_bytes(content)
    files = {part: tuple(f"figures/{name}" for name in of) for part, of in drawn.items()}
    trials = tuple(summary(f"lr={lr:g} seed={seed}") for lr in (0.001, 0.01, 0.1) for seed in range(40))
    whole = replace(
        plain, runs=trials, sweep=replace(plain.sweep, figures=files["sweep"]),
        treat=replace(plain.treat, figures=files["treat"]),
    )  # fmt: skip
    return render(whole, folder)


def of_a_comparison(folder: Path) -> str:
    def side(name: str) -> Side:
        one: Report = report(verdict="stable")
        return Side(name=name, source=name, report=one, runs=(), identity={"depth": name}, data={VALIDATION: "1"})

    found = compare_studies([side("a"), side("b")])
    drawn = figures.compare_figures(found.studies, [[run(0.01, train=falling())]] * 2, [None, None])
    (folder / "figures").mkdir(parents=True)
    for name, content in drawn.items():
        (folder / "figures" / name).write_bytes(content)
    return comparisons.as_html(replace(found, figures=tuple(f"figures/{name}" for name in drawn)), folder)


PAGES = {"logs": of_logs, "treatment": of_a_treatment, "comparison": of_a_comparison}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each kind of page as a file."""
    made = {}
    for name, render_page in PAGES.items():
        folder = tmp_path_factory.mktemp(name)
        made[name] = folder / "report.html"
        made[name].write_text(render_page(folder / "study"), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield opened
        opened.close()


class Opened:
    """A page in the browser, and what it said and asked for."""

    def __init__(self, browser: Any, file: Path, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=False
        )
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri(), wait_until="load")

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_nothing_asks_for_nothing_and_does_not_scroll_sideways(
    browser: Any, pages: dict[str, Path], name: str, width: int
) -> None:
    with Opened(browser, pages[name], width) as opened:
        for part in opened.page.query_selector_all("details"):
            part.evaluate("of => of.open = true")
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.said == []
        # the page itself
        assert opened.asked == [pages[name].as_uri()]
        if folder := os.environ.get("LRDOCTOR_SCREENSHOTS"):
            opened.page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(browser: Any, pages: dict[str, Path], name: str, scheme: str) -> None:
    axe = find_spec("axe_playwright_python")
    if axe is None or axe.origin is None:
        pytest.skip("axe-playwright-python is not installed; pip install -e '.[dev]'")
    source = (Path(axe.origin).parent / "axe.min.js").read_text("utf-8")
    with Opened(browser, pages[name], scheme=scheme) as opened:
        for part in opened.page.query_selector_all("details"):
            part.evaluate("of => of.open = true")
        opened.page.evaluate(source)
        found = opened.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]] == []


@pytest.mark.parametrize("name", PAGES)
def test_dark_mode_turns_the_paper_dark(browser: Any, pages: dict[str, Path], name: str) -> None:
    colours = []
    for scheme in ("light", "dark"):
        with Opened(browser, pages[name], scheme=scheme) as opened:
            colours.append(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


@pytest.mark.parametrize("name", PAGES)
def test_folded_parts_are_on_paper(browser: Any, pages: dict[str, Path], name: str) -> None:
    with Opened(browser, pages[name]) as opened:
        folded = opened.page.query_selector_all("details:not([open]) > :not(summary)")
        assert folded, "no part of the page is folded"
        assert not any(part.is_visible() for part in folded)
        opened.page.emulate_media(media="print")
        # those inside another folded part, too
        assert all(part.is_visible() for part in folded)
        assert opened.said == []


def test_the_page_of_a_treatment_stays_small(pages: dict[str, Path]) -> None:
    assert pages["treatment"].stat().st_size <= LONGEST_PAGE
