"""A rewritten model computes, bit for bit, what its author would have written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from further_nets import TwoSummands
from small_nets import (
    WIDTH,
    Block,
    Blocks,
    DataDependent,
    Encoder,
    Functions,
    Recurrent,
    ids,
    images,
    square,
    vectors,
    wide_resnet,
)
from torch import Tensor, nn
from torch.nn import functional as F

from lrdoctor.architecture import rewrite
from lrdoctor.core.rewriting import Rewrite, Rewriting


def rewritten(net: nn.Module, batch: Tensor, name: Rewrite) -> Rewriting:
    done = rewrite(net, batch, square, name)
    assert done.is_made, (done.failure, done.refused)
    return done


def seeded(make: Callable[[], nn.Module], batch: Callable[[], Tensor] = vectors) -> tuple[Any, Tensor]:
    torch.manual_seed(0)
    return make(), batch()


def gradients(out: Tensor, net: nn.Module, names: set[str]) -> dict[str, Tensor]:
    params = {name: p for name, p in net.named_parameters() if name in names}
    found = torch.autograd.grad(out.square().sum(), list(params.values()), allow_unused=True)
    return {name: g for name, g in zip(params, found, strict=True) if g is not None}


PLACEMENTS = ["none", "pre", "relu last", "in place", "minus", "sum of a list", "parallel", "norm last", "into a slice"]


@pytest.mark.parametrize("placement", [*PLACEMENTS, "post", "functional norm", "through a view"])
def test_a_gate_at_its_start_leaves_the_skip_alone_and_learns(placement: str) -> None:
    net, batch = seeded(lambda: Blocks(placement))
    rewritten(net, batch, "rezero")
    x = net.first(batch)
    for block in net.blocks:
        if placement in ("post", "through a view"):
            x = block.norm(x)
        elif placement == "functional norm":
            x = F.layer_norm(x, (WIDTH,))
    out = net(batch)
    assert torch.equal(out, net.head(x))
    gates = {name: p for name, p in net.named_parameters() if "lr_gate" in name}
    assert len(gates) == (8 if placement == "parallel" else 4)
    found = gradients(out, net, set(gates))
    assert all(float(found[name].abs()) > 0 for name in gates)


@pytest.mark.parametrize(("make", "batch"), [(Functions, vectors), (DataDependent, vectors)])
def test_a_gate_at_its_start_where_the_branch_ends_in_no_module(
    make: Callable[[], nn.Module], batch: Callable[[], Tensor]
) -> None:
    net, x = seeded(make, batch)
    rewritten(net, x, "rezero")
    assert torch.equal(net(x), x @ net.last if isinstance(net, Functions) else net.head(x))


def test_a_gate_in_torchs_own_layers() -> None:
    net, batch = seeded(lambda: Encoder(False), ids)
    rewritten(net, batch, "rezero")
    x = net.tokens(batch)
    for layer in net.encoder.layers:
        x = layer.norm2(layer.norm1(x))
    assert torch.equal(net(batch), net.head(x))
    with torch.no_grad():
        assert torch.equal(net.eval()(batch), net.head(x))


def test_a_gate_that_has_learned_scales_the_branch() -> None:
    net, batch = seeded(lambda: Blocks("in place"))
    rewritten(net, batch, "rezero")
    for k, block in enumerate(net.blocks):
        nn.init.constant_(block.lr_gate_0, k + 0.5)
    equal_with_gradients(net, net(batch), by_hand(net, batch, lambda b, x: b.lr_gate_0 * branch(b, x) + x))


def by_hand(net: Blocks, batch: Tensor, of_block: Callable[[Block, Tensor], Tensor]) -> Tensor:
    """The net with another sum in its blocks."""
    x = net.first(batch)
    for block in net.blocks:
        x = of_block(block, x)
    return net.head(x)


def branch(block: Any, x: Tensor) -> Tensor:
    """What the block's branch was before any change."""
    return F.linear(F.gelu(block.up(x)), block.down.weight, block.down.bias)


def norm(block: Any, x: Tensor) -> Tensor:
    return F.layer_norm(x, (WIDTH,), block.norm.weight, block.norm.bias)


