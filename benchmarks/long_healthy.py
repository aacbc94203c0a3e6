"""How many healthy logs of 1,000 to 1,000,000 points are called unstable, by the tail of their noise.

`--alpha` is the share of healthy *runs* that may be: a chance that is spent at every point would flag every long log.
The noise, normal or with the tails of Laplace's and Student's distributions, is laid upon the logarithm of the loss, or
upon the loss itself; all have the same deviation. The trends take turns, seed by seed.

    python -m benchmarks.long_healthy [--seeds 60]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.curve_parts import TRENDS, Random, Values
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.rules import judge_run

LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
MOST_FLAGGED = 0.015
"""What is accepted: `--alpha` is 0.01, and a few hundred seeds tell no more."""
OF_LOSS = 0.5
"""Part of the noise of the logarithm that is laid upon the loss: more of it would take a loss near 0 below 0."""

NOISES: dict[str, Callable[[Random, int], Values]] = {
    "normal": lambda random, n: random.normal(size=n),
    "Laplace": lambda random, n: random.laplace(size=n) / np.sqrt(2),
    "t5": lambda random, n: random.standard_t(5, n) / np.sqrt(5 / 3),
    "t3": lambda random, n: random.standard_t(3, n) / np.sqrt(3),
}
"""Of deviation 1."""


def log_of(seed: int, n: int, noise: str, *, is_added: bool) -> Run:
    """A healthy run of n steps.

    Args:
        seed: decides everything, the trend too.
        n: steps, each of them logged.
        noise: a key of NOISES.
        is_added: whether the noise is laid upon the loss, and not upon its logarithm.
    """
    random = np.random.default_rng([seed, n, list(NOISES).index(noise), is_added])
    trend, deviation = list(TRENDS.values())[seed % len(TRENDS)]
    level, values = trend(n, np.arange(n) / n), deviation * NOISES[noise](random, n)
    loss = level + OF_LOSS * level.min() * values if is_added else level * np.exp(values)
    return Run(f"{noise} {seed}", "made up", {"train_loss": Curve(np.arange(n), loss)})


def is_flagged(run: Run) -> bool:
    """Whether anything makes the run unstable."""
    findings = judge_run(run, Study(name=run.name, runs=(run,)))
    return any(getattr(found, "severity", None) == "error" for found in findings)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60, help="runs a cell")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    options = parser.parse_args(arguments)
    print(f"{'points':>10} {'noise on the':13}", *(f"{noise:>9}" for noise in NOISES), f"{'all':>13}")
    for n in options.lengths:
        for is_added in (False, True):
            flagged = [
                sum(is_flagged(log_of(seed, n, noise, is_added=is_added)) for seed in range(options.seeds))
                for noise in NOISES
            ]
            total, runs = sum(flagged), options.seeds * len(NOISES)
            verdict = "ok" if total <= MOST_FLAGGED * runs else "MISSED"
            cells = " ".join(f"{count:9}" for count in flagged)
            print(f"{n:10,} {'loss' if is_added else 'logarithm':13} {cells} {total:5} of {runs} {verdict}", flush=True)


if __name__ == "__main__":
    main()
