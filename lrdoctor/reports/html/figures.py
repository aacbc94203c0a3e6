"""The figures of a study, each with its words and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from lrdoctor.core.fix_sections import TreatResult, WarmupResult
from lrdoctor.core.report import Report, RunSummary
from lrdoctor.core.sections import Sweep
from lrdoctor.reports.html import tables
from lrdoctor.reports.html.study_files import figure_text
from lrdoctor.reports.html.svg import inlined
from lrdoctor.reports.html.tables import plain_name
from lrdoctor.reports.table import Table
from lrdoctor.reports.tables import probe_table, rates_table
from lrdoctor.reports.treated import LOWER_RATE, in_short

SVG = ".svg"
ALL_FIXES = "figure_8_objective_with_all_fixes"
"""In the name of the figure of a treatment that has every fix in it."""
WIDE = 1.5
"""Width over height from which two figures do not fit beside each other."""


@dataclass(frozen=True)
class Figure:
    """A drawing as the page shows it."""

    id: str
    title: str
    """What it shows, in words."""
    description: str
    """The verdict in words, for those who do not see the drawing."""
    markup: Markup
    view_box: str
    kind: str
    """`paper` for matplotlib's black on white, `drawn` for what takes the page's own colours; `wide` too where a phone
    would make its words too small."""
    tables: tuple[Table, ...] = ()
    """The numbers behind it."""
    file: str = ""
    """Its file in the study folder."""


def study_figures(report: Report, folder: Path | None) -> list[Figure]:
    """The figures of every part of the procedure that was run, those left out whose file is not there."""
    said = f"{report.verdict}: {report.summary}"
    numbers = dict(_tables(report))
    found = []
    for i, name in enumerate(figure_names(report)):
        text = figure_text(folder, name)
        drawing = inlined(text, f"f{i}-") if text is not None else None
        if drawing is not None:
            behind = numbers.get(name, ())
            kind = "paper wide" if is_wide(drawing.view_box) else "paper"
            found.append(
                Figure(f"f{i}", drawing.title or name, said, drawing.markup, drawing.view_box, kind, behind, name)
            )
    return found


def is_wide(view_box: str) -> bool:
    width, height = (float(number) for number in view_box.split()[2:])
    return width > WIDE * height


def figure_names(report: Report) -> list[str]:
    """The files of the figures: those of the command's own part, the sweep's, then those of what else was run."""
    own = {name: report.figure_files[name] for name in ("probe", "warmup", "clip") if name == report.command}
    files = [file for part in (own, report.figure_files) for of in part.values() for file in of]
    drawn = list(dict.fromkeys(filter(_is_svg, files)))
    # one figure has the curves of all fixes; those of each fix by itself lie beside it in the folder
    together = any(ALL_FIXES in file for file in drawn)
    return [file for file in drawn if not together or file not in report.figure_files["treat"] or ALL_FIXES in file]


def _is_svg(file: str) -> bool:
    return file.endswith(SVG)


def _tables(report: Report) -> Iterator[tuple[str, tuple[Table, ...]]]:
    """The file of a figure -> the numbers behind it."""
    if report.sweep:
        yield from _of_sweep(report, report.sweep)
    if report.probe:
        drawn = [file for file in report.probe.figures if _is_svg(file) and "figure_9" not in file]
        yield from ((file, (probe_table(report.probe),)) for file in drawn)
    if report.warmup:
        yield from _of_warmup(report.warmup)
    if report.clip and report.clip.norms:
        both = (tables.norms_table(report.clip.norms), tables.clippings_table(report.clip))
        yield from ((file, both) for file in filter(_is_svg, report.figure_files["clip"]))
    if report.treat:
        yield from _of_treat(report.treat)


def _of_sweep(report: Report, sweep: Sweep) -> Iterator[tuple[str, tuple[Table, ...]]]:
    for file in filter(_is_svg, sweep.figures):
        if "figure_7b" in file:
            yield file, (tables.trials_table("Trials at lr* and above", _above_best(report, sweep)),)
        elif "figure_9" not in file:
            yield file, (rates_table(sweep, report.best_learning_rate),)


def _above_best(report: Report, sweep: Sweep) -> Iterator[RunSummary]:
    """The trials of the sweep itself, from lr* on."""
    best, swept = report.best_learning_rate or 0.0, {rate.base_learning_rate for rate in sweep.rates}
    for run in report.runs:
        lr = run.base_learning_rate
        if lr is not None and lr >= best and lr in swept and run.name == plain_name(run):
            yield run


def _of_warmup(warmup: WarmupResult) -> Iterator[tuple[str, tuple[Table, ...]]]:
    for file in filter(_is_svg, warmup.figures):
        if "figure_8" not in file:
            yield file, (tables.warmups_table(warmup),)
        elif warmup.with_warmup:
            fix = f"warmup_steps {warmup.warmup_steps}"
            yield file, (tables.with_fix_table(warmup.without, warmup.with_warmup, fix),)


def _of_treat(treat: TreatResult) -> Iterator[tuple[str, tuple[Table, ...]]]:
    """One figure a fix that has rates of its own, in the order in which they were tried."""
    drawn = [row for row in treat.tried if row.rates and row.name != LOWER_RATE]
    files = [file for file in treat.figures if _is_svg(file)]
    before = treat.before.rates if treat.before else ()
    for file in files[:1]:
        if ALL_FIXES in file:
            yield file, tuple(tables.with_fix_table(before, row.rates, in_short(row)) for row in drawn)
    for file, row in zip((file for file in files if ALL_FIXES not in file), drawn, strict=False):
        yield file, (tables.with_fix_table(before, row.rates, in_short(row)),)
