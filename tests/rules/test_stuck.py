"""Trials that settled at a level that needs no input, the signs of it in words, and noise floors that show none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from synthetic_studies import decay, found, run_of, study_of

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run

N = 400
T = np.arange(N)
UNTRAINED = Curve.of(2.3 * np.exp(np.random.default_rng(99).normal(0, 0.02, N)))


def at_level(level: float, seed: int = 0, sd: float = 0.02) -> np.ndarray:
    """Down to a level within some steps, and no further."""
    trend = level + (2.3 - level) * np.exp(-T / 10)
    return np.asarray(trend * np.exp(np.random.default_rng(seed + 7).normal(0, sd, N)))


def trial(loss: np.ndarray, name: str = "high", rate: float = 0.1, **more: Any) -> Run:
    return run_of(loss, name, rate=rate, **{"control": UNTRAINED, **more})


def lower(**more: Any) -> Run:
    """The trial at the lower rate, which learns: from 2.3 to nearly 0.3."""
    return trial(decay(N), "low", 0.01, **more)


def stuck(run: Run, *others: Run) -> Finding | Skip | None:
    results = [r for r in found(run, study_of(*others, run)) if r.code == "LRD301"]
    (only,) = results or [None]
    return only


# one batch in ten is a hundred times as hard: the mean over the end is theirs
WILD = np.where(np.random.default_rng(3).random(N) < 0.1, 100.0, 1.0)
AT = np.arange(49, N, 50)
VAL_STUCK, VAL_LOW = Curve(AT, np.full(len(AT), 11.0)), Curve(AT, np.full(len(AT), 3.0))
OF_WILD = {
    "constant_losses": [[int(t), float(WILD[t])] for t in range(N - 40, N)],
    "constant_loss": float(WILD[-40:].mean()),
    "untrained_val_loss": 11.0,
}


def lower_wild(**more: Any) -> Run:
    """The trial at the lower rate among such batches; a third of the loss, but for the hard ones."""
    loss = np.where(WILD > 1, 0.98 * WILD, decay(N, last=0.05, noise=0.02))
    return trial(loss, "low", 0.01, provenance=OF_WILD, curves={"val_loss": VAL_LOW}, control=HARD, **more)


HARD = Curve.of(1.02 * WILD)
USED, UNUSED = {"output_spread": 1.0}, {"output_spread": 0.01}
SIGNS: dict[str, tuple[Run, tuple[Run, ...], str]] = {
    "its input": (
        trial(at_level(1.0), provenance=UNUSED), (lower(provenance=USED),),
        "the model has stopped using its input (its outputs differ from example to example by 0.01, at the lower rate "
        "by 1)",
    ),
    "a constant": (
        trial(at_level(1.0), provenance={"constant_loss": 0.99}), (lower(),),
        "that is no lower than the best constant prediction (0.99)",
    ),
    "another rate": (
        trial(at_level(1.2)), (lower(), trial(at_level(1.2, 1), "higher", 0.3)),
        "trials at other rates (0.3) end at the same level",
    ),
    "all but the end": (
        trial(np.where(T < 300, at_level(2.28, sd=0.005), 2.28 - (T - 300) / 60)), (lower(),),
        "for 80 % of the run it was no lower than a loss that needs no learning (2.287), which the lower rate had left "
        "behind after 0 %",
    ),
    "its batches": (
        trial(WILD * at_level(1.0, sd=0.001), provenance=OF_WILD, curves={"val_loss": VAL_STUCK}, control=HARD),
        (lower_wild(),),
        "batch by batch 99 % of what the lower rate learns is missing, measured from the best constant prediction and "
        "from the untrained weights, and 100 % in the evaluations",
    ),
    "most is missing": (
        trial(at_level(1.8)), (lower(),),
        "73 % of what the lower rate learns is missing (a loss of 2.287 needs no learning)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNS)
def test_each_sign_by_itself_and_its_words(name: str) -> None:
    run, others, words = SIGNS[name]
    seen = stuck(run, *others)
    assert isinstance(seen, Finding)
    ends = np.mean(run.train_loss.value[-40:])
    reached = np.mean(others[0].train_loss.value[-40:])
    settled, _, signs = seen.message.partition(": ")
    how = "ends" if name == "all but the end" else "has settled"
    assert settled == (f"the loss {how} at {ends:.4g}, where a learning rate of 0.01 reaches {reached:.4g}")
    assert signs == words
    assert (seen.severity, seen.instability) == ("error", "plateau")
    assert (seen.observed, seen.threshold) == (pytest.approx(ends), pytest.approx(reached))
    assert (seen.first_step, seen.last_step) == (N // 2, N - 1)


def test_every_sign_that_shows_is_told() -> None:
    both = {"constant_loss": 2.0, "output_spread": 0.01}
    seen = stuck(trial(at_level(1.9), provenance=both), lower(provenance=USED))
    assert isinstance(seen, Finding)
    assert seen.message.count(";") == 2


FLOORS: dict[str, tuple[Run, tuple[Run, ...]]] = {
    "as low": (trial(decay(N, 1)), (lower(),)),
    "a noise floor": (trial(at_level(0.7, sd=0.2), provenance=USED), (lower(provenance=USED),)),
    "a noise floor that rises with the rate": (
        trial(at_level(1.0, sd=0.2)), (lower(), trial(at_level(1.3, sd=0.2), "higher", 0.3)),
    ),
    "the same floor, close to what is reached": (
        trial(at_level(0.6)), (lower(), trial(at_level(0.6, 1), "higher", 0.3)),
    ),
    "the same level at a rate that is nearly the same": (
        trial(at_level(1.2)), (lower(), trial(at_level(1.2, 1), "near", 0.12)),
    ),
    "outputs that differ a tenth as much": (
        trial(at_level(1.0), provenance={"output_spread": 0.1}), (lower(provenance=USED),),
    ),
    "well below a constant": (trial(at_level(1.0), provenance={"constant_loss": 2.2}), (lower(),)),
    "no evaluation says so of its wild batches": (
        trial(WILD * at_level(1.0, sd=0.001), provenance=OF_WILD, control=HARD), (lower_wild(),),
    ),
    "its evaluations are those of the lower rate": (
        trial(WILD * at_level(1.0, sd=0.001), provenance=OF_WILD, curves={"val_loss": VAL_LOW}, control=HARD),
        (lower_wild(),),
    ),
    "it began to learn half way": (
        trial(np.where(T < 200, at_level(2.28, sd=0.005), 2.28 - (T - 200) / 120)), (lower(),),
    ),
    "slow: it still falls": (trial(2.3 - 0.7 * T / N, provenance=UNUSED), (lower(provenance=USED),)),
    "a higher rate that does better is not asked": (
        trial(at_level(1.8), provenance=UNUSED),
        (trial(at_level(1.79, 1), "low", 0.01), trial(decay(N), "higher", 1.0, provenance=USED)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOORS)
def test_without_a_sign_it_is_no_plateau(name: str) -> None:
    run, others = FLOORS[name]
    assert stuck(run, *others) is None


def test_the_same_level_is_asked_of_another_seed_where_there_is_one() -> None:
    """At 0.1 and 0.3 seed 0 ends at the same level; with a second seed it takes that one's word as well."""
    high, higher = trial(at_level(1.2)), trial(at_level(1.2, 1), "higher", 0.3)
    elsewhere, alike = (trial(at_level(to), "seed 1", 0.3, seed=1) for to in (0.9, 1.2))
    assert isinstance(stuck(high, lower(), higher), Finding)
    assert stuck(high, lower(), higher, elsewhere) is None
    assert isinstance(stuck(high, lower(), higher, alike), Finding)


