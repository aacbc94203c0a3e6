"""Gradient clipping: a threshold from the norms at lr*, tried at the rates that are unstable without it.

A pure planner: from what was tried so far to what to try next, over all seeds. Stages: the threshold at the lowest
unstable rate, harder ones while it does not hold there, down to a quarter of the median norm; the threshold that held
at the higher rates; and, when asked for, the harder thresholds at the best clipped rate and at the highest one.

What is called unclipped here is the spec's own training, which is clipped all the same where the spec has a clip_norm;
a threshold that is tried takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate, Study
from lrdoctor.procedures.clip_measures import Attempt, Norms, Setting, Threshold, rounded
from lrdoctor.procedures.comparison import Paired, compare
from lrdoctor.procedures.confirmation import Claim, Confirmation

Status = Literal["verified", "rejected", "not_tried", "unconfirmed"]

MEDIAN = 50.0
"""Percentile below which most updates are clipped."""


@dataclass(frozen=True)
class Settings:
    percentile: float = 90.0
    """Of the unclipped norms at lr*: the first threshold (tuning playbook)."""
    harder: tuple[float, ...] = (80.0, 70.0, 60.0, 50.0)
    """Percentiles to go on with; below the median most updates are clipped (tuning playbook)."""
    of_median: tuple[float, ...] = (0.5, 0.25)
    """Shares of the median norm to go on with. Clipping so hard amounts to a lower rate, says the playbook, which is a
    reason to compare it with one and none not to try it."""
    customary: tuple[float, ...] = (1.0, 0.5)
    """Thresholds that people use whatever the norms, tried where they lie below the median."""
    search_harder: bool = False
    """Whether the harder thresholds are tried at the best clipped rate, and those from the median down at the highest
    rate, though an easier one holds."""
    furthest: float = 10.0
    """Rates up to this multiple of lr* are tried: the upper of the playbook's two checks."""
    same: float = 0.1
    """A tried rate this close (relative) to that multiple stands for it."""
    apart: float = 1.25
    """Rates are at least this factor apart: the sweep locates the unstable rate no better."""
    further: float = 2.0
    """Second rate, as a multiple of the unstable one, where that lies at the furthest already."""


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """An aggressive clipping beside what it amounts to: the spec's training at a lower rate."""

    of: Setting
    plain: Attempt
    paired: Paired
    """First the lower rate, second the clipping."""


