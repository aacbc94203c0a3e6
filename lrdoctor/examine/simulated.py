"""Runs that nobody trained: what a workload is assumed to do, so that a plan can be walked through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import numpy as np

from lrdoctor import assess
from lrdoctor.core.curve import Curve, Steps, Values
from lrdoctor.core.run import Run, trials_of
from lrdoctor.core.study import Objective, Rate, Study
from lrdoctor.core.trial import Trial
from lrdoctor.procedures import sweep as sweeps

FROM_BEST = 3.0
"""Lowest unstable rate over lr*: within the room up to which fixes are tried."""
FIX, PAIR = 2.0, 2.5
"""How far up a fix, or a warmup with clipping, moves that rate: it helps, and never so much that it suffices, so that
everything is tried."""
BEYOND = 1.25
"""The unstable rate lies at least this factor above what is known to hold: the sweep locates it no better."""
HARD = 65.0
"""Percentile of the norms at lr* that a threshold has to be below to help: the easier ones are tried in vain."""
SLOWER = 0.02
"""Share of the progress that a decade of distance from lr* costs: lr* is the best rate, and none is stuck."""
NOISE = 0.005
"""Standard deviation from step to step and from seed to seed, as a share of the progress."""
HARDER = 2e-4
"""Share of the progress that the hardest clipping gains: the harder of two thresholds is the better one and is tried
too, and what it gains is far below what differs from seed to seed."""
TIME_CONSTANTS = 8.0
"""Of the decay over a trial: it has reached its level."""
BLOW_UP = 0.25
"""Share of its length after which a trial at its lowest unstable rate ends non-finite; at k times that rate, k times
earlier: what ends at the same step at every rate is not the rate's doing."""
MIDDLE = 1.5
"""Median of the gradient norms over the smallest one."""
GOLDEN = 0.618034
"""Its multiples modulo 1 cover 0 to 1 evenly, however many there are."""


