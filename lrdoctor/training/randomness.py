"""Random streams that do not disturb one another.

The batches, the evaluation and the training each draw from a stream of their own, so that evaluating more
often, or reading the batches ahead, changes no number of the training.
"""

from __future__ import annotations

import random
from types import TracebackType
from typing import Any

import numpy as np
import torch

_NUMPY_SEEDS = 2**32


def seed_all(seed: int) -> None:
    """Seeds Python's, numpy's and torch's global generators (on every device)."""
    random.seed(seed)
    np.random.seed(seed % _NUMPY_SEEDS)
    torch.manual_seed(seed)


class Stream:
    """A random stream: inside `with stream:` the global generators are this stream's.

    On the way out its state is kept and the outer state restored.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._own: Any = None
        self._outer: Any = None

    def __enter__(self) -> Stream:
        self._outer = _state()
        if self._own is None:
            seed_all(self._seed)
        else:
            _restore(self._own)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._own = _state()
        _restore(self._outer)


def _state() -> Any:
    # asking for CUDA's state before anything uses CUDA would start it
    is_used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cuda = torch.cuda.get_rng_state_all() if is_used else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def _restore(state: Any) -> None:
    python, numpy, cpu, cuda = state
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
