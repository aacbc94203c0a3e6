"""scikit-learn's digits: 1797 images of 8 x 8 pixels in 10 classes, real and small."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lrdoctor.errors import WorkloadError

N_TRAIN = 1297
"""Images for training; the other 500 are for validation."""

Split = tuple[Tensor, Tensor]
"""(images, labels): float32[n, ...] and int64[n]."""


def images() -> dict[str, Any]:
    """Train and validation images of shape [n, 1, 8, 8], for convolutions."""
    return _data((1, 8, 8))


def vectors() -> dict[str, Any]:
    """Train and validation images of shape [n, 64], for fully connected networks."""
    return _data((64,))


def sequences() -> dict[str, Any]:
    """Train and validation images as sequences of 32 steps of 2 pixels, shape [n, 32, 2], for recurrent networks."""
    return _data((32, 2))


def _data(shape: tuple[int, ...]) -> dict[str, Any]:
    x, y = _standardised()
    x = x.reshape(-1, *shape)
    return {"train": (x[:N_TRAIN], y[:N_TRAIN]), "validation": (x[N_TRAIN:], y[N_TRAIN:])}


def _standardised() -> Split:
    """All images in a fixed random order, pixels / 16, standardised by the training images' mean and deviation."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise WorkloadError(
            "the digits workloads need scikit-learn, which is not installed: pip install 'lrdoctor[examples]'"
        ) from error
    digits = load_digits()
    order = np.random.RandomState(0).permutation(len(digits.target))
    pixels = digits.data[order] / 16.0
    mean, deviation = pixels[:N_TRAIN].mean(), pixels[:N_TRAIN].std()
    x = torch.tensor((pixels - mean) / deviation, dtype=torch.float32)
    return x, torch.tensor(digits.target[order], dtype=torch.int64)
