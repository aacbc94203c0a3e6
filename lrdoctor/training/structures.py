"""Batches of any shape: tensors nested in tuples, lists, dicts, or objects with a `to` method."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

UNKNOWN_BYTES = 64 * 1024
"""What an object without tensors is taken to weigh in a cache: a guess on the safe side."""


def map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed; what holds no tensor is passed through."""
    return _map(value, lambda v: isinstance(v, Tensor), change)


def _map(value: Any, is_leaf: Callable[[Any], bool], change: Callable[[Any], Any]) -> Any:
    """The same structure with every leaf changed, its tuples, lists and mappings made anew."""
    if is_leaf(value):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_map(v, is_leaf, change) for v in value))
    if isinstance(value, (tuple, list)):
        return type(value)(_map(v, is_leaf, change) for v in value)
    if isinstance(value, Mapping):
        changed = {k: _map(v, is_leaf, change) for k, v in value.items()}
        return _like(value, changed)
    return value


def _like(original: Mapping[Any, Any], changed: dict[Any, Any]) -> Any:
    """`changed` as the original's own mapping type where that can be made (Hugging Face's BatchEncoding)."""
    if type(original) is dict:
        return changed
    try:
        return type(original)(changed)  # type: ignore[call-arg]
    except TypeError:
        return changed


def copy_to(value: Any, device: torch.device) -> Any:
    """The batch on the device, its tensors copies in any case; other objects that have `to` move themselves."""

    def moved(leaf: Any) -> Any:
        return leaf.to(device, copy=True) if isinstance(leaf, Tensor) else leaf.to(device)

    return _map(value, lambda v: hasattr(v, "to") and not isinstance(v, Mapping), moved)


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor of the structure, in a fixed order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for v in value:
            yield from tensors(v)
    elif isinstance(value, Mapping):
        for v in value.values():
            yield from tensors(v)


def batch_length(batch: Any) -> int:
    """Samples in the batch: the first dimension of its first tensor that has one, else 1."""
    return next((int(t.shape[0]) for t in tensors(batch) if t.ndim), 1)


def weight(batch: Any) -> int:
    """Bytes the batch holds."""
    held = sum(t.nbytes for t in tensors(batch))
    return held or UNKNOWN_BYTES


def version(batch: Any) -> int:
    """A number that grows when any tensor of the batch is changed in place."""
    return sum(t._version for t in tensors(batch))


def digest(batch: Any) -> str:
    """sha256 of shapes, types and bytes of the batch's tensors."""
    sha = hashlib.sha256()
    for t in tensors(batch):
        sha.update(f"{tuple(t.shape)} {t.dtype};".encode())
        # a scalar has no dimension to view its bytes through
        sha.update(t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def first_examples(batches: Iterable[Any], n: int | None) -> Iterator[Any]:
    """As many of the first batches, whole, as hold `n` examples at most, one at least; all of them for None."""
    if n is None:
        yield from batches
        return
    total = 0
    for batch in batches:
        if total and total + batch_length(batch) > n:
            return
        total += batch_length(batch)
        yield batch
        if total >= n:  # the next batch would have to be made to see that it is one too many
            return