@dataclass(frozen=True, kw_only=True)
class Clipping:
    """A clipping study: what was tried and what came of it."""

    study: Study
    """The sweep; or, when lr* and the unstable rate were given, the unclipped trials of this study."""
    was_swept: bool
    missing: str | None = None
    """Why nothing was tried; None when something was."""
    norms: Norms | None = None
    before: tuple[Attempt, ...] = ()
    """Unclipped, by rate: lr* and the rates that clipping was tried at."""
    tried: tuple[Attempt, ...] = ()
    """Clipped, in the order in which they were tried."""
    lowered: tuple[Lowered, ...] = ()
    runs: tuple[Run, ...] = ()
    """Every trial that is no part of `study`."""
    search_harder: bool = False
    confirmation: Confirmation | None = None
    """What fresh seeds say of the best clipped setting; None where they were not asked."""

    @property
    def best(self) -> Attempt | None:
        """The clipped setting that holds with the best median objective; None when none holds."""
        return best_of(self.tried)

    @property
    def furthest(self) -> Attempt | None:
        """What holds at the highest rate; of several thresholds there the easiest."""
        holding = [a for a in self.tried if a.holds and a.setting.threshold is not None]
        return max(holding, key=lambda a: (a.setting.base_learning_rate, _limit(a)), default=None)

    @property
    def baseline(self) -> Attempt | None:
        """Unclipped at lr*."""
        best = self.study.best_learning_rate
        return self.unclipped_at(best) if best is not None else None

    @property
    def best_unclipped(self) -> Rate | None:
        """The unclipped rate with the best median objective of all tried, those that located the edge included."""
        judged = [r for r in self.study.rates if r.n_judged and math.isfinite(r.objective)]
        return min(judged, key=lambda r: r.objective, default=None)

    @property
    def highest_before(self) -> float | None:
        """The highest rate judged below every unstable one, unclipped, as measured; None when none is."""
        judged = [r for r in self.study.rates if r.n_judged]
        limit = min((r.base_learning_rate for r in judged if r.is_unstable), default=math.inf)
        return max((r.base_learning_rate for r in judged if r.base_learning_rate < limit), default=None)

    def unclipped_at(self, rate: float) -> Attempt | None:
        """What the spec's own training does at that rate."""
        return next((a for a in self.before if a.setting.base_learning_rate == rate), None)

    @property
    def cures(self) -> bool:
        """Clipped training holds at a rate at which it does not without clipping."""
        held = [a.setting.base_learning_rate for a in self.tried if a.holds]
        unclipped = [self.unclipped_at(rate) for rate in held]
        return any(a is not None and a.rate.n_judged > 0 and not a.holds for a in unclipped)

    @property
    def trains_better(self) -> bool:
        """Clipping gains on lr* by more than the spread over the seeds, and no unclipped rate does as well."""
        best, paired, other = self.best, self.against_baseline, self.best_unclipped
        if best is None or paired is None or paired.change != "gain":
            return False
        return other is None or best.rate.objective < other.objective

    @property
    def first_that_holds(self) -> Attempt | None:
        """The easiest threshold that holds at the lowest unstable rate, there."""
        return next((a for a in self.tried if a.holds), None)

    @property
    def easiest(self) -> Threshold | None:
        """The threshold of that; None where none holds."""
        return None if self.first_that_holds is None else self.first_that_holds.setting.threshold

    @property
    def best_harder(self) -> Attempt | None:
        """The best of the thresholds harder than the first that holds; None when none was tried or none holds."""
        easiest = self.easiest
        if easiest is None:
            return None
        return best_of([a for a in self.tried if _limit(a) < easiest.clip_norm])

    @property
    def highest_after(self) -> float | None:
        """The highest rate up to which every tried one holds with the threshold that held first."""
        first = self.first_that_holds
        if first is None:
            return self.highest_before
        reached = None
        of = [a for a in self.tried if a.setting.threshold == first.setting.threshold]
        for attempt in sorted(of, key=lambda a: a.setting.base_learning_rate):
            if not attempt.holds:
                break
            reached = attempt.setting.base_learning_rate
        return reached

    @property
    def promises(self) -> bool:
        """On the seeds of the search clipping cures a rate, or trains better than every rate without it."""
        return bool(self.tried) and any(a.rate.n_judged for a in self.tried) and (self.cures or self.trains_better)

    def claim(self, best: Attempt) -> Claim:
        """What fresh seeds are asked: how far the threshold of the best clipped setting reaches.

        Args:
            best: that setting.
        """
        lr = self.study.best_learning_rate
        use = best.setting.base_learning_rate
        same = [a for a in self.tried if a.holds and a.setting.threshold == best.setting.threshold]
        reach = max(a.setting.base_learning_rate for a in same)
        plain = self.unclipped_at(reach)
        return Claim(
            base_learning_rate=use,
            reach=reach,
            baseline_learning_rate=lr,
            baseline_use=use if use not in (lr, reach) else None,
            baseline_reach=reach,
            gains=self.trains_better,
            widens=plain is not None and plain.rate.n_judged > 0 and not plain.holds,
        )

    @property
    def status(self) -> Status:
        """Verified is what fresh seeds confirm (`procedures.confirmation`)."""
        if not self.tried or not any(a.rate.n_judged for a in self.tried):
            return "not_tried"
        if not self.promises:
            return "rejected"
        return "unconfirmed" if self.confirmation is None else self.confirmation.status

    @property
    def against_baseline(self) -> Paired | None:
        """The best clipped setting against the spec's training at lr*."""
        if self.best is None or self.baseline is None:
            return None
        return compare(self.baseline.objectives, self.best.objectives)


def rates_to_try(settings: Settings, study: Study, best: float, lowest: float) -> tuple[float, ...]:
    """The unstable rate and tried ones above it, ascending: at least two, up to the furthest multiple of lr*.

    Args:
        settings: of the study.
        study: its sweep.
        best: lr*.
        lowest: the lowest unstable rate.
    """
    top = settings.furthest * best
    above = [r.base_learning_rate for r in study.rates if lowest < r.base_learning_rate <= top * (1 + settings.same)]
    if not above:
        # one rate says only that this one is cured: a second tells how far it reaches
        above = [rounded(top if top >= settings.apart * lowest else settings.further * lowest)]
    kept: list[float] = []
    for rate in sorted(above, reverse=True):  # the highest one stays: it tells how far clipping reaches
        if not kept or (kept[-1] / rate >= settings.apart and rate / lowest >= settings.apart):
            kept.append(rate)
    return (lowest, *reversed(kept))


