import numpy as np
import pytest

from benchmarks import families

CELLS = [cell for cell in families.cells() if "100000" not in cell.variation]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.kind}, {cell.variation}")
def test_a_cell_makes_the_same_curve_for_the_same_seed(cell):
    one, again, other = cell.make(1), cell.make(1), cell.make(2)
    assert np.array_equal(one.loss, again.loss, equal_nan=True)
    assert not np.array_equal(one.loss, other.loss, equal_nan=True)
    assert one.steps.size == one.loss.size == one.grad_norm.size
    assert np.isfinite(one.loss).all() == (cell.label != "nan")
    assert (one.onset is None) == (cell.label == "stable")


@pytest.mark.parametrize("kind", families.INSTABILITIES)
@pytest.mark.parametrize("trend", families.TRENDS)
def test_an_instability_begins_at_its_onset_and_goes_up(kind, trend):
    """The same seed and name without the instability is the run before its onset."""
    for seed in range(5):
        made = families.make(seed, name="x", kind=kind, trend=trend)
        healthy = families.make(seed, name="x", kind="healthy", trend=trend)
        assert np.array_equal(made.loss[: made.onset], healthy.loss[: made.onset])
        after = np.log(made.loss[made.onset :]) - np.log(healthy.loss[made.onset :])
        assert not np.isfinite(made.loss).all() or after.max() > 0.02


@pytest.mark.parametrize("noise", families.NOISES)
def test_noise_has_about_unit_scale(noise):
    values = families.NOISES[noise](np.random.default_rng(0), 20_000)
    assert 0.5 < np.std(values) < 1.5
    assert abs(np.median(values)) < 0.1


@pytest.mark.parametrize(
    ("logging", "steps", "values"),
    [
        ("every 10th", [9, 19], [9.0, 19.0]),
        ("means of 10", [9, 19], [4.5, 14.5]),
        ("EMA 0.9", [0, 1], [0.0, 0.1]),
    ],
)
def test_how_a_curve_is_logged(logging, steps, values):
    kept, logged = families.LOGGINGS[logging][0](np.arange(25.0))
    assert kept[:2].tolist() == steps
    assert logged[:2].tolist() == pytest.approx(values)


def test_an_average_keeps_what_is_not_finite():
    _, logged = families.LOGGINGS["EMA 0.9"][0](np.array([1.0, np.inf, 1.0]))
    assert logged.tolist() == [1.0, np.inf, np.inf]
