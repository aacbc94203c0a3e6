"""The report of logs: each run is judged by itself, and the worst verdict is the report's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from lrdoctor import fixes, rules
from lrdoctor.assess.judging import checks_of_logs, split, summary_of
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import NOT_COUNTED, Finding, Fix, Report, RunSummary, Severity, Skip, Verdict
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.measures.view import forget_views
from lrdoctor.rules import divergence, level_shift, loss_spike, non_finite

RANK: Mapping[Verdict, int] = {"unstable": 0, "inconclusive": 1, "stable": 2}
"""The worst first."""
SEVERITY: Mapping[Severity, int] = {"error": 0, "warning": 1, "info": 2}
NEEDED = loss_spike.RULE.code
"""The rule that a verdict cannot do without: where it is blind, the others that look for rises are too."""
LOST = (non_finite.RULE.code, divergence.RULE.code, level_shift.RULE.code)
"""Rules whose findings lost the run, the worst first."""
MOST_NAMED = 3
"""Runs that a sentence names one by one."""
DRAWN = ("train_loss", "val_loss", "grad_norm", "learning_rate")
MOST_SAID = 20
"""Sentences of a log that a report repeats."""
MOST_FINITE, MOST_NON_FINITE = 1500, 500
"""Points of a curve that are kept for drawing: far more than a terminal or a figure has columns."""
MOST_WHOLE = 150
"""Runs of one verdict whose curves are kept so; a page draws no more than the first 150 runs, the worst first."""
IN_BRIEF = {"train_loss", "grad_norm"}
"""What a terminal draws of any run."""
FINITE_IN_BRIEF, NON_FINITE_IN_BRIEF = 200, 20
"""Points of a curve of the runs after those: two for each column of a line of characters, of 200,000 runs too."""


class NotRead(Protocol):
    """A log that could not be read."""

    @property
    def source(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Logs(Protocol):
    """What reading the logs led to, as `logs.gather` gives it: the runs, which may be read as they are taken, then the
    rest."""

    @property
    def runs(self) -> Iterable[Run]: ...
    @property
    def unread(self) -> Sequence[NotRead]: ...
    @property
    def passed_over(self) -> Mapping[str, int]: ...
    @property
    def no_logs(self) -> Sequence[NotRead]: ...


@dataclass(frozen=True)
class _Judged:
    """One run with all that is said of it."""

    summary: RunSummary
    findings: tuple[Finding, ...] = ()
    skips: tuple[Skip, ...] = ()
    fixes: tuple[Fix, ...] = ()
    next_steps: tuple[str, ...] = ()


def report_of_logs(logs: Logs, command: str = "diagnose", *, alpha: float = 0.01) -> Report:
    """The report of the runs of logs.

    Args:
        logs: the runs, and what could not be read.
        command: the command that read them.
        alpha: the share of healthy runs that may be taken for unstable.
    """
    # each is judged before the next is read, and its curves are let go
    before: Counter[Verdict] = Counter()
    runs = [_judge(run, alpha, before) for run in logs.runs]
    judged = _without_given_up(runs) + [_unread(log) for log in logs.unread]
    counted = [one for one in judged if NOT_COUNTED not in one.summary.provenance]
    verdict = worst([one.summary.verdict for one in counted])
    return Report(
        command=command,
        verdict=verdict,
        summary=_summary(counted, verdict) + _given_up(len(judged) - len(counted)),
        runs=tuple(one.summary for one in judged),
        findings=tuple(finding for one in judged for finding in one.findings),
        skipped=tuple(skip for one in judged for skip in one.skips),
        fixes=tuple(fix for one in judged for fix in one.fixes),
        next_steps=_next_steps(judged),
        passed_over=dict(logs.passed_over),
        no_logs={log.source: log.reason for log in logs.no_logs},
        checks=checks_of_logs(),
    )


def _without_given_up(judged: Sequence[_Judged]) -> list[_Judged]:
    """The runs, those marked that do not count: a start given up too early to be judged, beside one that went on."""
    settled = {one.summary.source for one in judged if one.summary.verdict != "inconclusive"}
    return [
        replace(one, summary=replace(one.summary, provenance={**one.summary.provenance, NOT_COUNTED: True}))
        if one.summary.verdict == "inconclusive"
        and one.summary.source in settled
        and "aborted" in one.summary.provenance
        else one
        for one in judged
    ]


def _given_up(n: int) -> str:
    """How a summary ends where the verdict does not rest on n of the runs."""
    if not n:
        return ""
    return f"; {n} start{'s' if n > 1 else ''} of too few points {'are' if n > 1 else 'is'} not counted"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on runs that are judged each by itself."""
    found: Verdict = min(verdicts, key=lambda verdict: RANK[verdict], default="inconclusive")
    return found


