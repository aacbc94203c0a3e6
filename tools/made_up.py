"""Logs made up for sample_runs/: the same bytes on every machine.

Only Python's own random numbers, whose sequence is guaranteed, and numbers rounded to five digits, so that the last bit
of a logarithm or an exponential does not show.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterable, Iterator
from statistics import NormalDist

DIGITS = 5
"""Significant digits of every value."""


def noisy_but_fine() -> str:
    """A small batch: the loss halves within 600 steps, and single batches differ by a factor of two all the time."""
    noise = _normal(1)
    rows = (
        (step, 2.3 * math.exp(-0.9 * step / 600 + 0.35 * next(noise)), math.exp(0.3 * next(noise)))
        for step in range(600)
    )
    return _csv(("step", "train_loss", "grad_norm"), rows)


def gradient_outliers() -> str:
    """A training that clips: four gradient norms far above the others, of which the loss shows nothing; JSON lines."""
    noise = _normal(4)
    outliers = {140: 22.0, 205: 14.0, 206: 17.0, 371: 31.0}
    rows = (
        {
            "step": step,
            "loss": _rounded(0.4 + 1.9 * math.exp(-step / 110) + 0.05 * next(noise)),
            "grad_norm": _rounded(outliers.get(step, 1.0) * math.exp(0.25 * next(noise))),
        }
        for step in range(450)
    )
    return _json_lines(rows)


def nan() -> str:
    """A loss of half precision that overflows without any warning in the curve, as JSON lines."""
    noise = _normal(2)
    losses = [1.8 + 2.4 * math.exp(-step / 90) + 0.04 * next(noise) for step in range(321)]
    rows = [{"step": step, "loss": _rounded(loss), "lr": 0.001} for step, loss in enumerate(losses)]
    # the update at step 320 gave weights that are nan; the trainer went on for a while
    return _json_lines([*rows, *({"step": step, "loss": math.nan, "lr": 0.001} for step in range(321, 340))])


def mid_training_spike() -> str:
    """What nanoGPT prints, one line in ten steps: a spike over some two hundred steps that comes back."""
    return "".join(f"iter {step}: loss {loss:.4f}, time 93.41ms, mfu 12.80%\n" for step, loss in _spiking())


def _spiking() -> Iterator[tuple[int, float]]:
    noise = _normal(3)
    for step in range(0, 4000, 10):
        since = step - 2600
        spike = 1.6 * math.exp(-since / 80) if since >= 0 else 0.0
        yield step, 2.9 + 7.9 * (1 + step / 40) ** -0.7 + 0.03 * next(noise) + spike


def _normal(seed: int) -> Iterator[float]:
    """Standard normal numbers."""
    uniform = random.Random(seed)
    unit = NormalDist()
    while True:
        value = uniform.random()
        if value > 0:
            yield unit.inv_cdf(value)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _csv(columns: tuple[str, ...], rows: Iterable[tuple[int, *tuple[float, ...]]]) -> str:
    lines = [",".join(columns), *(",".join([str(row[0]), *map(_cell, row[1:])]) for row in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: float) -> str:
    return repr(_rounded(value))


def _json_lines(rows: Iterable[dict[str, float]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


MADE_UP: dict[str, Callable[[], str]] = {
    "gradient_outliers.jsonl": gradient_outliers,
    "mid_training_spike.log": mid_training_spike,
    "nan.jsonl": nan,
    "noisy_but_fine.csv": noisy_but_fine,
}
"""File of sample_runs/ -> its text."""
