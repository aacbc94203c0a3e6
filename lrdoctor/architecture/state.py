"""Leaves a model and the random generators as they were found."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer


@contextmanager
def kept(model: nn.Module) -> Iterator[None]:
    """On the way out buffers, gradients, training modes and the random generators of CPU and CUDA are as on the
    way in."""
    modules = list(model.modules())
    modes = [module.training for module in modules]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in modules
        for name, buffer in module._buffers.items()
        if buffer is not None and not isinstance(buffer, UninitializedBuffer)
    ]
    gradients = [(p, p.grad) for p in model.parameters()]
    for p, _ in gradients:
        p.grad = None
    own = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=_cuda_devices(model)):
            yield
    finally:
        random.setstate(own[0])
        np.random.set_state(own[1])
        for module, training in zip(modules, modes, strict=True):
            module.training = training
        for p, gradient in gradients:
            p.grad = gradient
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                module._buffers[name] = buffer.copy_(value)


def _cuda_devices(model: nn.Module) -> list[int]:
    """Indices of the GPUs that hold the model; the CPU's generator is kept in any case."""
    return sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