def log_verdict(findings: Sequence[Finding], skips: Sequence[Skip]) -> Verdict:
    """The verdict on one run: unstable by an error; inconclusive when a check that it needs could not be made."""
    if any(finding.severity == "error" for finding in findings):
        return "unstable"
    return "inconclusive" if any(_hides_the_verdict(skip) for skip in skips) else "stable"


def _hides_the_verdict(skip: Skip) -> bool:
    return skip.code == NEEDED or skip.kind == "does_not_train"


@dataclass(frozen=True)
class JudgedLog:
    """What the rules say of one run that somebody logged."""

    run: Run
    """As it was judged: with its validation loss as the loss where it has no other."""
    verdict: Verdict
    findings: tuple[Finding, ...]
    """The worst first."""
    skips: tuple[Skip, ...]

    @property
    def gravest(self) -> Finding | None:
        """The error that lost the run, or cost the most steps; None where there is none."""
        return min((one for one in self.findings if one.severity == "error"), key=_gravity, default=None)

    @property
    def why_inconclusive(self) -> str:
        """Why nothing can be said, "" where something can."""
        return "; ".join(dict.fromkeys(skip.reason for skip in self.skips if _hides_the_verdict(skip)))


def judge_log(run: Run, alpha: float) -> JudgedLog:
    """Judges one run as a log, by itself.

    Args:
        run: that somebody logged.
        alpha: the risk that noise alone makes it unstable.
    """
    logged, run = run, _with_loss(run)
    study = Study(name=run.name, runs=(run,), alpha=alpha)
    unsorted, skips = split(rules.judge_run(run, study))
    findings = tuple(sorted(unsorted, key=_worst_first))
    if logged is not run:
        findings = tuple(replace(one, message=_of_validation(one.message)) for one in findings)
        skips = tuple(replace(one, reason=_of_validation(one.reason)) for one in skips)
    return JudgedLog(run, log_verdict(findings, skips), findings, skips)


def _judge(run: Run, alpha: float, before: Counter[Verdict]) -> _Judged:
    """Judges a run.

    Args:
        run: that somebody logged.
        alpha: the risk that noise alone makes it unstable.
        before: how many runs had each verdict so far; this one's is counted.
    """
    judged = judge_log(run, alpha)
    run, verdict, findings, skips = judged.run, judged.verdict, judged.findings, judged.skips
    study = Study(name=run.name, runs=(run,), alpha=alpha)
    to_treat = [finding for finding in findings if finding.severity != "info"]
    recommended = fixes.recommend(study, to_treat) if verdict == "unstable" else ()
    summary = _summary_of_log(run, verdict, findings)
    if before[verdict] >= MOST_WHOLE:
        summary = replace(
            summary, curves={name: in_brief(run.curve(name)) for name in IN_BRIEF & summary.curves.keys()}
        )
    before[verdict] += 1
    further = fixes.next_steps(run, findings, skips)
    forget_views(run)
    return _Judged(summary, findings, skips, tuple(replace(fix, run=run.name) for fix in recommended), further)


def _with_loss(run: Run) -> Run:
    """The run with its validation loss in place of a training loss that the log does not have."""
    if run.provenance.get("judged") != "val_loss":
        return run
    return replace(run, curves={**run.curves, "train_loss": run.val_loss})


def _of_validation(sentence: str) -> str:
    """What is said of the loss that was judged, of the validation loss that it is."""
    return sentence.replace("training loss", "validation loss").replace("train_loss", "val_loss")


def _worst_first(finding: Finding) -> tuple[int, float]:
    return SEVERITY[finding.severity], -1 if finding.first_step is None else finding.first_step


