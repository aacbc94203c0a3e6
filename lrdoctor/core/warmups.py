"""How long a warmup may be: the playbook's numbers, for advice and for trials alike."""

from __future__ import annotations

from collections.abc import Sequence

CAP = 0.1
"""Largest share of max_train_steps that a warmup may take (tuning playbook)."""
FEWEST = 3
"""Points that the search has at least, where the cap has room for them: missing powers of ten and the cap itself
fill up what the cap left."""
ORDERS = (10, 1000, 10_000, 100_000)
"""The playbook's example of warmup_steps over orders of magnitude; a sweep takes the spec's."""
TRAIN_LONGER = 0.05
"""Share of the run from which on a warmup asks for a longer one (tuning playbook)."""
SHORT_RUN = 500
"""Updates of the playbook's short run for early instability."""


def longest_warmup(max_train_steps: int) -> int:
    """The cap in updates, 1 at least.

    >>> longest_warmup(20_000), longest_warmup(5)
    (2000, 1)
    """
    return max(1, int(CAP * max_train_steps))


def steps_to_try(wanted: Sequence[int], max_train_steps: int) -> list[int]:
    """warmup_steps over orders of magnitude, none above the cap.

    Args:
        wanted: the spec's `warmup.steps`.
        max_train_steps: what the cap is a share of.

    >>> steps_to_try(ORDERS, 10**6), steps_to_try(ORDERS, 20_000), steps_to_try(ORDERS, 300)
    ([10, 1000, 10000, 100000], [10, 100, 1000, 2000], [1, 10, 30])
    """
    cap = longest_warmup(max_train_steps)
    chosen = {n for n in wanted if n <= cap}
    if len(chosen) < FEWEST:
        chosen |= {10**k for k in range(1, len(str(cap))) if 10**k <= cap} | {cap}
    if len(chosen) < FEWEST:
        chosen |= {1}  # short runs: the shortest ramp there is
    return sorted(chosen)


def left_out(wanted: Sequence[int], max_train_steps: int) -> str | None:
    """What to say of warmup_steps that a spec asks for and the cap forbids; None where there are none.

    The playbook's own example is a list of orders of magnitude, of which those that fit are meant: it asks for none.

    Args:
        wanted: the spec's `warmup.steps`.
        max_train_steps: what the cap is a share of.

    >>> print(left_out([500], 1000))
    warmup.steps: 500 is above the cap of 10 % of max_train_steps (100), so 1, 10, 100 are tried; train longer for it
    >>> left_out([50, 100], 1000), left_out(ORDERS, 1000)
    (None, None)
    """
    above = [n for n in wanted if n > longest_warmup(max_train_steps)]
    if not above or tuple(wanted) == ORDERS:
        return None
    tried = ", ".join(map(str, steps_to_try(wanted, max_train_steps)))
    are, them = ("are", "them") if len(above) > 1 else ("is", "it")
    return (
        f"warmup.steps: {', '.join(map(str, above))} {are} above the cap of {100 * CAP:.0f} % of max_train_steps "
        f"({longest_warmup(max_train_steps)}), so {tried} are tried; train longer for {them}"
    )