@pytest.mark.parametrize("known", [{}, {"constant_loss": 3.0}])
def test_without_a_control_a_constant_tells_what_needs_no_learning(known: Mapping[str, float]) -> None:
    """The trial itself needs none; the one beside it does, to have learned."""
    seen = stuck(trial(at_level(1.8), control=None, provenance=known), lower())
    assert (seen is not None) is bool(known)


NO_LOWER = "no trial at a lower learning rate that learned, to compare with"


@pytest.mark.parametrize(
    ("run", "others", "reason"),
    [
        (trial(at_level(1.8)), (), NO_LOWER),
        (trial(at_level(1.8)), (run_of(decay(N), "log", rate=None),), NO_LOWER),
        (trial(at_level(1.8)), (lower(status="failed", exit_reason="killed"),), NO_LOWER),
        (trial(at_level(1.8)), (lower(control=None),), NO_LOWER),  # nobody knows whether it learned
        (trial(at_level(1.8)), (trial(at_level(2.3), "low", 0.01),), NO_LOWER),
        (trial(at_level(1.8)[:11]), (lower(),), "too few points before the run ended to see a plateau"),
        (trial(np.where(T == 300, math.nan, 1.8)), (lower(),), "too few points before the run ended"),
        (trial(at_level(1.8), status="truncated", exit_reason="hopeless"), (lower(),), "too few points before the run"),
    ],
    ids=["alone", "a log", "failed", "unknown", "learned nothing", "short", "nan", "given up"],
)
def test_what_cannot_be_compared_is_skipped(run: Run, others: tuple[Run, ...], reason: str) -> None:
    seen = stuck(run, *others)
    assert isinstance(seen, Skip)
    assert reason in seen.reason


def test_the_same_seed_is_compared_first() -> None:
    """Seed 1 is unlucky at every rate, so that its level is no rate's fault."""
    unlucky = trial(at_level(1.75), "low 1", 0.01, seed=1)
    assert stuck(trial(at_level(1.75, 3), seed=1), lower(), unlucky) is None
    assert isinstance(stuck(trial(at_level(1.75, 3), seed=2), lower(), unlucky), Finding)
