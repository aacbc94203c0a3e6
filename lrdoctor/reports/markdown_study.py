"""The parts of a study's Markdown: its numbers, its rates, the fixes that were tried, the prescription."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Report
from lrdoctor.reports.intervals import BEST, MARGIN, UNSTABLE, with_interval
from lrdoctor.reports.markdown_text import code, details, table, words
from lrdoctor.reports.numbers import multiple, number, spread
from lrdoctor.reports.terminal.sparkline import Axis, draw
from lrdoctor.reports.treated import in_short, margin

MOST_RATES, MOST_TRIED = 40, 20
LONGEST_CODE = 4000
OBJECTIVES = {"best_val_loss": "best validation loss", "best_train_loss": "best training loss"}


def headline(report: Report) -> Iterator[tuple[str, str]]:
    """Label and value of every number that is known; what a sweep did not find is said."""
    best, unstable, sweep = report.best_learning_rate, report.unstable_base_learning_rate, report.sweep
    if best is not None or report.sweep:
        yield "best learning rate (lr\\*)", "none" if best is None else with_interval(number(best), sweep, BEST, number)
    if unstable is not None or report.sweep:
        yield (
            "lowest unstable rate",
            "none found" if unstable is None else with_interval(number(unstable), sweep, UNSTABLE, number),
        )
    if report.stability_margin is not None:
        yield "stability margin", with_interval(multiple(report.stability_margin), sweep, MARGIN, multiple)
    elif report.sweep.get("stable_up_to") is not None:
        yield "stability margin", f">= {multiple(float(report.sweep['stable_up_to']))}, none found"
    if report.lr_sensitivity is not None:
        yield "LR sensitivity", number(report.lr_sensitivity)


def blocks_of_study(report: Report) -> Iterator[str]:
    """The prescription, the fixes, the rates."""
    yield from _prescription(report.treat.get("prescription"))
    tried = report.treat.get("tried", ())
    text = table(("fix", "status", "room", "why"), (_fix(row) for row in tried[:MOST_TRIED]))
    yield f"**Fixes tried, each by a sweep of its own**\n\n{text}" if text else ""
    if rates := report.sweep.get("rates"):
        yield _objectives(report.sweep)
        yield details(f"The {len(rates)} rates", _rates(report))


def _prescription(prescribed: Mapping[str, Any] | None) -> Iterator[str]:
    if not prescribed:
        return
    names = " + ".join(words(str(one).replace("_", " ")) for one in prescribed["names"])
    yield f"**Prescription: {names}** ({words(prescribed['status'])}). {words(prescribed['why'])}"
    if len(prescribed["snippet"]) <= LONGEST_CODE:
        yield code(prescribed["snippet"], "python")


def _fix(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return words(in_short(row)), words(row["status"].replace("_", " ")), words(margin(row)), words(row["why"])


def _objectives(sweep: Mapping[str, Any]) -> str:
    """The objective over the rates in one line of blocks."""
    rates = [rate for rate in sweep["rates"] if rate["n_judged"]]
    if not rates:
        return ""
    curve = Curve.of([_objective(rate) for rate in rates])
    line = draw(curve, Axis.of(curve, len(rates)))
    first, last = (number(rate["base_learning_rate"]) for rate in (rates[0], rates[-1]))
    what = OBJECTIVES[sweep["objective"]]
    return f"<code>{line}</code> {what} at the rates from {first} to {last} (✗ no majority of seeds is feasible)"


def _objective(rate: Mapping[str, Any]) -> float:
    return float(rate["objective"]) if rate["feasible"] else math.nan


def _rates(report: Report) -> str:
    rows = report.sweep["rates"][:MOST_RATES]
    header = ("base_learning_rate", "feasible", OBJECTIVES[report.sweep["objective"]], "over the seeds", "seen")
    return table(header, (_rate(row, report.best_learning_rate) for row in rows))


def _rate(row: Mapping[str, Any], best: float | None) -> tuple[str, str, str, str, str]:
    rate = number(row["base_learning_rate"])
    seen = ", ".join(f"{event} {count}" for event, count in row["events"].items())
    return (
        f"**{rate}** (lr\\*)" if row["base_learning_rate"] == best else rate,
        f"{row['n_feasible']} of {row['n_judged']}",
        number(float(row["objective"])),
        spread(float(row["objective_low"]), float(row["objective_high"])),
        words(seen),
    )
