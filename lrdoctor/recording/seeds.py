"""Other seeds than the script's: an offset on whatever it sets, and a beginning for what it sets nowhere."""

from __future__ import annotations

import functools
import os
import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

APART = 1000
"""Between two seeds of a trial, so that scripts which count up from their own seed (by rank, by worker) do not meet."""
LARGEST = 2**32
"""NumPy takes seeds below it."""

_offset = 0
"""What is added in this process."""
_beginning: tuple[int, int] | None = None
"""What unseeded generators begin with, and the process in which they do; None for chance."""


def begin(seed: int, directory: str) -> None:
    """Seeds what no script has seeded yet: `random` at once, `numpy.random` and torch as soon as they are there.

    All of them ask the system for a seed in every process, so that two runs of a script which sets none are two
    trainings. Ranks have seeds of their own, and so have the Python processes that a script starts, by the order in
    which they begin. Forks, such as the workers of a data loader, draw by chance as ever: they would all draw the same.

    Args:
        seed: of the trial.
        directory: of the recording, which all processes of the run share.
    """
    global _beginning
    number = _place(directory)
    rank = _rank()
    _beginning = (APART * seed + (number if rank is None else rank)) % LARGEST, os.getpid()
    random.seed(_beginning[0])
    for name, then in {"numpy.random": begin_numpy, "torch": begin_torch}.items():
        if name in sys.modules:
            then(sys.modules[name])


def begin_torch(torch: ModuleType) -> None:
    """Seeds the generators of torch, which has just been imported."""
    if _beginning is not None and os.getpid() == _beginning[1]:
        torch.manual_seed(_beginning[0])


def begin_numpy(numpy_random: ModuleType) -> None:
    """Seeds the global generator of `numpy.random`, and those that `default_rng` makes without a seed, each otherwise.

    `import numpy` does not import it: that may happen in a fork.
    """
    if _beginning is None or os.getpid() != _beginning[1]:
        return
    beginning, process = _beginning
    numpy_random.seed(beginning)
    real, made = numpy_random.default_rng, [0]

    @functools.wraps(real)
    def default_rng(seed: Any = None) -> Any:
        if seed is None and os.getpid() == process:
            made[0] += 1
            seed = [beginning, made[0]]
        return real(seed)

    numpy_random.default_rng = default_rng  # type: ignore[attr-defined]


def _place(directory: str) -> int:
    """How many processes of the run have begun before this one."""
    number = 0
    while True:
        try:
            os.close(os.open(os.path.join(directory, f".begun{number}"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            number += 1
        else:
            return number


def _rank() -> int | None:
    """Of this process among those that a launcher started; None where there is none. torch is not there yet."""
    # not SLURM's and MPI's: a worker of a cluster that they started hands its own number on to every command
    for name in ("RANK", "LOCAL_RANK"):
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return None


def shift(torch: ModuleType, seed: int) -> None:
    """Adds 1000 times the seed to those that the script gives to torch, random and numpy.random from now on; seed 0
    leaves them as they are, and `choose` may still follow."""
    depth = [0]

    def shifted(real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(*args: Any, **kwargs: Any) -> Any:
            if _offset and depth[0] == 0 and args and isinstance(args[0], int):
                args = ((args[0] + _offset) % LARGEST, *args[1:])
            depth[0] += 1  # torch.manual_seed calls those of the devices
            try:
                return real(*args, **kwargs)
            finally:
                depth[0] -= 1

        return call

    choose(seed)
    patched = shifted(torch.manual_seed)
    for name in ("torch", "torch.random"):
        setattr(sys.modules[name], "manual_seed", patched)  # noqa: B010  # types know no such thing of a module
    for name in ("manual_seed", "manual_seed_all"):
        setattr(torch.cuda, name, shifted(getattr(torch.cuda, name)))
    random.seed = shifted(random.seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed = shifted(numpy.random.seed)


def choose(seed: int) -> None:
    """Sets the offset."""
    global _offset
    _offset = APART * seed
