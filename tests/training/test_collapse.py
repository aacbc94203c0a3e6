"""What the best constant prediction loses, against what is known of it; and whether outputs still differ."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lrdoctor.training import collapse
from lrdoctor.training.collapse import Constant, ConstantPrediction, output_spread
from lrdoctor.training.workload import default_step

N_BATCHES = 12


class Made:
    """As much of a workload as the loss of a batch needs."""

    def __init__(self, step: Callable[..., Any] = default_step) -> None:
        self.step = step


def constant_loss(
    model: nn.Module, batches: list[Any], loss_fn: Any, step: Callable[..., Any] = default_step, end: float = 1.0
) -> float | None:
    """As a control finds it, whose end is all of it unless said otherwise: then it is known."""
    constant = Constant(Made(step), len(batches), end)  # type: ignore[arg-type]
    for i, batch in enumerate(batches):
        constant.see(i, batch)
    return constant.loss(model, loss_fn)


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def labels(share: list[float], *shape: int, seed: int = 0) -> Tensor:
    generator = np.random.default_rng(seed)
    return torch.from_numpy(generator.choice(len(share), size=shape, p=share))


SHARE = [0.6, 0.3, 0.1]


def classes(size: int = 16, seed: int = 0) -> list[Any]:
    return [(draws(size, 4, seed=seed + i), labels(SHARE, size, seed=seed + i)) for i in range(N_BATCHES)]


def entropy(batches: list[Any], weight: list[float] | None = None) -> float:
    """Of the labels, each counted with the weight of its class: what the best constant logits lose."""
    target = torch.cat([batch[-1].reshape(-1) for batch in batches]).numpy()
    mass = np.bincount(target, minlength=3) * np.array(weight or [1.0] * 3)
    p = mass / mass.sum()
    return float(-(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum())


class Probabilities(nn.Module):
    """A classifier whose output is not logits."""

    def __init__(self, last: nn.Module, n: int = 3) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, n), last)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


@pytest.mark.parametrize("size", [1, 5, 16])
def test_cross_entropy_is_the_entropy_of_the_labels(size: int) -> None:
    batches = classes(size)
    assert constant_loss(nn.Linear(4, 3), batches, nn.CrossEntropyLoss()) == pytest.approx(entropy(batches), abs=1e-3)


def test_a_class_that_never_comes() -> None:
    batches = [(draws(16, 4, seed=i), torch.zeros(16, dtype=torch.long)) for i in range(N_BATCHES)]
    assert constant_loss(nn.Linear(4, 3), batches, nn.CrossEntropyLoss()) == pytest.approx(0.0, abs=0.01)


def test_log_probabilities_stay_log_probabilities() -> None:
    """Numbers of any size would bring their loss below any bound."""
    batches = classes()
    model = Probabilities(nn.LogSoftmax(1))
    assert constant_loss(model, batches, nn.NLLLoss()) == pytest.approx(entropy(batches), abs=1e-3)


def test_probabilities_stay_probabilities() -> None:
    """Cross-entropy takes them for logits, which between 0 and 1 never come near the entropy."""
    batches = classes()
    found = constant_loss(Probabilities(nn.Softmax(1)), batches, nn.CrossEntropyLoss())
    shares = np.linspace(0, 1, 201)
    grid = torch.tensor([[a, b, 1 - a - b] for a in shares for b in shares if a + b <= 1])
    target = torch.cat([y for _, y in batches])
    lowest = -(grid.log_softmax(1)[:, target].mean(1)).max().item()
    assert lowest > entropy(batches) + 0.01
    assert found == pytest.approx(lowest, abs=0.01)


def test_squared_error_is_the_variance() -> None:
    batches = [(draws(16, 4, seed=i), 7 + 3 * draws(16, 2, seed=100 + i)) for i in range(N_BATCHES)]
    target = torch.cat([y for _, y in batches])
    variance = target.var(0, correction=0).mean().item()
    assert constant_loss(nn.Linear(4, 2), batches, nn.MSELoss()) == pytest.approx(variance, rel=1e-4)
    summed = constant_loss(nn.Linear(4, 2), batches, nn.MSELoss(reduction="sum"))
    assert summed == pytest.approx(32 * variance, rel=1e-4)


def test_absolute_error_is_that_around_the_median() -> None:
    batches = [(draws(16, 4, seed=i), draws(16, 1, seed=100 + i).exp()) for i in range(N_BATCHES)]
    target = torch.cat([y for _, y in batches])
    expected = (target - target.median()).abs().mean().item()
    assert constant_loss(nn.Linear(4, 1), batches, nn.L1Loss()) == pytest.approx(expected, rel=0.02)


def test_class_weights() -> None:
    """Each batch has the mean over its own weights, so that the whole is the weighted entropy but for their spread."""
    weight = [1.0, 2.0, 8.0]
    batches = classes(200)
    found = constant_loss(nn.Linear(4, 3), batches, nn.CrossEntropyLoss(weight=torch.tensor(weight)))
    assert found == pytest.approx(entropy(batches, weight), rel=0.01)
    assert found > entropy(batches) + 0.05


class Tokens(nn.Module):
    """A language model with logits of the shape (batch, time, class), or flattened."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.embedding, self.head, self.flat = nn.Embedding(9, 4), nn.Linear(4, 3), flat

    def forward(self, tokens: Tensor) -> Tensor:
        logits = self.head(self.embedding(tokens))
        return logits.flatten(0, 1) if self.flat else logits


