from __future__ import annotations

import pytest

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Rate, Study


def rate(base_learning_rate: float, n_judged: int = 3, n_feasible: int = 3, n_unstable: int = 0) -> Rate:
    return Rate(
        base_learning_rate=base_learning_rate,
        stage="grid",
        n_judged=n_judged,
        n_feasible=n_feasible,
        n_unstable=n_unstable,
        objective=1.0,
        objective_low=1.0,
        objective_high=1.0,
        final_loss=1.0,
    )


@pytest.mark.parametrize(
    ("n_judged", "n_feasible", "n_unstable", "feasible", "unstable"),
    [
        (3, 3, 0, True, False),
        (3, 2, 1, True, False),
        (3, 2, 2, True, True),
        (3, 1, 2, False, True),
        (2, 1, 1, False, False),  # one of two is no majority, either way
        (1, 1, 0, True, False),
        (0, 0, 0, False, False),
    ],
)
def test_a_majority_of_the_judged_seeds_decides(
    n_judged: int, n_feasible: int, n_unstable: int, feasible: bool, unstable: bool
) -> None:
    judged = rate(0.1, n_judged, n_feasible, n_unstable)
    assert (judged.is_feasible, judged.is_unstable) == (feasible, unstable)


@pytest.mark.parametrize(
    ("best", "unstable", "margin", "stable_up_to"),
    [
        (0.1, 0.4, 4.0, 2.0),
        (0.1, None, None, 8.0),
        (None, 0.1, None, None),
        (None, None, None, None),
        (0.2, 0.1, 1.0, None),  # below the best one: no room, and nothing was tried below it
    ],
)
def test_margin(best: float | None, unstable: float | None, margin: float | None, stable_up_to: float | None) -> None:
    tried = tuple(rate(r, n_judged=0 if r == 1.6 else 3) for r in (0.1, 0.2, 0.4, 0.8, 1.6))
    study = Study(name="s", runs=(), rates=tried, best_learning_rate=best, unstable_base_learning_rate=unstable)
    assert study.stability_margin == (None if margin is None else pytest.approx(margin))
    assert study.stable_up_to == (None if stable_up_to is None else pytest.approx(stable_up_to))


def test_a_curve_that_was_not_measured_is_empty() -> None:
    loss = Curve.of([1.0, 2.0])
    run = Run("r", "r.csv", {"train_loss": loss})
    assert (run.train_loss, run.val_loss, run.grad_norm, run.curve("lr")) == (loss, EMPTY, EMPTY, EMPTY)


def test_a_run_cannot_be_changed_from_outside() -> None:
    curves = {"train_loss": Curve.of([1.0])}
    run = Run("r", "r.csv", curves, provenance={"averaged": 10})
    curves["val_loss"] = Curve.of([2.0])
    assert run.val_loss == EMPTY
    with pytest.raises(TypeError):
        run.curves["val_loss"] = Curve.of([2.0])  # type: ignore[index]
    with pytest.raises(TypeError):
        run.provenance["averaged"] = 1  # type: ignore[index]
