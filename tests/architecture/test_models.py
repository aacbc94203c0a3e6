"""The table of models: what each is made of was written down from its source."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from further_nets import (
    Dense,
    Excited,
    Highway,
    Lazy,
    Llama,
    Mixer,
    Moments,
    Pooled,
    Swin,
    Translator,
    TwoSummands,
    UNet,
    WeightNormed,
)
from skip_nets import (
    Channels,
    HiddenActivation,
    NotNormalized,
    fourier,
    groups,
    heads,
    pooled,
    separable,
    two_steps,
)
from small_nets import (
    GPT,
    Blocks,
    DataDependent,
    Encoder,
    Form,
    Functions,
    LayerScale,
    Recurrent,
    Rotated,
    ids,
    images,
    looked_at,
    plain_cnn,
    plain_mlp,
    square,
    vectors,
    wide_resnet,
    zero_init_resnet,
)
from torch import Tensor, nn

from lrdoctor.architecture import look
from lrdoctor.core.architecture import Architecture


def counts(model: Architecture) -> tuple[int, int, int, int, int]:
    """Residual adds, those with Norm(x + f(x)), branches without a norm last, and the two depths."""
    bare = sum(not site.is_norm_last for site in model.sites)
    depths = model.depth_outside_residuals, model.depth_without_norm
    return len(model.sites), len(model.post_norm_sites), bare, *depths


ROWS: list[tuple[str, Callable[[], nn.Module], Callable[[], Tensor], tuple[int, int, int, int, int]]] = [
    ("plain mlp", plain_mlp, vectors, (0, 0, 0, 21, 21)),
    ("plain cnn", plain_cnn, images, (0, 0, 0, 4, 4)),
    ("without norm", lambda: Blocks("none"), vectors, (4, 0, 4, 2, 10)),
    ("pre-norm", lambda: Blocks("pre"), vectors, (4, 0, 4, 2, 3)),
    ("post-norm", lambda: Blocks("post"), vectors, (4, 4, 4, 2, 3)),
    ("norm last", lambda: Blocks("norm last"), vectors, (4, 0, 0, 2, 3)),
    ("rezero", lambda: Blocks("rezero"), vectors, (4, 0, 4, 2, 10)),
    ("relu last", lambda: Blocks("relu last"), vectors, (4, 0, 4, 2, 10)),
    ("in place", lambda: Blocks("in place"), vectors, (4, 0, 4, 2, 10)),
    ("parallel", lambda: Blocks("parallel"), vectors, (8, 0, 8, 2, 3)),
    ("shared block", lambda: Blocks("pre", shared=True), vectors, (4, 0, 4, 2, 3)),
    ("checkpointed", lambda: Blocks("pre", reentrant=False), vectors, (4, 0, 4, 2, 3)),
    ("checkpointed, reentrant", lambda: Blocks("pre", reentrant=True), vectors, (4, 0, 4, 2, 3)),
    ("no modules", Functions, vectors, (4, 0, 4, 1, 5)),
    ("projections", wide_resnet, images, (4, 0, 4, 4, 1)),
    ("gpt", GPT, ids, (6, 0, 6, 1, 2)),
    ("gpt, parallel", lambda: GPT(parallel=True), ids, (6, 0, 6, 1, 2)),
    ("torch's post-norm layers", lambda: Encoder(False), ids, (6, 6, 6, 1, 2)),
    ("torch's pre-norm layers", lambda: Encoder(True), ids, (6, 0, 6, 1, 3)),
    ("the same on the fast path", lambda: Encoder(False).eval(), ids, (6, 6, 6, 1, 2)),
    ("lstm", lambda: Recurrent(False), ids, (0, 0, 0, 2, 2)),
    ("lstm by hand", lambda: Recurrent(True), ids, (0, 0, 0, 13, 13)),
    ("depends on the data", DataDependent, vectors, (3, 0, 3, 1, 2)),
    ("rotary", Rotated, vectors, (0, 0, 0, 2, 2)),
    ("zero at init", zero_init_resnet, images, (2, 0, 0, 2, 2)),
    ("layer scale", lambda: nn.Sequential(LayerScale(), LayerScale()), vectors, (2, 0, 2, 0, 1)),
    ("minus", lambda: Blocks("minus"), vectors, (4, 0, 4, 2, 10)),
    ("sum of a list", lambda: Blocks("sum of a list"), vectors, (4, 0, 4, 2, 10)),
    ("functional norm", lambda: Blocks("functional norm"), vectors, (4, 4, 4, 2, 3)),
    ("through a view", lambda: Blocks("through a view"), vectors, (4, 4, 4, 2, 3)),
    ("into a slice", lambda: Blocks("into a slice"), vectors, (4, 0, 4, 2, 10)),
]


@pytest.mark.parametrize(("make", "batch", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_every_model_is_made_of(make: Callable[[], nn.Module], batch: Any, expected: Any) -> None:
    model = looked_at(make, batch)
    assert counts(model) == expected
    assert model.unknown == ()


FURTHER: list[tuple[str, Callable[[], nn.Module], Callable[[], Tensor], tuple[int, int, int], str | None]] = [
    ("llama", Llama, ids, (4, 0, 4), "linear"),
    ("two summands", TwoSummands, ids, (2, 0, 2), "add"),
    ("translator, post-norm", lambda: Translator(False), ids, (10, 10, 10), "linear"),
    ("translator, pre-norm", lambda: Translator(True), ids, (10, 0, 10), "linear"),
    ("squeeze and excitation", Excited, images, (1, 0, 1), "mul"),
    ("highway", Highway, vectors, (0, 0, 0), None),
    ("dense", Dense, images, (0, 0, 0), None),
    ("u-net", UNet, images, (1, 0, 1), "conv_transpose2d"),
    ("mixer", Mixer, ids, (4, 0, 4), "gelu"),
    ("swin", Swin, vectors, (3, 0, 0), "norm"),
    ("poolformer", Pooled, images, (1, 0, 0), "norm"),
    ("lazy", Lazy, vectors, (1, 1, 1), "linear"),
    ("weight norm", WeightNormed, vectors, (4, 0, 4), "relu"),
    ("norm in plain operations", Moments, vectors, (3, 0, 3), "linear"),
    ("pooled skip", lambda: Channels(pooled), images, (1, 0, 1), "conv2d"),
    ("separable convolution on the skip", lambda: Channels(separable), images, (1, 0, 1), "conv2d"),
    ("two branches", lambda: Channels(two_steps), images, (0, 0, 0), None),
    ("two layers beside each other", lambda: Channels(heads), images, (0, 0, 0), None),
    ("two groups of channels", lambda: Channels(groups), images, (0, 0, 0), None),
    ("fourier", lambda: Channels(fourier), images, (1, 0, 1), "fft2"),
    ("activation inside a norm", HiddenActivation, images, (1, 0, 1), "conv2d"),
    ("no norm", NotNormalized, images, (2, 0, 2), "relu"),
]


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(
    ("make", "batch", "expected", "last"), [row[1:] for row in FURTHER], ids=[row[0] for row in FURTHER]
)
def test_further_models(make: Callable[[], nn.Module], batch: Any, expected: Any, last: str | None) -> None:
    model = looked_at(make, batch)
    assert counts(model)[:3] == expected
    assert (model.sites[-1].last_operation if model.sites else None) == last
    assert model.unknown == ()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("stack", lambda f, x: torch.stack([x, f(x)]).sum(0)),
        ("lerp", lambda f, x: torch.lerp(x, f(x), 0.5)),
        ("addmm", lambda f, x: torch.addmm(x, x, f.weight)),
        ("concatenation", lambda f, x: torch.cat([x, f(x)], -1)),
    ],
)
def test_forms_that_are_not_recognised(name: str, form: Callable[[nn.Linear, Tensor], Tensor]) -> None:
    assert looked_at(lambda: Form(form)).sites == ()


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(16, 16), nn.Linear(16, 3)
        block = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
        self.block = torch.jit.trace(block, torch.randn(8, 16))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.first(x)))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_what_cannot_be_looked_into_is_unknown_and_not_absent() -> None:
    model = looked_at(Scripted)
    assert len(model.unknown) == 1
    assert "block" in model.unknown[0]
    assert model.depth_outside_residuals == 3


def test_where_the_adds_stand() -> None:
    lines = inspect.getsource(inspect.getmodule(GPT)).splitlines()
    expected = [i for i, line in enumerate(lines, 1) if "x + self.attention" in line or "x + self.mlp" in line][1:]
    model = looked_at(GPT, ids)
    assert [site.where for site in model.sites] == [f"small_nets.py:{i}" for i in expected] * 3
    assert [site.module for site in model.sites] == [f"blocks.{i}" for i in (0, 0, 1, 1, 2, 2)]
    assert [site.last_operation for site in model.sites] == ["linear"] * 6
    assert model.sites[0].zeroable == ("blocks.0.attention.out.weight", "blocks.0.attention.out.bias")


def test_projections_are_told_from_identities() -> None:
    model = looked_at(wide_resnet, images)
    assert [site.skip for site in model.sites] == ["projection", "identity", "projection", "identity"]
    assert [site.is_probable for site in model.sites] == [True, False, True, False]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_torch_compile_made_is_looked_at_as_its_plain_code() -> None:
    torch.manual_seed(0)
    plain, batch = Blocks("post"), vectors()
    expected = look(plain, batch, square)
    compiled = look(torch.compile(plain), batch, square)  # type: ignore[arg-type]
    assert counts(compiled) == counts(expected)
    assert [site.module for site in compiled.sites] == [site.module for site in expected.sites]
    plain.compile()
    assert look(plain, batch, square).sites == expected.sites
