"""Building the user's model, data, loss and schedule, and the steps that cannot be used."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from training_samples import HERE, blocks, rows_of, trial, workload

from lrdoctor.errors import WorkloadError
from lrdoctor.training import structures
from lrdoctor.training.session import TrainingSession
from lrdoctor.training.workload import Workload, validation_loss

X, Y = torch.arange(12.0).view(6, 2), torch.arange(6.0).view(6, 1)
CPU = torch.device("cpu")
ME = "test_workload"


def per_sample(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    return (model(batch[0]) - batch[1]).square()


def a_number(model: nn.Module, batch: Any, loss_fn: Any) -> float:
    return 1.0


def detached(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    return loss_fn(model(batch[0]), batch[1]).detach()


def refuses(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    raise KeyError("labels")


def usual(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    return loss_fn(model(batch[0]), batch[1])


def evaluated_per_sample(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    return (usual if model.training else per_sample)(model, batch, loss_fn)


def evaluated_to_a_number(model: nn.Module, batch: Any, loss_fn: Any) -> Any:
    loss = usual(model, batch, loss_fn)
    return loss if model.training else loss.item()


class NoWayBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        raise ValueError("no way back")


def without_backward(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    return NoWayBack.apply(usual(model, batch, loss_fn))


not_a_function = "a text"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("per_sample", r"the training step gave a tensor of shape \(8, 1\), expected a scalar loss"),
        ("a_number", "the training step gave float, expected a scalar loss"),
        ("detached", "the loss does not depend on any trainable parameter"),
        ("refuses", rf"the training step raised KeyError: 'labels' \({ME}.py:\d+, in refuses\)"),
        ("evaluated_per_sample", r"the evaluation gave a tensor of shape \(8, 1\), expected a scalar loss"),
        ("evaluated_to_a_number", "the evaluation gave float, expected a scalar loss"),
        ("without_backward", "the backward pass raised ValueError: no way back"),
        ("not_a_function", "step: test_workload:not_a_function is not a function"),
    ],
)
def test_steps_that_cannot_be_used(step: str, message: str) -> None:
    """The check before the trials finds them all; a trial finds them too, in its evaluation as its own failure."""
    work = workload(step=f"{ME}:{step}")
    with pytest.raises(WorkloadError, match=message):
        TrainingSession(work, CPU).check(0)
    if step.startswith("evaluated"):
        _, ending = rows_of(work, trial())
        assert ending.status == "failed"
        assert ending.reason is not None
        assert ending.reason.startswith("the evaluation gave ")
    else:
        with pytest.raises(WorkloadError, match=message):
            rows_of(work, trial())


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (X, r"a batch is Tensor, expected \(inputs, targets\) or a mapping; give the spec a `step"),
        ((X,), "a batch is tuple, expected"),
        ({"x": X}, r"the batch is a mapping with the keys \['x'\], and model\(\*\*batch\) returned no loss"),
    ],
)
def test_batches_that_need_a_step_hook(batch: Any, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        workload().step(lambda x: x, batch, nn.MSELoss())


def test_more_inputs_go_to_the_model_in_order() -> None:
    loss = workload().step(lambda a, b: a - b, (torch.tensor(5.0), torch.tensor(3.0), torch.tensor(1.0)), nn.MSELoss())
    assert loss.item() == 1.0


RETURNED: dict[str, Callable[[], Any]] = {
    "pair of tuples": lambda: ((X, Y), (X, Y)),
    "list": lambda: [(X, Y), (X, Y)],
    "mapping": lambda: {"train": (X, Y), "validation": (X, Y), "provenance": {"sha256": "ab"}},
    "datasets": lambda: (TensorDataset(X, Y), TensorDataset(X, Y)),
    "train alone": lambda: ((X, Y),),
    "mapping without validation": lambda: {"train": (X, Y)},
    "validation None": lambda: (TensorDataset(X, Y), None),
    "a tensor pair": lambda: (X, Y),
    "one dataset": lambda: TensorDataset(X, Y),
    "three": lambda: ((X, Y), (X, Y), (X, Y)),
    "unknown key": lambda: {"train": (X, Y), "valid": (X, Y)},
    "nothing": lambda: None,
}


def returned(case: str) -> Any:
    return RETURNED[case]()


def data_block(case: str, batch_size: int | None = 2) -> dict[str, Any]:
    return {"class_path": f"{ME}:returned", "init_args": {"case": case}, "batch_size": batch_size}


@pytest.mark.parametrize("case", list(RETURNED)[:7])
def test_what_a_data_factory_may_return(case: str) -> None:
    work = Workload({**blocks(), "data": data_block(case)}, CPU)
    train, validation, _ = work.batches(0)
    assert [b.shape for b in next(iter(train))] == [(2, 2), (2, 1)]
    assert (validation is None) == ("alone" in case or "without" in case or "None" in case)
    if validation is not None:
        assert torch.equal(torch.cat([x for x, _ in validation]), X)
    assert work.batches(0).provenance == ({"sha256": "ab"} if case == "mapping" else {})


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("a tensor pair", r"test_workload:returned returned tuple, expected a pair \(train, validation\)"),
        ("one dataset", "returned TensorDataset, expected a pair"),
        ("three", "returned tuple, expected a pair"),
        ("unknown key", r"returned the keys \['valid'\]; known: train, validation, provenance"),
        ("nothing", "returned NoneType, expected a pair"),
    ],
)
def test_what_it_may_not_return(case: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        Workload({**blocks(), "data": data_block(case)}, CPU).batches(0)


def random_split() -> Any:
    """A split drawn from the global generator, and loaders that remember their place in a generator."""
    order = torch.randperm(6)
    generator = torch.Generator().manual_seed(1)
    train = DataLoader(TensorDataset(X[order], Y[order]), 2, shuffle=True, generator=generator)
    return train, DataLoader(TensorDataset(X[order], Y[order]), 2)


def test_every_seed_gets_the_same_split_and_its_own_order() -> None:
    def of(work: Workload, seed: int) -> tuple[str, str]:
        train, validation, _ = work.batches(seed)
        assert validation is not None
        return structures.digest(next(iter(train))), structures.digest(list(validation))

    block = {"class_path": f"{ME}:random_split", "init_args": {}}
    work = Workload({**blocks(), "data": block}, CPU)
    seen = {seed: of(work, seed) for seed in range(4)}
    assert len({validation for _, validation in seen.values()}) == 1
    assert len({train for train, _ in seen.values()}) > 1
    torch.rand(7)
    fresh = Workload({**blocks(), "data": block}, CPU)
    assert {seed: of(fresh, seed) for seed in (3, 1, 0, 2)} == seen, "in another worker and order"


def test_validation_loss_is_the_mean_over_samples() -> None:
    model = nn.Linear(2, 1)
    split = [(X[:4], Y[:4]), (X[4:], Y[4:])]  # an unequal last batch
    mean = nn.MSELoss()(model(X), Y).item()
    assert validation_loss(workload(), model, split, nn.MSELoss()) == pytest.approx(mean, rel=1e-6)


class Noise(nn.Module):
    """Draws random numbers in evaluation mode too."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


