"""JUnit XML of a study: its hundreds of trials grouped by rate, and the fixes that were tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lrdoctor.core.report import Report, RunSummary
from lrdoctor.reports.junit_cases import Case, Suite
from lrdoctor.reports.numbers import number
from lrdoctor.reports.treated import in_short

Group = tuple[str, int, float, float]
"""Optimizer, warmup_steps, clip_norm and base_learning_rate that trials share; 0 for none."""


def suites_of_study(report: Report) -> Iterator[Suite]:
    """The trials by rate, and the fixes; nothing where there are none."""
    groups: dict[Group, list[RunSummary]] = {}
    for run in report.runs:
        groups.setdefault(_group(run), []).append(run)
    if groups:
        yield Suite("trials by rate", [_case(group, groups[group], report) for group in sorted(groups)])
    if report.treat and report.treat.tried:
        yield Suite("fixes tried", [_fix(row.status, in_short(row), row.why) for row in report.treat.tried])


def _group(run: RunSummary) -> Group:
    return run.optimizer or "", run.warmup_steps or 0, run.clip_norm or 0.0, run.base_learning_rate or 0.0


def _name(group: Group) -> str:
    optimizer, warmup_steps, clip_norm, rate = group
    words = [f"base_learning_rate {number(rate)}", optimizer]
    words += [f"warmup_steps {warmup_steps}"] * bool(warmup_steps) + [f"clip_norm {number(clip_norm)}"] * bool(
        clip_norm
    )
    return ", ".join(filter(None, words))


def _case(group: Group, runs: Sequence[RunSummary], report: Report) -> Case:
    """What came of the trials at one rate; skipped where all of them failed and so say nothing."""
    judged = [run for run in runs if run.feasible is not None]
    failed = [f"{run.name}: {run.exit_reason}" for run in runs if run.feasible is None]
    if not judged:
        return Case(_name(group), "skipped", "; ".join(failed))
    names = {run.name for run in runs}
    seen = Counter((f.code, f.name) for f in report.findings if f.run in names)
    reasons = Counter((s.code, s.reason) for s in report.skipped if s.run in names)
    lines = [f"{sum(bool(run.feasible) for run in judged)} of {len(judged)} trials are feasible"]
    lines += [
        f"{code} {name}: {n} findings" if n > 1 else f"{code} {name}: 1 finding" for (code, name), n in seen.items()
    ]
    lines += [f"{code} not checked in {n} of {len(runs)}: {reason}" for (code, reason), n in reasons.items()]
    return Case(_name(group), output=[*lines, *failed])


def _fix(status: str, name: str, why: str) -> Case:
    """A fix that did not hold fails nothing: it was an attempt."""
    words = f"{status.replace('_', ' ')}: {why}"
    return Case(name, output=[words]) if status == "verified" else Case(name, "skipped", words)
