"""Data of any shape -> the batches of a seed, made once and shared by all trials of that seed.

What a data factory may return for `train` and `validation`: a tensor, or a tuple or dict of tensors with one
row a sample (lrdoctor draws the batches); a torch Dataset (likewise); a DataLoader or any other iterable of
batches that starts afresh each time it is iterated. An object of another library with samples by number (`len` and
`[i]`) counts as a Dataset when data.batch_size is set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate

from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.training import structures
from lrdoctor.training.importing import blame
from lrdoctor.training.randomness import Stream

CACHE_BYTES = 256 * 1024 * 1024
"""Memory a worker spends on the batches of one seed before it makes them anew for every trial, and on those of all
the seeds it is not using."""

READ_AHEAD_SECONDS = 0.001
"""Batches are made for this long at a time: entering and leaving a random stream costs as much as making several
small batches, and nothing beside a slow one. How many are made ahead changes no number."""

OVER = object()
"""What stands for a batch when there is none left; None is a batch, if one that no step can use."""

ONE_SHOT = ("builtins", "itertools")
"""Modules whose iterators, generators among them, never start afresh."""

LONGEST_BATCHES, LONGEST_EXAMPLES = 1000, 250_000
"""Validation data that go on beyond both, and beyond the length that they tell, are taken to be endless: five times
the examples of ImageNet's validation set, in no fewer than a thousand batches, since what counts as an example may be
a node of a graph or a token. Every evaluation would pass over them once more."""

AFRESH = "return a list, a DataLoader or an object whose __iter__ starts afresh"

Epoch = Callable[[], Iterator[Any]]
"""Starts one pass over the data; its random draws come from the global generators."""


def epochs_of(data: Any, batch_size: int | None, key: str, *, shuffle: bool) -> Epoch:
    """One pass over `data` as a function.

    Args:
        data: what the factory returned.
        batch_size: `data.batch_size` of the spec; needed where the data are not batches yet.
        key: `train` or `validation`, for the messages.
        shuffle: whether lrdoctor draws the samples in a new random order each pass, dropping a last short batch.

    Raises:
        WorkloadError: the data are of no known shape, or batch_size is missing or superfluous.
    """
    if _is_columns(data):
        return _tensor_epochs(data, _needed(batch_size, data, key), key, shuffle)
    if isinstance(data, TensorDataset):
        return _tensor_epochs(data.tensors, _needed(batch_size, data, key), key, shuffle)
    if isinstance(data, IterableDataset):
        return lambda: iter(DataLoader(data, batch_size=_needed(batch_size, data, key)))
    if isinstance(data, Dataset):
        return _dataset_epochs(data, _needed(batch_size, data, key), key, shuffle)
    if batch_size is not None and _looks_like_dataset(data):
        return _dataset_epochs(data, batch_size, key, shuffle)
    if batch_size is not None:
        raise WorkloadError(
            f"data.batch_size is {batch_size}, but {key} is {type(data).__name__}, which already yields batches; "
            "leave batch_size out, or return datasets or tensors"
        )
    if not isinstance(data, Iterable):
        raise WorkloadError(
            f"data: {key} is {type(data).__name__}, expected tensors, a Dataset, a DataLoader or an iterable of batches"
        )
    if isinstance(data, Iterator) and type(data).__module__ in ONE_SHOT:
        raise WorkloadError(f"data: {key} is a {type(data).__name__}, which can be passed over only once; {AFRESH}")
    return _loader_epochs(data) if isinstance(data, DataLoader) else lambda: iter(data)


def length_of(data: Any) -> int:
    """What the data say of their own length, in batches or in examples; 0 where they say nothing."""
    if not isinstance(data, Sized):
        return 0
    try:
        return len(data)
    except (TypeError, NotImplementedError):  # a DataLoader over a stream has a `__len__` that raises
        return 0


def is_stateless(data: Any) -> bool:
    """Whether passing over the data leaves nothing behind, so that seeds can share it."""
    return _is_columns(data) or (isinstance(data, Dataset) and not isinstance(data, IterableDataset))


class _Held(NamedTuple):
    """A cached batch, and its version when it was made."""

    batch: Any
    version: int


class Batches:
    """The batches of one seed in the order of the steps, cached as they are first needed.

    Args:
        epoch: starts a pass over the data.
        seed: decides every random draw of the data, and nothing else does.
        device: where the batches go.
        key: `train` or `validation`, for the messages.
        repeat: whether to start again when a pass ends (training) or to stop there (validation).
        told_length: `length_of` the data: a pass over them may be that long in any case.
        stopped: asked between two batches whether the work is to be abandoned.
        cache_bytes: above this the cache is dropped and every reader passes over the data anew.
    """

    def __init__(
        self,
        epoch: Epoch,
        seed: int,
        device: torch.device,
        key: str,
        *,
        repeat: bool,
        told_length: int = 0,
        stopped: Callable[[], bool] = lambda: False,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._epoch = epoch
        self._seed = seed
        self._device = device
        self._key = key
        self._repeat = repeat
        self._told_length = told_length
        self._stopped = stopped
        self._cache_bytes = cache_bytes
        self._held = 0
        self._fits = True
        self._cache: list[_Held] = []
        self._source: Iterator[Any] | None = None
        self._clone = False

    @property
    def held(self) -> int:
        """Bytes in the cache."""
        return self._held

    def __iter__(self) -> Iterator[Any]:
        """The batches from the first on; endless when they repeat."""
        position = 0
        while self._reach(position):
            batch, version = self._cache[position]
            if structures.version(batch) != version:
                # A model changed the batch in place: what is cached is spoilt. Make it anew and from here on
                # hand out copies, so that no trial sees what another has left.
                self._clone = True
                self._forget()
                continue
            # the containers are made anew in any case: a step hook may pop the labels
            yield structures.handed_out(batch, self._clone)
            position += 1
        if not self._fits:
            yield from self._skip(self._make(), position)

    def _reach(self, position: int) -> bool:
        """Makes and keeps batches up to this one; False when the data end before it or the cache is full."""
        while self._fits and len(self._cache) <= position:
            if self._source is None:
                self._source = self._make()
            try:
                batch = next(self._source, OVER)
            except Exception:
                self._forget()  # a source that raised is over, and would look like data that end here
                raise
            if batch is OVER:
                return False
            self._keep(batch)
            if self._held > self._cache_bytes:
                self._forget()
                self._fits = False
        return self._fits

    def _keep(self, batch: Any) -> None:
        try:
            self._cache.append(_Held(batch, structures.version(batch)))
            self._held += structures.weight(batch)
        except Exception as error:
            raise WorkloadError(
                f"data: a batch of {self._key} holds something that cannot be kept for the next trial: {blame(error)}; "
                "try tensors, numpy arrays, or an object of your own with a `to` method"
            ) from error

    def _forget(self) -> None:
        self._cache.clear()
        self._source = None
        self._held = 0

    def _make(self) -> Iterator[Any]:
        stream = Stream(self._seed)
        source = self._passes()
        over: BaseException | None = None
        while over is None:
            made: list[Any] = []
            with stream:
                started = time.perf_counter()
                while over is None and time.perf_counter() - started < READ_AHEAD_SECONDS:
                    if self._stopped():
                        raise Interrupted("making the batches was abandoned")
                    try:
                        # copies, so that what a model changes in place is not the user's own list of batches
                        made.append(structures.copy_to(next(source), self._device))
                    except Exception as error:
                        over = error
            yield from made
        if isinstance(over, WorkloadError):
            raise over
        if not isinstance(over, StopIteration):
            raise WorkloadError(f"data: making a batch of {self._key} raised {blame(over)}") from over

    def _passes(self) -> Iterator[Any]:
        while True:
            n = n_examples = 0
            for batch in self._epoch():
                yield batch
                n += 1
                if not self._repeat:
                    n_examples += structures.batch_length(batch)
                    self._refuse_endless(n, n_examples)
            if n == 0:
                raise WorkloadError(
                    f"data: {self._key} yielded no batch; if it is a one-shot iterator, {AFRESH}; if it is a loader, "
                    "is batch_size larger than the data?"
                )
            if not self._repeat:
                return

    def _refuse_endless(self, n_batches: int, n_examples: int) -> None:
        most = max(self._told_length, LONGEST_BATCHES), max(self._told_length, LONGEST_EXAMPLES)
        if n_batches > most[0] and n_examples > most[1]:
            raise WorkloadError(
                f"data: {self._key} did not end after {n_batches:,} batches ({n_examples:,} examples), and every "
                "evaluation passes over all of it; have the data factory return a finite one, such as "
                "list(itertools.islice(stream, 100)), or one whose `__len__` tells how long it is"
            )

    @staticmethod
    def _skip(source: Iterator[Any], n: int) -> Iterator[Any]:
        for position, batch in enumerate(source):
            if position >= n:
                yield batch


def _is_columns(data: Any) -> bool:
    """A tensor, or a tuple or mapping of tensors only (a *list* of tensors is an iterable of batches)."""
    if isinstance(data, Tensor):
        return True
    if isinstance(data, tuple):
        return bool(data) and all(isinstance(v, Tensor) for v in data)
    return isinstance(data, Mapping) and bool(data) and all(isinstance(v, Tensor) for v in data.values())


def _loader_epochs(loader: DataLoader[Any]) -> Epoch:
    """Passes over a DataLoader; generators of its own are seeded anew for each from the global one.

    They would otherwise go on from wherever the last reader left them.
    """
    samplers = [getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)]
    samplers.append(getattr(samplers[-1], "sampler", None))
    found = [getattr(owner, "generator", None) for owner in (loader, *samplers)]
    generators = list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())

    def epoch() -> Iterator[Any]:
        for generator in generators:
            generator.manual_seed(int(torch.randint(2**31, ()).item()))
        return iter(loader)

    return epoch


def _looks_like_dataset(data: Any) -> bool:
    """Samples by number, such as a Hugging Face dataset; a list or tuple is taken for batches."""
    indexed = isinstance(data, Sized) and hasattr(data, "__getitem__")
    return indexed and not isinstance(data, (list, tuple, Mapping, DataLoader))


def _needed(batch_size: int | None, data: Any, key: str) -> int:
    if batch_size is None:
        raise WorkloadError(
            f"data: {key} is {type(data).__name__} with one row a sample, so batches must be drawn from it: "
            "set data.batch_size in the spec, or return a DataLoader"
        )
    return batch_size


def _tensor_epochs(columns: Any, batch_size: int, key: str, shuffle: bool) -> Epoch:
    lengths = {int(t.shape[0]) if t.ndim else 0 for t in structures.tensors(columns)}
    if len(lengths) != 1 or 0 in lengths:
        raise WorkloadError(f"data: the tensors of {key} have {sorted(lengths)} rows, expected one positive number")
    (n,) = lengths

    def epoch() -> Iterator[Any]:
        for rows in _rows(n, batch_size, shuffle):
            yield structures.map_tensors(columns, lambda t, rows=rows: t[rows])  # type: ignore[misc]

    return epoch


def _dataset_epochs(data: Any, batch_size: int, key: str, shuffle: bool) -> Epoch:
    if not isinstance(data, Sized) or len(data) == 0:
        raise WorkloadError(f"data: the {key} dataset {type(data).__name__} is empty or has no length")
    n = len(data)
    samples: Any = data  # having a length says nothing of samples by number; datasets have both

    def epoch() -> Iterator[Any]:
        for rows in _rows(n, batch_size, shuffle):
            yield default_collate([samples[i] for i in rows.tolist()])

    return epoch


def _rows(n: int, batch_size: int, shuffle: bool) -> Iterator[Tensor]:
    """Row numbers of one pass: shuffled ones without a last short batch, or all of them in order."""
    order = torch.randperm(n) if shuffle else torch.arange(n)
    size = min(batch_size, n)
    stop = n - n % size if shuffle else n
    for start in range(0, stop, size):
        yield order[start : start + size]
