"""Studies held against each other: the outcome of losses and of margins, and why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from report_samples import rate, report, run, summary, sweep_of
from section_samples import section

from lrdoctor.assess.between import VALIDATION, Side, compare_studies
from lrdoctor.core.compared import Outcome
from lrdoctor.core.run import Run, trial_of
from lrdoctor.procedures.comparison import compare

INF = math.inf
LOW, MIDDLE, HIGH = (0.10, 0.11, 0.12), (0.115, 0.125, 0.135), (0.20, 0.21, 0.22)
TIGHT, WIDE = (18.0, 22.0), (4.0, 80.0)


def side(
    name: str = "a",
    losses: Sequence[float] = LOW,
    margin: float | None = 20.0,
    interval: tuple[float, float | None] | None = TIGHT,
    **changes: Any,
) -> Side:
    """A study whose lr* is 0.01, with a loss a seed there; `changes` are of the report, identity and data."""
    known = {
        "best_learning_rate": [0.01, 0.01], "unstable_base_learning_rate": None, "confidence": 0.9, "n_seeds": 3,
        "stable_in_3_of_4": 0.1, "chance_at_edge": 0.0, "is_settled": True, "seeds_to_settle": None,
        "stability_margin": interval,
    }  # fmt: skip
    runs = [trained(seed, loss) for seed, loss in enumerate(losses)]
    given = {
        "best_learning_rate": 0.01,
        "unstable_base_learning_rate": None if margin is None else 0.01 * margin,
        "stability_margin": margin,
        "runs": tuple(summary(of.name, feasible=math.isfinite(loss)) for of, loss in zip(runs, losses, strict=True)),
        "verdict": "stable",
    }
    sweep = sweep_of([rate(0.01, n=len(losses), feasible=len(losses))], intervals=known, n_seeds=len(losses))
    identity = {"loss.class_path": "CE", "max_train_steps": 100, **changes.pop("identity", {})}
    data = {VALIDATION: "1", **changes.pop("data", {})}
    return Side(
        name=name,
        source=f"studies/{name}",
        report=report(**{"sweep": sweep, **given, **changes}),
        runs=tuple(runs),
        identity=identity,
        data=data,
    )


def trained(seed: int, loss: float) -> Run:
    return run(0.01, seed, train=[1.0, 0.5], val=[loss if math.isfinite(loss) else 9.0])


@pytest.mark.parametrize(
    ("first", "second", "losses", "margins", "outcome"),
    [
        (side(), side(losses=HIGH), "worse", "no_difference", "worse"),
        (side(losses=HIGH), side(), "better", "no_difference", "better"),
        (side(), side(), "no_difference", "no_difference", "no_difference"),
        (side(), side(losses=MIDDLE), "no_difference", "no_difference", "no_difference"),
        (side(), side(losses=[INF, INF, INF]), "worse", "no_difference", "worse"),
        (side(losses=[0.1, 0.11, INF]), side(losses=[0.1, 0.11, INF]), "no_difference", "no_difference",
         "no_difference"),
        (side(), side(margin=5.0, interval=(4.0, 6.0)), "no_difference", "worse", "worse"),
        (side(), side(margin=5.0, interval=WIDE), "no_difference", "no_difference", "no_difference"),
        (side(margin=5.0, interval=(4.0, 6.0)), side(), "no_difference", "better", "better"),
        (side(losses=HIGH), side(margin=5.0, interval=(4.0, 6.0)), "better", "worse", "mixed"),
        (side(margin=None, interval=(50.0, None)), side(), "no_difference", "worse", "worse"),
        (side(), side(margin=None, interval=(50.0, None)), "no_difference", "better", "better"),
        (side(margin=None, interval=(50.0, None)), side(margin=None, interval=(9.0, None)), "no_difference",
         "no_difference", "no_difference"),
    ],
)  # fmt: skip
def test_what_is_beyond_chance(first: Side, second: Side, losses: Outcome, margins: Outcome, outcome: Outcome) -> None:
    [pair] = compare_studies([first, replace(second, name="b")]).pairs
    assert (pair.objective.outcome, pair.stability_margin.outcome, pair.outcome) == (losses, margins, outcome)


@pytest.mark.parametrize(
    ("second", "part", "said"),
    [
        (side(losses=[0.2]), "objective", "1 seed of b cannot tell a difference from chance; try --seeds 3"),
        (side(losses=[0.2, 0.3]), "objective", "2 seeds of b cannot tell"),
        (side(interval=None), "stability_margin", "1 seed of b gives no interval"),
        (side(identity={"loss.class_path": "MSE"}), "objective", "the specs have another `loss`"),
        (side(identity={"step": "x"}), "objective", "the specs have another `step`"),
        (side(data={VALIDATION: "2"}), "objective", "evaluated on other examples"),
        (side(best_learning_rate=None), "objective", "b: it has no best learning rate"),
        (side(best_learning_rate=None), "stability_margin", "b: it has no best learning rate"),
        (side(sweep={}), "stability_margin", "b: no learning rate was swept in it; sweep its spec"),
    ],
)
def test_what_cannot_be_told_says_why(second: Side, part: str, said: str) -> None:
    [pair] = compare_studies([side(), replace(second, name="b")]).pairs
    found = getattr(pair, part)
    assert (found.outcome, pair.outcome) == ("inconclusive", "inconclusive")
    assert said in found.words


def test_worse_in_one_thing_outweighs_what_cannot_be_told() -> None:
    [pair] = compare_studies([side(), side("b", losses=HIGH, interval=None)]).pairs
    assert (pair.stability_margin.outcome, pair.outcome) == ("inconclusive", "worse")


def test_where_no_rate_is_feasible_every_seed_counts_as_infeasible() -> None:
    dead = side("b", sweep=sweep_of([rate(0.01, feasible=0, n=3)], n_seeds=3), best_learning_rate=None)
    [pair] = compare_studies([side(), dead]).pairs
    assert (pair.objective.outcome, pair.objective.second) == ("worse", INF)


def test_fresh_seeds_at_single_rates_are_not_compared() -> None:
    swept = [run(lr, seed, val=[0.1]) for lr in (0.001, 0.01, 0.1) for seed in range(3)]
    found = replace(side(), runs=(*swept, run(0.01, 7, val=[0.9])))
    assert {of.trial.seed for of in found.trials() if of.trial} == {0, 1, 2}


@pytest.mark.parametrize(
    ("identities", "rows"),
    [
        ([{}, {}], []),
        ([{"warmup_steps": 5}, {}], [("warmup_steps", ("5", ""))]),
        ([{"model.depth": 1}, {"model.depth": 2}], [("model.depth", ("1", "2"))]),
        ([{"optimizer": {"name": "sgd"}}, {"optimizer": "x"}], [("optimizer", ('{"name": "sgd"}', "x"))]),
    ],
)
def test_what_differs_in_the_specs(identities: list[Mapping[str, Any]], rows: list[Any]) -> None:
    found = compare_studies([side(str(i), identity=of) for i, of in enumerate(identities)])
    assert [(one.key, one.values) for one in found.differences] == rows


def test_other_lengths_of_training_are_noted() -> None:
    [pair] = compare_studies([side(), side("b", identity={"max_train_steps": 200})]).pairs
    assert pair.notes == ("they train for 100 and 200 updates",)


def test_each_is_held_against_the_first_and_the_worst_outcome_counts() -> None:
    found = compare_studies([side(), side("b", losses=MIDDLE), side("c", losses=HIGH)])
    assert [(pair.first, pair.second) for pair in found.pairs] == [("a", "b"), ("a", "c")]
    assert found.outcome == "worse"
    assert found.summary.count("; stability margin") == 2


def test_a_folder_of_warmup_stands_for_the_training_with_it() -> None:
    warmup = {
        "warmup_steps": 15, "with": [rate(0.01, n=3, feasible=3), rate(0.1, n=3, feasible=0)],
        "comparison": {
            "base_learning_rate": 0.01, "with": 0.2, "without": 0.2, "seeds": {}, "paired": compare({}, {}),
            "words": "",
        },
    }  # fmt: skip
    warmed = replace(side(), report=replace(side().report, command="warmup", warmup=section("warmup", warmup)))
    trial = warmed.runs[0].trial
    assert trial is not None
    with_it = replace(trial, warmup_steps=15, procedure="warmup")
    warmed = replace(warmed, runs=(*warmed.runs, replace(warmed.runs[0], trial=with_it)))
    found = compare_studies([side(), warmed])
    assert (found.studies[1].name, found.studies[1].best_learning_rate) == ("a, warmup 15 steps", 0.01)
    assert found.studies[1].unstable_base_learning_rate == 0.1
    assert found.studies[1].n_seeds == 1
    assert "of a, warmup 15 steps only 2 rates were tried" in found.pairs[0].stability_margin.words
    assert ("warmup_steps", ("", "15")) in [(one.key, one.values) for one in found.differences]


def test_the_curves_with_a_warmup_are_shown_where_no_rate_was_swept() -> None:
    """Between rates that were given there is no sweep, which has no seeds then."""
    warmup = {"warmup_steps": 15, "with": [rate(0.1, n=3, feasible=3)], "comparison": None}
    given = side(sweep=sweep_of([], n_seeds=0), command="warmup", warmup=section("warmup", warmup))
    tried = [run(0.1, seed) for seed in range(5)]  # the last two are fresh ones
    with_it = [replace(trial_of(of), warmup_steps=15, procedure="warmup") for of in tried]
    given = replace(given, runs=tuple(replace(of, trial=trial) for of, trial in zip(tried, with_it, strict=True)))
    assert [trial_of(of).seed for of in given.trials()] == [0, 1, 2]
