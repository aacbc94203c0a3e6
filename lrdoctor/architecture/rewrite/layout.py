"""Which dimension of a branch holds its features."""

from __future__ import annotations

from typing import NamedTuple

from lrdoctor.architecture.rewrite.branches import Branch

CONVOLUTIONS = ("conv", "conv_transpose")


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
    if len(shape) < 2:
        return "the branch has no dimension of features"
    before = shape if layer is None else layer.shape
    if sorted(before) != sorted(shape):
        return "the branch is reshaped behind its last layer, so that its features cannot be told"
    is_convolution = layer is not None and layer.operation.startswith(CONVOLUTIONS)
    features = before[1 if is_convolution else -1]
    first = len(shape) > 2 and shape[1] == features and (is_convolution or (len(shape) > 3 and shape[-1] != features))
    size = shape[1] if first else shape[-1]
    return Layout(size, first) if size > 1 else "the branch has one feature, which a norm would make a constant"
