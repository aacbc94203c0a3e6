"""The figures of a sweep with what they may be over other seeds, as every format writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lrdoctor.core.certainty import range_text

BEST, UNSTABLE, MARGIN = "best_learning_rate", "unstable_base_learning_rate", "stability_margin"


def with_interval(text: str, sweep: Mapping[str, Any], key: str, write: Callable[[float], str]) -> str:
    """The figure and its interval.

    >>> known = {"n_seeds": 3, "confidence": 0.9, "stability_margin": [1.6, 5.9]}
    >>> with_interval("3.2x", {"intervals": known}, "stability_margin", "{:.3g}x".format)
    '3.2x (90 %: 1.6x to 5.9x)'
    >>> with_interval("3.2x", {"intervals": known | {"n_seeds": 1, "stability_margin": None}}, "stability_margin", str)
    '3.2x (1 seed: no interval)'
    >>> with_interval("3.2x", {"intervals": {}}, "stability_margin", str)
    '3.2x'

    Args:
        text: the figure.
        sweep: the report's section of the sweep.
        key: of the interval.
        write: the words for its ends.
    """
    known = sweep.get("intervals")
    if not known:
        return text
    if known[key] is None:
        return f"{text} (1 seed: no interval)"
    low, high = known[key]
    return f"{text} ({range_text((low, high), known['confidence'], write)})"
