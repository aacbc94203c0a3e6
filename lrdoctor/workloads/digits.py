"""scikit-learn's digits: 1797 images of 8 x 8 pixels in 10 classes, real and small."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
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
    table = _table()
    table = table[np.random.RandomState(0).permutation(len(table))]
    pixels = table[:, :-1] / 16.0
    mean, deviation = pixels[:N_TRAIN].mean(), pixels[:N_TRAIN].std()
    x = torch.tensor((pixels - mean) / deviation, dtype=torch.float32)
    return x, torch.tensor(table[:, -1], dtype=torch.int64)


def _table() -> npt.NDArray[np.float64]:
    """float64[1797, 65]: 64 pixels and the label, as `sklearn.datasets.load_digits` reads them.

    Read from scikit-learn's file without importing scikit-learn, which takes longer than a whole trial.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise WorkloadError(
            "the digits workloads need scikit-learn, which is not installed: pip install 'lrdoctor[examples]'"
        )
    file = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    if not file.is_file():
        raise WorkloadError(f"the digits workloads read {file}, which this version of scikit-learn does not have")
    return np.loadtxt(file, delimiter=",")
