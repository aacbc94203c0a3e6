"""The model and the data that lrdoctor.yaml names. Put your own in their place."""

import math

import torch
from torch import Tensor, nn

Pair = tuple[Tensor, Tensor]


def model(width: int = 64) -> nn.Module:
    """A fresh model; called again for every trial, with model.init_args of the spec."""
    return nn.Sequential(
        nn.Linear(2, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 3),
    )


def loaders(examples: int = 1200, noise: float = 0.05) -> tuple[Pair, Pair]:
    """Training and validation data; called with data.init_args of the spec.

    YOUR DATA GOES HERE. Return (train, validation), each one of:
      - a tuple of tensors (inputs, targets), as here, or a torch Dataset; set data.batch_size in the spec;
      - a DataLoader, or any iterable of batches; then leave data.batch_size out.

    This toy stand-in draws points on three arms of a spiral: the class is the arm.
    """
    generator = torch.Generator().manual_seed(0)  # the data is the same in every trial
    arm = torch.randint(3, (examples,), generator=generator)
    radius = torch.rand(examples, generator=generator)
    angle = 4.0 * radius + arm * (2 * math.pi / 3) + noise * torch.randn(examples, generator=generator)
    points = 3 * torch.stack((radius * angle.cos(), radius * angle.sin()), dim=1)
    split = examples * 5 // 6
    return (points[:split], arm[:split]), (points[split:], arm[split:])


# Optional hooks; to use one, remove its comment signs and name it in lrdoctor.yaml.
#
# step: "./workload.py:loss_of", for batches that are not (inputs, targets):
#
# def loss_of(model: nn.Module, batch: dict[str, Tensor], loss_fn: nn.Module) -> Tensor:
#     return loss_fn(model(batch["image"]), batch["label"])
#
# optimizer: {class_path: "./workload.py:optimizer", init_args: {momentum: 0.9}}, lr comes from the sweep:
#
# def optimizer(params, lr: float, momentum: float) -> torch.optim.Optimizer:
#     return torch.optim.SGD(params, lr=lr, momentum=momentum, nesterov=True)
