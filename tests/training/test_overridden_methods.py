"""Models and batches of users that do not behave like torch's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence
from training_samples import blocks, net, rows_of, trial

from lrdoctor.training.session import TrainingSession
from lrdoctor.training.workload import Workload

ME = "test_overridden_methods"
CPU = torch.device("cpu")


class Silent(nn.Module):
    """Its overrides return nothing, or something else; its norm stays in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = net(norm=True)

    def forward(self, x: Tensor) -> Tensor:
        assert not self.inner[3].training
        return self.inner(x)

    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)
        self.inner[3].eval()

    def eval(self) -> str:  # type: ignore[override]
        super().eval()
        return "evaluated"

    def to(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        super().to(*args, **kwargs)


class SilentLoss(nn.MSELoss):
    def to(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        super().to(*args, **kwargs)


def component(name: str, **init_args: Any) -> dict[str, Any]:
    return {"class_path": f"{ME}:{name}", "init_args": init_args}


def test_what_overrides_return_is_never_used() -> None:
    work = Workload({**blocks(), "model": component("Silent"), "loss": component("SilentLoss")}, CPU)
    assert TrainingSession(work, CPU).check(0)["n_parameters"] > 0
    rows, ending = rows_of(work, trial())
    assert ending.status == "completed"
    assert rows[-1].val_loss is not None


class Named(NamedTuple):
    x: Any
    y: Tensor


@dataclass
class Record:
    x: Any
    y: Tensor


class Opaque:
    """Moves itself, in place."""

    def __init__(self, x: Any, y: Tensor) -> None:
        self.x, self.y = x, y

    def to(self, device: torch.device) -> None:
        self.y = self.y.to(device)


X = torch.linspace(-1, 1, 24).view(8, 3)
Y = X.square().sum(1, keepdim=True)


def packed() -> PackedSequence:
    return pack_sequence([X[i : i + 1].expand(n, 3) for i, n in enumerate((8, 7, 6, 5, 4, 3, 2, 1))])


INPUTS: dict[str, Any] = {
    "dense": lambda: X,
    "coo": lambda: X.to_sparse(),
    "csr": lambda: X.to_sparse_csr(),
    "nested": lambda: torch.nested.nested_tensor(list(X)),
    "jagged": lambda: torch.nested.nested_tensor([x[None] for x in X], layout=torch.jagged),
    "numpy": lambda: X.numpy().copy(),
    "packed": packed,
    "objects": lambda: np.array([row.tolist() for row in X] + [[0]], dtype=object)[:-1],
}
SHAPES: dict[str, Any] = {
    "tuple": lambda x, y: (x, y),
    "dict": lambda x, y: {"x": x, "y": y, "note": "text"},
    "named tuple": Named,
    "dataclass": Record,
    "object with to": Opaque,
}


def data(inputs: str, shape: str) -> Any:
    batches = [SHAPES[shape](INPUTS[inputs](), Y) for _ in range(2)]
    return {"train": batches, "validation": batches}


def dense(x: Any) -> Tensor:
    if isinstance(x, PackedSequence):
        return pad_packed_sequence(x)[0][0]
    if isinstance(x, np.ndarray):
        return torch.tensor(x.tolist(), dtype=torch.float32)
    if x.is_nested:
        return torch.stack([row.reshape(3) for row in x.unbind()])
    return x.to_dense()


def step(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    if isinstance(batch, dict):
        x, y = batch["x"], batch["y"]
    else:
        x, y = batch if isinstance(batch, tuple) else (batch.x, batch.y)
    return loss_fn(model(dense(x)), y)


@pytest.mark.filterwarnings("ignore:.*Sparse.*:UserWarning", "ignore:.*[Nn]ested.*:UserWarning")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inputs", INPUTS)
def test_any_batch_trains_through_a_step_hook(inputs: str, shape: str) -> None:
    """To the losses of the dense batch, checked and twice: the second trial reads what was kept."""
    changes = {"step": f"{ME}:step", "data": {**component("data", inputs=inputs, shape=shape), "batch_size": None}}
    work = Workload({**blocks(), **changes}, CPU)
    facts = TrainingSession(work, CPU).check(0)["facts"]
    assert len(facts["first batch of seed 0"]) == 64
    one = trial(0.02, max_train_steps=5, eval_every=2)
    rows, ending = rows_of(work, one)
    assert ending.status == "completed"
    assert rows_of(work, one)[0] == rows
    plain = {**changes, "data": {**component("data", inputs="dense", shape="tuple"), "batch_size": None}}
    assert rows == rows_of(Workload({**blocks(), **plain}, CPU), one)[0]
