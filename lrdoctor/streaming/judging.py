"""The verdict on one growing run from look to look, and what changes of it are worth a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lrdoctor.assess.logs import JudgedLog, judge_log, worst
from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Verdict
from lrdoctor.core.run import Run
from lrdoctor.logs.provenance import of_steps
from lrdoctor.measures import noise, view
from lrdoctor.streaming import looks
from lrdoctor.streaming.events import EventKind, StreamEvent, baseline_of
from lrdoctor.streaming.looks import Looks, spent

LIVE_SHARE = 0.5
"""Part of alpha that the looks of a growing run share. The judgement of the whole run at its end is that of `diagnose`
and takes alpha itself, so that a false alarm at any time has a probability of 1.5 alpha at most. With half of the risk
the limits are higher by a hundredth or two, since they go with its logarithm."""


@dataclass(frozen=True)
class Thresholds:
    certain: str = "LRD1"
    """Rules whose findings are alarms at once: a loss that is not finite, a log that says that it died."""
    enormous: float = looks.THRESHOLDS.enormous
    """Size of a rise from which it is an alarm at once too."""
    seen_again: float = 0.25
    """Part of the run, in points, after which any other finding has to be there still: in a short log a few odd batches
    side by side look like a rise that stays, and limits that do not come from alpha (worse than the first losses for a
    tenth of the log) are met by chance sooner or later in one of many beginnings of a run."""
    fewest: int = noise.SIDE
    most: int = view.THRESHOLDS.fewest_points
    """Points that this is at least, and at most: so many are a judgement of their own."""


THRESHOLDS = Thresholds()


class RunJudge:
    """Judges a growing run anew whenever it is asked to, and says what changed.

    Args:
        name: of the run, for the events.
        alpha: the risk of a false alarm over the whole run.
    """

    def __init__(self, name: str, alpha: float) -> None:
        self.name, self.alpha = name, alpha
        self.verdict: Verdict = "inconclusive"
        """As the last look found it."""
        self._alarm: float | None = None
        """The risk at which the alarm that stands, or may be raised next, was seen."""
        self._seen_at: int | None = None
        """Points of the run when a finding was first seen that has to be seen again."""
        self.look_after: int | None = None
        """Points after which the next look is to be made, where there is such a finding."""

    def look(self, runs: Sequence[Run], look: int) -> list[StreamEvent]:
        """Judges what there is of the run.

        While an alarm stands it is judged at the risk at which it was raised: with the lower ones of later looks it
        would be retracted though nothing speaks against it.

        Args:
            runs: the log so far; more than one where it was started again.
            look: the number of the look, from 1.
        """
        risk = self._alarm or spent(look, LIVE_SHARE * self.alpha)
        judged = [judge_log(run, risk) for run in runs]
        if self.verdict != "unstable" and self._is_doubtful(judged):
            self._alarm = risk
            return []
        return self._changed(judged, look, risk, is_final=False)

    def finish(self, runs: Sequence[Run], look: int) -> list[StreamEvent]:
        """Judges the whole run at its end, as `diagnose` does."""
        return self._changed([judge_log(run, self.alpha) for run in runs], look, self.alpha, is_final=True)

    def _is_doubtful(self, judged: Sequence[JudgedLog]) -> bool:
        """Whether what was found has to be seen again before it is an alarm."""
        found = next((one for one in judged if one.gravest is not None), None)
        seen_at, self._seen_at, self.look_after = self._seen_at, None, None
        if found is None or any(_is_certain(finding) for one in judged for finding in one.findings):
            return False
        n = sum(len(one.run.train_loss) for one in judged)
        if seen_at is not None and n >= seen_at + _wait(seen_at):
            return False
        self._seen_at = n if seen_at is None else seen_at
        self.look_after = self._seen_at + _wait(self._seen_at) - n
        return True

    def _changed(self, judged: Sequence[JudgedLog], look: int, risk: float, *, is_final: bool) -> list[StreamEvent]:
        before, self.verdict = self.verdict, worst(one.verdict for one in judged)
        was_alarm, is_alarm = before == "unstable", self.verdict == "unstable"
        self._alarm = (self._alarm or risk) if is_alarm else None
        kind: EventKind
        if self.verdict != before:
            kind = "alarm" if is_alarm else "retracted" if was_alarm else "verdict"
        elif is_final and is_alarm:
            kind = "confirmed"
        else:
            return []
        one = next(one for one in judged if one.verdict == self.verdict)
        return [self._event(kind, one, before, look, risk, is_final)]

    def _event(
        self, kind: EventKind, of: JudgedLog, before: Verdict, look: int, risk: float, is_final: bool
    ) -> StreamEvent:
        loss, finding = of.run.train_loss, of.gravest
        event = StreamEvent(
            kind=kind,
            run=self.name,
            step=int(loss.step[-1]) if len(loss) else 0,
            verdict=of.verdict,
            before=before,
            message=of.why_inconclusive or f"no instability was found in {len(loss)} points",
            look=look,
            alpha=risk,
            is_final=is_final,
        )
        if finding is None:
            return event
        return replace(
            event,
            rule=finding.code,
            name=finding.name,
            message=finding.message,
            first_step=finding.first_step,
            last_step=finding.last_step,
            baseline=baseline_of(finding, of.run, risk),
            size=finding.observed,
            threshold=finding.threshold,
        )


def _is_certain(finding: Finding) -> bool:
    is_enormous = isinstance(finding.observed, float) and finding.observed >= THRESHOLDS.enormous
    of_loss = finding.code.startswith("LRD2")
    return finding.severity == "error" and (finding.code.startswith(THRESHOLDS.certain) or (of_loss and is_enormous))


def _wait(n: int) -> int:
    return max(THRESHOLDS.fewest, min(int(n * THRESHOLDS.seen_again), THRESHOLDS.most))


def until(run: Run, step: int) -> Run:
    """The run as its log was when it had been written up to this step."""
    curves = {name: part for name, curve in run.curves.items() if len(part := curve.before(step + 1))}
    known: dict[str, Any] = dict(run.provenance)
    if "said" in known:
        known["said"] = tuple(one for one in known["said"] if one[1] is not None and one[1] <= step)
    if "resumed_at" in known:  # what a resume threw away is judged with the whole log
        known["resumed_at"] = tuple(at for at in known["resumed_at"] if at <= step)
        known["discarded"] = ()
    judged = curves.get("train_loss", curves.get("val_loss"))
    return replace(run, curves=curves, provenance=known | (of_steps(judged.step) if judged is not None else {}))


class GrowingRun:
    """A run that is read anew, whole, whenever its log has grown; judged as if its points had come one by one.

    How many points come at a time, and so the clock, decides nothing: looks are at fixed points.

    Args:
        name: of the run, for the events.
        alpha: the risk of a false alarm over the whole run.
    """

    def __init__(self, name: str, alpha: float) -> None:
        self._judge = RunJudge(name, alpha)
        self._looks = Looks()
        self._last: int | None = None
        """The step of the last point that was taken."""

    @property
    def verdict(self) -> Verdict:
        return self._judge.verdict

    def grow(self, run: Run) -> list[StreamEvent]:
        """Takes the points that are new in it, and says what changed.

        Args:
            run: all of it so far. Where it now ends before a step that was taken (it was resumed further back), the
                points from there on are taken when they have been trained anew.
        """
        loss = _judged_loss(run)
        new = loss if self._last is None else loss.after(self._last + 1)
        if not len(new):
            return []
        norm = run.grad_norm
        norms = dict(zip(norm.step.tolist(), norm.value.tolist(), strict=True)) if len(norm) else {}
        events: list[StreamEvent] = []
        for step, value in zip(new.step.tolist(), new.value.tolist(), strict=True):
            if self._looks.due(value, norms.get(step)):
                events += self._judge.look([until(run, step)], self._looks.made)
                if self._judge.look_after is not None:
                    self._looks.again(self._judge.look_after)
        self._last = int(new.step[-1])
        return events

    def finish(self, run: Run) -> list[StreamEvent]:
        """Judges the whole run at its end."""
        return self._judge.finish([run], self._looks.made + 1)


def _judged_loss(run: Run) -> Curve:
    return run.val_loss if run.provenance.get("judged") == "val_loss" else run.train_loss
