"""What the sweep of a fix amounts to, beside the sweep of the training without it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from lrdoctor.core.rewriting import Rewriting
from lrdoctor.procedures.comparison import Paired, compare, outnumber
from lrdoctor.procedures.measured import Evidence, Measured, Room
from lrdoctor.procedures.treatment import LOWER, Settings, Treatment

Status = Literal["verified", "rejected", "not_tried"]


@dataclass(frozen=True)
class Cost:
    """What trying something took; trials that something else had asked for before are not counted again."""

    trials: int = 0
    steps: int = 0
    """Updates that they ran."""
    seconds: float = 0.0
    """Sum over the trials, which run side by side."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.trials + other.trials, self.steps + other.steps, self.seconds + other.seconds)


@dataclass(frozen=True, kw_only=True)
class Longer:
    """The fix against lr* without it, both trained for more steps."""

    max_train_steps: int
    objective: float
    """Median over the seeds with the fix."""
    baseline_objective: float
    """The same without it."""
    paired: Paired


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A fix, or a pair of them, and what its trials did."""

    name: str
    """Name of the fix; of a pair both, joined by +."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its numbers, as plain values."""
    treatment: Treatment | None = None
    """None where nothing was swept."""
    before: Measured | None = None
    after: Measured | None = None
    """Without and with it; None where it was not swept."""
    base_learning_rate: float | None = None
    """The rate to use where the fix is that rate."""
    missing: str | None = None
    """Why it was not tried."""
    failed: str | None = None
    """Why the search for its numbers came to nothing, so that there was nothing to sweep."""
    share_clipped: Mapping[float, float] = field(default_factory=dict)
    """Rate -> median over the seeds of the share of updates clipped."""
    rewriting: Rewriting | None = None
    """What was changed in a copy of the model; None where nothing was."""
    longer: Longer | None = None
    """With more steps, where the fix starts slowly and seemed to lose for it; it decides what is lost then."""
    cost: Cost = Cost()
    limits: Settings = field(default_factory=Settings)

    @property
    def has_own_rates(self) -> bool:
        """Another update rule: its rates do not compare with the others."""
        return self.treatment is not None and self.treatment.optimizer is not None

    @cached_property
    def rate_to_use(self) -> float | None:
        """The best rate with the fix where that gains on the best one without it, or has rates of its own; else the old
        one, with more room above it. None when no rate is stable."""
        if self.after is None or self.before is None or self.base_learning_rate is not None:
            return self.base_learning_rate
        best, old = self.after.best, self.before.study.best_learning_rate
        if best is None or self.has_own_rates or self._against_old(best).change == "gain":
            return best
        return old if self.after.holds_at(old) and self._against_old(old).change != "loss" else best

    def _against_old(self, learning_rate: float | None) -> Paired:
        assert self.before is not None
        assert self.after is not None
        return compare(self.before.at(self.before.study.best_learning_rate), self.after.at(learning_rate))

    @property
    def comparison(self) -> Paired | None:
        """Objectives at the rate to use, with the fix, against those at lr* without; None where there is nothing,
        or no lr* to compare with."""
        if self.before is None or self.before.study.best_learning_rate is None:
            return None
        return None if self.after is None or self.rate_to_use is None else self._against_old(self.rate_to_use)

    @property
    def last_word(self) -> Paired | None:
        """The comparison that decides what is lost: with more steps where there is one."""
        return self.comparison if self.longer is None else self.longer.paired

    @property
    def room(self) -> Room:
        """The room above the rate to use, with the fix."""
        return Room(None) if self.after is None else self.after.room(self.rate_to_use)

    @property
    def loses(self) -> bool:
        """It costs more of the objective than the spread over the seeds."""
        return self.last_word is not None and self.last_word.change == "loss"

    @cached_property
    def evidence(self) -> Evidence:
        """What the fix changed at the rates that it makes stable and that are unstable without it."""
        found = Evidence()
        if self.before is None or self.after is None or self.has_own_rates:
            return found
        low, high = self.before.study.unstable_base_learning_rate, self.after.highest_stable
        if low is None or high is None:
            return found
        for rate in sorted(set(self.before.objectives) & set(self.after.objectives)):
            if low <= rate <= high:
                found = found.with_rate(rate, self.before, self.after)
        return found

    @property
    def may_lose(self) -> bool:
        """It is in doubt whether it costs nothing of the objective."""
        return self.last_word is not None and self.last_word.may_lose

    @property
    def costs(self) -> bool:
        """The objective is the higher one in the middle of the seeds, or may be: what the last resort must not be."""
        return self.may_lose or (self.last_word is not None and self.last_word.gain < 0)

    @property
    def cures(self) -> bool:
        """With the fix training is stable clearly beyond the lowest rate that is unstable without it, and the trials
        that it makes stable outnumber those that it breaks by more than chance; with rates of its own, there is clearly
        more room."""
        if self.before is None or self.after is None or self.rate_to_use is None:
            return False
        if self.has_own_rates:
            before = self.before.room(self.before.study.best_learning_rate).margin or 0.0
            return (self.room.margin or 0.0) >= self.limits.own_rates * before
        return self.reaches_beyond and outnumber(self.evidence.cured, self.evidence.broken)

    @property
    def reaches_beyond(self) -> bool:
        """Stable at a rate above the lowest unstable one by more than the factor up to which that one is known."""
        if self.before is None or self.after is None:
            return False
        unstable, stable = self.before.study.unstable_base_learning_rate, self.after.highest_stable
        return unstable is not None and stable is not None and stable >= self.limits.beyond * unstable

    @property
    def trains_better(self) -> bool:
        """It gains on lr* without it beyond the spread over the seeds, and no rate without it does as well."""
        if self.before is None or self.after is None or self.comparison is None or self.comparison.change != "gain":
            return False
        reached = self.after.rate(self.rate_to_use)
        others = [r.objective for r in self.before.study.rates if r.n_judged and math.isfinite(r.objective)]
        return reached is not None and reached.objective < min(others, default=math.inf)

    @property
    def is_at_edge(self) -> bool:
        """Without the fix lr* has next to no room."""
        if self.before is None:
            return False
        margin = self.before.room(self.before.study.best_learning_rate).margin
        return margin is not None and margin <= self.limits.edge

    @property
    def has_less_room(self) -> bool:
        """Clearly less room above the rate to use than without the fix above lr*."""
        if self.before is None:
            return False
        before = self.before.room(self.before.study.best_learning_rate).margin or 0.0
        return self.limits.beyond * (self.room.margin or 0.0) < before

    def beats(self, other: Tried) -> bool:
        """It trains better than the other fix, each at its rate to use, beyond the spread over the seeds."""
        if self.after is None or other.after is None:
            return False
        mine, theirs = self.after.at(self.rate_to_use), other.after.at(other.rate_to_use)
        return compare(theirs, mine).change == "gain"

    @property
    def status(self) -> Status:
        """Verified: it cures and loses nothing, or trains better and takes no room away.

        The last resort may cost something where lr* sits at the edge.
        """
        if self.missing is not None:
            return "not_tried"
        if self.name == LOWER:
            holds = self.after is not None and self.after.holds_at(self.rate_to_use)
            return "verified" if holds and (not self.costs or self.is_at_edge) else "rejected"
        helps = (self.cures and not self.loses) or (self.trains_better and not self.has_less_room)
        return "verified" if helps else "rejected"

    @property
    def reaches_target(self) -> bool:
        """It restores all the room asked for, and nothing speaks for a loss."""
        enough = self.limits.target * (1 - self.limits.same if self.room.is_bound else 1)
        return self.status == "verified" and not self.may_lose and (self.room.margin or 0.0) >= enough


def prescribed(tried: Sequence[Tried]) -> Tried | None:
    """What to do: the first fix that restores all the room. Without one, the verified fix that trains better, else one
    that nothing speaks against, with about the most room; of those the earliest that no other one of them beats beyond
    the spread over the seeds; the lower rate when there is no other.

    None where what is verified may cost some of the objective: lr* as it is does no harm.
    """
    verified = [t for t in tried if t.status == "verified" and t.name != LOWER]
    enough = next((t for t in verified if t.reaches_target), None)
    if enough is not None:
        return enough
    chosen = [t for t in verified if t.trains_better] or [t for t in verified if not t.may_lose]
    most = max((t.room.margin or 0.0 for t in chosen), default=0.0)
    nearly = [t for t in chosen if t.limits.beyond * (t.room.margin or 0.0) >= most]
    unbeaten = (t for t in nearly if not any(other.beats(t) for other in nearly))
    return next(unbeaten, None) or next((t for t in tried if t.name == LOWER and t.status == "verified"), None)
