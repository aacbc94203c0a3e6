"""English text that every Python brings along: the help topics of `pydoc`, as character windows."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import torch
from torch import Tensor

N_CHARACTERS = 200_000
N_TRAIN = 180_000
RARE = 200
"""Characters seen this often or less share the id 0."""


def windows(length: int = 32) -> dict[str, Any]:
    """Next-character prediction on consecutive windows.

    Args:
        length: characters a window.

    Returns:
        train and validation as (inputs, targets), int64[n, length] each, the targets one character ahead; and as
        provenance the sha256 of the text, which moves a little with the Python version.
    """
    text = _text()
    ids = _encode(text)
    return {
        "train": _windows(ids[:N_TRAIN], length),
        "validation": _windows(ids[N_TRAIN:], length),
        "provenance": {"sha256 of pydoc_data.topics as text": hashlib.sha256(text.encode()).hexdigest()},
    }


def vocabulary_size() -> int:
    """Number of character ids."""
    return len(_kept(_text())) + 1


def _text() -> str:
    from pydoc_data.topics import topics

    return "\n".join(topics[key] for key in sorted(topics)).lower()[:N_CHARACTERS]


def _kept(text: str) -> list[str]:
    return sorted(c for c, n in Counter(text).items() if n > RARE)


def _encode(text: str) -> Tensor:
    ids = {c: i for i, c in enumerate(_kept(text), start=1)}
    return torch.tensor([ids.get(c, 0) for c in text], dtype=torch.int64)


def _windows(ids: Tensor, length: int) -> tuple[Tensor, Tensor]:
    n = (len(ids) - 1) // length
    return ids[: n * length].view(n, length), ids[1 : n * length + 1].view(n, length)
