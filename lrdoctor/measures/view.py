"""Everything that the rules ask of one log, measured once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lrdoctor.core import robust
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.measures import (
    control,
    correlation,
    evaluations,
    events,
    gradients,
    level,
    objective,
    points,
    rises,
    starts,
    swings,
    units,
    untrained,
)
from lrdoctor.measures.events import Event
from lrdoctor.measures.level import Level
from lrdoctor.measures.restarts import Restart, find_restart, rate_jumps
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
    beyond_doubt: float = 5.0
    """Times the limit that is believed all the same, where the rise is also `large`."""
    large: float = float(np.log(1.5))
    early_steps: int = 500
    """The playbook's short run for early instability."""
    early_share: float = 0.05
    """Part of the run that counts as early where that is longer; runs shorter than ten times `early_steps` are early
    for a tenth of their length."""
    short_share: float = 0.1
    least_early: int = 25
    early_points: int = 60
    """Logged points in the early window from which an early blow-up that recovers can be seen: one lasts some dozens
    of steps."""
    explosion: float = float(np.log(100))
    """Where a rise is no failure by itself, a loss that ends a hundred times its first value still is."""
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

    @cached_property
    def loss(self) -> Curve:
        """The finite losses; those beyond `units.LARGEST` count as that, so that sums of their squares stay finite."""
        finite = control.without_batches(self.run.train_loss, self.run.control)
        if not len(finite) or max(finite.value.max(), -finite.value.min()) <= units.LARGEST:
            return finite
        return Curve(finite.step, np.clip(finite.value, -units.LARGEST, units.LARGEST))

    @cached_property
    def level(self) -> Level | None:
        """Where the loss ends."""
        return level.measure(self.run.train_loss)

    @property
    def _pair(self) -> control.Paired | None:
        loss = self.run.train_loss
        return control.pair(loss, self.run.control or control.like_first(loss))

    @property
    def is_ratio(self) -> bool:
        """Whether the loss is compared with the control's as a ratio."""
        return self._pair is not None and self._pair.is_log

    @cached_property
    def blow_up(self) -> untrained.BlowUp | None:
        """Where a trial does worse than the untrained weights."""
        return (
            None
            if self._pair is None
            else untrained.blow_up(self._pair, self.early_until, self.run.provenance.get("constant_loss"))
        )

    @cached_property
    def unlearned(self) -> float:
        """The loss of a model that has learned nothing: of the untrained weights or of the best constant prediction,
        whichever is lower; the first loss where neither is known."""
        untrained = None if self.run.control is None else self.run.control.finite.value
        known = [] if untrained is None or not len(untrained) else [float(np.median(untrained))]
        if "constant_loss" in self.run.provenance:
            known.append(float(self.run.provenance["constant_loss"]))
        return min(known, default=float(self.loss.value[0]) if len(self.loss) else float("nan"))

    @cached_property
    def forgotten(self) -> evaluations.Forgotten | None:
        """The costliest rise that the evaluations of a trial show and its training loss confirms."""
        return evaluations.forgotten(self.loss, self.run.val_loss, self.unlearned)

    def share_lost(self, event: Event) -> float:
        """Part of what a trial learns that a rise of it lost: of the way from a loss that needs no learning down to its
        lowest level. 0 where it learns nothing."""
        lowest = float(robust.block_medians(self.loss.value, robust.block_length(len(self.loss))).min(initial=np.inf))
        top = self.units.to_loss(self.units.of_loss(event.base) + event.height)
        return (top - event.base) / (self.unlearned - lowest) if self.unlearned > lowest else 0.0

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
            known = np.median(np.diff(self.loss.step)) if len(self.loss) > 1 else 1
        return max(1, int(known))

    @property
    def counts_updates(self) -> bool:
        """Whether the steps are optimizer updates, and not samples, epochs or rows."""
        return bool(self.run.provenance.get("x", "step") == "step")

    @cached_property
    def warmup_until(self) -> int:
        """The step at which the logged learning rate first reaches its peak, 0 where it does not ramp up to it."""
        rate = self.run.curve("learning_rate").finite
        if len(rate) < 3 or not rate.value.max() > 0:
            return 0
        top = int(np.argmax(rate.value >= rate.value.max() * (1 - 1e-6)))
        ramps = rate.value[0] < rate.value[top] / 2 and bool((rate.value[1 : top + 1] >= rate.value[:top]).all())
        return int(rate.step[top]) if ramps and top < len(rate) / 2 else 0

    @cached_property
    def early_until(self) -> int:
        """The first step that is not early."""
        n = int(self.loss.step[-1]) + 1 if len(self.loss) else 0
        short = max(THRESHOLDS.least_early, int(THRESHOLDS.short_share * n))
        return self.warmup_until + max(min(THRESHOLDS.early_steps, short), int(THRESHOLDS.early_share * n))

    @cached_property
    def is_blind(self) -> str | None:
        """Why rises of the loss cannot be judged, None when they can."""
        n = len(self.loss)
        if n == 0:
            return NO_LOSS
        if n < THRESHOLDS.fewest_points:
            points = "1 finite point" if n == 1 else f"{n} finite points"
            return f"{points} of the training loss, {THRESHOLDS.fewest_points} are needed to see a rise"
        kind = self.objective.kind
        if kind != "minimized":
            why = objective.WHY[kind]
            return f"{why} ({self.objective.reason}); --objective minimized judges it all the same"
        if not self.units.is_log and not self.units.made_progress and not self._is_given:
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
        return tuple(
            e
            for e in self._all
            if not self._at_resume(e) and self._restart_at(e) is None and not self._is_of_control(e)
        )

    @cached_property
    def of_control(self) -> tuple[Event, ...]:
        """Rises that the untrained weights show as well: the data or the objective make them, and no update."""
        return tuple(e for e in self._all if self._is_of_control(e))

    def _is_of_control(self, event: Event) -> bool:
        if self.run.control is None:
            return False
        stretch = event.first_step, event.last_step
        scale = 1.0 if self.units.is_log else self.units.scale
        rise = control.own_rise(self.run.control, *stretch) / scale
        if rise > 0 and event.height - rise <= event.limit:
            return True
        beside = control.height_beside(self.run.train_loss, self.run.control, *stretch)
        return beside is not None and beside[0] <= beside[1]

    @cached_property
    def at_resumes(self) -> tuple[Event, ...]:
        """Rises that begin where the run was resumed."""
        return tuple(e for e in self._all if self._at_resume(e))

    @cached_property
    def at_restarts(self) -> tuple[tuple[Event, Restart], ...]:
        """Rises that begin where the learning rate or the whole training was started again on purpose."""
        pairs = ((e, self._restart_at(e)) for e in self._all if not self._at_resume(e))
        return tuple((e, restart) for e, restart in pairs if restart is not None)

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
        return bool(self.is_blurred) and any(not self._is_believed(rise) for rise in self._rises)

    @cached_property
    def swing(self) -> swings.Swing | None:
        """The first stretch that swings, unless a rise or a restart there says it better."""
        found = None if self.is_blind else swings.find(self.loss.step, self.units.y, self.loss.value)
        if found is None:
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
        if not self.counts_updates:
            return f"early window not observable: the log counts {COUNTED[self.run.provenance['x']]}, not updates"
        if self.run.provenance.get("averaged"):
            return f"early window not observable: each point is a mean over {self._averaged}; {where}"
        window = min(self.early_until, max(THRESHOLDS.early_steps, self.warmup_until))
        n_early = int(np.searchsorted(self.loss.step, window))
        every_step = gap == 1 and first <= 1
        if n_early < THRESHOLDS.early_points and not every_step:
            return f"early window not observable: {where}"
        return None

    @property
    def _averaged(self) -> str:
        over = self.run.provenance["averaged"]
        return f"{over} steps" if isinstance(over, int) else "an epoch" if over == "epoch" else "some steps"

    @property
    def _is_given(self) -> bool:
        return bool(self.run.provenance.get(objective.GIVEN) == "minimized")

    @cached_property
    def _quantum(self) -> float:
        digits = self.run.provenance.get("quantised")
        return 0.0 if digits is None else float(10.0**-digits)

    @cached_property
    def _rises(self) -> list[Rise]:
        """At all scales, those of a blurred curve too that may be slow swings."""
        if self.is_blind:
            return []
        return rises.find(self.units, self.correlation_time, self.alpha, self._quantum)

    @cached_property
    def _worse_than_at_first(self) -> list[Rise]:
        """Rises that need no estimate of the noise."""
        if not self.is_blind:
            moment = starts.find_moment(self.units, self.loss, self.run.grad_norm, self.early_until)
            return moment + starts.find(self.units)
        if len(self.loss) < THRESHOLDS.fewest_points or not self.units.is_log:
            return []
        return [r for r in starts.find(self.units, THRESHOLDS.explosion) if r.end == len(self.loss)]

    def _is_believed(self, rise: Rise) -> bool:
        if not self.is_blurred:
            return True
        return rise.height > max(THRESHOLDS.beyond_doubt * rise.limit, THRESHOLDS.large)

    @cached_property
    def _all(self) -> list[Event]:
        believed = [rise for rise in self._rises if self._is_believed(rise)]
        merged = events.of_rises(believed, self._worse_than_at_first)
        single = [] if self.is_blind else points.find(self.units, self.alpha / 2)
        single = events.joined(r for r in single if not _within(r, merged))
        both = sorted([*((r, False) for r in merged), *((r, self._is_odd_batch(r)) for r in single)], key=_first)
        return [self._event(rise, is_odd) for rise, is_odd in both]

    def _event(self, rise: Rise, is_odd: bool) -> Event:
        loss = self.loss
        return events.classify(rise, self.units, loss.step, loss.value, self.early_until, is_odd=is_odd)

    def _is_odd_batch(self, rise: Rise) -> bool:
        """Whether a point is a single step and not high enough for more than an odd batch; it cost nothing."""
        is_step = bool(self.loss.step[rise.first] - self.loss.step[rise.first - 1] == 1)
        return self.counts_updates and is_step and rise.end - rise.first == 1 and rise.height < points.THRESHOLDS.spike

    def _at_resume(self, event: Event) -> bool:
        if event.kind == "divergence":
            return False  # what never came back is an instability, whatever began it
        resumed = self.run.provenance.get("resumed_at") or ()
        near = THRESHOLDS.resume_points * max(1, self.gap)
        return any(-near <= event.first_step - int(at) <= near for at in resumed)

    def _restart_at(self, event: Event) -> Restart | None:
        return find_restart(event, self.loss, self.units, rate_jumps(self.run.curve("learning_rate")), self.gap)

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
    views: dict[float, View] = run.__dict__.setdefault("_views", {})
    if alpha not in views:
        views[alpha] = View(run, alpha)
    return views[alpha]


def _within(point: Rise, merged: list[Rise]) -> bool:
    return any(r.first - r.length <= point.first < r.end + r.length for r in merged)


def _first(pair: tuple[Rise, bool]) -> int:
    return pair[0].first