@dataclass(frozen=True, kw_only=True)
class SimulatedWorkload:
    """What one update rule is assumed to do; figures are those of finished trials where there are such."""

    baseline: Trial
    """A trial without a fix, at any rate and seed."""
    best_learning_rate: float
    unstable_base_learning_rate: float
    shortest_warmup: int
    """Updates below which a warmup moves nothing: every shorter one is tried in vain."""
    first_loss: float = 2.3
    train_loss: float = 0.3
    """What training comes down to at lr*."""
    val_loss: float | None = 0.5
    """The objective at lr*; None without validation data."""
    norm: float = 1.0
    """Smallest gradient norm; they are spread evenly up to twice that, so that their median is 1.5 times it."""
    hard_norm: float = 1.0 + HARD / 100
    """Norm that a threshold has to be below to help."""
    known: Mapping[Trial, tuple[float, float]] = field(default_factory=dict)
    """Way of training -> rates up to which and from which on finished trials held and did not."""
    from_trials: bool = False
    """Whether finished trials told lr*."""

    def edge(self, trial: Trial) -> float:
        """The lowest rate at which training in the trial's way is unstable."""
        edge = self.unstable_base_learning_rate * self._factor(trial)
        return _between(edge, *self.known.get(way_of(trial), (0.0, np.inf)))

    def _factor(self, trial: Trial) -> float:
        warms = trial.warmup_steps > self.baseline.warmup_steps
        clips = trial.clip_norm is not None and trial.clip_norm != self.baseline.clip_norm
        if warms and clips:
            return PAIR
        helps = (warms and trial.warmup_steps >= self.shortest_warmup) or (
            clips and trial.clip_norm is not None and trial.clip_norm <= self.hard_norm
        )
        return FIX if helps or trial.rewrite is not None else 1.0

    def run(self, trial: Trial, name: str, source: str, control: Curve | None = None) -> Run:
        """The trial's made-up run; the same whenever it is asked for.

        Args:
            trial: any of the workload's update rule.
            name: of the run.
            source: of the run.
            control: what the untrained weights lose on its batches, where measured; None for the workload's own.
        """
        edge = self.edge(trial)
        broken = trial.base_learning_rate >= edge
        n = trial.n_steps
        if broken:
            n = min(n, max(2, int(BLOW_UP * n * edge / trial.base_learning_rate)))
        curves = self._curves(trial, np.arange(n), self._untrained(trial) if control is None else control, broken)
        reason = f"the loss is nan at step {n - 1}" if broken else None
        return Run(name, source, curves, status="diverged" if broken else "completed", exit_reason=reason, trial=trial)

    def control(self, trial: Trial, name: str, source: str) -> Run:
        """The made-up control of a seed: the untrained weights lose what they lose at first, at every step."""
        return Run(name, source, {"train_loss": self._untrained(trial)}, trial=trial)

    def _untrained(self, trial: Trial) -> Curve:
        """As long as the trial; its first losses are the same whatever the length, as the batches of a seed are."""
        step, random = np.arange(trial.n_steps), np.random.default_rng([trial.seed, 1])
        return _curve(step, self.first_loss + NOISE * self._way(self.first_loss) * random.standard_normal(len(step)))

    def _way(self, first_loss: float) -> float:
        """How far the loss comes down at lr*."""
        return max(first_loss - self.train_loss, 0.1 * abs(first_loss), NOISE)

    def _curves(self, trial: Trial, step: Steps, control: Curve, broken: bool) -> dict[str, Curve]:
        n, random = trial.n_steps, np.random.default_rng([trial.seed, trial.n_steps])
        untrained = control.finite.value
        level = float(np.median(untrained)) if len(untrained) else self.first_loss
        way = self._way(level)
        distance = abs(float(np.log10(trial.base_learning_rate / self.best_learning_rate)))
        clipped = 0.0 if trial.clip_norm is None else max(0.0, 1 - trial.clip_norm / (2 * self.norm))

        def above(updates: Steps) -> Values:
            """How much is left of the way: all of it before the first update, whatever the rate."""
            left = np.exp(-TIME_CONSTANTS * updates / n)
            return way * (left + (1 - left) * (SLOWER * distance - HARDER * clipped))

        own_noise = NOISE * way * random.standard_normal(len(step))
        loss = _on_batches(level - way + above(step) + own_noise * (step > 0), level, step, control)
        if broken:
            loss[-1] = np.nan
        curves = {
            "learning_rate": _curve(step, np.full(len(step), trial.base_learning_rate)),
            "train_loss": _curve(step, loss),
            "grad_norm": _curve(step, self.norm * (1 + GOLDEN * step % 1)),
        }
        if self.val_loss is not None:
            # the noise of a seed is the same at any rate and with any fix: none of them gains
            of_seed = NOISE * way * float(np.random.default_rng(trial.seed).standard_normal())
            at = _curve(step, self.val_loss + above(step + 1) + of_seed).at_schedule(trial.eval_every, n)
            curves["val_loss"] = at.before(int(step[-1])) if broken else at
        return curves


def _on_batches(loss: Values, level: float, step: Steps, control: Curve) -> Values:
    """The loss with what its batches do to it: they are as hard for the trial as for the untrained weights.

    Args:
        loss: on batches like any other, float64[n].
        level: what the untrained weights lose on such a batch.
        step: int64[n].
        control: what they lose on each; where that is not known or not finite the batch is like any other.
    """
    known = control.finite
    untrained = np.full(len(step), level)
    _, at, of_control = np.intersect1d(step, known.step, assume_unique=True, return_indices=True)
    untrained[at] = known.value[of_control]
    if level > 0 and loss.min() > 0 and untrained.min() > 0:
        return np.asarray(loss * untrained / level)
    return np.asarray(loss + untrained - level)


def _between(assumed: float, held: float, broke: float) -> float:
    """The assumed edge, as far as what is known allows: above a rate that held, and not above one that did not."""
    return float(min(max(assumed, BEYOND * held), broke))


def _curve(step: Steps, value: Any) -> Curve:
    return Curve(step, np.asarray(value, dtype=np.float64))


def way_of(trial: Trial) -> Trial:
    """What trials of different rates and seeds have in common."""
    return replace(trial, base_learning_rate=1.0, seed=0, procedure="sweep")