def test_validation_leaves_the_model_and_the_generators_as_they_were() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), Noise(), nn.Linear(2, 1)).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    losses = [validation_loss(workload(), model, [(X, Y)], nn.MSELoss()) for _ in range(2)]
    assert torch.equal(torch.rand(1), expected)
    assert losses[0] == losses[1]
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    with pytest.raises(WorkloadError, match="validation yielded no batch"):
        validation_loss(workload(), model, [], nn.MSELoss())


@pytest.mark.parametrize(
    ("block", "value"),
    [
        ({"class_path": "torch.nn.MSELoss"}, 4.0),
        ({"class_path": "torch.nn.HuberLoss", "init_args": {"delta": 1.0}}, 1.5),
        ({"class_path": "torch.nn.functional.mse_loss"}, 4.0),
        ({"class_path": "torch.nn.functional:l1_loss", "init_args": {}}, 2.0),
    ],
)
def test_losses_are_classes_or_functions(block: dict[str, Any], value: float) -> None:
    assert workload(loss=block).loss()(torch.tensor(1.0), torch.tensor(3.0)).item() == value


@pytest.mark.parametrize(
    ("changes", "use", "message"),
    [
        (
            {"loss": {"class_path": "torch.nn.functional.mse_loss", "init_args": {"reduction": "sum"}}},
            Workload.loss,
            "loss: torch.nn.functional.mse_loss is a function, so it takes no init_args",
        ),
        ({"model": "regression"}, lambda w: w.model(0), "training_samples:regression gave dict, expected a torch.nn.M"),
        (
            {"schedule": {"class_path": f"{HERE}:regression"}},
            lambda w: w.schedule(trial()),
            "gave dict, expected a",
        ),
        ({"schedule": {"class_path": f"{ME}:nan_multiplier"}}, lambda w: w.schedule(trial())(3), "gave nan at step 3"),
        (
            {"schedule": {"class_path": f"{ME}:raising_multiplier"}},
            lambda w: w.schedule(trial())(3),
            rf"raising_multiplier at step 3 raised ZeroDivisionError: .*\({ME}.py:\d+, in <lambda>\)",
        ),
    ],
)
def test_refused(changes: dict[str, Any], use: Callable[[Workload], Any], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        use(workload(**changes))


def nan_multiplier() -> Any:
    return lambda step: math.nan


def raising_multiplier() -> Any:
    return lambda step: 1 / (step - 3)


def test_the_seed_decides_the_model() -> None:
    def weights(seed: int) -> Mapping[str, Tensor]:
        return workload().model(seed).state_dict()

    torch.rand(3)
    assert structures.digest(weights(1)) == structures.digest(weights(1))
    assert structures.digest(weights(1)) != structures.digest(weights(2))
