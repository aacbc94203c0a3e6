"""Made-up reports of logs, and what the terminal prints of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from report_samples import finding, summary
from rich.console import Console
from section_samples import with_sections

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Fix, Report, RunSummary, Skip
from lrdoctor.reports.terminal.result import print_report

PROVENANCE = {
    "format": "csv",
    "columns": {"step": None, "train_loss": "loss"},
    "x": "epoch",
    "first_step": 0,
    "last_step": 99,
    "step_gap": 1,
    "largest_gap": 40,
    "averaged": "epoch",
    "smoothed": 0.9,
    "resumed_at": [40],
    "discarded": [3],
    "notes": ["3 steps have several values of loss: their median is taken"],
    "left_out": {"time": "time or speed", "wall": "time or speed"},
}
SPIKED = np.ones(100)
SPIKED[60] = 9.0


def log_run(name: str, verdict: Any = "stable", values: Any = SPIKED, **changes: Any) -> RunSummary:
    curves = {"train_loss": Curve.of(values), "grad_norm": Curve.of(values)}
    return summary(
        name,
        **{"verdict": verdict, "n_points": 100, "first_step": 0, "last_step": 99, "curves": curves, **changes},
        status="completed",
        provenance=PROVENANCE,
    )


def unread(name: str) -> RunSummary:
    return summary(name, verdict="inconclusive", n_points=0, status="failed", exit_reason="is empty")


def fix(run: str, why: str = "it helps") -> Fix:
    return Fix(rank=1, name="warmup", status="recommended", why=why, because=(), snippet="code()", run=run)


def report(*runs: RunSummary, **changes: Any) -> Report:
    fields = {
        "command": "diagnose",
        "verdict": "unstable",
        "summary": "it is unstable",
        "runs": runs,
        "findings": (),
        "skipped": (),
    }
    return Report(**with_sections(fields | changes))


BAD = report(
    log_run("bad.csv", "unstable"),
    findings=(finding("it rose", run="bad.csv", code="LRD202", first_step=60),),
    skipped=(Skip(code="LRD201", reason="too few points", run="bad.csv"),),
    fixes=(fix("bad.csv"),),
)


def printed(sample: Report, width: int = 100, encoding: str = "utf-8", **options: Any) -> list[str]:
    """The lines, blanks at their ends taken off."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    print_report(sample, Console(file=file, width=width, color_system=None, _environ={}), **options)
    file.flush()
    return [line.rstrip() for line in raw.getvalue().decode(encoding).splitlines()]
