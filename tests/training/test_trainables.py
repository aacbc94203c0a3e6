"""Parameters of the loss are trained like the model's."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from training_samples import FOLDER, blocks, net, rows_of, trial

from lrdoctor.errors import WorkloadError
from lrdoctor.training import torch_optimizers
from lrdoctor.training.session import OF_THE_LOSS, TrainingSession
from lrdoctor.training.trainables import loss_parameters, parameters, refuse_strays, trainable
from lrdoctor.training.workload import Workload

ME = "test_trainables"
CPU = torch.device("cpu")


class Weighted(nn.Module):
    """Learns how uncertain the target is: exp(-s) times the squared error, plus s."""

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.full((2,), start))
        self.register_buffer("calls", torch.zeros(()))
        self.fixed = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        return ((output - target).square() * torch.exp(-self.s.mean()) + self.s.mean()).mean()


class Holder:
    """No module itself, and it has one, a parameter of its own and the same module once more."""

    def __init__(self) -> None:
        self.inner = [Weighted()]
        self.again = self.inner[0]
        self.scale = nn.Parameter(torch.ones(1))

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return self.inner[0](output * self.scale, target)


def partially() -> Any:
    return functools.partial(Holder().__call__)


class SharedWithModel(nn.Module):
    """A model whose head the loss uses as well."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = net()
        shared.append(self.inner[0])

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


shared: list[nn.Module] = []


class OfModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = shared.pop()

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().mean() + 0.01 * self.layer.weight.square().mean()


def work(**changes: Any) -> Workload:
    return Workload({**blocks(), **changes}, CPU)


def component(name: str) -> dict[str, Any]:
    return {"class_path": f"{ME}:{name}", "init_args": {}}


NUMBERS = 3 * 8 + 8 + 8 + 1
"""Of the model."""


@pytest.mark.parametrize(("loss", "n"), [("Weighted", 2), ("Holder", 3), ("partially", 3)])
def test_parameters_of_the_loss_are_counted_and_trained(loss: str, n: int) -> None:
    if loss == "partially":
        loss_fn: Any = partially()
    else:
        loss_fn = work(loss=component(loss)).loss()
        found = TrainingSession(work(loss=component(loss)), CPU).check(0)
        assert (found["n_parameters"], found["n_loss_parameters"]) == (NUMBERS + n, n)
        assert found["notes"] == [OF_THE_LOSS]
    model = net()
    assert sum(p.numel() for p in trainable(model, loss_fn)) == NUMBERS + n
    rule = torch_optimizers.make('{"name":"sgd"}', model, FOLDER, loss_fn)
    before = [p.detach().clone() for p in loss_parameters(loss_fn) if p.requires_grad]
    loss_fn(model(torch.ones(4, 3)), torch.zeros(4, 1)).backward()
    gradients = [p.grad for p in trainable(model, loss_fn)]
    assert rule.collect().item() == pytest.approx(nn.utils.get_total_norm(gradients).item(), rel=1e-6)
    rule.update(0.1, torch.tensor(0.5))
    for p, old in zip([p for p in loss_parameters(loss_fn) if p.requires_grad], before, strict=True):
        torch.testing.assert_close(p.detach(), old - 0.05 * p.grad)


@pytest.mark.parametrize("optimizer", ['{"name":"momentum","momentum":0.9}', '{"class_path":"torch.optim.Adam"}'])
def test_a_trial_is_the_plain_torch_loop_over_both(optimizer: str) -> None:
    one = trial(0.05, optimizer=optimizer, clip_norm=0.7, max_train_steps=12)
    mine = work(loss=component("Weighted"))
    rows, _ = rows_of(mine, one)
    model, loss_fn = mine.model(one.seed), mine.loss()
    assert loss_fn.calls == 0, "a fresh one for every trial"
    params = [p for p in [*model.parameters(), *loss_fn.parameters()] if p.requires_grad]
    make = torch.optim.Adam if "Adam" in optimizer else functools.partial(torch.optim.SGD, momentum=0.9)
    torchs, expected = make(params, lr=0.05), []
    for _, (inputs, targets) in zip(range(12), mine.batches(one.seed).train, strict=False):
        torchs.zero_grad()
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        expected.append((loss.item(), nn.utils.clip_grad_norm_(params, 0.7).item()))
        torchs.step()
    assert [(row.train_loss, row.grad_norm) for row in rows] == [pytest.approx(pair, rel=1e-5) for pair in expected]
    assert loss_fn.s.abs().max() > 0.01


def test_what_model_and_loss_share_is_trained_once() -> None:
    mine = work(model=component("SharedWithModel"), loss=component("OfModel"))
    model = mine.model(0)
    loss_fn = mine.loss()
    assert len(parameters(model, loss_fn)) == len(list(model.parameters()))
    found = TrainingSession(mine, CPU).check(0)
    assert (found["n_parameters"], found["n_loss_parameters"]) == (NUMBERS, 0)


def test_a_frozen_model_trains_the_loss_alone() -> None:
    model = net().requires_grad_(False)
    assert [tuple(p.shape) for p in trainable(model, Weighted())] == [(2,)]


class Unregistered(nn.Module):
    """Its layers stand in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.others = [nn.Linear(3, 1)]

    def forward(self, x: Tensor) -> Tensor:
        return self.others[0](self.first(x))


centre = nn.Parameter(torch.zeros(1))


def around_a_centre(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    return loss_fn(model(batch[0]) - centre, batch[1])


def with_gradient_of_the_input(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    x = batch[0].clone().requires_grad_(True)
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    return loss_fn(model(x), batch[1]) + slope.square().mean()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": component("Unregistered")},
            r"4 trainable numbers that nothing trains: 2 parameters .*, of shape \(",
        ),
        ({"step": f"{ME}:around_a_centre"}, "1 trainable numbers that nothing trains"),
    ],
)
def test_parameters_of_nobody_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        TrainingSession(work(**changes), CPU).check(0)


def test_what_is_no_parameter_is_nobodys_fault() -> None:
    assert TrainingSession(work(step=f"{ME}:with_gradient_of_the_input"), CPU).check(0)["n_parameters"] == NUMBERS
    model = Unregistered()
    model.others[0].requires_grad_(False)
    refuse_strays(model(torch.ones(2, 3)).sum(), parameters(model, None))
