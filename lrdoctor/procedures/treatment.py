"""The fixes, each judged by a sweep of the training that it changes: what to sweep.

Pure. A fix is a `Treatment`, a change to every trial. What it does to the training is measured as the training itself
was: by a learning-rate sweep, so that the room and the best loss with the fix and without it are the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lrdoctor.core.changes import Changes, replaced_by
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.procedures.sweep import SWEPT

LOWER = "lower_learning_rate"
"""The last resort, which changes nothing but the rate."""


@dataclass(frozen=True)
class Settings:
    target: float = 10.0
    """Room that a fix should restore: no instability up to this multiple of the rate to use (the upper of the
    playbook's two checks)."""
    needed_up_to: float = 5.0
    """Room up to which fixes are tried: the lower of the two checks. Between them the model has room, if not all of it,
    and nothing is pushed."""
    same: float = 0.1
    """A tried rate this close (relative) to a multiple stands for it."""
    beyond: float = 1.25
    """Factor up to which a sweep locates the unstable rate; a change of less is none."""
    own_rates: float = 2.0
    """Factor by which another update rule has to have more room: either lr* is known up to a step of its grid."""
    longer: int = 3
    """Times the steps with which a change that starts slowly, and seems to lose for it, is compared once more."""
    edge: float = 2.0
    """Room up to which lr* sits at the edge, and a lower rate is worth what it costs."""
    digits: int = 4
    """Significant digits of the rates that lrdoctor chooses."""

    def rounded(self, rate: float) -> float:
        return float(f"{rate:.{self.digits - 1}e}")


@dataclass(frozen=True, kw_only=True)
class Treatment(Changes):
    """A change to every trial; None leaves what the spec has."""

    warmup_steps: int | None = None
    """Updates of the ramp prepended to the schedule."""
    optimizer: str | None = None
    """Another update rule, as canonical JSON of the spec's block. Its learning rates do not compare."""

    def on(self, baseline: Trial) -> Trial:
        """The baseline's trial with the change."""
        changes: dict[str, Any] = {name: value for name, value in vars(self).items() if value is not None}
        if not changes:
            return baseline
        changes |= dict.fromkeys(replaced_by(changes))
        return replace(baseline, procedure="treat", **changes)


def ladder(study: Study, best: float, settings: Settings, further: Sequence[float] = ()) -> tuple[float, ...]:
    """The rates that a treated training is swept over: from one below lr* to the target multiple of it.

    Args:
        study: the sweep of the training without the fix.
        best: lr*.
        settings: with the target.
        further: rates to have among them, whatever their height.
    """
    unstable = study.unstable_base_learning_rate
    top = settings.rounded(settings.target * best)
    swept = sorted(r.base_learning_rate for r in study.rates if r.stage in SWEPT)
    rates = {best, *further, *[r for r in swept if r < best][-1:]}
    rates |= {r for r in (*swept, unstable) if r is not None and best < r <= top * (1 + settings.same)}
    if not any(abs(r / top - 1) <= settings.same for r in rates):
        rates.add(top)
    return tuple(sorted(rates))


def lower_rates(best: float, unstable: float, settings: Settings) -> tuple[float, ...]:
    """Rates below lr*: the one with all the room asked for, and half the lowest unstable one, the least that helps."""
    wanted = [settings.rounded(unstable / factor) for factor in (settings.target, settings.edge)]
    # a rate closer to lr* than the edge is known is no change at all
    return tuple(rate for rate in wanted if rate * settings.beyond <= best)
