"""What a growing run's judge has to say: the verdict changed, or an alarm was confirmed at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lrdoctor.core.report import Finding, Verdict
from lrdoctor.core.run import Run
from lrdoctor.measures.view import view_of

EventKind = Literal["alarm", "retracted", "confirmed", "verdict"]
"""alarm: the run has become unstable. retracted: it was called unstable, and with what came since it is not.
confirmed: an alarm still stands when the whole run is judged at its end. verdict: any other change."""


@dataclass(frozen=True, kw_only=True)
class StreamEvent:
    """One change of the verdict on a growing run."""

    kind: EventKind
    run: str
    step: int
    """The last step that was seen."""
    verdict: Verdict
    before: Verdict
    """The verdict until then."""
    rule: str | None = None
    """Code of the worst finding; None where there is none."""
    name: str | None = None
    """What the rule is called."""
    message: str = ""
    """The finding in words, or why there is none."""
    first_step: int | None = None
    """Where it began."""
    last_step: int | None = None
    baseline: float | None = None
    """The level of the loss before it; None where the finding is no rise of the loss."""
    size: float | str | None = None
    """What the rule observed: a factor on the baseline for a rise of a positive loss, a share of the progress for any
    other, nan for a value that is not finite."""
    threshold: float | str | None = None
    look: int
    """How often the run has been judged."""
    alpha: float
    """The risk of a false alarm that this look took."""
    is_final: bool = False
    """Whether the whole run was judged, at its end."""

    @property
    def text(self) -> str:
        """One line for people.

        >>> StreamEvent(kind="alarm", run="a.csv", step=90, verdict="unstable", before="stable", rule="LRD101",
        ...             message="train_loss is nan at step 90", look=3, alpha=0.001).text
        'a.csv: UNSTABLE at step 90: train_loss is nan at step 90 [LRD101]'
        """
        words = {"retracted": f"alarm retracted, {self.verdict}", "confirmed": "UNSTABLE, confirmed"}
        head = words.get(self.kind, "UNSTABLE" if self.verdict == "unstable" else self.verdict)
        when = f"at the end, step {self.step}" if self.is_final else f"at step {self.step}"
        code = f" [{self.rule}]" if self.rule else ""
        return f"{self.run}: {head} {when}{': ' if self.message else ''}{self.message}{code}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: `text` and every field."""
        return {"text": self.text, **{name: getattr(self, name) for name in self.__dataclass_fields__}}


def baseline_of(finding: Finding, run: Run, alpha: float) -> float | None:
    """The loss before the rise that the finding is about, None where it is about none."""
    if not finding.code.startswith("LRD2"):
        return None
    rises = (event for event in view_of(run, alpha).found if event.first_step == finding.first_step)
    return next((event.base for event in rises), None)
