"""What makes a sweep say nothing of the learning rate, with its words, and the nearest sweep that says something."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lrdoctor.core.curve import Curve, Values
from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Obstacle, Study
from lrdoctor.core.trial import Trial
from lrdoctor.procedures import sweep, validity
from lrdoctor.procedures.validity import obstacle
from lrdoctor.rules import judge_run

N = 200
T = np.arange(N)
RATES = (0.001, 0.01, 0.1)
SEEDS = (0, 1)
NAN = np.nan

LossOf = Callable[[float, int], Values]


def batches(seed: int) -> Values:
    """How hard the batches of a seed are, as factors; the first one is as hard as any."""
    return np.exp(np.random.default_rng(seed).normal(0, 0.05, N))


def healthy(rate: float, seed: int) -> Values:
    """Falls from 2.3, the faster the higher the rate."""
    own = np.exp(np.random.default_rng(seed + 100).normal(0, 0.02, N))
    own[0] = 1.0
    return (0.2 + 2.1 * np.exp(-T * rate / 2)) * own * batches(seed)


def untrained(seed: int) -> Values:
    return 2.3 * batches(seed)


def trial(rate: float, seed: int, *, is_control: bool = False) -> Trial:
    return Trial(
        base_learning_rate=rate, seed=seed, max_train_steps=N, eval_every=50, optimizer="sgd", control=is_control
    )


def study(
    loss: LossOf = healthy,
    control: Callable[[int], Values] | None = untrained,
    rates: Iterable[float] = RATES,
    seeds: Iterable[int] = SEEDS,
    run: Callable[[Run], Run] = lambda run: run,
    known: dict[str, Any] | None = None,
    control_val: Values | None = None,
) -> Study:
    """A sweep with these losses, judged and summed up, before it is measured.

    Args:
        loss: of a trial at a rate, of a seed.
        control: of a seed; None where the controls failed.
        rates: that were tried.
        seeds: at every rate.
        run: what is done to every run.
        known: of the data and the outputs, the same for all trials.
        control_val: validation losses of the controls.
    """
    runs, controls = [], []
    for seed in seeds:
        alone = None if control is None else Curve.of(control(seed))
        for rate in rates:
            values = loss(rate, seed)
            ended = "diverged" if not np.isfinite(values).all() else "completed"
            curves = {"train_loss": Curve.of(values), "learning_rate": Curve.of([rate] * len(values))}
            name = f"lr={rate:g} seed={seed}"
            made = Run(name, name, curves, ended, None, trial(rate, seed), alone, known or {})  # type: ignore[arg-type]
            runs.append(run(made))
        if alone is not None:
            val = {} if control_val is None else {"val_loss": Curve.of(control_val, N - len(control_val))}
            one = trial(0.0, seed, is_control=True)
            controls.append(Run(f"control {seed}", "x", {"train_loss": alone, **val}, trial=one))
    made = Study(name="s", runs=tuple(runs), controls=tuple(controls), objective="best_train_loss")
    findings = findings_of(made)
    summed = (
        sweep.summarize(rate, "grid", [r for r in runs if r.trial and r.trial.base_learning_rate == rate], findings,
                        "best_train_loss")
        for rate in sorted(rates)
    )  # fmt: skip
    return replace(made, rates=tuple(summed))


def findings_of(study: Study) -> list[Finding]:
    return [f for run in study.runs for f in judge_run(run, study) if isinstance(f, Finding)]


def found(study: Study) -> Obstacle | None:
    return obstacle(study, findings_of(study))


def test_a_healthy_sweep_has_no_obstacle() -> None:
    assert found(study()) is None
    assert found(study(control=None)) is None
    assert obstacle(Study(name="s", runs=())) is None


@pytest.mark.parametrize("kind", ["adversarial", "reinforcement"])
def test_a_loss_that_is_not_minimized_compares_no_rates(kind: str) -> None:
    made = study(known={"objective": kind, "objective_reason": "seen"})
    what = found(made)
    assert what is not None
    assert (what.kind, what.is_final) == ("not_minimized", True)
    assert what.reason.endswith("is no failure (seen)")
    # a validation value is what the user compares by
    assert found(replace(made, objective="best_val_loss")) is None


def test_what_is_in_the_way_withholds_every_figure() -> None:
    blocked = study(lambda rate, seed: untrained(seed))
    measured = sweep.measure(blocked, findings_of(blocked))
    assert measured.obstacle is not None
    assert (measured.best_learning_rate, measured.unstable_base_learning_rate) == (None, None)
    fine = sweep.measure(study())
    assert fine.obstacle is None
    assert fine.best_learning_rate == 0.1


# Trials of a seed that are not alike: the first loss.


def first_at(rate: float, factor: float) -> LossOf:
    def loss(of: float, seed: int) -> Values:
        return healthy(of, seed) * np.where((T == 0) & (of == rate), factor, 1.0)

    return loss


@pytest.mark.parametrize("factor", [1.1, 1 + 1e-4, NAN], ids=str)
def test_another_first_loss_is_another_model_or_another_batch(factor: float) -> None:
    seen = found(study(first_at(0.01, factor), control=None))
    assert seen is not None
    assert seen.kind == "unlike_trials"
    first = healthy(0.01, 0)[0]
    assert seen.reason == (
        "trials of a seed are not alike: the first loss of seed 0, before any update, is "
        f"{first:.4g} at 0.001 and {first * factor:.4g} at 0.01"
    )
    assert "lru_cache" in seen.advice
    of_script = found(replace(study(first_at(0.01, factor), control=None), spec={"command": ["python", "train.py"]}))
    assert of_script == replace(seen, advice=validity.AS_BEFORE)


def test_so_is_one_that_is_not_the_controls() -> None:
    seen = found(study(control=lambda seed: untrained(seed) * np.where(T == 0, 1.5, 1.0)))
    assert seen is not None
    assert "of the untrained weights and 2." in seen.reason


@pytest.mark.parametrize(
    "alike",
    [
        lambda: study(first_at(0.01, 1 + 1e-7)),  # the seventh digit: sums in another order
        lambda: study(lambda rate, seed: healthy(rate, seed) * (1 + seed), lambda seed: untrained(seed) * (1 + seed)),
        lambda: study(run=lambda run: replace(run, status="failed") if run.name == "lr=0.01 seed=0" else run),
        lambda: study(first_at(0.01, 1.5), run=lambda run: from_step(run, 1)),
    ],
    ids=["the seventh digit", "seeds", "a failed trial", "the first step is not known"],
)  # fmt: skip
def test_alike(alike: Callable[[], Study]) -> None:
    seen = found(alike())
    assert seen is None or seen.kind != "unlike_trials"


def from_step(run: Run, step: int) -> Run:
    return replace(run, curves={name: curve.after(step) for name, curve in run.curves.items()})


# A cause that the untrained weights show too.


def with_nan_at(step: int, of: LossOf = healthy) -> LossOf:
    """Every trial ends there."""

    def loss(rate: float, seed: int) -> Values:
        return np.append(of(rate, seed)[:step], NAN)

    return loss


def test_a_batch_that_is_not_finite_for_untrained_weights_is_the_datas() -> None:
    seen = found(study(with_nan_at(11), lambda seed: np.where(T == 11, NAN, untrained(seed))))
    assert seen is not None
    assert seen.kind == "not_the_rate"
    assert seen.reason == (
        "the loss is nan at step 11 for weights that were never updated: the batch, the data or the loss does it, and "
        "not the learning rate (step 11 with seed 0, step 11 with seed 1)"
    )
    assert seen.advice.startswith("look at batch 11 of seed 0: missing values")


@pytest.mark.parametrize("value", [NAN, np.inf])
def test_validation_data_that_are_not_finite_for_untrained_weights(value: float) -> None:
    seen = found(study(control_val=np.array([value])))
    assert seen is not None
    assert seen.reason.startswith(f"the validation loss is {value} for weights that were never updated")
    assert found(study(control_val=np.array([2.3]))) is None


def test_the_first_step_without_a_finite_value_is_the_same_at_every_rate() -> None:
    """Without a control, or one that shows it: a gradient that is not finite, say the square root of 0."""
    seen = found(study(with_nan_at(60)))
    assert seen is not None
    assert seen.kind == "not_the_rate"
    assert seen.reason == (
        "the first loss or gradient that is not finite comes at the same step at every learning rate (step 60 with "
        "seed 0, step 60 with seed 1): the batch, the data or the loss does it, and not the learning rate"
    )
    assert found(study(with_nan_at(60), control=None)) is not None


def test_a_gradient_counts_like_a_loss() -> None:
    def norm(run: Run) -> Run:
        return replace(run, curves={**run.curves, "grad_norm": Curve.of(np.where(T == 60, np.inf, 1.0))})

    assert "step 60 with seed 1" in reason(study(run=norm))


def reason(of: Study) -> str:
    seen = found(of)
    assert seen is not None
    return seen.reason


def ends(steps: dict[float, int]) -> LossOf:
    """nan at these steps by rate, in every seed; else healthy."""

    def loss(rate: float, seed: int) -> Values:
        return with_nan_at(steps[rate])(rate, seed) if rate in steps else healthy(rate, seed)

    return loss


def thrown_away(rate: float, seed: int) -> Values:
    """A loss that explodes until it is not finite at step 30, whatever the rate."""
    return np.append(2.3 * np.exp(T[:30] / 3.0) * batches(seed)[:30], NAN)


@pytest.mark.parametrize(
    "unstable",
    [
        lambda: study(ends(dict.fromkeys(RATES, 1))),  # the weights are thrown away by the first update at every rate
        lambda: study(ends({0.001: 60, 0.01: 60, 0.1: 59})),
        lambda: study(ends({0.01: 60, 0.1: 60})),  # one rate is fine
        lambda: study(ends({0.01: 60, 0.02: 60, 0.05: 60}), rates=(0.01, 0.02, 0.05)),  # less than a decade
        lambda: study(ends({0.01: 60, 0.1: 60}), rates=(0.01, 0.1)),  # two rates may agree by chance
        lambda: study(thrown_away, control=None),  # not out of an orderly training
    ],
    ids=["at once", "another step", "one is finite", "less than a decade", "two rates", "a loss that explodes"],
)
def test_what_the_rate_may_have_done_is_no_obstacle(unstable: Callable[[], Study]) -> None:
    seen = found(unstable())
    assert seen is None or seen.kind != "not_the_rate"


# No effect: the curves of a seed are one curve.


def test_one_curve_whatever_the_rate() -> None:
    seen = found(study(lambda rate, seed: healthy(0.05, seed)))
    assert seen is not None
    assert seen.kind == "no_effect"
    assert seen.reason == "the learning rate has no effect: the curves at 0.001 and at 0.1 are identical"
    assert 'param_groups[..]["lr"]' in seen.advice


def test_the_curve_of_weights_that_are_never_updated() -> None:
    seen = found(study(lambda rate, seed: untrained(seed)))
    assert seen is not None
    assert seen.kind == "no_effect"
    assert seen.reason == ("nothing is trained: from 0.001 to 0.1 the loss is that of weights that are never updated")
    assert "frozen" in seen.advice


def test_a_schedule_of_zeros() -> None:
    def still(run: Run) -> Run:
        return replace(run, curves={**run.curves, "learning_rate": Curve.of(np.zeros(N))})

    seen = found(study(lambda rate, seed: untrained(seed), run=still))
    assert seen is not None
    assert seen.reason == "the schedule gives 0 at every step, so nothing is trained at any learning rate"
    assert "`schedule`" in seen.advice


@pytest.mark.parametrize(
    "effect",
    [
        lambda: study(lambda rate, seed: healthy(0.05, seed) * (1 + rate / 1000 * T / N)),  # the fifth digit differs
        lambda: study(lambda rate, seed: healthy(0.05 if seed else rate, seed)),  # another seed shows one
        lambda: study(lambda rate, seed: healthy(0.05, seed), rates=(0.01,)),
        lambda: study(lambda rate, seed: healthy(0.05, seed)[:2]),  # two steps
    ],
    ids=["the fifth digit", "in one seed", "one rate", "two steps"],
)
def test_curves_that_differ_show_an_effect(effect: Callable[[], Study]) -> None:
    seen = found(effect())
    assert seen is None or seen.kind != "no_effect"


# A rise in the same steps.

FIVE = (0.001, 0.003, 0.01, 0.03, 0.1)


def risen(first: dict[float, int], length: int = 60) -> LossOf:
    """A rise of a factor of four that begins at these steps, by rate, and comes back."""

    def loss(rate: float, seed: int) -> Values:
        begun = first.get(rate, N)
        return healthy(0.1 + rate, seed) * np.where((begun <= T) & (begun + length > T), 4.0, 1.0)

    return loss


def test_a_rise_in_the_same_steps_over_a_decade_is_not_the_rates() -> None:
    seen = found(study(risen(dict.fromkeys(FIVE, 100)), rates=FIVE))
    assert seen is not None
    assert seen.kind == "not_the_rate"
    assert seen.reason.startswith("the loss rises in the same steps, about ")
    assert "at every rate from 0.001 to 0.1: a changing objective or the data do it" in seen.reason
    words = seen.reason.replace(",", "").split()
    assert [int(words[words.index("about") + i]) for i in (1, 3)] == pytest.approx([100, 159], abs=8)
    assert "curriculum" in seen.advice


@pytest.mark.parametrize(
    "unstable",
    [
        lambda: study(
            risen({0.001: 170, 0.003: 130, 0.01: 90, 0.03: 50, 0.1: 10}, 28), rates=FIVE
        ),  # earlier and earlier
        lambda: study(risen({0.01: 100, 0.1: 100}), rates=FIVE),
        lambda: study(risen(dict.fromkeys((0.01, 0.02, 0.05), 100)), rates=(0.01, 0.02, 0.05)),
        lambda: study(risen({0.001: 100, 0.01: 100, 0.1: 100}), rates=FIVE),  # not at the rates between
    ],
    ids=["onset moves with the rate", "two rates", "less than a decade", "not at every rate between"],
)
def test_rises_that_may_be_the_rates(unstable: Callable[[], Study]) -> None:
    assert findings_of(unstable())
    assert found(unstable()) is None


def test_what_the_control_shows_as_well_is_no_finding_at_all() -> None:
    """The weight of a term grows: the trials rise with their control, and the rates can be compared."""
    grows = np.where(T > 100, 3.0, 1.0)
    ramped = study(lambda rate, seed: healthy(rate, seed) * grows, lambda seed: untrained(seed) * grows)
    assert not [f for f in findings_of(ramped) if f.code in ("LRD202", "LRD203")]


# Nothing is learned.


def carried(start: int, to: float) -> Callable[[Values], Values]:
    """An objective to which something is added that grows over the steps from `start` on."""
    return lambda loss: loss + to * np.maximum(T - start, 0) / (N - start)


def test_an_objective_that_rises_by_itself_and_carries_the_trials_along() -> None:
    more = carried(60, 4.0)
    rising = study(
        lambda rate, seed: more(healthy(rate, seed)), lambda seed: more(untrained(seed)), rates=(0.01, 0.03, 0.1)
    )
    seen = found(rising)
    assert seen is not None
    assert seen.kind == "not_the_rate"
    assert seen.reason.startswith("the objective rises by itself: weights that are never updated lose 2.3")
    assert seen.reason.endswith("at every rate from 0.01 to 0.1 the loss goes up as well")


@pytest.mark.parametrize(
    "steady",
    [
        # the untrained weights lose more and more, and the trials learn it all the same
        lambda: study(control=lambda seed: carried(60, 0.5)(untrained(seed)), rates=(0.01, 0.03, 0.1)),
        # two rates of three go up with it: not over a decade
        lambda: study(
            lambda rate, seed: carried(60, 4.0 if rate > 0.02 else 0.0)(healthy(rate, seed)),
            lambda seed: carried(60, 0.5)(untrained(seed)),
            rates=(0.01, 0.03, 0.1),
        ),
    ],
    ids=["learned all the same", "at some rates"],
)
def test_an_objective_that_carries_few_trials_along_says_something(steady: Callable[[], Study]) -> None:
    seen = found(steady())
    assert seen is None or not seen.reason.startswith("the objective rises")


def restless(level: float) -> LossOf:
    """As high as the untrained weights, or higher at every rate, with noise of its own."""

    def loss(rate: float, seed: int) -> Values:
        own = np.exp(np.random.default_rng([seed, round(1e4 * rate)]).normal(0, 0.02, N))
        own[0] = 2.3 / level
        return level * own * batches(seed)

    return loss


def test_no_rate_trains() -> None:
    seen = found(study(restless(2.3)))
    assert seen is not None
    assert seen.kind == "nothing_learned"
    assert seen.reason.startswith("no rate trains: the best loss at the end, 2.")
    assert "is no lower than that of the untrained weights (2." in seen.reason
    assert seen.reason.endswith("within the noise of batches")
    assert "labels, frozen parameters" in seen.advice


def test_below_the_untrained_weights_and_no_lower_than_a_constant() -> None:
    constant = {"constant_loss": 1.5, "constant_losses": [[step, 1.5] for step in range(150, N)]}
    seen = found(study(restless(1.5), known=constant))
    assert seen is not None
    assert seen.kind == "nothing_learned"
    assert "no lower than that of the untrained weights (2.2" in seen.reason
    assert "and than the best constant prediction (1.5)" in seen.reason


@pytest.mark.parametrize(
    "says_something",
    [
        lambda: study(lambda rate, seed: healthy(rate, seed) if rate == 0.1 else restless(2.3)(rate, seed)),
        lambda: study(restless(2.0)),
        lambda: study(restless(2.3), control=None),
    ],
    ids=["one rate learns", "a little", "nobody knows what untrained weights lose"],
)
def test_something_is_learned(says_something: Callable[[], Study]) -> None:
    assert found(says_something()) is None


@pytest.mark.parametrize("n", [3, 11])
def test_too_few_points_tell_nothing_and_are_no_obstacle(n: int) -> None:
    short = study(lambda rate, seed: restless(2.3)(rate, seed)[:n])
    assert {rate.n_learned for rate in short.rates} == {None}
    assert found(short) is None
