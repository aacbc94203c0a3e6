"""Which dimension of a branch holds its features."""

from __future__ import annotations

from typing import NamedTuple

from lrdoctor.architecture.graph import Node
from lrdoctor.architecture.rewrite.branches import Branch

CONVOLUTIONS = "conv"
"""What the names of convolutions, transposed ones too, begin with."""
LENGTH_OF_SEQUENCES = 3
"""Dimensions of a batch of sequences; images have more."""

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """The features that a norm scales one by one."""

    size: int
    is_channels_first: bool
    """Whether they are the second dimension."""


def layout(branch: Branch) -> Layout | str:
    """The features of what the add is given, or why they are not clear.

    The second dimension behind a convolution, also where a linear layer's were moved there, else the last one.
    """
    shape, layer = branch.result.shape, branch.layer
    before = shape if layer is None else layer.shape
    if len(shape) < 2:
        return "the branch has no dimension of features"
    is_first = _is_channels_first(shape, layer)
    if not is_first and not _is_features_last(shape, before):
        return "the branch is reshaped behind its last layer, so that its features cannot be told"
    size = shape[1] if is_first else shape[-1]
    return Layout(size, is_first) if size > 1 else "the branch has one feature, which a norm would make a constant"


def _is_channels_first(shape: Shape, layer: Node | None) -> bool:
    if layer is None or len(shape) != len(layer.shape):
        return False
    if layer.operation.startswith(CONVOLUTIONS):
        return shape[1] == layer.shape[1]
    # images whose channels were last for as long as linear layers took them
    return len(shape) > LENGTH_OF_SEQUENCES and shape[1] == layer.shape[-1] != shape[-1]


def _is_features_last(shape: Shape, before: Shape) -> bool:
    """Whether the last dimension is the layer's, or one that the layer left alone."""
    return shape[-1] == before[-1] or sorted(shape) == sorted(before) or shape[:-1] == before[:-1]
