"""What the sweep of a fix amounts to, beside the sweep of the training without it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from lrdoctor.core.fix_sections import Cost as Cost
from lrdoctor.core.fix_sections import Longer as Longer
from lrdoctor.core.fix_sections import Lower as Lower
from lrdoctor.core.fix_sections import TriedStatus as Status
from lrdoctor.core.rewriting import Rewriting
from lrdoctor.procedures.comparison import DOUBT, Paired, compare, outnumber
from lrdoctor.procedures.confirmation import Claim, Confirmation, spread_of
from lrdoctor.procedures.measured import Evidence, Measured, Room
from lrdoctor.procedures.sweep import SWEPT
from lrdoctor.procedures.treatment import LOWER, Settings, Treatment


@dataclass(frozen=True, kw_only=True)
class NotTried:
    """A fix that was not tried."""

    name: str
    reason: str
    cost: Cost

    status: ClassVar[Status] = "not_tried"


@dataclass(frozen=True, kw_only=True)
class SearchFailed:
    """A fix whose search for its numbers came to nothing, so that there was nothing to sweep."""

    name: str
    reason: str
    cost: Cost

    status: ClassVar[Status] = "rejected"


@dataclass(frozen=True, kw_only=True)
class Swept:
    """A fix, or a pair of them, whose training was swept."""

    name: str
    """Name of the fix; of a pair both, joined by +."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its numbers, as plain values."""
    treatment: Treatment
    before: Measured
    """Without it."""
    after: Measured
    """With it."""
    base_learning_rate: float | None = None
    """The rate to use where the fix is that rate."""
    share_clipped: Mapping[float, float] = field(default_factory=dict)
    """Rate -> median over the seeds of the share of updates clipped."""
    rewriting: Rewriting | None = None
    """What was changed in a copy of the model; None where nothing was."""
    longer: Longer | None = None
    """With more steps, where the fix starts slowly and seemed to lose for it; it decides what is lost then."""
    lower: Lower | None = None
    """The lower rate that a clipping of most updates amounts to; None where it clips fewer."""
    confirmation: Confirmation | None = None
    """What fresh seeds say of it; None where they were not asked."""
    cost: Cost = field(default_factory=Cost)
    limits: Settings = field(default_factory=Settings)

    @property
    def has_own_rates(self) -> bool:
        """Another update rule: its rates do not compare with the others."""
        return self.treatment.optimizer is not None

    @cached_property
    def rate_to_use(self) -> float | None:
        """The lowest of the stable rates, from lr* without the fix up, that seems to lose nothing against the best one:
        it has the most room above it. The best one where none below does, or where the fix has rates of its own. None
        when no rate is stable."""
        if self.base_learning_rate is not None:
            return self.base_learning_rate
        best, old = self.after.best, self.before.study.best_learning_rate
        if best is None or old is None or self.has_own_rates:
            return best
        # a lower rate with more room must not give up a gain that the best one has
        gains = self._against_old(best).change == "gain"
        for rate in self.after.study.rates:
            learning_rate = rate.base_learning_rate
            # from lr* up: below it the fix would be no more than a lower rate
            if not old <= learning_rate < best or rate.stage not in SWEPT or not self.after.holds_at(learning_rate):
                continue
            against_old = self._against_old(learning_rate)
            loses = against_old.may_lose or compare(self.after.at(best), self.after.at(learning_rate)).may_lose
            if not loses and (against_old.change == "gain" or not gains):
                return learning_rate
        # with a fix that takes the old rate away, or makes it too low a one, as hard clipping does
        return best

    def _against_old(self, learning_rate: float) -> Paired:
        return compare(self.before.at(self.before.study.best_learning_rate), self.after.at(learning_rate))

    @property
    def comparison(self) -> Paired | None:
        """Objectives at the rate to use, with the fix, against those at lr* without: on fresh seeds where it was tried
        on such. None where there is nothing, or no lr* to compare with."""
        if self.confirmation is not None and self.confirmation.paired is not None:
            return self.confirmation.paired
        return self.searched

    @property
    def searched(self) -> Paired | None:
        """The comparison on the seeds of the search."""
        use = self.rate_to_use
        return None if use is None or self.before.study.best_learning_rate is None else self._against_old(use)

    @property
    def objective(self) -> tuple[float, float, float] | None:
        """Median, lowest and highest objective at the rate to use: on fresh seeds where it was tried on such."""
        if self.confirmation is not None:
            return spread_of(self.confirmation.at_use)
        rate = self.after.rate(self.rate_to_use)
        return None if rate is None else (rate.objective, rate.objective_low, rate.objective_high)

    @property
    def highest_stable(self) -> float | None:
        """The highest rate that is called stable with the fix: as confirmed where it was tried on fresh seeds."""
        if self.confirmation is not None:
            return self.confirmation.reach if self.confirmation.status == "verified" else None
        return self.after.stable_up_to

    @property
    def last_word(self) -> Paired | None:
        """The comparison of the search that decides what is lost: with more steps where there is one."""
        return self.searched if self.longer is None else self.longer.paired

    @property
    def room(self) -> Room:
        """The room above the rate to use, with the fix: up to the confirmed rate where it was tried on fresh seeds."""
        use = self.rate_to_use
        if self.confirmation is None or use is None or self.name == LOWER:
            return self.searched_room
        return Room(None) if self.highest_stable is None else Room(self.highest_stable / use, is_bound=True)

    @property
    def searched_room(self) -> Room:
        """The room on the seeds of the search."""
        return self.after.room(self.rate_to_use)

    @property
    def loses(self) -> bool:
        """It costs more of the objective than the spread over the seeds."""
        return self.last_word is not None and self.last_word.change == "loss"

    @cached_property
    def evidence(self) -> Evidence:
        """What the fix changed at the rates that it makes stable and that are unstable without it."""
        found = Evidence()
        if self.has_own_rates:
            return found
        low, high = self.before.study.unstable_base_learning_rate, self.after.stable_up_to
        if low is None or high is None:
            return found
        for rate in sorted(set(self.before.objectives) & set(self.after.objectives)):
            # only where it claims to cure: what it does elsewhere says nothing for or against that
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
        """On the seeds of the search training is stable with the fix up to the lowest rate that is unstable without it,
        and the trials that it makes stable outnumber those that it breaks by more than chance; with rates of its own,
        there is clearly more room."""
        if self.rate_to_use is None:
            return False
        if self.has_own_rates:
            before = self.before.room(self.before.study.best_learning_rate).margin or 0.0
            # rates of two update rules mean different things: only room in multiples of their own lr* compares
            reached = (self.after.stable_up_to or 0.0) / self.rate_to_use
            return reached >= self.limits.own_rates * before
        return self.reaches_beyond and outnumber(self.evidence.cured, self.evidence.broken)

    @property
    def reaches_beyond(self) -> bool:
        """At most a quarter of all seeds is unstable with it at a rate at which half of them are without it."""
        unstable, stable = self.before.study.unstable_base_learning_rate, self.after.stable_up_to
        return unstable is not None and stable is not None and stable >= unstable

    @property
    def trains_better(self) -> bool:
        """It gains on lr* without it beyond the spread over the seeds, and no rate without it does as well; confirmed
        where it was tried on fresh seeds."""
        if self.confirmation is not None:
            return self.confirmation.status == "verified" and self.confirmation.gains
        return self.seems_better

    @property
    def seems_better(self) -> bool:
        """The same on the seeds of the search."""
        return self.searched is not None and self.searched.change == "gain" and self._is_lowest

    @property
    def may_be_better(self) -> bool:
        """On the seeds of the search its loss is so much lower that it is worth fresh seeds, though perhaps not beyond
        the spread over the seeds: three of them show no gain but the clearest."""
        return self.searched is not None and self.searched.chance_lower <= DOUBT and self._is_lowest

    @property
    def _is_lowest(self) -> bool:
        """No rate without the fix reaches the median of its loss."""
        reached = self.after.rate(self.rate_to_use)
        # of all that were tried, also to find the edge: a better rate without the fix is no merit of the fix
        others = [r.objective for r in self.before.study.rates if r.n_judged and math.isfinite(r.objective)]
        return reached is not None and reached.objective < min(others, default=math.inf)

    @property
    def is_at_edge(self) -> bool:
        """Without the fix lr* has next to no room."""
        margin = self.before.room(self.before.study.best_learning_rate).margin
        return margin is not None and margin <= self.limits.edge

    def beats(self, other: Swept) -> bool:
        """It trains better than the other fix, each at its rate to use, beyond the spread over the seeds."""
        mine, theirs = self._objectives, other._objectives
        return bool(mine) and bool(theirs) and compare(theirs, mine).change == "gain"

    @property
    def _objectives(self) -> Mapping[int, float]:
        """By seed at the rate to use: of fresh seeds where there are such."""
        if self.confirmation is not None:
            return {seed: outcome.objective for seed, outcome in self.confirmation.at_use.items()}
        return self.after.at(self.rate_to_use)

    @property
    def promises(self) -> bool:
        """The search speaks for it: it cures and loses nothing, or may train better; a lower rate holds, and costs
        nothing where lr* does not sit at the edge. What it promises is to be confirmed."""
        if self.rate_to_use is None:
            return False
        if self.name == LOWER:
            return self.after.holds_at(self.rate_to_use) and (not self.costs or self.is_at_edge)
        return self.may_be_better or (self.cures and not self.loses)

    @property
    def promises_target(self) -> bool:
        """By the search it restores all the room asked for, up to the rate that it claims, and nothing speaks for a
        loss."""
        claim = self.claim
        if claim is None or self.may_lose:
            return False
        if self.name == LOWER:
            return self._is_enough(self.searched_room)
        return self._is_enough(Room(claim.reach / claim.base_learning_rate, is_bound=True))

    def _is_enough(self, room: Room) -> bool:
        # a bound ends at a rate that was tried, which may lie a little below the target and stand for it
        asked = self.limits.target * (1 - self.limits.same if room.is_bound else 1)
        return (room.margin or 0.0) >= asked

    @property
    def claim(self) -> Claim | None:
        """What fresh seeds are asked; None where the search promises nothing."""
        use, best = self.rate_to_use, self.before.study.best_learning_rate
        if use is None or not self.promises:
            return None
        # the last resort claims no more than its own rate, since that is the treatment
        reach = max(use, self.after.stable_up_to or use) if self.name != LOWER else use
        beside = reach if best is None or not self.has_own_rates else self.limits.rounded(best * reach / use)
        return Claim(
            base_learning_rate=use,
            reach=reach,
            baseline_learning_rate=best,
            baseline_use=None if self.has_own_rates or best in (None, use) or self.name == LOWER else use,
            baseline_reach=beside,
            gains=self.may_be_better,
            widens=self.cures or best is None,
            is_last_resort=self.name == LOWER,
            may_cost=self.name == LOWER and self.is_at_edge,
        )

    @property
    def status(self) -> Status:
        """Verified is what fresh seeds confirm."""
        if not self.promises:
            return "rejected"
        return "unconfirmed" if self.confirmation is None else self.confirmation.status

    @property
    def is_refuted(self) -> bool:
        """The search spoke for it, and fresh seeds do not."""
        return self.confirmation is not None and self.status == "rejected"

    @property
    def reaches_target(self) -> bool:
        """Confirmed, it restores all the room asked for, and nothing speaks for a loss."""
        doubt = self.comparison is not None and self.comparison.may_lose
        return self.status == "verified" and not doubt and self._is_enough(self.room)