def _gravity(finding: Finding) -> tuple[int, int]:
    """The worst first: what never came back before what did, and among the latter what cost the most steps."""
    rank = LOST.index(finding.code) if finding.code in LOST else len(LOST)
    return rank, (finding.first_step or 0) - (finding.last_step or 0)


def _summary_of_log(run: Run, verdict: Verdict, findings: Iterable[Finding]) -> RunSummary:
    feasible = {"stable": True, "unstable": False, "inconclusive": None}[verdict]
    summary = summary_of(run, findings)
    provenance = {key: _plain(value) for key, value in run.provenance.items()}
    if "said" in provenance:
        provenance["said"] = provenance["said"][:MOST_SAID]
    is_validation = run.provenance.get("judged") == "val_loss"
    return replace(
        summary,
        verdict=verdict,
        feasible=feasible,
        final_train_loss=None if is_validation else summary.final_train_loss,
        provenance=provenance,
        curves={name: drawn(run.curve(name)) for name in DRAWN if len(run.curve(name))},
    )


def drawn(curve: Curve) -> Curve:
    """At most 2000 points of the curve: the finite ones thinned out by min-max, and of the others the first, the last
    and some between them."""
    return _thinned(curve, MOST_FINITE, MOST_NON_FINITE)


def in_brief(curve: Curve) -> Curve:
    """The same with 220 points."""
    return _thinned(curve, FINITE_IN_BRIEF, NON_FINITE_IN_BRIEF)


def _thinned(curve: Curve, most_finite: int, most_others: int) -> Curve:
    finite = min_max_decimate(curve, most_finite)
    bad = np.flatnonzero(~np.isfinite(curve.value))
    if len(bad) > most_others:
        bad = bad[np.linspace(0, len(bad) - 1, most_others).astype(np.int64)]
    step = np.concatenate([finite.step, curve.step[bad]])
    order = np.argsort(step, kind="stable")
    return Curve(step[order], np.concatenate([finite.value, curve.value[bad]])[order])


def _plain(value: Any) -> Any:
    """Provenance as plain data: a piece of a curve as the number of its points."""
    if isinstance(value, Curve):
        return len(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _unread(log: NotRead) -> _Judged:
    """A log that could not be read, as a run of which nothing is known."""
    nothing = Run(log.source, log.source, {}, status="failed", exit_reason=log.reason)
    return _Judged(summary_of(nothing, ()))


def _summary(judged: Sequence[_Judged], verdict: Verdict) -> str:
    """One sentence; for a single run what is worst about it."""
    if not judged:
        return "there is no log to judge"
    if len(judged) == 1:
        alone = judged[0].summary
        return f"{alone.name}: {alone.exit_reason}" if alone.status == "failed" else _what(judged[0])
    of = [one for one in judged if one.summary.verdict == verdict]
    if verdict == "stable":
        return f"none of the {len(judged)} runs shows an instability"
    named = "; ".join(f"{one.summary.name} ({_what(one)})" for one in of[:MOST_NAMED])
    more = f"; and {len(of) - MOST_NAMED} more" if len(of) > MOST_NAMED else ""
    are = "could not be judged" if verdict == "inconclusive" else "is unstable" if len(of) == 1 else "are unstable"
    return f"{len(of)} of {len(judged)} runs {are}: {named}{more}"


def _what(one: _Judged) -> str:
    """What is worst about a run, or why nothing can be said of it."""
    run = one.summary
    if run.status == "failed":
        return run.exit_reason or "it could not be read"
    if run.verdict == "inconclusive":
        return "; ".join(dict.fromkeys(skip.reason for skip in one.skips if _hides_the_verdict(skip)))
    if run.verdict == "unstable":
        return min((f for f in one.findings if f.severity == "error"), key=_gravity).message
    return f"no instability was found in {run.n_points} points of the {_called(run)}"


def _called(run: RunSummary) -> str:
    return "validation loss" if run.provenance.get("judged") == "val_loss" else "training loss"


def _next_steps(judged: Sequence[_Judged]) -> tuple[str, ...]:
    """The steps of all runs, each said once, with the names of the runs that it is for unless it is for all."""
    steps: dict[str, list[str]] = {}
    for one in judged:
        for step in one.next_steps:
            steps.setdefault(step, []).append(one.summary.name)
    return tuple(step if len(names) == len(judged) else f"{_names(names)}: {step}" for step, names in steps.items())


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
