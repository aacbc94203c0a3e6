"""The bundled workloads are what they are said to be, and each shows the instability it is there for."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from lrdoctor.core.curve import Curve
from lrdoctor.core.trial import Trial
from lrdoctor.errors import WorkloadError
from lrdoctor.training.loop import Row, train
from lrdoctor.training.workload import Workload
from lrdoctor.workloads import digits, text
from lrdoctor.workloads.conv import ConvNet
from lrdoctor.workloads.mlp import MLP
from lrdoctor.workloads.rnn import TanhRNN
from lrdoctor.workloads.softmax import Softmax
from lrdoctor.workloads.transformer import CharTransformer, next_character_loss

KNOWS_NOTHING = 0.9 * math.log(10)
"""A loss above this at the end of a run on ten classes is that of a model that has not learned, or not any more."""


def n_parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("model", "n", "shape"),
    [
        (ConvNet(), 7490, (1, 8, 8)),
        (ConvNet((1, 2)), 7490, (1, 8, 8)),
        (ConvNet((1, 1)), 15_170, (1, 8, 8)),
        (ConvNet((2, 2)), 5570 + 64, (1, 8, 8)),
        (MLP(), 42_250, (64,)),
        (MLP(depth=1, width=4), 64 * 4 + 4 + 4 * 10 + 10, (64,)),
        (TanhRNN(), 5002, (32, 2)),
        (Softmax(), 650, (64,)),
    ],
)
def test_sizes_of_the_digit_models(model: nn.Module, n: int, shape: tuple[int, ...]) -> None:
    assert n_parameters(model) == n
    assert model(torch.zeros(3, *shape)).shape == (3, 10)


def deviation(weight: torch.Tensor) -> float:
    return weight.std().item()


def test_initial_weights() -> None:
    torch.manual_seed(0)
    mlp, rnn, conv = MLP(depth=2, width=400), TanhRNN(hidden=400), ConvNet((1, 1))
    assert deviation(mlp.layers[2].weight) == pytest.approx(math.sqrt(2 / 400), rel=0.05)
    assert deviation(mlp.layers[-1].weight) == pytest.approx(math.sqrt(1 / 400), rel=0.05)
    assert deviation(rnn.rnn.weight_hh_l0) == pytest.approx(1.5 / 20, rel=0.05)
    assert deviation(rnn.rnn.weight_ih_l0) == pytest.approx(1 / math.sqrt(2), rel=0.1)
    assert deviation(conv.block2.conv2.weight) == pytest.approx(math.sqrt(2 / (16 * 9)), rel=0.05)
    assert deviation(conv.head.weight) == pytest.approx(math.sqrt(1 / 1024), rel=0.05)
    for bias in (mlp.layers[0].bias, rnn.rnn.bias_hh_l0, rnn.head.bias, conv.head.bias):
        assert not bias.any()


@pytest.mark.parametrize(
    ("make", "shape"), [(digits.images, (1, 8, 8)), (digits.vectors, (64,)), (digits.sequences, (32, 2))]
)
def test_digits(make: Any, shape: tuple[int, ...]) -> None:
    data = make()
    (x, y), (x_val, y_val) = data["train"], data["validation"]
    assert (x.shape, y.shape) == ((1297, *shape), (1297,))
    assert (x_val.shape, y_val.shape) == ((500, *shape), (500,))
    assert x.mean().item() == pytest.approx(0, abs=1e-4)
    assert x.std().item() == pytest.approx(1, abs=1e-3)
    assert sorted(set(y.tolist())) == sorted(set(y_val.tolist())) == list(range(10))
    assert torch.equal(x.reshape(1297, 64), digits.vectors()["train"][0])


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    theirs = load_digits()
    table = digits._table()
    assert (table[:, :-1] == theirs.data).all()
    assert (table[:, -1] == theirs.target).all()


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (None, "need scikit-learn, which is not installed: pip install"),
        (["/nowhere"], "digits.csv.gz, which this vers"),
    ],
)
def test_digits_without_scikit_learn(places: list[str] | None, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = None if places is None else SimpleNamespace(submodule_search_locations=places)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    with pytest.raises(WorkloadError, match=message):
        digits.vectors()


@pytest.mark.parametrize("length", [32, 7])
def test_text_windows(length: int) -> None:
    data = text.windows(length)
    (x, y), (x_val, y_val) = data["train"], data["validation"]
    assert len(x) == (text.N_TRAIN - 1) // length
    assert len(x_val) == (text.N_CHARACTERS - text.N_TRAIN - 1) // length
    for inputs, targets in ((x, y), (x_val, y_val)):
        assert inputs.shape == targets.shape == (len(inputs), length)
        assert torch.equal(inputs.flatten()[1:], targets.flatten()[:-1])  # one character ahead, windows on end
    assert int(x.min()) == 0
    assert int(x.max()) == text.vocabulary_size() - 1
    assert 30 < text.vocabulary_size() < 60
    (digest,) = data["provenance"].values()
    assert digest == hashlib.sha256(text._text().encode()).hexdigest()


def test_rare_characters_share_an_id() -> None:
    assert text._kept("a" * 201 + "b" * 200 + "c" * 300) == ["a", "c"]
    assert text._encode("ab" + "a" * 300).tolist()[:3] == [1, 0, 1]


@pytest.mark.parametrize(("norm", "n_last"), [("pre", 64), ("post", 0)])
def test_transformer(norm: Any, n_last: int) -> None:
    torch.manual_seed(0)
    model = CharTransformer(depth=2, norm=norm)
    characters = text.vocabulary_size()
    block = 2 * 64 + (32 * 96 + 96) + (32 * 32 + 32) + (32 * 64 + 64) + (64 * 32 + 32)
    assert n_parameters(model) == 2 * block + n_last + characters * 32 + 32 * 32 + (32 * characters + characters)
    ids = torch.randint(characters, (2, 32))
    logits = model(ids)
    assert logits.shape == (2, 32, characters)
    changed = ids.clone()
    changed[:, 20:] = 0
    torch.testing.assert_close(model(changed)[:, :20], logits[:, :20])  # it does not look ahead
    loss = next_character_loss(model, (ids, ids), nn.CrossEntropyLoss())
    assert loss.item() == pytest.approx(nn.CrossEntropyLoss()(logits.reshape(64, -1), ids.reshape(64)).item())


def test_transformer_knows_two_placements() -> None:
    with pytest.raises(ValueError, match="norm is 'middle', expected 'pre' or 'post'"):
        CharTransformer(norm="middle")  # type: ignore[arg-type]


def train_loss(model: str, data: str, rate: float, steps: int, **changes: Any) -> Curve:
    blocks = {
        "model": {"class_path": f"lrdoctor.workloads.{model}", "init_args": changes.pop("init_args", {})},
        "data": {"class_path": f"lrdoctor.workloads.{data}", "batch_size": changes.pop("batch_size", 32)},
        "loss": {"class_path": "torch.nn.CrossEntropyLoss"},
        "step": changes.pop("step", None),
        "schedule": {"name": "constant"},
        "folder": str(Path.cwd()),
    }
    trial = Trial(
        base_learning_rate=rate,
        seed=changes.pop("seed", 0),
        max_train_steps=steps,
        eval_every=10_000,
        optimizer=changes.pop("optimizer", '{"momentum":0.9,"name":"momentum"}'),
        stop_hopeless=False,
        **changes,
    )
    rows: list[Row] = []
    workload = Workload({**blocks, "device": "cpu"}, torch.device("cpu"))
    train(workload, trial, rows.extend, lambda: False)
    return Curve.of([row.train_loss for row in rows])


def test_conv_stride_1_blows_up_early_where_stride_2_does_not() -> None:
    peaks = {}
    for strides in ((1, 2), (1, 1)):
        losses = [
            train_loss("conv:ConvNet", "digits:images", 0.2, 25, seed=seed, init_args={"strides": strides}).value
            for seed in range(3)
        ]
        peaks[strides] = [max(loss) / loss[0] for loss in losses]
    assert max(peaks[1, 2]) < 2
    assert sum(peak > 2 for peak in peaks[1, 1]) >= 2


def test_the_deep_mlp_trains_and_breaks_down_at_ten_times_the_rate() -> None:
    calm = train_loss("mlp:MLP", "digits:vectors", 0.01, 120, batch_size=64).value
    wild = train_loss("mlp:MLP", "digits:vectors", 0.1, 300, batch_size=64).value
    assert calm[-10:].mean() < 0.25 * calm[0]
    assert wild[:120].min() < 0.7 * wild[0]
    assert not wild[-15:].mean() < KNOWS_NOTHING  # nan counts


def test_softmax_regression_knows_nothing_at_first_and_learns_at_any_moderate_rate() -> None:
    for rate in (0.01, 0.1):
        losses = train_loss("softmax:Softmax", "digits:vectors", rate, 100, batch_size=64).value
        assert losses[0] == pytest.approx(math.log(10))
        assert losses[-10:].mean() < 0.5 * losses[0]
        assert losses.max() == losses[0]


def test_clipping_cures_the_tanh_rnn() -> None:
    wild = train_loss("rnn:TanhRNN", "digits:sequences", 0.1, 100).value
    clipped = train_loss("rnn:TanhRNN", "digits:sequences", 0.1, 100, clip_norm=0.5).value
    assert clipped[-20:].mean() < 0.7 * clipped[0]
    assert not wild[-8:].mean() < KNOWS_NOTHING


def test_the_transformer_learns_the_frequencies_of_characters() -> None:
    loss = train_loss(
        "transformer:CharTransformer",
        "text:windows",
        3e-3,
        25,
        batch_size=16,
        step="lrdoctor.workloads.transformer:next_character_loss",
        optimizer='{"betas":[0.9,0.999],"eps":1e-8,"name":"adam"}',
        init_args={"depth": 2, "norm": "pre"},
    ).value
    assert loss[0] > 3.4
    assert loss[-5:].mean() < 3.2
