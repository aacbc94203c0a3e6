"""An evaluation leaves no trace in the training, wherever a user's code keeps its state."""

from __future__ import annotations

import contextlib
import functools
import random
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training_samples import blocks, net, rows_of, trial

from lrdoctor.training.untouched import MOST_ENTRIES, untouched
from lrdoctor.training.workload import Workload

ME = "test_untouched"

CALLS = 0
STATE: dict[str, Any] = {"last": None}


class Slotted:
    __slots__ = ("last",)


@dataclass
class Memory:
    last: Any = None
    seen: list[float] = field(default_factory=list)


class Frozen(nn.Module):
    """A parameter that no optimizer has, as a momentum encoder's."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.zeros(1), requires_grad=False)


class Stateful(nn.Module):
    """Adds to its output a number that grows with every forward pass, in training and in evaluation mode alike.

    Args:
        kept: where the number is kept, a key of `GROWS`.
    """

    calls = 0

    def __init__(self, kept: str) -> None:
        global CALLS
        super().__init__()
        self.inner = net()
        self.kept = kept
        self.count = 0
        self.carried: tuple[Tensor, ...] | None = None
        self.attribute = torch.zeros(1)
        self.register_buffer("buffer", torch.zeros(1))
        self.frozen = Frozen()
        self.hidden = [nn.BatchNorm1d(3, track_running_stats=True)]
        self.list: list[float] = []
        self.queue: deque[float] = deque(maxlen=3)
        self.ordered: OrderedDict[str, float] = OrderedDict(x=0.0)
        self.set = {0}
        self.counter: Counter[str] = Counter()
        self.array = np.zeros(1)
        self.memory = Memory()
        self.slotted = Slotted()
        self.slotted.last = 0.0
        self.names = SimpleNamespace(last=0.0)
        self.generators = [torch.Generator(), random.Random(0), np.random.default_rng(0), np.random.RandomState(0)]
        # what outlives the model begins anew with it
        CALLS = Stateful.calls = 0
        STATE["last"] = None

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + 0.01 * GROWS[self.kept](self, x)


def growing_attribute(m: Stateful, x: Tensor) -> Any:
    m.count += 1
    return m.count


def growing_carried_state(m: Stateful, x: Tensor) -> Any:
    last = torch.zeros(()) if m.carried is None else m.carried[0].detach()
    m.carried = (last + x.abs().mean(),)
    return m.carried[0]


def growing_tensor(m: Stateful, x: Tensor) -> Any:
    return m.attribute.add_(1).clone()


def growing_buffer(m: Stateful, x: Tensor) -> Any:
    return m.buffer.add_(1).clone()


def growing_buffer_behind_autograd(m: Stateful, x: Tensor) -> Any:
    m.buffer.data.add_(1)
    return m.buffer.clone()


def growing_parameter(m: Stateful, x: Tensor) -> Any:
    m.frozen.p.data = 0.9 * m.frozen.p.data + 1
    return m.frozen.p.detach()


def new_parameter(m: Stateful, x: Tensor) -> Any:
    m.frozen.p = nn.Parameter(m.frozen.p.detach() + 1, requires_grad=False)
    return m.frozen.p.detach()


def growing_new_attribute(m: Stateful, x: Tensor) -> Any:
    m.late = getattr(m, "late", 0) + 1
    return m.late


def growing_unregistered_norm(m: Stateful, x: Tensor) -> Any:
    m.hidden[0](x)
    return m.hidden[0].running_mean.sum()


def norm_that_stays_in_training_mode(m: Stateful, x: Tensor) -> Any:
    m.hidden[0].train()
    m.hidden[0](x)
    return m.hidden[0].num_batches_tracked


def growing_list(m: Stateful, x: Tensor) -> Any:
    m.list.append(1.0)
    return len(m.list)


def growing_deque(m: Stateful, x: Tensor) -> Any:
    m.queue.append(float(x.abs().sum()))
    return sum(m.queue)


def growing_ordered_dict(m: Stateful, x: Tensor) -> Any:
    m.ordered[str(len(m.ordered))] = 1.0
    m.ordered.move_to_end("x")
    return len(m.ordered)


def growing_set(m: Stateful, x: Tensor) -> Any:
    m.set.add(len(m.set))
    return len(m.set)


def growing_counter(m: Stateful, x: Tensor) -> Any:
    m.counter["calls"] += 1
    return m.counter["calls"]


def growing_array(m: Stateful, x: Tensor) -> Any:
    m.array += 1
    return float(m.array[0])


def growing_dataclass(m: Stateful, x: Tensor) -> Any:
    m.memory.seen.append(1.0)
    return len(m.memory.seen)


def growing_slot(m: Stateful, x: Tensor) -> Any:
    m.slotted.last += 1
    return m.slotted.last


def growing_namespace(m: Stateful, x: Tensor) -> Any:
    m.names.last += 1
    return m.names.last


def growing_class_attribute(m: Stateful, x: Tensor) -> Any:
    Stateful.calls += 1
    return Stateful.calls


def growing_global(m: Stateful, x: Tensor) -> Any:
    global CALLS
    CALLS += 1
    return CALLS


def growing_global_dict(m: Stateful, x: Tensor) -> Any:
    STATE["last"] = x.abs().mean() + (0 if STATE["last"] is None else STATE["last"])
    return STATE["last"]


def drawn_by_own_generators(m: Stateful, x: Tensor) -> Any:
    own, python, numpy, old = m.generators
    return torch.rand(1, generator=own) + python.random() + numpy.random() + old.rand()


def drawn_by_global_generators(m: Stateful, x: Tensor) -> Any:
    return torch.rand(1) + random.random() + np.random.rand()


GROWS: dict[str, Callable[[Stateful, Tensor], Any]] = {
    function.__name__: function
    for function in (
        growing_attribute, growing_carried_state, growing_tensor, growing_buffer, growing_buffer_behind_autograd,
        growing_parameter, new_parameter, growing_new_attribute, growing_unregistered_norm,
        norm_that_stays_in_training_mode, growing_list, growing_deque, growing_ordered_dict, growing_set,
        growing_counter, growing_array, growing_dataclass, growing_slot, growing_namespace, growing_class_attribute,
        growing_global, growing_global_dict, drawn_by_own_generators, drawn_by_global_generators,
    )
}  # fmt: skip


def stateful(kept: str) -> Stateful:
    return Stateful(kept)


def trained(eval_every: int, **changes: Any) -> list[tuple[float, float]]:
    """Training losses and gradient norms of a trial with so many updates between two evaluations."""
    work = Workload({**blocks(), **changes}, torch.device("cpu"))
    rows, ending = rows_of(work, trial(0.02, eval_every=eval_every))
    assert ending.status == "completed"
    assert all(row.val_loss is not None for row in rows[eval_every - 1 :: eval_every])
    return [(row.train_loss, row.grad_norm) for row in rows]


@pytest.mark.parametrize("kept", GROWS)
def test_eval_every_changes_no_bit_of_the_training(kept: str) -> None:
    changes = {"model": {"class_path": f"{ME}:stateful", "init_args": {"kept": kept}}}
    expected = trained(20, **changes)
    assert trained(1, **changes) == expected
    assert trained(7, **changes) == expected


class Recurrent(nn.Module):
    """An LSTM that goes on from the state in which the last batch left it."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4)
        self.head = nn.Linear(4, 1)
        self.state: Any = None

    def forward(self, x: Tensor) -> Tensor:
        if self.state is not None:
            self.state = tuple(h.detach() for h in self.state)
        out, self.state = self.lstm(x, self.state)
        return self.head(out)


