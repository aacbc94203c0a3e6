"""What is known of an update rule by its name."""

from __future__ import annotations

SCALE_FREE = ("adam", "rmsprop", "adagrad", "adafactor", "lion")
"""Parts of the names of rules whose steps do not depend on the gradient's scale."""


def is_scale_free(name: str) -> bool:
    """Whether a constant factor on the gradient hardly changes the rule's steps.

    >>> is_scale_free("nadam"), is_scale_free("torch.optim:Adagrad"), is_scale_free("momentum")
    (True, True, False)
    """
    return any(part in name.lower() for part in SCALE_FREE)
