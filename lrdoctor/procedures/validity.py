"""Whether a sweep says anything: what would make every figure of it meaningless, whatever its trials look like.

Trials of a seed begin with the same weights and see the same batches, and their control shows what the untrained
weights lose on these. So the first loss of a seed is one number, curves of different rates differ, what the untrained
weights show as well is not the rate's doing, and some rate has to learn something. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from lrdoctor.core.report import Finding, Instability
from lrdoctor.core.run import Run, trial_of, trials_of
from lrdoctor.core.study import Obstacle, Rate, Study
from lrdoctor.measures import control, level, noise, objective


@dataclass(frozen=True)
class Thresholds:
    same: float = 1e-6
    """Relative difference up to which two losses are the same number: kernels of accelerators may add in another order,
    while other weights or another batch differ in the first digits."""
    decade: float = 10.0
    """Ratio of the rates, at least, over which one event at the same step is none of the rate's."""
    overlap: float = 0.5
    """Part of two stretches that is common where they are in the same steps."""
    fewest_rates: int = 3
    """Rates that show such an event: two may agree by chance."""
    risen: float = math.log(1.25)
    """Of trials that an objective which rises by itself carries up: from their lowest level to their end, as the
    logarithm of the ratio. Less moves no figure of the sweep."""
    fewest_steps: int = 3
    """Steps before such an event in which the training can be seen to have been in order."""


THRESHOLDS = Thresholds()

RISES: tuple[Instability, ...] = ("mid_training",)
"""Not the early ones: what begins with the training begins in the same steps at any rate."""


def obstacle(study: Study, findings: Sequence[Finding] = ()) -> Obstacle | None:
    """Why the sweep says nothing, None where it does; the cause that would explain the others first.

    Args:
        study: with its rates.
        findings: of its trials.
    """
    by_seed = _by_seed(study)
    if not by_seed:
        return None
    controls = {run.trial.seed: run for run in study.controls if run.trial is not None and run.status == "completed"}
    return (
        _not_minimized(study)
        or _unlike(by_seed, controls, is_command="command" in (study.spec or {}))
        or _broken_by_data(by_seed, controls)
        or _no_effect(by_seed, controls)
        or _same_step(by_seed)
        or _same_rise(study, findings)
        or _moving_objective(study, controls)
        or _nothing_learned(study)
    )


def below_best(rates: Sequence[Rate], best: Rate | None) -> Obstacle | None:
    """The lowest rate is unstable and one at least ten times higher is the best and stable: whatever makes the one
    unstable grows as the rate falls, so it is not the rate."""
    judged = [r for r in rates if r.n_judged]
    if best is None or not judged or best.is_unstable:
        return None
    lowest = min(judged, key=lambda r: r.base_learning_rate)
    if not lowest.is_unstable or best.base_learning_rate < THRESHOLDS.decade * lowest.base_learning_rate:
        return None
    seen = ", ".join(f"{name} in {count} of {lowest.n_judged}" for name, count in lowest.events.items())
    seen = seen or f"{lowest.n_unstable} of {lowest.n_judged} seeds"
    return Obstacle(
        kind="not_the_rate",
        reason=(
            f"training is unstable at the lowest rate, {lowest.base_learning_rate:.4g} ({seen}), and not at "
            f"{best.base_learning_rate:.4g}, which trains best: an instability that a higher rate does not have is not "
            "the learning rate's"
        ),
        advice="look at data, objective and logged loss of the lowest rate: what makes it rise there?",
    )


def _by_seed(study: Study) -> dict[int, list[Run]]:
    """The trials that ran, by seed, each seed's by ascending rate."""
    ran = [(trial, run) for trial, run in trials_of(study.runs) if run.status != "failed" and len(run.train_loss)]
    by_seed: dict[int, list[Run]] = {}
    for trial, run in sorted(ran, key=lambda one: (one[0].seed, one[0].base_learning_rate)):
        by_seed.setdefault(trial.seed, []).append(run)
    return by_seed


def _rate(run: Run) -> float:
    return trial_of(run).base_learning_rate


def _differ(one: float, other: float) -> bool:
    if not (math.isfinite(one) and math.isfinite(other)):
        return math.isfinite(one) != math.isfinite(other)
    return abs(one - other) > THRESHOLDS.same * max(abs(one), abs(other))


def _not_minimized(study: Study) -> Obstacle | None:
    """The trials are compared by a loss that goes up and down with an opponent, or with what a policy does."""
    if study.objective != "best_train_loss":
        return None
    found = next((kind for run in study.runs if (kind := objective.of(run)).kind != "minimized"), None)
    if found is None:
        return None
    return Obstacle(
        kind="not_minimized",
        reason=f"the training loss does not tell which rate is better: {objective.WHY[found.kind]} ({found.reason})",
        advice=(
            "give a validation value that is to be low, such as a score or a mean return with its sign turned: "
            "`validation` of the spec, or lrdoctor.log(val_loss=...) in the script"
        ),
    )


