"""A comparison of two ways of training in words, the same for every fix."""

from __future__ import annotations

from math import isfinite

from lrdoctor.procedures.comparison import FEWEST_SEEDS, Paired

WORDS = {"gain": "a gain", "loss": "a loss", "no change": "no change beyond the spread over the seeds"}


def change(paired: Paired) -> str:
    """A gain, a loss or neither, with the evidence: too few seeds show nothing, whatever they say.

    >>> from lrdoctor.procedures.comparison import compare
    >>> change(compare({0: 0.6, 1: 0.7, 2: 0.65}, {0: 0.5, 1: 0.55, 2: 0.53}))
    'a gain (lower in 3 of 3 seeds, differences by seed -0.15 to -0.1)'
    >>> change(compare({0: 0.6}, {0: 0.5}))
    'no gain or loss can be told from 1 seed, that takes 3 (lower in 1 of 1 seed, by 0.1)'
    """
    if not paired.n_pairs:
        return "no seed was judged both ways, so nothing is compared"
    evidence = f"lower in {paired.n_better} of {_seeds(paired.n_pairs)}{_differences(paired)}"
    if paired.n_pairs < FEWEST_SEEDS:
        return f"no gain or loss can be told from {_seeds(paired.n_pairs)}, that takes {FEWEST_SEEDS} ({evidence})"
    return f"{WORDS[paired.change]} ({evidence})"


def _seeds(n: int) -> str:
    return f"{n} seed{'' if n == 1 else 's'}"


def _differences(paired: Paired) -> str:
    if not (isfinite(paired.gain_low) and isfinite(paired.gain_high)):
        return "; some trials are infeasible"
    if paired.n_pairs == 1:
        return f", by {paired.gain:.3g}" if paired.n_better else f", higher by {-paired.gain:.3g}"
    return f", differences by seed {-paired.gain_high:+.3g} to {-paired.gain_low:+.3g}"
