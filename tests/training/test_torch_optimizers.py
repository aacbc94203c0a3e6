"""Optimizers by class path: what a factory is given, what it may return, and the rates of its parameter groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from training_samples import FOLDER, blocks, net, rows_of, trial

from lrdoctor.core.trial import canonical_json
from lrdoctor.errors import WorkloadError
from lrdoctor.training import torch_optimizers
from lrdoctor.training.session import TrainingSession
from lrdoctor.training.workload import Workload

ME = "test_torch_optimizers"
CPU = torch.device("cpu")


def make(factory: str, loss_fn: Any = None, base: float | None = None, **block: Any) -> Any:
    text = canonical_json({"class_path": f"{ME}:{factory}", **block})
    return torch_optimizers.make(text, net(), FOLDER, loss_fn, base)


def text_of(factory: str, **block: Any) -> str:
    return canonical_json({"class_path": f"{ME}:{factory}", **block})


def split(model: nn.Module) -> list[dict[str, Any]]:
    """Weights decay, biases do not, told apart by name."""
    named = dict(model.named_parameters())
    decayed = [p for name, p in named.items() if name.endswith("weight")]
    return [{"params": decayed}, {"params": [p for p in named.values() if p.ndim < 2], "weight_decay": 0.0}]


def by_name(model: Any, lr: float, weight_decay: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.AdamW(split(model), lr=lr, weight_decay=weight_decay)


def by_annotation(network: nn.Module, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(split(network), lr=lr)


def model_last(params: Iterable[nn.Parameter], lr: float, model: nn.Sequential) -> torch.optim.Optimizer:
    assert len(list(params)) == sum(len(group["params"]) for group in split(model))
    return torch.optim.SGD(split(model), lr=lr)


def keywords_only(*, lr: float, model: nn.Module, momentum: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(split(model), lr=lr, momentum=momentum)


def positional_only(model: nn.Module, /, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(split(model), lr=lr)


@pytest.mark.parametrize(
    ("factory", "init_args"),
    [
        ("by_name", {}),
        ("by_name", {"weight_decay": 0.3}),
        ("by_annotation", {}),
        ("model_last", {}),
        ("keywords_only", {"momentum": 0.5}),
        ("positional_only", {}),
    ],
)
def test_a_factory_gets_the_model_when_it_asks_for_it(factory: str, init_args: dict[str, Any]) -> None:
    rule = make(factory, init_args=init_args)
    assert [len(group["params"]) for group in rule.optimizer.param_groups] == [2, 2]
    assert rule.optimizer.param_groups[1]["weight_decay"] == 0.0
    assert rule.notes == []


with_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch 2.9 and newer have torch.optim.Muon")


class Both:
    """Muon for the matrices and AdamW for the rest, as one object that is no torch optimizer."""

    def __init__(self, model: nn.Module, lr: float) -> None:
        matrices, rest = ([p for p in model.parameters() if (p.ndim == 2) is of] for of in (True, False))
        self.inner = [torch.optim.Muon(matrices, lr=lr, weight_decay=0.0), torch.optim.AdamW(rest, lr=lr)]
        self.param_groups = [group for optimizer in self.inner for group in optimizer.param_groups]
        self.state: dict[Any, Any] = {}

    def zero_grad(self) -> None:
        raise AssertionError("the loop clears the gradients itself")

    def step(self) -> None:
        for optimizer in self.inner:
            optimizer.step()


@with_muon
def test_two_optimizers_in_one_object_train() -> None:
    rows, ending = rows_of(
        Workload(blocks(), CPU), trial(0.02, optimizer=text_of("Both"), max_train_steps=60, clip_norm=5.0)
    )
    assert ending.status == "completed"
    assert rows[-1].train_loss < 0.8 * rows[0].train_loss
    assert {row.learning_rate for row in rows} == {0.02}


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.ones(5))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output * self.s.mean() - target).square().mean()


def with_loss(model: nn.Module, lr: float, loss_fn: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": model.parameters()}, {"params": loss_fn.parameters()}], lr=lr)


def test_a_factory_of_the_model_must_not_forget_the_loss() -> None:
    with pytest.raises(WorkloadError, match=r"by_name leaves out 5 trainable numbers .* give it a parameter `loss_fn`"):
        make("by_name", Scale())
    rule = make("with_loss", Scale())
    assert len(rule.optimizer.param_groups) == 2


def own_rates(params: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """One group at an absolute rate, one at a share of the rate given."""
    first, second, *rest = params
    groups = [{"params": rest}, {"params": [first], "lr": 0.05}, {"params": [second], "lr": 0.5 * lr}]
    return torch.optim.SGD(groups, lr=lr)


@pytest.mark.parametrize(
    ("mode", "rates"),
    [
        ("relative", {0.1: [0.1, 0.005, 0.05], 0.4: [0.4, 0.02, 0.2]}),
        ("absolute", {0.1: [0.1, 0.05, 0.05], 0.4: [0.4, 0.05, 0.2]}),
    ],
)
def test_rates_of_groups(mode: str, rates: dict[float, list[float]]) -> None:
    for base, expected in rates.items():
        rule = make("own_rates", base=base, group_rates=mode)
        for multiplier in (1.0, 0.5, 0.0):
            rule.update(base * multiplier, None)
            found = [group["lr"] for group in rule.optimizer.param_groups]
            assert found == pytest.approx([multiplier * rate for rate in expected])


def test_rates_of_groups_are_said() -> None:
    (relative,) = make("own_rates").notes
    assert "2 of 3 parameter groups have a learning rate of their own: 0.05, 0.5 times that of the trial" in relative
    (absolute,) = make("own_rates", base=0.1, group_rates="absolute").notes
    assert "2 of 3 parameter groups have a learning rate of their own, 0.05 at the base learning rate 0.1" in absolute
    work = Workload(blocks(), CPU)
    assert TrainingSession(work, CPU).check(0, trial(0.1, optimizer=text_of("own_rates")))["notes"] == [relative]


class Averaging(torch.optim.SGD):
    """Trains one point and evaluates another, the mean of all of them: what schedule-free optimizers do."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(params, lr=lr)
        self.mode, self.means, self.steps = "eval", {}, 0
        self.modes: list[str] = []

    def train(self) -> None:
        self.switch("train")

    def eval(self) -> None:
        self.switch("eval")

    def switch(self, mode: str) -> None:
        self.modes.append(mode)
        if mode != self.mode and self.steps:
            for group in self.param_groups:
                for p in group["params"]:
                    # a way there and back that loses bits
                    shift = self.means[p] - 0.1
                    p.data = p.data + shift if mode == "eval" else p.data - shift
        self.mode = mode

    def step(self, closure: Any = None) -> None:
        assert self.mode == "train", "not in training mode"
        super().step()
        self.steps += 1
        for group in self.param_groups:
            for p in group["params"]:
                self.means[p] = self.means.get(p, 0.0) + p.detach() / 7