Tried = NotTried | SearchFailed | Swept
"""What came of a fix."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A fix that fresh seeds confirm."""

    fix: Swept
    confirmation: Confirmation

    @property
    def base_learning_rate(self) -> float:
        """The rate to use with it, at which it was confirmed."""
        return self.confirmation.claim.base_learning_rate


def to_confirm(tried: Sequence[Tried], most: int) -> Swept | None:
    """The fix to confirm next, of those that the search speaks for; None where that could not change the prescription.

    By what would be prescribed: the lowest loss of those that seem to train better; then one with room; then, where no
    fix is known to train better, those that may; then the others with room. Room goes by its kind and size: those whose
    loss is the lower one in the middle of the seeds come first, then those that seem to lose nothing, then those in
    doubt; of each kind the one with the most, and of about the same the earliest in order. The last resort comes when
    nothing else is left.

    Args:
        tried: so far, in order.
        most: fixes to confirm at most, the last resort not counted.
    """
    promising = [t for t in tried if isinstance(t, Swept) and t.promises]
    fixes = [t for t in promising if t.name != LOWER]
    asked = [t for t in fixes if t.confirmation is not None]
    left = [t for t in fixes if t.confirmation is None]
    known = prescribed(asked)
    if len(asked) < most:
        lowest = _loss(known.fix) if known is not None and known.fix.trains_better else math.inf
        better = min((t for t in left if t.seems_better and _loss(t) < lowest), key=_loss, default=None)
        if better is not None:
            return better
        # before those that may train better: room on the seeds of the search is the plainer promise
        roomy = _roomiest([t for t in left if t.cures and not t.loses])
        if roomy is not None and not asked:
            return roomy
        perhaps = min((t for t in left if t.may_be_better), key=_loss, default=None)
        if perhaps is not None and (known is None or not known.fix.trains_better):
            return perhaps
        if roomy is not None and known is None:
            return roomy
    if known is not None:
        return None
    return next((t for t in promising if t.name == LOWER and t.confirmation is None), None)


