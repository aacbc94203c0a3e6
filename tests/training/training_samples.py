"""Small workloads that the tests of training name by class path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lrdoctor.core.trial import Trial
from lrdoctor.training.loop import Ending, Row, train
from lrdoctor.training.workload import Workload

FOLDER = str(Path(__file__).parent)
HERE = "training_samples"
MOMENTUM = '{"momentum":0.9,"name":"momentum"}'


def regression(n: int = 40) -> dict[str, Any]:
    """y = a nonlinear function of x; 22 validation samples make an unequal last batch at any usual size."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(n + 22, 3, generator=g)
    y = torch.sin(2 * x).sum(1, keepdim=True)
    return {"train": (x[:n], y[:n]), "validation": (x[n:], y[n:])}


def without_validation() -> tuple[Any]:
    return (regression()["train"],)


def loaders() -> tuple[Any, Any]:
    """The same data as DataLoaders, the training one shuffled."""
    data = regression()
    train_set, validation = (torch.utils.data.TensorDataset(*data[key]) for key in ("train", "validation"))
    make = torch.utils.data.DataLoader
    return make(train_set, 8, shuffle=True, drop_last=True), make(validation, 5)


def net(dropout: float = 0.0, norm: bool = False, bias: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(3, 8), nn.ReLU(), nn.Dropout(dropout)]
    if norm:
        layers.append(nn.BatchNorm1d(8))
    model = nn.Sequential(*layers, nn.Linear(8, 1))
    nn.init.constant_(model[-1].bias, bias)
    return model


def wasteful(**settings: Any) -> nn.Sequential:
    """The same model, whose making draws more random numbers."""
    model = net(**settings)
    torch.rand(100)
    return model


def lazy() -> nn.Sequential:
    return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1))


def frozen() -> nn.Module:
    return net().requires_grad_(False)


class Poisoned(nn.Module):
    """Fine for `calls` forward passes in training mode, then it does `what`."""

    def __init__(self, calls: int, what: str) -> None:
        super().__init__()
        self.inner = net()
        self.calls = calls
        self.what = what

    def forward(self, x: Tensor) -> Tensor:
        out = self.inner(x)
        if not self.training:
            return out
        self.calls -= 1
        if self.calls >= 0:
            return out
        if self.what == "raise":
            raise RuntimeError("out of luck")
        return out * float(self.what)


class OnNaN(nn.Module):
    """Raises on a parameter that is not finite, as sampling from a distribution does."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = net()

    def forward(self, x: Tensor) -> Tensor:
        if not all(bool(p.isfinite().all()) for p in self.parameters()):
            raise ValueError("probabilities contain nan")
        return self.inner(x)


class Root(nn.Module):
    """Its loss is finite and its gradient is not."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.p.sqrt() * (1 + x.square().sum(1, keepdim=True))


class Inplace(nn.Module):
    """Changes its inputs in place."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = net()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.mul_(0.5))


def blocks(model: str = "net", data: str = "regression", batch_size: int | None = 8, **changes: Any) -> dict[str, Any]:
    """The spec's blocks, as `Spec.workload()` gives them."""
    plain = {
        "model": {"class_path": f"{HERE}:{model}", "init_args": changes.pop("init_args", {})},
        "data": {"class_path": f"{HERE}:{data}", "batch_size": batch_size, "init_args": {}},
        "loss": {"class_path": "torch.nn.MSELoss", "init_args": {}},
        "step": None,
        "schedule": {"name": "constant"},
        "device": "cpu",
        "folder": FOLDER,
    }
    return {**plain, **changes}


def workload(model: str = "net", data: str = "regression", **changes: Any) -> Workload:
    return Workload(blocks(model, data, **changes), torch.device("cpu"))


def trial(base_learning_rate: float = 0.01, **changes: Any) -> Trial:
    settings = {"seed": 0, "max_train_steps": 20, "eval_every": 5, "optimizer": MOMENTUM, **changes}
    return Trial(base_learning_rate=base_learning_rate, **settings)


def rows_of(work: Workload, one: Trial, stopped: Callable[[], bool] = lambda: False) -> tuple[list[Row], Ending]:
    """All rows of a trial, and how it ended."""
    rows: list[Row] = []

    def emit(some: Sequence[Row]) -> None:
        rows.extend(some)

    return rows, train(work, one, emit, stopped)


def column(rows: Iterable[Row], name: str) -> list[Any]:
    return [getattr(row, name) for row in rows]
