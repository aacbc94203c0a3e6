"""Whether a fix holds on seeds that did not choose it: what `verified` means, for every command. Pure.

A search takes the best of many rates, numbers and fixes, so on its own seeds the winner looks better than it is. What
it would prescribe is therefore trained once more on *fresh* seeds that no search has seen, beside the training as it
is, on the same seeds: at the rate to use, and at the highest stable rate claimed.

Verified is a fix that on the fresh seeds

- is stable at the rate to use, in all but a quarter of the seeds;
- loses nothing there against lr* without it, at an equal number of steps;
- buys something: the lower loss that the search claimed, by more than the spread over the seeds, and no merit of the
  rate alone; or stable training at
  the highest rate claimed, in all but a quarter of the seeds, where more of them are unstable without it.

Half of all trials may be unstable at a rate that a majority calls stable, and five seeds tell that from next to none
only by asking for more than a majority: with one of five allowed, a rate at which every second trial is unstable
passes in 19 % of cases, and one at which every twentieth is in 98 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import median
from typing import Literal

from lrdoctor.procedures.comparison import DOUBT, Paired, compare


@dataclass(frozen=True)
class Settings:
    fewest_seeds: int = 5
    """Fresh seeds at least; as many as the search used where those are more."""
    share: float = 0.25
    """Of the fresh seeds that may be unstable: what the highest stable rate promises."""
    first: int = 3
    """Seeds trained before it is asked whether the others can change the outcome."""
    mistaken: float = 0.02
    """Largest chance of prescribing what does nothing for a lower loss: five seeds cannot show that, ten can."""
    most_fixes: int = 3
    """Fixes that are confirmed: each one more is another chance for a fix that does nothing."""

    @property
    def chance(self) -> float:
        """Largest chance of calling no difference a gain at one look; over all looks at all confirmed fixes it is
        `mistaken`."""
        # Bonferroni: the looks at all confirmed fixes share the risk
        return self.mistaken / (self.most_fixes * LOOKS)

    def n_seeds(self, n_searched: int) -> int:
        """Fresh seeds after a search with so many."""
        return max(self.fewest_seeds, n_searched)

    def allowed(self, n_seeds: int) -> int:
        """How many of them may be unstable.

        >>> [Settings().allowed(n) for n in (5, 8, 10)]
        [1, 2, 2]
        """
        return math.floor(self.share * n_seeds)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a search says of a fix."""

    base_learning_rate: float
    """The rate to use with it."""
    reach: float
    """The highest rate that is said to be stable with it; not below the rate to use."""
    baseline_learning_rate: float | None
    """lr* of the training without it; None where no rate trains."""
    baseline_use: float | None = None
    """The rate to use where it is tried without the fix too: another than lr*, of the same update rule."""
    baseline_reach: float
    """The rate without the fix that `reach` is compared with: the same one; with another update rule, whose rates mean
    something else, the same multiple of lr*."""
    gains: bool
    """A lower loss is claimed."""
    widens: bool
    """Stable training where it is unstable without the fix is claimed."""
    is_last_resort: bool = False
    """The training as it is at a lower rate: it has more room by being lower."""
    may_cost: bool = False
    """A last resort that is worth a loss, since lr* sits at the edge."""


@dataclass(frozen=True)
class Outcome:
    """What one trial did."""

    objective: float
    """inf where it is infeasible."""
    is_unstable: bool


PARTS = ("use", "reach", "baseline", "baseline_use", "baseline_reach")
"""Trials of a fresh seed."""
AT_REACH = ("reach", "baseline_reach")
"""Those of them that tell how far a fix reaches."""


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """The trials of one fresh seed; None where a trial failed or is not part of the claim."""

    seed: int
    use: Outcome | None = None
    """With the fix at the rate to use."""
    reach: Outcome | None = None
    """With it at the highest stable rate claimed."""
    baseline: Outcome | None = None
    """Without it at lr*."""
    baseline_use: Outcome | None = None
    """Without it at the rate to use, where that is another than lr* and rates compare."""
    baseline_reach: Outcome | None = None
    """Without it at the rate that `reach` is compared with."""


BEST_FOR = Fresh(
    seed=-1,
    use=Outcome(-math.inf, False),
    reach=Outcome(-math.inf, False),
    baseline=Outcome(math.inf, True),
    baseline_use=Outcome(math.inf, True),
    baseline_reach=Outcome(math.inf, True),
)
"""The seed that speaks most for a fix."""
WORST_FOR = Fresh(
    seed=-1,
    use=Outcome(math.inf, True),
    reach=Outcome(math.inf, True),
    baseline=Outcome(-math.inf, False),
    baseline_use=Outcome(-math.inf, False),
    baseline_reach=Outcome(-math.inf, False),
)

