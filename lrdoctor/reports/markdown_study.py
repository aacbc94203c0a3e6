"""The parts of a study's Markdown: its numbers, its rates, the fixes that were tried, the prescription."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lrdoctor.core.curve import Curve
from lrdoctor.core.fix_sections import Prescription, TriedFix
from lrdoctor.core.report import Report
from lrdoctor.core.sections import Sweep
from lrdoctor.reports import budgets
from lrdoctor.reports.intervals import Figures
from lrdoctor.reports.markdown_text import code, details, drawn, table, words
from lrdoctor.reports.numbers import multiple, number
from lrdoctor.reports.tables import objective_words, rates_table
from lrdoctor.reports.terminal.sparkline import Axis, draw
from lrdoctor.reports.treated import in_short
from lrdoctor.reports.treated import margin as margin_of

MOST_RATES, MOST_TRIED = 40, 20
LONGEST_CODE = 4000


def headline(report: Report) -> Iterator[tuple[str, str]]:
    """Label and value of every number that is known; what a sweep did not find is said."""
    best, unstable, margin = report.best_learning_rate, report.unstable_base_learning_rate, report.stability_margin
    figures = Figures(report)
    if best is not None or report.sweep:
        yield "best learning rate (lr\\*)", "none" if best is None else figures.best(best)
    if unstable is not None or report.sweep:
        yield "lowest unstable rate", "none found" if unstable is None else figures.unstable(unstable)
    if margin is not None:
        yield "stability margin", figures.margin(margin)
    elif report.sweep and report.sweep.stable_up_to is not None:
        yield "stability margin", f">= {multiple(report.sweep.stable_up_to)}, none found"
    if report.lr_sensitivity is not None:
        yield "LR sensitivity", number(report.lr_sensitivity)
    if report.budget is not None:
        yield budgets.LABEL, budgets.in_words(report.budget)


def blocks_of_study(report: Report) -> Iterator[str]:
    """The prescription, the fixes, the rates."""
    yield from _prescription(report.treat.prescription if report.treat else None)
    tried = report.treat.tried if report.treat else ()
    text = table(("fix", "status", "stability margin", "why"), (_fix(row) for row in tried[:MOST_TRIED]))
    yield f"**Fixes tried, each by a sweep of its own**\n\n{text}" if text else ""
    if report.sweep and report.sweep.rates:
        yield _objectives(report.sweep)
        rates = drawn(rates_table(report.sweep, report.best_learning_rate).first(MOST_RATES))
        yield details(f"The {len(report.sweep.rates)} rates", rates)


def _prescription(prescribed: Prescription | None) -> Iterator[str]:
    if prescribed is None:
        return
    names = " + ".join(words(one.replace("_", " ")) for one in prescribed.names)
    yield f"**Prescription: {names}** ({words(prescribed.status)}). {words(prescribed.why)}"
    if len(prescribed.snippet) <= LONGEST_CODE:
        yield code(prescribed.snippet, "python")


def _fix(row: TriedFix) -> tuple[str, str, str, str]:
    return words(in_short(row)), words(row.status.replace("_", " ")), words(margin_of(row)), words(row.why)


def _objectives(sweep: Sweep) -> str:
    """The objective over the rates in one line of blocks."""
    rates = [rate for rate in sweep.rates if rate.n_judged]
    if not rates:
        return ""
    curve = Curve.of([rate.objective if rate.is_feasible else math.nan for rate in rates])
    line = draw(curve, Axis.of(curve, len(rates)))
    first, last = (number(rate.base_learning_rate) for rate in (rates[0], rates[-1]))
    what = objective_words(sweep.objective)
    return f"<code>{line}</code> {what} at the rates from {first} to {last} (✗ no majority of seeds is feasible)"