AFRESH = (
    "make model and data afresh for every trial: look for a model or backbone that is made once and kept (at module "
    "level, behind lru_cache), and for random numbers drawn at import or from a generator of your own"
)
AS_BEFORE = (
    "have the script begin alike whenever it is run: torch, random and numpy.random are seeded for it, other "
    "generators and the clock are not; look for files that a run leaves and the next one reads (checkpoints, caches), "
    "and for batches that come from several processes in the order in which they are done"
)


def _unlike(by_seed: Mapping[int, Sequence[Run]], controls: Mapping[int, Run], *, is_command: bool) -> Obstacle | None:
    """The first loss of a seed, before any update, is another number in another trial."""
    for seed, runs in by_seed.items():
        known = [(f"at {_rate(run):.4g}", run) for run in runs]
        if seed in controls:
            known.insert(0, ("of the untrained weights", controls[seed]))
        first = [(where, float(run.train_loss.value[0])) for where, run in known if int(run.train_loss.step[0]) == 0]
        for where, loss in first[1:]:
            if _differ(first[0][1], loss):
                return Obstacle(
                    kind="unlike_trials",
                    reason=(
                        f"trials of a seed are not alike: the first loss of seed {seed}, before any update, is "
                        f"{first[0][1]:.4g} {first[0][0]} and {loss:.4g} {where}"
                    ),
                    advice=AS_BEFORE if is_command else AFRESH,
                )
    return None


def _broken_by_data(by_seed: Mapping[int, Sequence[Run]], controls: Mapping[int, Run]) -> Obstacle | None:
    """The untrained weights have a loss that is not finite on the same batch, or on the validation data."""
    # weights that are never updated cannot owe it to a rate
    hit = {seed: step for seed, run in controls.items() if (step := run.train_loss.first_non_finite) is not None}
    if hit:
        seed, step = next(iter(hit.items()))
        value = float(controls[seed].train_loss.after(step).value[0])
        where = ", ".join(f"step {of_seed} with seed {s}" for s, of_seed in hit.items())
        return Obstacle(
            kind="not_the_rate",
            reason=(
                f"the loss is {value} at step {step} for weights that were never updated: the batch, the data or the "
                f"loss does it, and not the learning rate ({where})"
            ),
            advice=(
                f"look at batch {step} of seed {seed}: missing values, an empty or fully masked target, the logarithm "
                "of 0, a division by the number of targets; then sweep again"
            ),
        )
    bad = [run for run in controls.values() if len(run.val_loss) and run.val_loss.first_non_finite is not None]
    if bad:
        value = float(bad[0].val_loss.value[-1])
        return Obstacle(
            kind="not_the_rate",
            reason=(
                f"the validation loss is {value} for weights that were never updated: the validation data or the loss "
                "does it, and not the learning rate"
            ),
            advice="look for missing values in the validation data, and for batches without a target; then sweep again",
        )
    return None


def _no_effect(by_seed: Mapping[int, Sequence[Run]], controls: Mapping[int, Run]) -> Obstacle | None:
    """All curves of a seed are one curve, whatever the rate."""
    if any(len({_rate(run) for run in runs}) < 2 for runs in by_seed.values()):
        return None
    if not all(_same_curve(runs[0], run) for runs in by_seed.values() for run in runs[1:]):
        return None
    runs = next(iter(by_seed.values()))
    low, high = _rate(runs[0]), _rate(runs[-1])
    rates = [run.curve("learning_rate").value for of in by_seed.values() for run in of]
    if all(not np.any(of) for of in rates):
        reason = "the schedule gives 0 at every step, so nothing is trained at any learning rate"
        advice = "look at `schedule`: it is asked for a multiplier of the base learning rate at every step, from 0 on"
    elif all(seed in controls and _same_curve(controls[seed], of[0]) for seed, of in by_seed.items()):
        reason = f"nothing is trained: from {low:.4g} to {high:.4g} the loss is that of weights that are never updated"
        advice = (
            "look for parameters that are frozen or not the optimizer's, for an output that is detached, and for an "
            "optimizer whose step does nothing"
        )
    else:
        reason = f"the learning rate has no effect: the curves at {low:.4g} and at {high:.4g} are identical"
        advice = (
            'does the optimizer read param_groups[..]["lr"]? One that works out its own step size, or that is wrapped '
            "around another, has to be told to use it"
        )
    return Obstacle(kind="no_effect", reason=reason, advice=advice)