def test_optimizers_with_modes_are_told_what_comes() -> None:
    work, losses = Workload(blocks(), CPU), {}
    for every in (1, 7, 20):
        rows, ending = rows_of(work, trial(0.02, optimizer=text_of("Averaging"), eval_every=every))
        assert ending.status == "completed"
        losses[every] = [row.train_loss for row in rows]
    assert losses[1] == losses[7] == losses[20], "to the last bit"
    plain, _ = rows_of(work, trial(0.02, optimizer='{"name":"sgd"}'))
    averaged, _ = rows_of(work, trial(0.02, optimizer=text_of("Averaging")))
    assert [row.train_loss for row in plain] == pytest.approx([row.train_loss for row in averaged])
    assert plain[-1].val_loss != pytest.approx(averaged[-1].val_loss, rel=1e-3), "another point is evaluated"
    rule = make("Averaging")
    with rule.evaluating():
        assert rule.optimizer.mode == "eval"
    assert rule.optimizer.modes == ["train", "eval", "train"]


def without_rates(params: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    made = torch.optim.SGD(params, lr=lr)
    made.param_groups[0]["lr"] = None
    return made


def several(model: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    return [torch.optim.SGD(model.parameters(), lr=lr)]


def relative_step(params: Iterable[nn.Parameter], lr: float | None) -> torch.optim.Optimizer:
    raise ValueError("Cannot combine manual `lr` and `relative_step=True` options")


def other_name(params: Iterable[nn.Parameter], eta: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr=eta)


@pytest.mark.parametrize(
    ("class_path", "message"),
    [
        (f"{ME}:without_rates", "a parameter group of SGD has lr None, expected a number"),
        (f"{ME}:several", "gave list, expected a torch optimizer, or several of them in one object with param_groups"),
        (f"{ME}:relative_step", r"relative_step=True.* there is no learning rate to sweep; .*relative_step: false"),
        (f"{ME}:other_name", r"unexpected keyword argument 'lr'; .* write a function \(params, lr\)"),
        pytest.param(
            "torch.optim.Muon", r"only supports 2D .*; a function \(model, lr\) is given the model", marks=with_muon
        ),
    ],
)
def test_refusals_say_what_to_do(class_path: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=f"optimizer: .*{message}"):
        torch_optimizers.make(canonical_json({"class_path": class_path}), net(), FOLDER)


def test_an_optimizer_of_a_newer_torch_is_told_with_the_torch_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    with pytest.raises(WorkloadError) as raised:
        torch_optimizers.make(canonical_json({"class_path": "torch.optim.Muon"}), net(), FOLDER)
    found = f"`torch.optim` has no `Muon`; torch {torch.__version__} is installed; 2.9 and newer have it"
    assert found in str(raised.value)
