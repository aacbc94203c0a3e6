"""A report held against an earlier one: only what is new or worse counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace

from lrdoctor.assess.earlier import SEVERITIES, Baseline, Key
from lrdoctor.assess.margin import ROUND_OFF, Margin, margin_of
from lrdoctor.core.report import Finding, Report
from lrdoctor.core.sections import Comparison, WhatIsWorse, Worse


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """How much worse is still the same."""

    margin_factor: float = 1.6
    """The stability margin may fall by this factor. Bisection locates the lowest unstable rate up to a factor of 1.25,
    in the baseline and now: 1.25 * 1.25 = 1.56 between two sweeps of the same training."""


def compare(
    report: Report, baseline: Baseline, failing: Collection[str], tolerances: Tolerances | None = None
) -> Comparison:
    """`Report.baseline`: what is new or worse.

    Of trials the study as a whole is compared, since single trials are meant to become unstable at high rates; of logs
    each run with the one of its name.

    Args:
        report: what was judged now.
        baseline: what it was.
        failing: severities of findings that exit with 1; where there are none, nothing does.
        tolerances: how much worse is still the same.

    Raises:
        LrdoctorError: the baseline is of another command.
    """
    baseline.refuse_other(report.command)
    allowed = tolerances or Tolerances()
    worse = [*_verdict(report, baseline), *_margin(report, baseline, allowed), *_findings(report, baseline)]
    return Comparison(
        file=baseline.file,
        verdict=baseline.verdict,
        stability_margin=None if baseline.margin is None else baseline.margin.value,
        worse=tuple(replace(one, fails=bool(failing) and (one.code is None or one.now in failing)) for one in worse),
        not_compared=tuple(_not_compared(report, baseline, allowed)),
        gone=() if report.is_of_trials else _gone(report, baseline),
        tolerances=asdict(allowed),
    )


def _entry(
    what: WhatIsWorse, was: float | str | None, now: float | str, message: str, of: Finding | None = None
) -> Worse:
    code, run = (None, None) if of is None else (of.code, of.run)
    return Worse(what=what, code=code, run=run, was=was, now=now, message=message, fails=False)


def _verdict(report: Report, baseline: Baseline) -> Iterator[Worse]:
    if report.verdict == "unstable" and baseline.verdict != "unstable":
        words = f"the verdict was {baseline.verdict} and is unstable: {report.summary}"
        yield _entry("verdict", baseline.verdict, report.verdict, words)


def _margin(report: Report, baseline: Baseline, allowed: Tolerances) -> Iterator[Worse]:
    was, now = baseline.margin, margin_of(report)
    if was is None or now is None or now.is_at_least(was.value / allowed.margin_factor) is not False:
        return
    words = f"the stability margin was {was} and is {now}, lower by more than a factor of {allowed.margin_factor:g}"
    yield _entry("stability_margin", was.value, now.value, words)


def _findings(report: Report, baseline: Baseline) -> Iterator[Worse]:
    """The worst of each kind that the baseline lacks or has of a lesser severity."""
    bearing = [f for f in report.findings if f.severity != "info" and (f.run is None or not report.is_of_trials)]
    first: dict[Key, Finding] = {}
    for finding in sorted(bearing, key=lambda f: SEVERITIES.index(f.severity)):
        first.setdefault((finding.run, finding.code), finding)
    for key, finding in first.items():
        was = baseline.findings.get(key)
        if was is not None and SEVERITIES.index(was) <= SEVERITIES.index(finding.severity):
            continue
        kind = f"new {finding.severity}" if was is None else f"{finding.severity}, was {was}"
        where = "" if finding.run is None else f"{finding.run}: "
        yield _entry("finding", was, finding.severity, f"{kind} {finding.code}: {where}{finding.message}", finding)


def _not_compared(report: Report, baseline: Baseline, allowed: Tolerances) -> Iterator[str]:
    """What the baseline knew and this report does not."""
    if report.is_of_trials and report.verdict == "inconclusive":
        yield f"the study could not be judged: {report.summary}"
    elif baseline.margin is not None and report.is_of_trials:
        yield from _margin_unseen(report, baseline.margin, allowed)
    if report.is_of_trials:
        return
    for run in report.runs:
        if run.verdict == "inconclusive" and baseline.runs.get(run.name) != "inconclusive":
            yield f"{run.name} could not be judged{f': {run.exit_reason}' if run.exit_reason else ''}"


def _margin_unseen(report: Report, was: Margin, allowed: Tolerances) -> Iterator[str]:
    now, least = margin_of(report), was.value / allowed.margin_factor
    if now is None:
        yield f"the stability margin was {was} and is not known now"
    elif now.is_bound and now.value < least * (1 - ROUND_OFF):
        yield f"the stability margin was {was}; now only rates up to {now.value:.3g}x lr* were tried"


def _gone(report: Report, baseline: Baseline) -> tuple[str, ...]:
    names = {run.name for run in report.runs}
    return tuple(name for name in baseline.runs if name not in names)
