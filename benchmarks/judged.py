"""What a judge is: it takes a run, and gives its verdict, the step at which it saw trouble begin, and its reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lrdoctor.core.report import Verdict
from lrdoctor.core.run import Run


class Judged(NamedTuple):
    """A verdict on one run."""

    verdict: Verdict
    onset: int | None = None
    """None where there is no trouble, or the judge does not say where."""
    reasons: tuple[str, ...] = ()
    """What was found when unstable, else what was found beside it and what could not be checked."""


Judge = Callable[[Run], Judged]