def _same_curve(one: Run, other: Run) -> bool:
    # curves of different lengths are different ones: a rate ended one of them
    n = min(len(one.train_loss), len(other.train_loss))
    if n < THRESHOLDS.fewest_steps or len(one.train_loss) != len(other.train_loss):
        return False
    a, b = one.train_loss.value[:n], other.train_loss.value[:n]
    return bool(np.allclose(a, b, rtol=THRESHOLDS.same, atol=0.0, equal_nan=True))


def _same_step(by_seed: Mapping[int, Sequence[Run]]) -> Obstacle | None:
    """In every seed every trial, over a decade of rates, ends non-finite at the same step, out of an orderly training.

    Where the weights are thrown away by the first updates, at any rate that was tried, it is the rate all the same.
    """
    steps: dict[int, int] = {}
    for seed, runs in by_seed.items():
        first = {_first_non_finite(run) for run in runs}
        rates = [_rate(run) for run in runs]
        # a trial that stays finite, or breaks elsewhere, is enough: then the rate makes a difference
        (step,) = first if len(first) == 1 else (None,)
        if step is None or step < THRESHOLDS.fewest_steps or len(set(rates)) < THRESHOLDS.fewest_rates:
            return None
        if max(rates) < THRESHOLDS.decade * min(rates) or not _is_orderly(runs[0], step):
            return None
        steps[seed] = step
    where = ", ".join(f"step {step} with seed {seed}" for seed, step in steps.items())
    seed, step = next(iter(steps.items()))
    return Obstacle(
        kind="not_the_rate",
        reason=(
            f"the first loss or gradient that is not finite comes at the same step at every learning rate ({where}): "
            "the batch, the data or the loss does it, and not the learning rate"
        ),
        advice=(
            f"look at batch {step} of seed {seed} and at what the loss does at that step: missing values, a fully "
            "masked target, the square root or the logarithm of 0; then sweep again"
        ),
    )


def _same_rise(study: Study, findings: Sequence[Finding]) -> Obstacle | None:
    """From some rate on, over a decade of rates, most seeds rise in the same steps, beginning with the lowest of them.

    An instability that the rate makes begins the earlier the higher the rate is.
    """
    trials = {run.name: run.trial for run in study.runs if run.trial is not None}
    stretches: dict[float, dict[int, tuple[int, int]]] = {}
    for f in findings:
        trial = trials.get(f.run or "")
        if trial is None or f.first_step is None or f.last_step is None or f.instability not in RISES:
            continue
        of_rate = stretches.setdefault(trial.base_learning_rate, {})
        first, last = of_rate.get(trial.seed, (f.first_step, f.last_step))
        of_rate[trial.seed] = min(first, f.first_step), max(last, f.last_step)
    judged = {r.base_learning_rate: r.n_judged for r in study.rates if r.n_judged}
    rising = [rate for rate in sorted(judged) if 2 * len(stretches.get(rate, {})) > judged[rate]]
    if len(rising) < THRESHOLDS.fewest_rates:
        return None
    # the median over the seeds: each sees the batches in another order
    begun = {rate: median(first for first, _ in stretches[rate].values()) for rate in rising}
    ended = {rate: median(last for _, last in stretches[rate].values()) for rate in rising}
    lowest = rising[0]
    length = ended[lowest] - begun[lowest] + 1
    alike = [rate for rate in rising if _overlap(begun, ended, lowest, rate) >= THRESHOLDS.overlap]
    if len(alike) < THRESHOLDS.fewest_rates or length < THRESHOLDS.fewest_steps:
        return None
    # a rate between them that trains shows that no event is common to all
    if any(lowest < rate < max(alike) and rate not in alike for rate in judged):
        return None
    if max(alike) < THRESHOLDS.decade * lowest * (1 - THRESHOLDS.same):
        return None
    return Obstacle(
        kind="not_the_rate",
        reason=(
            f"the loss rises in the same steps, about {begun[lowest]:.0f} to {ended[lowest]:.0f}, at every rate "
            f"from {lowest:.4g} to {max(alike):.4g}: a changing objective or the data do it, and not the learning rate"
        ),
        advice=(
            "look at what changes over these steps: the weight of a term of the loss, a curriculum, augmentation or "
            "noise that is turned on. Sweep with a step or a loss that leaves it out, or judge the other terms"
        ),
    )


