"""Findings, checks that were not made and fixes, as the page lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrdoctor.core.report import Finding, Fix, Report, RunSummary, Skip
from lrdoctor.reports import actions
from lrdoctor.reports.html.drawn import close_up
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.study_files import curves
from lrdoctor.reports.html.tables import plain_name
from lrdoctor.reports.numbers import number
from lrdoctor.reports.table import Row, Table
from lrdoctor.reports.terminal.items import costliest

MOST_ROWS = 100
"""Of a folded table; report.json holds all."""
MOST_CLOSE_UPS = 3
"""Of one run."""
MOST_NAMES = 4
"""In one setting of a fix; its code has all."""
MOST_VARIANTS = 3
"""Ways in which one fix is worded for several runs that are shown in full; the others are folded."""


@dataclass(frozen=True)
class Shown:
    """A finding, with the part of the curve where it happened."""

    finding: Finding
    steps: str
    evidence: str
    figure: Figure | None = None
    do: str = ""
    """What to do about it now; empty where nothing is to be done."""


@dataclass(frozen=True)
class Variant:
    """A fix as it is worded for some runs."""

    fix: Fix
    runs: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    gain: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Fixes:
    """One fix, in every way in which it is worded."""

    name: str
    place: int
    """In the list, from 1."""
    shown: tuple[Variant, ...]
    folded: tuple[Variant, ...]


def shown(report: Report, finding: Finding, figure: Figure | None = None) -> Shown:
    return Shown(finding, steps(finding), evidence(finding), figure, actions.for_finding(report, finding))


def steps(finding: Finding) -> str:
    """`step 12`, `steps 12 to 40`, empty where the finding has no place."""
    first, last = finding.first_step, finding.last_step
    if first is None:
        return ""
    return f"step {first}" if last is None or last == first else f"steps {first} to {last}"


def evidence(finding: Finding) -> str:
    """What was measured and what it was held against."""
    observed, threshold = (of if isinstance(of, str) else number(of) for of in (finding.observed, finding.threshold))
    return f"observed {observed}, threshold {threshold}"


def of_log(
    report: Report, run: RunSummary, findings: Sequence[Finding], id_: str, enlarged: bool
) -> tuple[list[Shown], int]:
    """The findings of a run, of each kind the costliest, and how many more there are."""
    kept, figures = list[Shown](), 0
    for i, finding in enumerate(few := costliest(findings)):
        wanted = enlarged and figures < MOST_CLOSE_UPS and finding.severity != "info"
        figure = close_up(f"{id_}-x{i}", finding, run.curves) if wanted else None
        figures += figure is not None
        kept.append(shown(report, finding, figure))
    return kept, len(findings) - len(few)


def of_trials(report: Report, folder: Path | None) -> list[Shown]:
    """Of each rule that found something in single trials, the trial at the lowest rate, enlarged.

    Trials of the training as it is come before those with a fix.
    """
    runs = {run.name: run for run in report.runs}
    first: dict[str, Finding] = {}
    for finding in sorted(report.findings, key=lambda finding: _place(runs.get(finding.run or ""))):
        if finding.run in runs and finding.severity != "info":
            first.setdefault(finding.code, finding)
    return [
        shown(report, finding, close_up(f"x{i}", finding, curves(folder, runs[finding.run or ""].source)))
        for i, (_, finding) in enumerate(sorted(first.items()))
    ]


def _place(run: RunSummary | None) -> tuple[bool, float]:
    if run is None or run.base_learning_rate is None:
        return True, float("inf")
    return run.name != plain_name(run), run.base_learning_rate


def findings_table(findings: Sequence[Finding]) -> Table:
    """One row a finding of a single trial."""
    headers = ("run", "rule", "severity", "steps", "what was found")
    rows = tuple(
        Row((f.run or "", f"{f.code} {f.name}", f.severity, steps(f).removeprefix("steps "), f.message))
        for f in findings[:MOST_ROWS]
    )
    return Table.of(f"Findings of single trials{cut(len(findings))}", headers, rows, headers)


def cut(n: int) -> str:
    """What the caption of a table says whose rows are not all shown."""
    return f": the first {MOST_ROWS} of {n}, report.json holds all" if n > MOST_ROWS else ""


def skips_table(skips: Iterable[Skip], of: str) -> Table:
    """Each reason once: the checks that it is for, and in which runs."""
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for skip in skips:
        codes, runs = reasons.setdefault(skip.reason, ({}, {}))
        codes[skip.code] = None
        if skip.run is not None:
            runs[skip.run] = None
    headers = ("checks", of, "reason")
    rows = [
        Row((", ".join(codes), ", ".join(runs) if len(runs) == 1 else f"{len(runs)} {of}" if runs else "", reason))
        for reason, (codes, runs) in reasons.items()
    ]
    return Table.of(f"Not checked{cut(len(rows))}", headers, tuple(rows[:MOST_ROWS]), headers)


def fixes(of: Iterable[Fix], among: Sequence[str] = ()) -> list[Fixes]:
    """The fixes in the order in which to try them, those that are word for word alike once.

    Args:
        of: the fixes.
        among: names of the runs; a fix that is for all of them does not list them.
    """
    alike: dict[tuple[int, str], dict[tuple[str, ...], list[Fix]]] = {}
    for fix in sorted(of, key=lambda fix: fix.rank):
        words = (fix.status, fix.why, fix.code, repr(dict(fix.settings)))
        alike.setdefault((fix.rank, fix.name), {}).setdefault(words, []).append(fix)
    listed = enumerate(alike.items(), start=1)
    return [_fixes(name, place, list(variants.values()), among) for place, ((_, name), variants) in listed]


def _fixes(name: str, place: int, variants: list[list[Fix]], among: Sequence[str]) -> Fixes:
    every = tuple(_variant(variant, among) for variant in variants)
    return Fixes(name, place, every[:MOST_VARIANTS], every[MOST_VARIANTS : MOST_VARIANTS + MOST_ROWS])


def _variant(alike: list[Fix], among: Sequence[str]) -> Variant:
    runs = [fix.run for fix in alike if fix.run is not None]
    named = () if len(runs) == len(among) else tuple(runs)
    return Variant(alike[0], named, _pairs(alike[0].settings, _setting), _pairs(alike[0].gain, _number))


def _setting(value: object) -> str:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        return str(value)
    rest = len(value) - MOST_NAMES
    return ", ".join(value[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _number(value: object) -> str:
    return number(value) if isinstance(value, float) or value is None else str(value)


def _pairs(of: Mapping[str, object], words: Callable[[object], str]) -> tuple[tuple[str, str], ...]:
    return tuple((key.replace("_", " "), words(value)) for key, value in of.items())


def in_short(findings: Iterable[Finding]) -> Iterator[str]:
    """The codes of what was found, each once."""
    yield from dict.fromkeys(finding.code for finding in findings)