LOOKS = 2
"""Times that the fresh seeds are looked at: once more after as many seeds again, where the first ones leave open
whether the loss is higher, or as low as claimed."""


@dataclass(frozen=True)
class Next:
    """Trials of fresh seeds to run next."""

    first: int
    """Place of the first seed among the fresh ones."""
    end: int
    """Place after the last one."""
    at_reach: bool
    """At the highest rate claimed; else the other parts."""


Failing = Literal["unstable", "loss", "doubt", "nothing"]
"""Why a fix is rejected on fresh seeds: unstable at the rate to use; a loss; perhaps a loss; it buys nothing."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A claim on fresh seeds."""

    claim: Claim
    n_seeds: int
    """Fresh seeds that it takes where none of them settles it early, and neither a doubt of a loss nor a gain that does
    not stand out yet asks for more."""
    fresh: tuple[Fresh, ...] = ()
    """Those that were trained."""
    n_reached: int | None = None
    """Of how many of them, the first ones, the trials at the highest rate were run too; None for all."""
    limits: Settings = field(default_factory=Settings)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(one.seed for one in self.fresh)

    @property
    def short_of_reach(self) -> tuple[Fresh, ...]:
        """Seeds whose trials at the highest rate were not run."""
        return () if self.n_reached is None else self.fresh[self.n_reached :]

    @property
    def _look_ends(self) -> int:
        """Seeds of the look that is under way: the second one begins with the first seed after the first one."""
        return self.n_seeds if len(self.fresh) <= self.n_seeds else LOOKS * self.n_seeds

    @property
    def next_trials(self) -> Next:
        """What to train next, where it is not settled: as many seeds as it takes at the rates to use, which may refute
        it for the least, then at the highest rate; the first few together, so that workers have something to do."""
        n, n_reached = len(self.fresh), len(self.fresh) - len(self.short_of_reach)
        if n < self._look_ends and not self._with(0, BEST_FOR).is_settled:
            return Next(n, min(max(n + 1, self.limits.first), self._look_ends), at_reach=False)
        if n_reached == n:
            return Next(n, LOOKS * self.n_seeds, at_reach=False)
        is_first = n <= self.n_seeds
        return Next(n_reached, min(max(n_reached + 1, self.limits.first), n) if is_first else n, at_reach=True)

    @property
    def is_settled(self) -> bool:
        """The trials that are left cannot change whether it is verified, whatever they do, nor whether it gains what
        was claimed."""
        if len(self.fresh) < min(self.limits.first, self.n_seeds):
            return False
        left = self._look_ends - len(self.fresh)
        if left == 0 and not self.short_of_reach:
            return len(self.fresh) >= LOOKS * self.n_seeds or not self._is_open
        # whatever the trials that are left do lies between these two
        best, worst = self._with(left, BEST_FOR), self._with(left, WORST_FOR)
        is_last = self._look_ends > self.n_seeds
        if best.failing is not None and (is_last or not best._is_open):
            return True
        if is_last or self.short_of_reach:
            return False  # between the looks each seed is another chance to be mistaken, and how far it reaches is told
        # that it holds is certain; a lower loss that was claimed may still show, or be certain not to
        return worst.failing is None and (not self._counts_gain or worst.gains or not (best.gains or best._is_open))

    @property
    def _is_open(self) -> bool:
        """More seeds may say more: a fix that loses nothing is in doubt in one of five cases by chance, and the lower
        loss that was claimed may show with as many seeds again, whether or not the fix is verified without it."""
        if self.failing in (None, "nothing") and self._counts_gain and self.paired is not None:
            return not self.gains and self.paired.chance_lower <= DOUBT
        return self.failing == "doubt"

    @property
    def _counts_gain(self) -> bool:
        """A lower loss is claimed, and something rests on it: a last resort at the edge may even cost something."""
        return self.claim.gains and not self.claim.may_cost

    def _with(self, n: int, one: Fresh) -> Confirmation:
        """As if so many further seeds, and the trials at the highest rate that were not run, did as that one."""
        made_up = tuple(replace(one, seed=-1 - i) for i in range(n))
        whole = [replace(short, reach=one.reach, baseline_reach=one.baseline_reach) for short in self.short_of_reach]
        return replace(self, fresh=(*self.fresh[: self.n_reached], *whole, *made_up), n_reached=None)

    @property
    def status(self) -> Literal["verified", "rejected"]:
        return "verified" if self.failing is None else "rejected"

    @property
    def failing(self) -> Failing | None:
        """Why it is rejected; None where it is verified. What was settled without the trials at the highest rate is so
        whatever they would have shown."""
        if self.short_of_reach:
            return self._with(0, BEST_FOR).failing
        # first of all: a fix whose own rate is unstable is worth nothing, whatever its loss
        if not self.holds(self.at_use):
            return "unstable"
        if self.claim.may_cost:
            return None
        if self.paired is not None and self.paired.change == "loss":
            return "loss"
        if self.claim.gains and self.gains:
            return None
        if not self.claim.is_last_resort and not (self.claim.widens and self.widens):
            return "nothing"
        return "doubt" if self.paired is not None and self.paired.may_lose else None

    @cached_property
    def paired(self) -> Paired | None:
        """Objectives of lr* without the fix against those at the rate to use with it; None where no rate trains."""
        if self.claim.baseline_learning_rate is None:
            return None
        pairs = [(one.seed, one.baseline, one.use) for one in self.fresh]
        known = [(seed, old, new) for seed, old, new in pairs if old is not None and new is not None]
        old = {s: outcome.objective for s, outcome, _ in known}
        return compare(old, {s: outcome.objective for s, _, outcome in known}, self.limits.chance)

    @property
    def gains(self) -> bool:
        """The loss is lower by more than the spread over the fresh seeds, and seems lower than without the fix at the
        same rate too: a better rate than lr* is no merit of the fix."""
        if self.paired is None or self.paired.change != "gain":
            return False
        pairs = [(one.seed, one.baseline_use, one.use) for one in self.fresh]
        known = [(seed, old, new) for seed, old, new in pairs if old is not None and new is not None]
        old = {seed: outcome.objective for seed, outcome, _ in known}
        return not known or compare(old, {seed: new.objective for seed, _, new in known}).chance_lower <= DOUBT

    @property
    def widens(self) -> bool:
        """Stable as claimed at the highest rate, where more of the seeds are unstable without it."""
        return self.holds(self.at_reach) and self.cured > self.broken

    @property
    def reach(self) -> float:
        """The highest rate that was stable on the fresh seeds, of the two that were tried."""
        return self.claim.reach if self.holds(self.at_reach) else self.claim.base_learning_rate

    @property
    def cured(self) -> int:
        """Seeds unstable without the fix at the rate that compares and stable with it at the highest rate claimed."""
        return sum(old.is_unstable and not new.is_unstable for old, new in self._pairs_at_reach())

    @property
    def broken(self) -> int:
        """Seeds of the opposite kind."""
        return sum(new.is_unstable and not old.is_unstable for old, new in self._pairs_at_reach())

    def _pairs_at_reach(self) -> list[tuple[Outcome, Outcome]]:
        pairs = [(one.baseline_reach, one.reach) for one in self.fresh]
        return [(old, new) for old, new in pairs if old is not None and new is not None]

    @property
    def at_use(self) -> Mapping[int, Outcome]:
        return {one.seed: one.use for one in self.fresh if one.use is not None}

    @property
    def at_reach(self) -> Mapping[int, Outcome]:
        return {one.seed: one.reach for one in self.fresh if one.reach is not None}

    @property
    def of_baseline(self) -> Mapping[int, Outcome]:
        """At lr* without the fix."""
        return {one.seed: one.baseline for one in self.fresh if one.baseline is not None}

    @property
    def of_baseline_at_reach(self) -> Mapping[int, Outcome]:
        return {one.seed: one.baseline_reach for one in self.fresh if one.baseline_reach is not None}

    def holds(self, outcomes: Mapping[int, Outcome]) -> bool:
        """Stable in all but the share of the seeds that may be unstable; a failed trial counts as unstable."""
        n_stable = sum(not outcome.is_unstable for outcome in outcomes.values())
        # of the seeds that it takes in all, so that a first bad one does not end it before the others are seen
        allowed = self.limits.allowed(max(self.n_seeds, len(self.fresh)))
        return len(self.fresh) > 0 and len(self.fresh) - n_stable <= allowed


def spread_of(outcomes: Mapping[int, Outcome]) -> tuple[float, float, float] | None:
    """Median, lowest and highest objective over the seeds; None without a seed."""
    values = [outcome.objective for outcome in outcomes.values()]
    return (median(values), min(values), max(values)) if values else None


def fresh_seeds(searched: Sequence[int], n: int) -> tuple[int, ...]:
    """So many seeds that the search did not use: those that follow its highest.

    >>> fresh_seeds([0, 1, 4], 3)
    (5, 6, 7)
    """
    first = max(searched) + 1
    return tuple(range(first, first + n))