def _moving_objective(study: Study, controls: Mapping[int, Run]) -> Obstacle | None:
    """The untrained weights lose more and more, and so do trials that train, over a decade of rates.

    The batches of a control come in any order, so its loss has no trend unless the objective or the data have one. A
    rise of the trials is then no sign of their rate, and the end of a trial is no measure of what it learned.
    """
    rising = {seed: ends for seed, run in controls.items() if (ends := level.drift(run.train_loss)) is not None}
    if not rising or 2 * len(rising) <= len(controls):
        return None
    carried: dict[float, int] = {}
    for run in study.runs:
        if run.trial is None or not level.learned(run):
            continue
        loss = run.train_loss.finite
        # the end of the run, by which trials are compared
        first = int(loss.step[int((1 - level.THRESHOLDS.end) * len(loss))])
        if control.own_rise(loss, first, int(loss.step[-1])) >= THRESHOLDS.risen:
            carried[_rate(run)] = carried.get(_rate(run), 0) + 1
    rates = sorted(r.base_learning_rate for r in study.rates if 2 * carried.get(r.base_learning_rate, 0) > r.n_judged)
    if len(rates) < THRESHOLDS.fewest_rates or rates[-1] < THRESHOLDS.decade * rates[0] * (1 - THRESHOLDS.same):
        return None
    seed, (before, after) = next(iter(rising.items()))
    return Obstacle(
        kind="not_the_rate",
        reason=(
            f"the objective rises by itself: weights that are never updated lose {before:.4g} in the first quarter of "
            f"the run and {after:.4g} in the last (seed {seed}), and at every rate from {rates[0]:.4g} to "
            f"{rates[-1]:.4g} the loss goes up as well"
        ),
        advice=(
            "look at what changes over the run: the weight of a term of the loss, a curriculum, augmentation or noise "
            "that is turned on. Sweep with a step or a loss that leaves it out, or judge the other terms"
        ),
    )


def _overlap(begun: Mapping[float, float], ended: Mapping[float, float], one: float, other: float) -> float:
    """Steps that both stretches hold over those that either does."""
    both = min(ended[one], ended[other]) - max(begun[one], begun[other])
    return max(0.0, both) / max(1.0, max(ended[one], ended[other]) - min(begun[one], begun[other]))


def _first_non_finite(run: Run) -> int | None:
    steps = [step for curve in (run.train_loss, run.grad_norm) if (step := curve.first_non_finite) is not None]
    return min(steps, default=None)


def _is_orderly(run: Run, step: int) -> bool:
    """Whether the loss before the step is not above its first value by more than batches differ."""
    before = run.train_loss.before(step).finite.value
    if len(before) < THRESHOLDS.fewest_steps:
        return False
    untrained = run.control.before(step).finite.value if run.control is not None else before[:1]
    return bool(before[-1] <= untrained.max() + noise.points(before))


def _nothing_learned(study: Study) -> Obstacle | None:
    """Some rates are feasible, and at none of them most seeds end below what needs no learning."""
    judged = [r for r in study.rates if r.n_judged and r.n_learned is not None]
    feasible = [r for r in judged if r.is_feasible]
    if not feasible or any(has_learned(r) for r in judged):
        return None
    best = min((value for value in _ends(study)), default=math.nan)
    untrained = [run.control for run in study.runs if run.control is not None]
    ends = [ends.mean for curve in untrained if (ends := level.measure(curve)) is not None]
    constant = [float(run.provenance["constant_loss"]) for run in study.runs if "constant_loss" in run.provenance]
    unlearned = min([*ends, *constant], default=math.nan)
    if best < unlearned - level.THRESHOLDS.least * abs(unlearned):
        reason = (
            f"no rate is certain to train: the best loss at the end, {best:.4g}, is below what needs no learning "
            f"({unlearned:.4g}) in too few seeds, or only within the noise of the batches at the end"
        )
    else:
        beside = f" and than the best constant prediction ({min(constant):.4g})" if constant else ""
        reason = (
            f"no rate trains: the best loss at the end, {best:.4g}, is no lower than that of the untrained weights "
            f"({min(ends, default=math.nan):.4g}){beside}, within the noise of batches"
        )
    return Obstacle(
        kind="nothing_learned",
        reason=reason,
        advice=(
            "look at labels, frozen parameters, an output that is detached, data and initialization; where the model "
            "is only slow, raise max_train_steps or sweep higher rates"
        ),
    )


def has_learned(rate: Rate) -> bool:
    """Whether a majority of the judged seeds ends below what needs no learning; so where nobody can tell."""
    return rate.n_learned is None or 2 * rate.n_learned > rate.n_judged


def _ends(study: Study) -> Iterator[float]:
    for run in study.runs:
        ends = level.measure(run.train_loss) if run.status == "completed" else None
        if ends is not None and math.isfinite(ends.mean):
            yield ends.mean