def thresholds(settings: Settings, norms: Norms) -> tuple[Threshold, ...]:
    """The percentile asked for, the harder ones, and those below the median, each lower than the one before; none of a
    zero norm."""
    middle = norms.percentile(50.0)
    below = sorted({rounded(share * middle) for share in settings.of_median} | set(settings.customary), reverse=True)
    wanted = [
        norms.threshold(q) for q in (settings.percentile, *(q for q in settings.harder if q < settings.percentile))
    ]
    wanted += [Threshold(norms.rank(limit), limit) for limit in below if limit < middle]
    chosen: list[Threshold] = []
    for threshold in wanted:
        if threshold.clip_norm > 0 and (not chosen or threshold.clip_norm < chosen[-1].clip_norm):
            chosen.append(threshold)
    return tuple(chosen)


def next_plan(
    settings: Settings, limits: Sequence[Threshold], rates: Sequence[float], tried: Sequence[Attempt]
) -> tuple[Setting, ...]:
    """What to try next, over all seeds; nothing when the study is done.

    Args:
        settings: of the study.
        limits: thresholds, the easiest first.
        rates: ascending, the lowest unstable one first.
        tried: every setting whose trials are finished.
    """
    known = {attempt.setting: attempt for attempt in tried}
    for limit in limits:
        attempt = known.get(Setting(rates[0], limit))
        if attempt is None:
            return (Setting(rates[0], limit),)
        # the easiest that holds, at every rate first: how hard one has to clip is asked before how much harder helps
        if attempt.holds:
            return _untried(known, [Setting(rate, limit) for rate in rates]) or _harder(
                settings, limits, rates, limit, known
            )
        if not attempt.rate.n_judged:
            return ()  # its trials failed: a harder threshold will not repair that
    return ()


def _harder(
    settings: Settings,
    limits: Sequence[Threshold],
    rates: Sequence[float],
    first: Threshold,
    known: dict[Setting, Attempt],
) -> tuple[Setting, ...]:
    """The harder thresholds at the best rate of the first one that held; then those from the median down at the highest
    rate, until one holds there."""
    # decided by the first threshold that held alone, or the harder trials would move the rate that they are tried at
    best = best_of([a for a in known.values() if a.setting.threshold == first])
    if not settings.search_harder or best is None:
        return ()
    harder = [limit for limit in limits if limit.clip_norm < first.clip_norm]
    at_best = _untried(known, [Setting(best.setting.base_learning_rate, limit) for limit in harder])
    # the edge lies beyond the highest rate already, so no harder threshold can move it within what is tried
    if at_best or known[Setting(rates[-1], first)].holds:
        return at_best
    for limit in harder:
        setting = Setting(rates[-1], limit)
        # what lies between the first that held and the median moves the edge by little
        if limit.percentile <= MEDIAN and setting not in known:
            return (setting,)
        if setting in known and known[setting].holds:
            return ()
    return ()


def _limit(attempt: Attempt) -> float:
    return attempt.setting.threshold.clip_norm if attempt.setting.threshold is not None else math.inf


def _untried(known: dict[Setting, Attempt], wanted: Sequence[Setting]) -> tuple[Setting, ...]:
    return tuple(setting for setting in wanted if setting not in known)


def best_of(tried: Sequence[Attempt]) -> Attempt | None:
    """The setting that holds with the best median objective; of equal ones the first."""
    return min((a for a in tried if a.holds and math.isfinite(a.rate.objective)), key=_objective, default=None)


def _objective(attempt: Attempt) -> float:
    return attempt.rate.objective


def to_lower(tried: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """The aggressive settings that need the comparison with a lower rate: the best one, and the highest that holds."""
    best = best_of(tried)
    holding = [a for a in tried if a.holds]
    # of several thresholds at the highest rate the one that trains best
    highest = max(holding, key=lambda a: (a.setting.base_learning_rate, -_objective(a)), default=None)
    unique = [best] if highest is best else [best, highest]
    return tuple(a for a in unique if a is not None and a.is_aggressive)