def per_token(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    tokens, target = batch
    return loss_fn(model(tokens).reshape(-1, 3), target.reshape(-1))


def sequences(size: int = 3, length: int = 5) -> list[Any]:
    """Labels that depend on their place: no constant that all places share can use that."""
    made = []
    for i in range(N_BATCHES):
        tokens = labels([1 / 9] * 9, size, length, seed=i)
        made.append((tokens, torch.arange(length).clamp(max=2).expand(size, length)))
    return made


@pytest.mark.parametrize("flat", [False, True])
def test_the_places_of_a_sequence_share_the_constant(flat: bool) -> None:
    batches = sequences()
    found = constant_loss(Tokens(flat), batches, nn.CrossEntropyLoss(), per_token)
    assert found == pytest.approx(entropy(batches), abs=1e-3)


def test_the_outputs_of_a_series_of_numbers_do_not() -> None:
    batches = [(draws(8, 5, 4, seed=i), torch.arange(5.0).view(1, 5, 1).expand(8, 5, 1)) for i in range(N_BATCHES)]
    assert constant_loss(nn.Linear(4, 1), batches, nn.MSELoss()) == pytest.approx(0.0, abs=1e-3)


def binary() -> list[Any]:
    return [(draws(16, 4, seed=i), labels([0.8, 0.2], 16, 1, seed=i).float()) for i in range(N_BATCHES)]


@pytest.mark.parametrize(
    ("model", "loss_fn"),
    [(nn.Linear(4, 1), nn.BCEWithLogitsLoss()), (Probabilities(nn.Sigmoid(), 1), nn.BCELoss())],
    ids=["logits", "probabilities"],
)
def test_binary_cross_entropy(model: nn.Module, loss_fn: nn.Module) -> None:
    p = torch.cat([y for _, y in binary()]).mean().item()
    expected = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert constant_loss(model, binary(), loss_fn) == pytest.approx(expected, abs=1e-3)


class Flat(nn.Module):
    """One number an example, without a dimension of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).squeeze(1)


def test_outputs_of_one_dimension() -> None:
    batches = [(draws(16, 4, seed=i), draws(16, seed=100 + i)) for i in range(N_BATCHES)]
    variance = torch.cat([y for _, y in batches]).var(correction=0).item()
    assert constant_loss(Flat(), batches, nn.MSELoss()) == pytest.approx(variance, rel=1e-4)


def test_the_level_is_that_of_the_last_batches() -> None:
    """Fitted to the batches of the whole control: the last ones are too few for many numbers."""
    early = [(draws(16, 4, seed=i), torch.zeros(16, 1)) for i in range(10)]
    late = [(draws(16, 4, seed=i), torch.full((16, 1), 6.0)) for i in range(2)]
    assert constant_loss(nn.Linear(4, 1), [*early, *late], nn.MSELoss(), end=0.2) == pytest.approx(25.0, rel=1e-3)


def own_step(model: nn.Module, batch: dict[str, Tensor], loss_fn: Any) -> Tensor:
    target = batch.pop("y")
    return loss_fn(model(batch["x"]), target) + 0.5


def test_a_step_hook_that_calls_the_model() -> None:
    batches = classes()
    named = [{"x": x, "y": y} for x, y in batches]
    found = constant_loss(nn.Linear(4, 3), named, nn.CrossEntropyLoss(), own_step)
    assert found == pytest.approx(entropy(batches) + 0.5, abs=1e-3)


def of_16(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    """Knows how long its batches are."""
    x, y = batch
    return loss_fn(model(x).view(16, 3), y)


def test_a_step_that_knows_the_length_of_its_batches() -> None:
    batches = classes()
    found = constant_loss(nn.Linear(4, 3), batches, nn.CrossEntropyLoss(), of_16)
    assert found == pytest.approx(entropy(batches), abs=1e-3)


@pytest.mark.parametrize("flat", [False, True])
def test_sequences_of_unequal_length(flat: bool) -> None:
    """They are fitted batch by batch, each with its own mean."""
    lengths = [4 + i % 3 for i in range(N_BATCHES)]
    batches = [(labels([1 / 9] * 9, 30, n, seed=i), labels(SHARE, 30, n, seed=i)) for i, n in enumerate(lengths)]
    found = constant_loss(Tokens(flat), batches, nn.CrossEntropyLoss(), per_token)
    assert found == pytest.approx(entropy(batches), rel=0.01)


class WithLoss(nn.Module):
    """Gives its loss, by name or alone."""

    def __init__(self, by_name: bool) -> None:
        super().__init__()
        self.layer, self.by_name = nn.Linear(4, 3), by_name

    def forward(self, x: Tensor, y: Tensor) -> Any:
        loss = nn.functional.cross_entropy(self.layer(x), y)
        return {"loss": loss} if self.by_name else loss


class Twice(nn.Module):
    """Its step takes two passes over it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def two_passes(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    x, y = batch
    return loss_fn(model(x), y) + loss_fn(model(-x), y)


def by_a_part(model: Any, batch: Any, loss_fn: Any) -> Tensor:
    return loss_fn(model.layer(batch[0]), batch[1])


def critic(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    """Has no lowest value."""
    return model(batch[0]).mean()


def counting_down(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    """Changes its labels in place."""
    x, y = batch
    return loss_fn(model(x), y.clamp_(max=1))


def tupled(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    return loss_fn(model(batch[0])[0], batch[1])


class Tuple(Twice):
    def forward(self, x: Tensor) -> Any:
        return (self.layer(x), x)


@pytest.mark.parametrize(
    ("model", "step"),
    [
        (WithLoss(by_name=True), lambda model, batch, loss_fn: model(*batch)["loss"]),
        (WithLoss(by_name=False), lambda model, batch, loss_fn: model(*batch)),
        (Twice(), two_passes),
        (Twice(), by_a_part),
        (Twice(), critic),
        (Twice(), counting_down),
        (Tuple(), tupled),
    ],
    ids=["loss by name", "loss", "two passes", "part of the model", "no lowest loss", "labels in place", "tuple"],
)
def test_what_cannot_be_known(model: nn.Module, step: Callable[..., Any]) -> None:
    assert constant_loss(model, classes(), nn.CrossEntropyLoss(), step) is None


def test_few_batches_are_kept_where_they_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = classes()
    weight = 16 * 4 * 4 + 16 * 8
    monkeypatch.setattr(collapse, "HELD_BYTES", 96 * weight // 16)
    constant = Constant(Made(), 320, 0.5)  # type: ignore[arg-type]
    for i in range(320):
        constant.see(i, batches[i % N_BATCHES])
    assert sorted(constant._batches) == sorted({0, 160, *range(160, 320, 40)})
    assert constant.loss(nn.Linear(4, 3), nn.CrossEntropyLoss()) is not None


def test_no_batch_is_changed_and_no_weight_is(recwarn: pytest.WarningsRecorder) -> None:
    batches, model = classes(), nn.Linear(4, 3)
    before = [[t.clone() for t in batch] for batch in batches], [p.clone() for p in model.parameters()]
    constant_loss(model, batches, nn.CrossEntropyLoss())
    assert all(torch.equal(a, b) for x, y in zip(batches, before[0], strict=True) for a, b in zip(x, y, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before[1], strict=True))
    assert all(p.grad is None for p in model.parameters())
    assert [str(w.message) for w in recwarn] == []


def spread(model: nn.Module, batch: Any, step: Callable[..., Any] = default_step, loss_fn: Any = None) -> float | None:
    return output_spread(Made(step), model, batch, loss_fn or nn.CrossEntropyLoss())  # type: ignore[arg-type]


def test_the_spread_is_the_standard_deviation_over_the_examples() -> None:
    model, batch = nn.Linear(4, 3), classes()[0]
    expected = model(batch[0]).double().var(0).mean().sqrt().item()
    assert spread(model, batch) == pytest.approx(expected, rel=1e-6)


def test_in_evaluation_mode() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3), nn.Dropout(0.5))
    batch = classes()[0]
    buffers = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    found = spread(model, batch)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, buffers[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        assert found == pytest.approx(model.eval()(batch[0]).double().var(0).mean().sqrt().item(), rel=1e-6)
    assert spread(model, batch) == found
    assert not model.training


@pytest.mark.parametrize("flat", [False, True])
def test_a_model_that_ignores_its_input_has_none(flat: bool) -> None:
    model, batch = Tokens(flat), sequences()[0]
    assert spread(model, batch, per_token) > 0.01
    nn.init.zeros_(model.head.weight)
    assert spread(model, batch, per_token) == 0.0


def test_a_relu_net_that_died_has_none() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.init.constant_(model[0].bias, -100.0)
    assert spread(model, classes()[0]) == 0.0


def test_the_spread_of_one_number_an_example() -> None:
    model, batch = Flat(), (draws(16, 4), draws(16))
    assert spread(model, batch, loss_fn=nn.MSELoss()) == pytest.approx(model(batch[0]).std().item(), rel=1e-6)


def test_the_first_tensor_with_rows_is_the_output() -> None:
    batch = classes()[0]
    model = WithLoss(by_name=True)

    def both(self: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
        return self(*batch)["loss"]

    inner = model.forward
    model.forward = lambda x, y: {**inner(x, y), "logits": model.layer(x)}  # type: ignore[method-assign]
    assert spread(model, batch, both) == pytest.approx(
        model.layer(batch[0]).double().var(0).mean().sqrt().item(), rel=1e-6
    )


def by_derivative(model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
    """Needs gradients for its loss, as an equation's residual does."""
    x = batch[0].requires_grad_()
    (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    return slope.square().mean()


class NoEvaluation(Twice):
    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            raise NotImplementedError("sampling is not written yet")
        return self.layer(x)


@pytest.mark.parametrize(
    ("model", "batch", "step"),
    [
        (WithLoss(by_name=True), classes()[0], lambda model, batch, loss_fn: model(*batch)["loss"]),
        (WithLoss(by_name=False), classes()[0], lambda model, batch, loss_fn: model(*batch)),
        (Twice(), classes()[0], by_a_part),
        (Twice(), classes(size=1)[0], default_step),
        (Twice(), classes()[0], by_derivative),
        (NoEvaluation(), classes()[0], default_step),
    ],
    ids=["loss by name", "loss", "part of the model", "one example", "needs gradients", "no evaluation mode"],
)
def test_where_no_spread_can_be_seen_nothing_fails(model: nn.Module, batch: Any, step: Callable[..., Any]) -> None:
    assert spread(model, batch, step) is None
    assert model.training
    assert not model._forward_hooks


def test_a_constant_prediction_has_the_shape_of_the_output() -> None:
    batch = sequences()[0]
    for flat, shape in ((False, (3, 5, 3)), (True, (15, 3))):
        constant = ConstantPrediction(Tokens(flat)(batch[0]), batch)
        assert constant(batch[0]).shape == shape
        assert constant.value.shape == (3,)
