"""Everything that the rules ask of one log, measured once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.measures import (
    bursts,
    control,
    correlation,
    early,
    events,
    gradients,
    learning_rates,
    level,
    noise,
    objective,
    rises,
    starts,
    swings,
    units,
)
from lrdoctor.measures.beside import Beside
from lrdoctor.measures.events import Event
from lrdoctor.measures.level import Level
from lrdoctor.measures.restarts import Restart, find_restart
from lrdoctor.measures.rises import Rise


@dataclass(frozen=True)
class Thresholds:
    fewest_points: int = 20
    """Finite points of the training loss, below which nothing can be said of rises."""
    independent: int = 400
    """Points that a smooth curve holds for each point of its correlation time, at least. With fewer its slow swings
    look like rises, and are part of the trend from which the correlation time is told."""
    smooth: int = 14
    """Points of correlation from which that is asked: a moving average of 0.9 has about 9 and can be judged."""
    early_points: int = 60
    """Logged points in the early window from which an early blow-up that recovers can be seen: one lasts some dozens
    of steps."""
    explosion: float = float(np.log(100))
    """Where a rise is no failure by itself, a loss that ends a hundred times its first value still is."""
    fewest_first: int = 5
    fewest_best: int = 10
    best_part: int = 4
    """Losses at the start and in the best place that are compared, at least. Of a log ten of the latter, or a quarter:
    five and five are in no order that is beyond chance."""
    most_ranked: int = 10_000
    """Losses of either that are compared at most."""
    learns: tuple[tuple[int, float], ...] = ((10, 0.7), (50, 0.9))
    """Part of the log at its start -> the least chance that a loss of it lies above one of the best tenth."""
    plain: float = 0.9
    """Of that chance, however much neighbours are alike."""
    as_high: float = 0.25
    alike: int = 2
    """Other places at least a quarter as high as an excursion, from which on it may be one of hard data in a run that
    does not learn: they would be there without any training."""
    as_long: float = 0.1
    """Part of its length that one of these places has in a log, at least: a level that holds for most of a run is no
    hard batch, whatever single points do elsewhere."""
    hard_data: float = 0.05
    """Part of such a run below which wider swings may be hard data too."""
    nearly_double: float = float(np.log(1.8))
    """A rise that counts however few the points."""
    untrained: float = float(np.log(1.5))
    """Above the first loss from which a single step is more than an odd batch."""
    stands_out: float = 3.0
    """Standard deviations of single points from which an eye sees a rise in a plot of every point."""
    trifle: float = 0.05
    """Part of the first loss below which what is left after a rise is almost nothing."""
    resume_points: int = 3
    """Points between a resume and a jump that it explains."""


THRESHOLDS = Thresholds()

NO_LOSS = "no finite training loss"
"""The one reason of every rule that needs a loss, where there is none."""
COUNTED = {"samples": "samples", "epoch": "epochs", "row": "rows"}
"""What the steps of a log count where they are no updates, as the provenance names it -> in words."""


@dataclass(frozen=True)
class View:
    """One log.

    Everything but the gradients is about the finite part of the training loss.
    """

    run: Run
    alpha: float
    """Chance that noise alone makes a healthy run unstable."""

    @property
    def is_log(self) -> bool:
        """Whether nothing is known of the run but its curves: what a trial has beside them decides more."""
        return self.run.trial is None

    @cached_property
    def loss(self) -> Curve:
        """The finite losses; those beyond `units.LARGEST` count as that, so that sums of their squares stay finite."""
        # a batch that is hard for the untrained weights too is no event of this training
        finite = control.without_batches(self.run.train_loss, self.run.control)
        if not len(finite) or max(finite.value.max(), -finite.value.min()) <= units.LARGEST:
            return finite
        return Curve(finite.step, np.clip(finite.value, -units.LARGEST, units.LARGEST))

    @cached_property
    def level(self) -> Level | None:
        """Where the loss ends."""
        return level.measure(self.run.train_loss)

    @cached_property
    def beside(self) -> Beside:
        """The run beside its control and its evaluations."""
        return Beside(self.run, self.loss, self.early_until)

    @property
    def n_early(self) -> int:
        """Finite points in the early window."""
        return int(np.searchsorted(self.loss.step, self.early_until))

    @cached_property
    def objective(self) -> objective.Objective:
        return objective.of(self.run)

    @cached_property
    def units(self) -> units.Units:
        return units.measure(self.loss.value)

    @cached_property
    def correlation_time(self) -> int:
        return correlation.time(self.units.y) if len(self.loss) else 0

    @cached_property
    def gap(self) -> int:
        """Steps from one point to the next, as a rule."""
        known = self.run.provenance.get("step_gap")
        if known is None:
            # the median: a resume, or rows that were left out, make single gaps that say nothing of the others
            known = robust.median(np.diff(self.loss.step)) if len(self.loss) > 1 else 1
        return max(1, int(known))

    @cached_property
    def rates(self) -> learning_rates.Rates | None:
        """The logged learning rates; None where there are none above 0."""
        return learning_rates.rates_of(self.run.curve("learning_rate"))

    @property
    def warmup_until(self) -> int:
        """The step at which the logged learning rate first reaches its peak, or at which the log ends on the ramp; 0
        where it does not ramp up."""
        return 0 if self.rates is None else self.rates.warmup_until

    @cached_property
    def learns(self) -> bool:
        """Whether the first losses are higher than those of the best tenth of the log: those of the first tenth beyond
        chance (rank sum), or those of the first fiftieth nearly all, where everything was learned in it.

        Where they are not there is no training that an excursion could have thrown back.
        """
        y = self.units.y if len(self.loss) else self.loss.value
        fewest = min(THRESHOLDS.fewest_best, len(y) // THRESHOLDS.best_part) if self.is_log else 0
        length = max(THRESHOLDS.fewest_first, fewest, len(y) // 10)
        medians = robust.block_medians(y, length)
        if len(medians) < 2:
            return False
        at = length * (1 + int(np.argmin(medians[1:])))
        best = np.sort(y[at : at + length : 1 + length // THRESHOLDS.most_ranked])
        # the best of so many
        deviations = -NormalDist().inv_cdf(self.alpha / (len(medians) - 1))
        alike = np.sqrt(self.correlation_time + 1)  # neighbours that are alike count as one
        for part, least in THRESHOLDS.learns:
            n_first = max(THRESHOLDS.fewest_first, len(y) // part)
            first = y[: n_first : 1 + n_first // THRESHOLDS.most_ranked]
            above = float(np.searchsorted(best, first).mean()) / len(best)
            # the deviation of the rank-sum statistic, as a share of all pairs, where both come from one distribution
            varies = np.sqrt((len(first) + len(best) + 1) / (12 * len(first) * len(best)))
            needed = max(
                deviations * varies, min(max(deviations * varies * alike, least - 0.5), THRESHOLDS.plain - 0.5)
            )
            if above - 0.5 > needed:
                return True
        return False

    @cached_property
    def early_until(self) -> int:
        """The first step that is not early."""
        return early.until(self.run)

    @cached_property
    def is_blind(self) -> str | None:
        """Why rises of the loss cannot be judged, None when they can."""
        n = len(self.loss)
        if n == 0:
            return NO_LOSS
        if n < THRESHOLDS.fewest_points:
            points = "1 finite point" if n == 1 else f"{n} finite points"
            return f"{points} of the training loss, {THRESHOLDS.fewest_points} are needed to see a rise"
        return self._meaningless

    @cached_property
    def _meaningless(self) -> str | None:
        """Why a rise of the loss would mean nothing, None when it means something."""
        kind = self.objective.kind
        if kind != "minimized":
            told = f"{objective.WHY[kind]} ({self.objective.reason})"
            return told if self.run.trial else f"{told}; --objective minimized judges it all the same"
        is_given = self.run.provenance.get(objective.GIVEN) == "minimized"
        if not self.units.is_log and not self.units.made_progress and not is_given:
            return (
                "the loss is 0 or below and makes no progress, so what a rise of it means is not known; "
                "--objective minimized judges it all the same"
            )
        return None

    @cached_property
    def is_blurred(self) -> str | None:
        """Why rises that are not large cannot be told from slow swings; None where they can."""
        beta = self.run.provenance.get("smoothed")
        # an average over `-1 / log(beta)` points: what is measured is shorter where slow noise passes for the trend
        known = int(-1 / np.log(beta)) if beta and 0 < beta < 1 else 0
        n, span = len(self.loss), max(self.correlation_time, known)
        if span < THRESHOLDS.smooth or n >= THRESHOLDS.independent * span:
            return None
        how = f"smoothed with a moving average of {beta}" if beta else "smooth"
        return (
            f"the loss is {how}: neighbours are alike over {span} points and more, so its {n} points are too few to "
            "tell a small rise from a slow swing; log the raw loss of every step"
        )

    @cached_property
    def found(self) -> tuple[Event, ...]:
        """The events of the loss, in order; those that a resume, a restart or the control explains are not among
        them."""
        # what somebody did on purpose is no instability; what follows a restart is measured anew from there
        own = [e for e in self._all if not self._at_resume(e) and self._restart_at(e) is None]
        every = sorted([*own, *self._after_restart], key=lambda e: e.first_step)
        return tuple(
            e
            for e in every
            if not self.beside.explains(e, self.units)
            and not self._is_trifle(e)
            and self.beside.is_in_evaluations(e, self.units)
        )

    def _is_trifle(self, event: Event) -> bool:
        """Whether a rise goes from almost nothing to still almost nothing, within what single points do there."""
        top = self.units.to_loss(self.units.of_loss(event.base) + event.height)
        stands_out = event.height >= THRESHOLDS.stands_out * noise.points(self.units.y)
        return self.units.is_log and not stands_out and top < THRESHOLDS.trifle * self.units.first

    @cached_property
    def at_resumes(self) -> tuple[Event, ...]:
        """Rises that begin where the run was resumed."""
        return tuple(e for e in self._all if self._at_resume(e))

    @cached_property
    def at_restarts(self) -> tuple[tuple[Event, Restart], ...]:
        """Rises that begin where the learning rate was started again on purpose."""
        pairs = ((e, self._restart_at(e)) for e in self._all if not self._at_resume(e))
        return tuple((e, restart) for e, restart in pairs if restart is not None)

    @cached_property
    def _after_restart(self) -> tuple[Event, ...]:
        """The events after the last restart whose loss did not come back: the best level begins anew there."""
        for_good = [restart.step for e, restart in self.at_restarts if e.kind in ("level_shift", "divergence")]
        if not for_good:
            return ()
        curves = {name: curve.after(for_good[-1]) for name, curve in self.run.curves.items()}
        return View(replace(self.run, curves=curves), self.alpha).found

    @cached_property
    def rolled_back(self) -> tuple[tuple[View, tuple[Event, ...]], ...]:
        """Rises in the pieces that a resume threw away, by the view that they were seen in, which has units of its own:
        the run was taken back to before them."""
        discarded = self.run.provenance.get("discarded") or ()
        if self.is_blind or not discarded:
            return ()
        return tuple(self._in_discarded(piece.finite) for piece in discarded if len(piece.finite))

    @cached_property
    def doubtful(self) -> bool:
        """Whether a blurred curve shows rises too small to be believed."""
        return bool(self.is_blurred) and any(r.height < rises.THRESHOLDS.large for r in self._rises)

    @cached_property
    def swing(self) -> swings.Swing | None:
        """The run's swings: it loses again and again what it learned; or the first stretch that swings more than
        before, unless a rise or a restart there says it better."""
        if self.is_blind:
            return None
        if self.units.is_log and (found := swings.repeated(self.units.y, self.units.block_medians)) is not None:
            return found
        found = swings.find(self.loss.step, self.units.y, self.loss.value)
        if found is None:
            return None
        if not self.learns and found.end - found.first < THRESHOLDS.hard_data * len(self.loss):
            return None
        first, last = self.loss.step[found.first], self.loss.step[min(found.end, len(self.loss)) - 1]
        told = any(e.first_step <= last and first <= e.last_step for e in self._all if e.kind != "outlier")
        return None if told else found

    @cached_property
    def outliers(self) -> gradients.Outliers | None:
        return gradients.outliers(self.run.grad_norm)

    @cached_property
    def explosion(self) -> gradients.Explosion | None:
        return gradients.explosion(self.run.grad_norm)

    @cached_property
    def early_unseen(self) -> str | None:
        """Why an early blow-up that recovers could not have been seen."""
        if self.is_blind:
            return self.is_blind
        first, gap = int(self.loss.step[0]), self.gap
        where = f"first point at step {first}, one point per {gap} step{'s' if gap > 1 else ''}"
        if not self.run.counts_updates:
            return f"early window not observable: the log counts {COUNTED[self.run.provenance['x']]}, not updates"
        if over := self.run.provenance.get("averaged"):
            mean = f"{over} steps" if isinstance(over, int) else "an epoch" if over == "epoch" else "some steps"
            return f"early window not observable: each point is a mean over {mean}; {where}"
        # of a long run the early window grows, and a blow-up that recovers falls into the first updates all the same
        window = min(self.early_until, max(early.THRESHOLDS.steps, self.warmup_until))
        n_early = int(np.searchsorted(self.loss.step, window))
        every_step = gap == 1 and first <= 1
        if n_early < THRESHOLDS.early_points and not every_step:
            return f"early window not observable: {where}"
        return None

    @cached_property
    def _rises(self) -> list[Rise]:
        """At all scales, those of a blurred curve too that may be slow swings."""
        if self._is_unknown:
            return []
        digits = self.run.provenance.get("quantised")
        quantum = 0.0 if digits is None else float(10.0**-digits)
        found = rises.find(self.units, self.correlation_time, self.alpha, quantum, is_log=self.is_log)
        if self.is_log:
            # a trial is compared with its control and its neighbours; of a log only the order of its values is known
            found += rises.find_lasting(self.units, self.correlation_time, self.alpha)
        return [r for r in found if not self._is_the_data(r)]

    @cached_property
    def _worse_than_at_first(self) -> list[Rise]:
        """Rises that need no estimate of the noise."""
        if not self._is_unknown:
            moment = starts.find_moment(self.units, self.loss, self.run.grad_norm, self.early_until)
            return moment + starts.find(self.units, is_log=self.is_log)
        if not len(self.loss) or not self.units.is_log:
            return []
        return [r for r in starts.find(self.units, THRESHOLDS.explosion, is_log=self.is_log) if r.end == len(self.loss)]

    @cached_property
    def _is_unknown(self) -> bool:
        """Whether a rise means nothing, or cannot be told; few points alone do not hide a large one."""
        few = 0 < len(self.loss) < THRESHOLDS.fewest_points
        return self._meaningless is not None if few else self.is_blind is not None

    @cached_property
    def _all(self) -> list[Event]:
        believed = self._rises
        if self.is_blurred and not self._is_unknown:
            # where neighbours are alike the noise between them says nothing of how far the curve wanders
            smooth = rises.find_in_smooth(self.units, correlation.wander(self.units.y), self.alpha)
            believed = [r for r in smooth if not self._is_the_data(r)]
        merged = events.of_rises(believed, self._worse_than_at_first)
        short = [] if self._is_unknown else self._bursts
        short = [r for r in short if not rises.is_within(r, merged) and not self._is_the_data(r)]
        if len(self.loss) < THRESHOLDS.fewest_points:
            merged, short = ([r for r in of if r.height > THRESHOLDS.nearly_double] for of in (merged, short))
        both = sorted([*merged, *short], key=lambda r: r.first)
        of = self.loss
        return [
            events.classify(r, self.units, of.step, of.value, self.early_until, is_odd=self._is_odd_batch(r))
            for r in both
        ]

    @property
    def _bursts(self) -> list[Rise]:
        """Those of one point, too, where the run learns; else only a hundredfold one: the data may have such points."""
        of = self.units, self.correlation_time, self.alpha / 2, self.is_log
        found = bursts.find(*of, single=True, learns=self.learns)
        if self.learns:
            return found
        in_a_row = bursts.find(*of, single=False)
        return [r for r in found if r in in_a_row or r.height > THRESHOLDS.explosion]

    def _is_the_data(self, rise: Rise) -> bool:
        """Whether it may be hard data: the run does not learn, so that there was nothing to lose, and its losses are as
        high elsewhere, for as long."""
        if self.learns:
            return False
        high = self.units.y > rise.base + THRESHOLDS.as_high * rise.height
        high[max(rise.first - rise.length, 0) : rise.end + rise.length] = False
        elsewhere = rises.stretches(high)
        longest = max((to - at for at, to in elsewhere), default=0)
        least = THRESHOLDS.as_long * (rise.end - rise.first) if self.is_log else 0
        return len(elsewhere) >= THRESHOLDS.alike and longest >= least

    def _is_odd_batch(self, rise: Rise) -> bool:
        """Whether it is a single step that was no worse than an untrained model: it cost nothing."""
        if rise.length > 1 or rise.end - rise.first > 1 or not self.run.counts_updates:
            return False
        is_step = bool(self.loss.step[rise.first] - self.loss.step[rise.first - 1] == 1)
        return is_step and self.units.y[rise.first] < self.units.of_loss(self.units.first) + THRESHOLDS.untrained

    def _at_resume(self, event: Event) -> bool:
        if event.kind == "divergence":
            return False  # what never came back is an instability, whatever began it
        again = learning_rates.warmups_again(self.run.curve("learning_rate")).tolist()
        resumed = [*(self.run.provenance.get("resumed_at") or ()), *again]
        near = THRESHOLDS.resume_points * max(1, self.gap)
        return any(-near <= event.first_step - int(at) <= near for at in resumed)

    def _restart_at(self, event: Event) -> Restart | None:
        return find_restart(event, self.loss, learning_rates.jumps(self.run.curve("learning_rate")), self.gap)

    def _in_discarded(self, piece: Curve) -> tuple[View, tuple[Event, ...]]:
        before = self.loss.before(int(piece.step[0]))
        whole = Curve(np.concatenate([before.step, piece.step]), np.concatenate([before.value, piece.value]))
        rerun = View(replace(self.run, curves={"train_loss": whole}, provenance={}), self.alpha)
        if len(before) < THRESHOLDS.fewest_points:
            return rerun, ()
        first = int(piece.step[0])
        return rerun, tuple(e for e in rerun.found if e.last_step >= first and e.kind != "outlier")


def view_of(run: Run, alpha: float) -> View:
    """The view of a run, measured once however many judge it."""
    # kept with the run itself: a cache of our own would keep every run alive
    views: dict[float, View] = run.__dict__.setdefault("_views", {})
    if alpha not in views:
        views[alpha] = View(run, alpha)
    return views[alpha]


def forget_views(run: Run) -> None:
    """Lets go of what was measured of a run that is judged. The view refers to the run, and the run to the view: left
    alone, both stay in memory until Python looks for such circles, which it does by their number, not their size."""
    run.__dict__.pop("_views", None)
