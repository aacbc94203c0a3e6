"""Models, data and losses that a program holds in memory, under class paths by which its specs name them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

held = SimpleNamespace()
"""What is named: an attribute for each training, with its parts as attributes."""


class Fresh:
    """A copy of an object at every call: no trial sees what another one changed in it."""

    def __init__(self, of: Any) -> None:
        self._of = of

    def __call__(self) -> Any:
        return copy.deepcopy(self._of)


@contextmanager
def named(parts: dict[str, Callable[..., Any]]) -> Iterator[dict[str, str]]:
    """Class paths of the parts, as long as the context lasts. No two trainings are ever named alike.

    Args:
        parts: key of the spec -> what its class path is to name.
    """
    name = f"t{uuid4().hex}"
    setattr(held, name, SimpleNamespace(**parts))
    try:
        yield {key: f"{__name__}:held.{name}.{key}" for key in parts}
    finally:
        delattr(held, name)


@contextmanager
def left_as_it_was() -> Iterator[None]:
    """Within it trials may seed the global generators and set the threads; afterwards both are what they were."""
    import numpy as np
    import torch

    threads, states = torch.get_num_threads(), (random.getstate(), np.random.get_state(), torch.get_rng_state())
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
