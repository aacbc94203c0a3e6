"""A report in Python and in a notebook: its numbers as a DataFrame, its page in a frame."""

from __future__ import annotations

from html import escape
from typing import Any, Literal

import pandas as pd

from lrdoctor.core.plain import plain
from lrdoctor.core.report import Report

HEIGHT = "42rem"
"""Of the frame; what is longer scrolls within it."""
Which = Literal["rates", "seeds", "runs", "findings"]


def frame(report: Report, of: Which | None) -> pd.DataFrame:
    """See `Report.table`."""
    tables: dict[str, Any] = {
        "rates": report.sweep.rates if report.sweep else (),
        "seeds": report.probe.seeds if report.probe else (),
        "runs": report.runs,
        "findings": report.findings,
    }
    chosen = of if of is not None else next((name for name, rows in tables.items() if rows), "runs")
    if chosen not in tables:
        raise ValueError(f"table({of!r}): expected one of {', '.join(map(repr, tables))}")
    rows = [{key: value for key, value in plain(row).items() if key != "curves"} for row in tables[chosen]]
    return pd.DataFrame(rows)


def in_a_frame(report: Report) -> str:
    """The HTML page as it is, in a frame of its own: the notebook's styles and the page's leave each other alone, and
    `sandbox` lets nothing within it run, whatever a log or a spec is called."""
    from lrdoctor.reports import html

    page = escape(html.render(report, report.folder), quote=True)
    style = f"width: 100%; height: {HEIGHT}; border: 0"
    return f'<iframe sandbox srcdoc="{page}" title="lrdoctor report" style="{style}"></iframe>'
