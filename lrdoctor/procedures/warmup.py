"""The warmup search: the shortest warmup that makes a rate far above the unstable one trainable.

A pure planner: from what was tried to what to try next. Stages, each planned when the one before is done: every order
of magnitude of warmup_steps at the base rate asked for; when none holds there, the highest multiple of the unstable
rate that the longest warmup makes trainable, by bisection, and the orders of magnitude at that one; the shortest
warmup_steps within its decade.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lrdoctor.core.report import Finding, by_run
from lrdoctor.core.run import Run
from lrdoctor.core.warmups import SHORT_RUN


@dataclass(frozen=True)
class Settings:
    unstable_base_learning_rate: float
    """The lowest unstable rate without a warmup."""
    steps: tuple[int, ...]
    """warmup_steps over orders of magnitude, ascending, none above the cap."""
    max_train_steps: int
    """Of the baseline schedule."""
    factor: float = 10.0
    """Base rate to make trainable, as a multiple of the unstable one (tuning playbook: one order of magnitude)."""
    shortest_trial: int = SHORT_RUN
    """Updates that a trial runs at least, or all of max_train_steps where that is less: 2 x warmup_steps after a ramp
    of 10 updates are blind for what breaks at update 500 (tuning playbook, Figure 6)."""
    after_ramp: int = 2
    """post_warmup_steps as a multiple of warmup_steps (tuning playbook)."""
    close: float = 1.5
    """The shortest warmup_steps is located up to this factor."""
    resolution: float = 1.25
    """The highest multiple is located up to this factor, as the sweep locates the unstable rate."""
    decade: int = 10
    """Where the shortest warmup tried holds, the next one is this many times shorter."""
    digits: int = 4
    """Significant digits of the rates that lrdoctor chooses."""

    @property
    def target(self) -> float:
        """The base rate asked for."""
        return self.rounded(self.factor * self.unstable_base_learning_rate)

    @property
    def longest(self) -> int:
        return self.steps[-1]

    def rounded(self, rate: float) -> float:
        return float(f"{rate:.{self.digits - 1}e}")

    def post_warmup_steps(self, warmup_steps: int) -> int:
        """Updates at the full rate after the ramp.

        >>> post = Settings(0.1, (10, 1000), max_train_steps=20_000).post_warmup_steps
        >>> post(10), post(200), post(1000)
        (490, 400, 2000)
        >>> Settings(0.1, (1, 10), max_train_steps=100).post_warmup_steps(10)
        90
        """
        # a short ramp must not make a short trial: what the full rate breaks shows within the first hundreds of updates
        floor = min(self.shortest_trial, self.max_train_steps) - warmup_steps
        return max(self.after_ramp * warmup_steps, floor)


@dataclass(frozen=True, kw_only=True)
class WarmupAttempt:
    """What one warmup did at one base rate, over the seeds."""

    base_learning_rate: float
    warmup_steps: int
    n_judged: int
    """Seeds whose trial ran; failed trials are no evidence and are not counted."""
    n_held: int
    """Seeds without an instability of severity error or warning."""
    events: Mapping[str, int] = field(default_factory=dict)
    """Seeds by what was found, name of the rule -> count."""

    @property
    def holds(self) -> bool:
        """A majority of the judged seeds held."""
        return 2 * self.n_held > self.n_judged


@dataclass(frozen=True)
class WarmupPlan:
    """Warmups to try next at one base rate, over all seeds."""

    base_learning_rate: float
    warmup_steps: tuple[int, ...]
    why: str


def next_plan(settings: Settings, tried: Sequence[WarmupAttempt]) -> WarmupPlan | None:
    """What to try next; None when the search is done."""
    # the playbook's question first; a lower rate is asked only where no warmup holds at this one
    missing = _missing(settings, settings.target, tried)
    if missing:
        return WarmupPlan(settings.target, missing, f"warmup to {settings.factor:.4g}x the unstable rate")
    if not held_at(settings.target, tried) and settings.factor > 1:
        plan = _bisection(settings, tried)
        if plan is not None:
            return plan
    base = highest_held(tried)
    if base is None:
        return None
    missing = _missing(settings, base, tried)
    if missing:
        return WarmupPlan(base, missing, "the shortest warmup to it")
    return _refinement(settings, base, tried)


def highest_held(tried: Iterable[WarmupAttempt]) -> float | None:
    """The highest base rate that some warmup makes trainable."""
    return max((t.base_learning_rate for t in tried if t.holds), default=None)


def held_at(base_learning_rate: float, tried: Iterable[WarmupAttempt]) -> list[int]:
    """warmup_steps that hold at the base rate, ascending."""
    return sorted(t.warmup_steps for t in tried if t.base_learning_rate == base_learning_rate and t.holds)


def _missing(settings: Settings, base: float, tried: Iterable[WarmupAttempt]) -> tuple[int, ...]:
    known = {t.warmup_steps for t in tried if t.base_learning_rate == base}
    return tuple(n for n in settings.steps if n not in known)


def _bisection(settings: Settings, tried: Sequence[WarmupAttempt]) -> WarmupPlan | None:
    """The unstable rate itself, then the geometric middle between what holds and what does not."""
    at_longest = {t.base_learning_rate for t in tried if t.warmup_steps == settings.longest}
    start = settings.rounded(settings.unstable_base_learning_rate)
    if start not in at_longest:
        return WarmupPlan(start, (settings.longest,), "the longest warmup at the unstable rate itself")
    low = highest_held(tried)
    if low is None:
        return None
    high = min(rate for rate in at_longest if rate > low)
    # the geometric middle, since rates are known by ratio
    middle = settings.rounded(math.sqrt(low * high))
    if high / low <= settings.resolution or middle in at_longest:
        return None
    return WarmupPlan(middle, (settings.longest,), "the highest rate that the longest warmup makes trainable")


def _refinement(settings: Settings, base: float, tried: Sequence[WarmupAttempt]) -> WarmupPlan | None:
    """A decade shorter while that was not tried, else the geometric middle between the last two."""
    known = {t.warmup_steps for t in tried if t.base_learning_rate == base}
    shortest = held_at(base, tried)[0]
    shorter = [n for n in known if n < shortest]
    # nothing shorter is known to fail yet, so a bisection would have no lower end
    if not shorter:
        middle = max(1, shortest // settings.decade)
    elif shortest / max(shorter) > settings.close:
        middle = round(math.sqrt(shortest * max(shorter)))
    else:
        return None
    return None if middle in known else WarmupPlan(base, (middle,), "the shortest warmup within its decade")


def summarize(
    base_learning_rate: float, warmup_steps: int, runs: Sequence[Run], findings: Sequence[Finding]
) -> WarmupAttempt:
    """What the trials of one warmup did.

    Args:
        base_learning_rate: at the end of the ramp.
        warmup_steps: length of the ramp.
        runs: its trials, one a seed.
        findings: of these runs (others are ignored).
    """
    judged = [run for run in runs if run.status != "failed"]
    every = by_run(findings)
    found_in = {run.name: every.get(run.name, ()) for run in judged}
    events: dict[str, int] = {}
    for found in found_in.values():
        for name in dict.fromkeys(f.name for f in found):
            events[name] = events.get(name, 0) + 1
    unstable = [name for name, found in found_in.items() if any(f.severity != "info" for f in found)]
    return WarmupAttempt(
        base_learning_rate=base_learning_rate,
        warmup_steps=warmup_steps,
        n_judged=len(judged),
        n_held=len(judged) - len(unstable),
        events=events,
    )
