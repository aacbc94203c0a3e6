"""Batches of any shape: tensors of any layout and numpy arrays, nested in tuples, lists, dicts and dataclasses, or in
objects with a `to` method."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

UNKNOWN_BYTES = 64 * 1024
"""What an object without tensors is taken to weigh in a cache: a guess on the safe side."""

COMPRESSED = {
    torch.sparse_csr: (Tensor.crow_indices, Tensor.col_indices),
    torch.sparse_bsr: (Tensor.crow_indices, Tensor.col_indices),
    torch.sparse_csc: (Tensor.ccol_indices, Tensor.row_indices),
    torch.sparse_bsc: (Tensor.ccol_indices, Tensor.row_indices),
}
"""Layout -> the two tensors of indices that say where its values stand."""


def map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed; what holds no tensor is passed through."""
    return _map(value, lambda v: isinstance(v, Tensor), change)


def handed_out(value: Any, clone: bool) -> Any:
    """The batch for one reader: its containers made anew, and copies of what may be changed unseen.

    Args:
        value: the batch as it is kept.
        clone: whether tensors are copied whose changes `version` shows, too.
    """

    def leaf(found: Any) -> Any:
        if isinstance(found, np.ndarray):
            return found.copy()
        return found.clone() if clone or not _is_counted(found) else found

    return _map(value, lambda v: isinstance(v, (Tensor, np.ndarray)), leaf)


def _map(value: Any, is_leaf: Callable[[Any], bool], change: Callable[[Any], Any]) -> Any:
    """The same structure with every leaf changed, its tuples, lists, mappings and dataclasses made anew."""
    if is_leaf(value):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_map(v, is_leaf, change) for v in value))
    if isinstance(value, (tuple, list)):
        return type(value)([_map(v, is_leaf, change) for v in value])
    if isinstance(value, Mapping):
        changed = {k: _map(v, is_leaf, change) for k, v in value.items()}
        return _like(value, changed)
    if _is_dataclass(value):
        made = copy.copy(value)
        for name, v in _fields(value):
            object.__setattr__(made, name, _map(v, is_leaf, change))  # which a frozen one allows, too
        return made
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
    """The batch on the device, its tensors and arrays copies in any case; other objects that have `to` move
    themselves, to what `to` returns or, where it returns nothing, in place."""

    def moved(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            return leaf.copy()
        if isinstance(leaf, Tensor):
            return leaf.to(device, copy=True)
        found = leaf.to(device)
        return leaf if found is None else found

    return _map(value, _is_movable, moved)


def _is_movable(value: Any) -> bool:
    if isinstance(value, (np.ndarray, Tensor)):
        return True
    return hasattr(value, "to") and not isinstance(value, (Mapping, type))


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor of the structure, in a fixed order."""
    return (leaf for leaf in _leaves(value) if isinstance(leaf, Tensor))


def _leaves(value: Any, whole: tuple[type, ...] = (), seen: frozenset[int] = frozenset()) -> Iterator[Any]:
    """Every tensor and array of the structure, those that an object with `to` holds as attributes included.

    Args:
        value: the structure.
        whole: kinds that are leaves as well.
        seen: identities of the objects that hold the value: two may refer to each other.
    """
    if isinstance(value, (Tensor, np.ndarray, *whole)):
        yield value
        return
    inner: Iterable[Any] = ()
    if isinstance(value, (tuple, list)):
        inner = value
    elif isinstance(value, Mapping):
        inner = value.values()
    elif _is_dataclass(value):
        inner = [v for _, v in _fields(value)]
    elif _is_movable(value) and hasattr(value, "__dict__") and id(value) not in seen:
        inner, seen = vars(value).values(), seen | {id(value)}
    for v in inner:
        yield from _leaves(v, whole, seen)


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields that are set."""
    names = (field.name for field in dataclasses.fields(value))
    return ((name, getattr(value, name)) for name in names if hasattr(value, name))


def _parts(tensor: Tensor) -> Iterator[Tensor]:
    """The strided tensors that a tensor of any layout consists of."""
    if tensor.layout is torch.sparse_coo:
        yield from (tensor._indices(), tensor._values())
    elif tensor.layout in COMPRESSED:
        yield from (part(tensor) for part in COMPRESSED[tensor.layout])
        yield tensor.values()
    elif tensor.is_nested:
        yield from tensor.unbind()
    elif tensor.is_quantized:
        yield tensor.int_repr()
    else:
        yield tensor if tensor.layout is torch.strided else tensor.to_dense()


def _is_counted(tensor: Tensor) -> bool:
    """Whether every change in place shows in the tensor's version; the parts of others are changed unseen."""
    return tensor.layout is torch.strided and not tensor.is_nested


def batch_length(batch: Any) -> int:
    """Samples in the batch: the first dimension of its first tensor or array that has one, or the sequences of a packed
    sequence that comes before it; else 1."""
    for leaf in _leaves(batch, whole=(PackedSequence,)):
        if isinstance(leaf, PackedSequence):  # whose data have a row a time step
            return int(leaf.batch_sizes[0])
        if leaf.ndim:
            return int(leaf.size(0) if isinstance(leaf, Tensor) else leaf.shape[0])
    return 1


def weight(batch: Any) -> int:
    """Bytes the batch holds."""
    held = 0
    for leaf in _leaves(batch):
        held += sum(part.nbytes for part in _parts(leaf)) if isinstance(leaf, Tensor) else leaf.nbytes
    return held or UNKNOWN_BYTES


def version(batch: Any) -> int:
    """A number that grows when any tensor of the batch is changed in place, as far as torch counts it."""
    return sum(t._version for t in tensors(batch) if not t.is_inference())


def digest(batch: Any) -> str:
    """sha256 of shapes, types and bytes of the batch's tensors and arrays."""
    sha = hashlib.sha256()
    for leaf in _leaves(batch):
        for part in _parts(leaf) if isinstance(leaf, Tensor) else (leaf,):
            sha.update(f"{tuple(part.shape)} {part.dtype};".encode())
            sha.update(_bytes(part))
    return sha.hexdigest()


def _bytes(part: Tensor | np.ndarray[Any, Any]) -> bytes:
    if isinstance(part, Tensor):
        # a scalar has no dimension to view its bytes through; a lazy conjugate has bytes of its own once resolved
        dense = part.detach().cpu().resolve_conj().resolve_neg().contiguous()
        return dense.reshape(-1).view(torch.uint8).numpy().tobytes()
    # the bytes of an array of objects are their addresses
    return repr(part.tolist()).encode() if part.dtype.hasobject else part.tobytes()


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