def _roomiest(left: Sequence[Swept]) -> Swept | None:
    # the soundest kind that there is: room is not worth a loss while a fix without one is left
    sound = [t for t in left if not t.costs] or [t for t in left if not t.may_lose] or left
    most = max(((t.searched_room.margin or 0.0) for t in sound), default=0.0)
    return next((t for t in sound if t.limits.beyond * (t.searched_room.margin or 0.0) >= most), None)


def _loss(tried: Swept) -> float:
    return math.inf if tried.objective is None else tried.objective[0]


def prescribed(tried: Sequence[Tried]) -> Verified | None:
    """What to do, of what is verified: by the confirmed loss, then by the confirmed room.

    Those that train better come before those that do not; what another one beats in the loss beyond the spread over the
    fresh seeds is left out; of the rest the one with the most room, and of about the same room the earliest in order.
    The lower rate when there is no other. None where nothing is verified: lr* as it is does no harm.
    """
    every = [
        Verified(fix=t, confirmation=t.confirmation)
        for t in tried
        if isinstance(t, Swept) and t.confirmation is not None and t.status == "verified"
    ]
    fixes = [v for v in every if v.fix.name != LOWER]
    chosen = [v for v in fixes if v.fix.trains_better] or fixes
    # the loss decides only beyond chance; among those that it does not tell apart room does
    unbeaten = [v for v in chosen if not any(other.fix.beats(v.fix) for other in chosen)]
    most = max((v.fix.room.margin or 0.0 for v in unbeaten), default=0.0)
    roomy = (v for v in unbeaten if v.fix.limits.beyond * (v.fix.room.margin or 0.0) >= most)
    return next(roomy, None) or next((v for v in every if v.fix.name == LOWER), None)
