"""The report of a training that was recorded: judged as a log, with what no log tells and how its script ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lrdoctor import fixes, rules
from lrdoctor.assess.judging import split
from lrdoctor.assess.logs import Logs, report_of_logs
from lrdoctor.core.report import Report, Skip
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.measures import view

USUAL_GAP = 10
"""Updates a point of an ordinary log, for what it could not have shown: trainers print every 10 (nanoGPT), 50
(Lightning) or 500 (Hugging Face)."""

FEWEST = view.THRESHOLDS.fewest_points
"""Updates below which a recording shows no more than a log either."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """What ran, and how it ended."""

    facts: Mapping[str, Any]
    """Plain data for the report: command, exit_code, signal, seconds, folder, ..."""
    failure: str | None = None
    """How it failed; None where it did not."""
    blow_up: str | None = None
    """Why that failure is a divergence, None where nothing shows it."""


def report_of_recording(logs: Logs, script: Script, *, alpha: float = 0.01) -> Report:
    """The report of the runs of one recording.

    A script that failed is inconclusive where the recorded updates show no instability: what the rest of the training
    would have done is not known. One that failed after a blow-up has diverged.

    Args:
        logs: the runs, one an optimizer.
        script: that made them.
        alpha: the share of healthy runs that may be taken for unstable.
    """
    runs = tuple(_ended(run, script) for run in logs.runs)
    judged = _Runs(runs, logs)
    report = report_of_logs(judged, "run", alpha=alpha)
    recorded = {**script.facts, "checked": _checked(runs, report.skipped)}
    # the script itself is what fixes can be proven on
    prove = f"Prove a fix on this script: `lrdoctor treat -- {shlex.join(script.facts['command'])}`"
    steps = tuple(step.replace(fixes.PROVE, prove) for step in report.next_steps)
    report = replace(report, recorded=recorded, next_steps=steps)
    if script.failure is None or report.verdict != "stable":
        return report
    why = f"the script {script.failure}, so that what it would have done is not known; until then: {report.summary}"
    open_runs = tuple(replace(run, verdict="inconclusive", feasible=None) for run in report.runs)
    return replace(report, verdict="inconclusive", summary=why, runs=open_runs)


@dataclass(frozen=True)
class _Runs:
    """The logs with other runs."""

    runs: Sequence[Run]
    of: Logs

    @property
    def unread(self) -> Any:
        return self.of.unread

    @property
    def passed_over(self) -> Any:
        return self.of.passed_over

    @property
    def no_logs(self) -> Any:
        return self.of.no_logs


def _ended(run: Run, script: Script) -> Run:
    """The run with the way in which its script ended."""
    if script.failure is None:
        return run
    if script.blow_up is None:
        return replace(run, status="truncated", exit_reason=f"the script {script.failure}")
    last = int(run.train_loss.step[-1])
    said = (("diverged", last, f"it {script.failure}: {script.blow_up}"),)
    reason = f"the script {script.failure} after a blow-up: {script.blow_up}"
    return replace(run, status="diverged", exit_reason=reason, provenance={**run.provenance, "said": said})


def _checked(runs: Sequence[Run], skipped: Sequence[Skip]) -> dict[str, str]:
    """What could be checked only since the training was recorded: code -> why an ordinary log would not show it."""
    found: dict[str, str] = {}
    for run in (run for run in runs if len(run.train_loss) >= FEWEST):
        still = {skip.code for skip in skipped if skip.run == run.name}
        _, missing = split(rules.judge_run(_as_logged(run), Study(name=run.name, runs=(run,))))
        found |= {skip.code: skip.reason for skip in missing if skip.code not in still}
    return dict(sorted(found.items()))


def _as_logged(run: Run) -> Run:
    """The run as trainers log it: every 10th loss, no gradient norm."""
    loss = run.train_loss
    kept = type(loss)(loss.step[USUAL_GAP - 1 :: USUAL_GAP], loss.value[USUAL_GAP - 1 :: USUAL_GAP])
    curves = {name: curve for name, curve in run.curves.items() if name != "grad_norm"}
    provenance = {key: value for key, value in run.provenance.items() if key not in ("step_gap", "said")}
    return replace(run, curves={**curves, "train_loss": kept}, provenance=provenance)