def workload_of(
    baseline: Trial,
    grid: Sequence[float],
    finished: Iterable[Run],
    shortest_warmup: int,
    best: float | None = None,
    unstable: float | None = None,
    has_validation: bool = True,
) -> SimulatedWorkload:
    """The workload of one update rule.

    Args:
        baseline: a trial of it without a fix.
        grid: the rates that it is swept over, ascending.
        finished: trials, of any kind.
        shortest_warmup: updates below which a warmup moves nothing.
        best: lr* as given; None for what finished trials tell, else the middle of the grid.
        unstable: the lowest unstable rate as given; None for what finished trials tell, else 3 times lr*.
        has_validation: whether there are validation data.
    """
    every = [run for run in finished if run.trial is not None and run.trial.optimizer == baseline.optimizer]
    plain = [run for run in every if run.trial is not None and way_of(run.trial) == way_of(baseline)]
    objective: Objective = "best_val_loss" if any(len(run.val_loss) for run in plain) else "best_train_loss"
    rates = _rates(plain, grid, objective)
    lowest = sweeps.lowest_unstable(rates)
    broke = lowest.base_learning_rate if lowest else np.inf
    held = max((r.base_learning_rate for r in rates if r.base_learning_rate < broke and r.n_judged), default=0.0)
    told = sweeps.best_rate(rates) if set(grid) <= {r.base_learning_rate for r in rates if r.n_judged} else None
    chosen = best or (told.base_learning_rate if told else _middle(grid, broke))
    workload = SimulatedWorkload(
        baseline=baseline,
        best_learning_rate=chosen,
        unstable_base_learning_rate=unstable or _between(FROM_BEST * chosen, held, broke),
        shortest_warmup=shortest_warmup,
        val_loss=SimulatedWorkload.val_loss if has_validation else None,
        known=_known(every, baseline),
        from_trials=told is not None,
    )
    trained = next((r for r in rates if r.base_learning_rate == chosen), None) or sweeps.best_rate(rates)
    return _like(workload, plain, trained, objective) if trained and np.isfinite(trained.objective) else workload


def _middle(grid: Sequence[float], broke: float) -> float:
    """The swept rate nearest to the grid's geometric middle, of those that may be stable."""
    stable = [rate for rate in grid if rate < broke] or [grid[0]]
    return min(stable, key=lambda rate: abs(np.log(rate / np.sqrt(grid[0] * grid[-1]))))


def _rates(plain: Sequence[Run], grid: Sequence[float], objective: Objective) -> list[Rate]:
    """What finished trials without a fix did; lr* is looked for on the grid and below it."""
    findings, _ = assess.judge_runs(Study(name="finished", runs=tuple(plain)))
    by_rate: dict[float, list[Run]] = {}
    for trial, run in trials_of(plain):
        by_rate.setdefault(trial.base_learning_rate, []).append(run)
    return [
        sweeps.summarize(rate, "grid" if rate in grid or rate < grid[0] else "check", of, findings, objective)
        for rate, of in sorted(by_rate.items())
    ]


def _known(every: Iterable[Run], baseline: Trial) -> dict[Trial, tuple[float, float]]:
    """How far finished trials with a fix held, by their status: completed or not."""
    held: dict[Trial, list[float]] = {}
    broke: dict[Trial, list[float]] = {}
    for trial, run in trials_of(every):
        if way_of(trial) != way_of(baseline):
            of = held if run.status == "completed" else broke
            of.setdefault(way_of(trial), []).append(trial.base_learning_rate)
    return {way: (max(held.get(way, [0.0])), min(broke.get(way, [np.inf]))) for way in {**held, **broke}}


def _like(workload: SimulatedWorkload, plain: Sequence[Run], trained: Rate, objective: Objective) -> SimulatedWorkload:
    """The workload with the losses and norms of the finished trials at a rate that trains."""
    at = trained.base_learning_rate
    runs = [run for run in plain if run.trial and run.trial.base_learning_rate == at and run.status == "completed"]
    if not runs:
        return workload
    norms = [run.grad_norm.finite.value for run in runs if len(run.grad_norm.finite)]
    typical = median(float(np.median(of)) for of in norms) if norms else 0.0
    return replace(
        workload,
        first_loss=median(float(run.train_loss.value[0]) for run in runs),
        train_loss=median(float(run.train_loss.value[-1]) for run in runs),
        val_loss=trained.objective if objective == "best_val_loss" else None,
        norm=typical / MIDDLE if typical > 0 else workload.norm,
        hard_norm=median(float(np.percentile(of, HARD)) for of in norms) if norms else workload.hard_norm,
    )
