"""What the template shows, made of a report and its study folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrdoctor import __version__
from lrdoctor.core.fix_sections import Prescription
from lrdoctor.core.plain import plain
from lrdoctor.core.report import Fix, Report
from lrdoctor.reports import actions, budgets, gates
from lrdoctor.reports.html import findings, logs, tables
from lrdoctor.reports.html.architecture import model_view
from lrdoctor.reports.html.figures import figure_names, study_figures
from lrdoctor.reports.html.study_files import Origin, origin
from lrdoctor.reports.table import Table
from lrdoctor.reports.tables import probe_table, rates_table
from lrdoctor.reports.terminal.result import headline
from lrdoctor.reports.treated import in_short


def page(report: Report, folder: Path | None) -> dict[str, Any]:
    """The names that `templates/page.html` uses."""
    made = origin(folder)
    shared = {
        "report": report,
        "version": __version__,
        "title": _title(report, made),
        "headline": list(_headline(report)),
        "budget": "" if report.budget is None else budgets.in_words(report.budget),
        "gates": list(gates.lines(report)),
        "whole": [findings.shown(report, finding) for finding in report.findings_of(None)],
        "action": actions.do_now(report),
        "shown_badge": "inspected" if report.command == "inspect" else report.verdict,
        "model": model_view(report.architecture),
        "origin": made,
        "steps": [(step, step.startswith(actions.COMMANDS)) for step in report.next_steps],
    }
    return shared | (_of_study(report, folder) if report.is_of_trials else _of_logs(report))


def _title(report: Report, made: Origin | None) -> str:
    if made is not None and made.name:
        return made.name
    if report.is_of_trials:
        return "a model" if _has_no_trials(report) else "a study"
    return report.runs[0].name if len(report.runs) == 1 else f"{len(report.runs)} logs"


def _headline(report: Report) -> Iterator[tuple[str, str]]:
    # what a budget left out is a sentence, and stands below the figures
    yield from ((label, value) for label, value in headline(report) if label != budgets.LABEL)
    if not report.is_of_trials:
        yield "runs", logs.counts(report.runs) or "none"
        return
    if report.treat and report.treat.prescription:
        yield "prescribed", " + ".join(report.treat.prescription.names).replace("_", " ")
    if not _has_no_trials(report):
        yield "trials", str(len(report.runs))


def _has_no_trials(report: Report) -> bool:
    """Whether a model was looked at and nothing was trained."""
    return bool(report.architecture) and not report.runs


def _of_study(report: Report, folder: Path | None) -> dict[str, Any]:
    figures, names = study_figures(report, folder), figure_names(report)
    single = [finding for finding in report.findings if finding.run is not None]
    there = {figure.file for figure in figures}
    of_probe = [text for text in (report.probe.missed, report.probe.note) if text] if report.probe else []
    return {
        "figures": figures,
        "missing": [name for name in names if name not in there],
        "tables": list(_tables(report)),
        "notes": [*(report.sweep.notes if report.sweep else ()), *of_probe],
        "folded": [*_folded(report), *([findings.findings_table(single)] if single else [])],
        "logs": [],
        "logs_not_listed": "",
        "examples": findings.of_trials(report, folder),
        "fixes": findings.fixes(_untold(report)),
        "treat": report.treat,
        "prescription": _prescription(report.treat.prescription if report.treat else None),
        "results": list(_results(report)),
        "skipped": _filled(findings.skips_table(report.skipped, "trials")),
        "command_line": "",
    }


def _of_logs(report: Report) -> dict[str, Any]:
    views = logs.log_views(report)
    return {
        "figures": [],
        "missing": [],
        "tables": [],
        "notes": [],
        "folded": _filled(logs.passed_over(report)) + _filled(logs.unread(report)),
        "logs": views,
        "logs_not_listed": logs.not_listed(report),
        "examples": [],
        "fixes": findings.fixes(report.fixes, [run.name for run in report.runs]),
        "treat": None,
        "prescription": None,
        "results": [],
        "skipped": _filled(findings.skips_table(report.skips_of(None), "runs")),
        "command_line": logs.command_line(report),
    }


def _filled(table: Table) -> list[Table]:
    return [table] if table.rows else []


def _tables(report: Report) -> Iterator[Table]:
    """Those that are read without being folded out; a treatment has a table of its own for what came of the fixes."""
    if report.treat and report.treat.tried:
        yield tables.fixes_table(report.treat)
    if report.probe and report.probe.seeds:
        yield probe_table(report.probe)
    if not report.treat:
        yield from _searches(report)
    if report.sweep and report.sweep.rates:
        yield rates_table(report.sweep, report.best_learning_rate)


def _searches(report: Report) -> Iterator[Table]:
    """How the numbers of warmup and clipping were found."""
    warmup, clip = report.warmup, report.clip
    if warmup and warmup.tried:
        yield tables.warmups_table(warmup)
    if warmup and warmup.with_warmup:
        yield tables.with_fix_table(warmup.without, warmup.with_warmup, f"warmup_steps {warmup.warmup_steps}")
    if clip and clip.norms:
        yield tables.norms_table(clip.norms)
    if clip and clip.attempts:
        yield tables.clippings_table(clip)


def _folded(report: Report) -> Iterator[Table]:
    if report.treat:
        yield from _searches(report)
    if report.runs:
        shown = report.runs[: findings.MOST_ROWS]
        more = f": the first {len(shown)} of {len(report.runs)}" if len(shown) < len(report.runs) else ""
        yield tables.trials_table(f"Trials{more}, whose files are in trials/", shown)


def _untold(report: Report) -> list[Fix]:
    """The fixes of which a treatment does not tell more."""
    told = {fix.name for fix in report.treat.tried} if report.treat else set()
    return [fix for fix in report.fixes if fix.name not in told]


def _results(report: Report) -> Iterator[tuple[str, str, str]]:
    """What came of each fix: its name, its status, and why."""
    if report.treat:
        yield from ((in_short(row), row.status.replace("_", " "), row.why) for row in report.treat.tried)
        return
    if report.warmup:
        yield "warmup", report.warmup.status.replace("_", " "), report.warmup.why
    if report.clip:
        yield "clip gradients", report.clip.status.replace("_", " "), report.clip.verdict


def _prescription(given: Prescription | None) -> dict[str, Any] | None:
    """The prescribed fix with all digits, since these numbers are typed off."""
    if given is None:
        return None
    settings = {"base_learning_rate": given.base_learning_rate, **plain(given.settings)}
    return {
        "names": " + ".join(given.names).replace("_", " "),
        "status": given.status.replace("_", " "),
        "why": given.why,
        "settings": [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in settings.items()],
        "snippet": given.snippet,
        "trainer": given.trainer or "PyTorch",
        "spec_file": given.spec_file,
        "command": actions.sweep_of(given),
    }
