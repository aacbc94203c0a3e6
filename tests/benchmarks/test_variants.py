"""The labelled logs in other forms."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.indexed_logs import Log
from benchmarks.variants import FEWEST_POINTS, FORMS, KEPT, Variant, variants
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run

N = 1000


def forms_of(n: int = N, **provenance: object) -> dict[str, Variant]:
    steps = 10 * np.arange(n)
    curves = {
        "train_loss": Curve(steps, 2 + 1 / (1 + np.arange(n)) + 0.1 * np.random.default_rng(0).normal(size=n)),
        "grad_norm": Curve(steps, np.ones(n)),
    }
    run = Run("run", "log.csv", curves, provenance=provenance)
    return {variant.form: variant for variant in variants(Log("id", "stable", (), (run,)))}


@pytest.mark.parametrize(
    ("form", "n", "first", "last"),
    [
        ("every 2nd", 500, 0, 9980),
        ("every other 2nd", 500, 10, 9990),
        ("every 3rd", 334, 0, 9990),
        ("every 5th", 200, 20, 9970),
        ("every 10th", 100, 30, 9930),
        ("means of 2", 500, 10, 9990),
        ("means of 5", 200, 40, 9990),
        ("means of 20", 50, 190, 9990),
        ("first 30 %", 300, 0, 2990),
        ("first 60 %", 600, 0, 5990),
        ("20 to 70 %", 500, 2000, 6990),
        ("last half", 500, 5000, 9990),
        ("last fifth", 200, 8000, 9990),
        ("EMA 0.6", N, 0, 9990),
        ("EMA 0.9", N, 0, 9990),
        ("EMA 0.98", N, 0, 9990),
        ("2 digits", N, 0, 9990),
        ("3 digits", N, 0, 9990),
    ],
)
def test_a_form_has_its_points(form: str, n: int, first: int, last: int) -> None:
    loss = forms_of()[form].run.train_loss
    assert (len(loss), loss.step[0], loss.step[-1]) == (n, first, last)


def test_every_form_is_made() -> None:
    assert set(forms_of()) == set(FORMS)


def test_what_forms_do_to_the_values() -> None:
    was = forms_of()["every 2nd"].run.train_loss.value
    whole = forms_of()
    pairs = forms_of()["means of 2"].run.train_loss.value
    assert np.std(pairs) < np.std(was)
    assert np.std(whole["EMA 0.98"].run.train_loss.value[500:]) < 0.5 * np.std(was[250:])
    rounded = whole["2 digits"].run.train_loss.value
    np.testing.assert_array_equal(rounded, np.round(rounded, 2))
    np.testing.assert_allclose(rounded[::2], was, atol=0.0051)


@pytest.mark.parametrize(("n", "is_judged"), [(FEWEST_POINTS * 2 - 2, False), (FEWEST_POINTS * 2, True)])
def test_a_form_of_too_few_points_is_left_out(n: int, is_judged: bool) -> None:
    assert ("every 2nd" in forms_of(n)) is is_judged
    assert "2 digits" in forms_of(n)


def test_the_provenance_that_still_holds_is_kept() -> None:
    known = {"x": "samples", "columns": {"train_loss": "loss"}, "objective": "minimized"}
    made = forms_of(**known, quantised=5, smoothed=0.9, averaged=10, resumed_at=(40,), step_gap=1)
    assert set(known) == set(KEPT)
    assert dict(made["means of 5"].run.provenance) == known
    assert dict(made["2 digits"].run.provenance) == {**known, "quantised": 2}
    assert dict(forms_of()["last half"].run.provenance) == {}


def test_the_loss_alone_is_judged_but_the_other_columns_stay_known() -> None:
    """Their names may show what the loss means."""
    for variant in forms_of().values():
        assert set(variant.run.curves) == {"train_loss", "grad_norm"}
        assert len(variant.run.grad_norm) == 0
        assert (variant.log.id, variant.run.name) == ("id", "run")