def equal_with_gradients(net: nn.Module, out: Tensor, expected: Tensor) -> None:
    assert torch.equal(out, expected)
    names = {name for name, _ in net.named_parameters()}
    found, wanted = gradients(out, net, names), gradients(expected, net, names)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in names & wanted.keys())


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("reentrant", [None, False, True])
def test_a_moved_norm(shared: bool, reentrant: bool | None) -> None:
    net, batch = seeded(lambda: Blocks("post", shared=shared, reentrant=reentrant))
    done = rewritten(net, batch, "move_norm")
    assert "without a norm" in done.note
    for p in net.parameters():  # so that the norms do something of their own
        p.data += 0.01 * torch.randn_like(p)
    out, expected = net(batch), by_hand(net, batch, lambda b, x: x + norm(b, branch(b, x)))
    assert torch.equal(out, expected)
    names = {name for name, _ in net.named_parameters() if "gate" not in name}
    net.zero_grad()
    out.square().sum().backward()
    wanted = gradients(expected, net, names)
    assert all(torch.equal(net.get_parameter(name).grad, wanted[name]) for name in wanted)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_moved_norm_in_torchs_own_layers(mode: str) -> None:
    net, batch = seeded(lambda: Encoder(False), ids)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    rewritten(net, batch, "move_norm")
    net.train(mode == "train")
    with torch.no_grad():
        found = net(batch)
        x = net.tokens(batch)
        for layer in net.encoder.layers:
            x = x + F.layer_norm(layer.self_attn(x, x, x, need_weights=False)[0], (WIDTH,), eps=1e-5)
            x = x + F.layer_norm(layer.linear2(F.relu(layer.linear1(x))), (WIDTH,), eps=1e-5)
        if mode == "train":
            assert torch.equal(found, net.head(x))
        torch.testing.assert_close(found, net.head(x))


@pytest.mark.parametrize("placement", ["none", "pre", "relu last", "in place", "minus"])
def test_an_added_norm(placement: str) -> None:
    net, batch = seeded(lambda: Blocks(placement))
    rewritten(net, batch, "add_norm")
    for p in net.parameters():
        p.data += 0.01 * torch.randn_like(p)

    def added(b: Any, f: Tensor) -> Tensor:
        return F.layer_norm(f, (WIDTH,), b.lr_norm_0_weight, b.lr_norm_0_bias)

    forms: dict[str, Callable[[Any, Tensor], Tensor]] = {
        "none": lambda b, x: x + added(b, branch(b, x)),
        "pre": lambda b, x: x + added(b, branch(b, b.norm(x))),
        "relu last": lambda b, x: x + added(b, F.relu(branch(b, x))),
        "in place": lambda b, x: added(b, branch(b, x)) + x,
        "minus": lambda b, x: x - added(b, branch(b, x)),
    }
    equal_with_gradients(net, net(batch), by_hand(net, batch, forms[placement]))


def test_an_added_norm_behind_a_convolution() -> None:
    net, batch = seeded(lambda: wide_resnet().eval(), images)
    rewritten(net, batch, "add_norm")
    x = net[0](batch)
    for block in list(net)[1:5]:
        h = F.relu(block.norm1(x))
        f = F.conv2d(F.relu(block.norm2(block.conv1(h))), block.conv2.weight, padding=1)
        f = F.group_norm(f, 1, block.lr_norm_0_weight, block.lr_norm_0_bias)
        x = f + (x if block.skip is None else block.skip(h))
    for layer in list(net)[5:]:
        x = layer(x)
    assert torch.equal(net(batch), x)


@pytest.mark.parametrize(
    ("make", "batch"),
    [(lambda: Blocks("pre"), vectors), (lambda: Blocks("post"), vectors), (lambda: Blocks("norm last"), vectors),
     (wide_resnet, images), (TwoSummands, ids)],
)  # fmt: skip
def test_a_zeroed_layer_is_exactly_0_and_learns(make: Callable[[], nn.Module], batch: Callable[[], Tensor]) -> None:
    net, x = seeded(make, batch)
    done = rewritten(net, x, "zero_init")
    assert done.after is not None
    assert {site.branch_scale for site in done.after.sites} == {0.0}
    names = {name for name, p in net.named_parameters() if not p.any() and "gate" not in name}
    square(net, x).backward()
    learning = [name for name in names if net.get_parameter(name).grad.any()]
    sites = done.n_sites
    assert len(learning) >= sites if not isinstance(net, TwoSummands) else len(learning) == 4


def test_a_recurrence_is_no_place_for_a_gate() -> None:
    net, batch = seeded(lambda: Recurrent(True), ids)
    assert not rewrite(net, batch, square, "rezero").is_made