class Merging(nn.Linear):
    """Adds its correction to the weight when it is evaluated and takes it off again, not to the last bit."""

    def __init__(self) -> None:
        super().__init__(3, 1)
        self.correction = nn.Parameter(torch.randn(1, 3) / 3)

    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        if mode != self.training:
            self.weight.data += self.correction.data * (-1 if mode else 1)
        super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        return out if not self.training else out + nn.functional.linear(x, self.correction)


@pytest.mark.parametrize("model", ["Recurrent", "Merging"])
def test_models_of_users(model: str) -> None:
    changes = {"model": {"class_path": f"{ME}:{model}", "init_args": {}}}
    assert trained(1, **changes) == trained(20, **changes)


class RunningScale(nn.Module):
    """Divides by a running mean of itself, in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.ones(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        loss = nn.functional.mse_loss(output, target)
        self.mean = 0.9 * self.mean + 0.1 * loss.detach()
        return loss / self.mean


class PlainRunningScale:
    """The same without torch's help."""

    def __init__(self) -> None:
        self.means = [1.0]

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        loss = nn.functional.mse_loss(output, target)
        self.means.append(0.9 * self.means[-1] + 0.1 * loss.item())
        return loss / self.means[-1]


def scaled() -> Any:
    mean = 1.0

    def loss_of(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
        nonlocal mean
        loss = loss_fn(model(batch[0]), batch[1])
        mean = 0.9 * mean + 0.1 * loss.item()
        return loss / mean

    return loss_of


scaled_step = scaled()


@pytest.mark.parametrize("loss", ["RunningScale", "PlainRunningScale"])
def test_losses_with_a_state(loss: str) -> None:
    changes = {"loss": {"class_path": f"{ME}:{loss}", "init_args": {}}}
    expected = trained(20, **changes)
    assert trained(1, **changes) == expected
    assert trained(20) != expected


def test_a_step_hook_with_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = {}
    for every in (1, 20):
        monkeypatch.setattr(import_module(ME), "scaled_step", scaled())
        losses[every] = trained(every, step=f"{ME}:scaled_step")
    assert losses[1] == losses[20]


def test_what_holds_too_many_entries_is_put_back_but_not_looked_into() -> None:
    model = nn.Module()
    model.words = [[i] for i in range(MOST_ENTRIES + 1)]
    with untouched(model):
        model.words[0].append("changed inside")
        model.words.pop()
    assert len(model.words) == MOST_ENTRIES + 1
    assert model.words[0] == [0, "changed inside"]


def test_identities_stay_and_unusual_tensors_do_no_harm() -> None:
    model = nn.Linear(2, 2)
    model.expanded = torch.ones(1).expand(3)
    model.sparse = torch.eye(2).to_sparse()
    model.result = model(torch.ones(1, 2))
    model.call = functools.partial(net, dropout=0.0)
    model.me = model
    with torch.inference_mode():
        model.inferred = torch.ones(2)
    before = dict(model.__dict__)
    weight = model.weight
    with contextlib.suppress(ValueError), untouched(model):
        model.weight.requires_grad_(False).zero_()
        model.weight = nn.Parameter(torch.ones(2, 2))
        del model.sparse
        raise ValueError("from within")
    assert model.weight is weight
    assert weight.requires_grad
    assert weight.abs().sum() > 0
    assert model.__dict__.keys() == before.keys()
    assert all(model.__dict__[name] is value for name, value in before.items())
