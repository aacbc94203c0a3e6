"""Where a rewrite does not reach, it says so and leaves the model as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_nets import WIDTH, Blocks, Encoder, ids, square, vectors
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lrdoctor.architecture import rewrite
from lrdoctor.core.rewriting import REWRITES, Rewrite

WITH_HOOKS: tuple[Rewrite, ...] = ("rezero", "move_norm", "add_norm")


class Inner(nn.Module):
    """Checkpoints a function of its own, in which it adds: the sum runs again outside of its forward pass."""

    def __init__(self, reentrant: bool, ends_in_module: bool) -> None:
        super().__init__()
        self.reentrant, self.ends_in_module = reentrant, ends_in_module
        self.first, self.f, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)

    def _inner(self, x: Tensor) -> Tensor:
        f = self.f(x.sin())
        return (x + f if self.ends_in_module else x + f.tanh()).cos()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(checkpoint(self._inner, self.first(x), use_reentrant=self.reentrant))


def state(net: nn.Module) -> dict[str, list[float]]:
    return {name: t.flatten().tolist() for name, t in net.state_dict().items()}


def is_untouched(net: nn.Module) -> bool:
    return not any(m._forward_hooks or m._forward_pre_hooks or "forward" in vars(m) for m in net.modules())


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("name", ["rezero", "add_norm"])
def test_a_sum_that_a_checkpoint_runs_again_out_of_reach_is_refused(reentrant: bool, name: Rewrite) -> None:
    torch.manual_seed(0)
    net, batch = Inner(reentrant, ends_in_module=False), vectors()
    before = state(net)
    done = rewrite(net, batch, square, name)
    assert not done.is_made
    assert "runs again in the backward pass" in done.refused[0].why
    assert state(net) == before
    assert is_untouched(net)


@pytest.mark.parametrize("reentrant", [True, False])
def test_one_whose_branch_ends_in_a_module_is_within_reach(reentrant: bool) -> None:
    torch.manual_seed(0)
    net, batch = Inner(reentrant, ends_in_module=True), vectors()
    assert rewrite(net, batch, square, "rezero").n_sites == 1
    nn.init.constant_(net.lr_gate_0, 0.5)
    x = net.first(batch)
    expected = net.head((x + net.lr_gate_0 * nn.functional.linear(x.sin(), net.f.weight, net.f.bias)).cos())
    square(net, batch).backward()
    wanted = torch.autograd.grad(expected.pow(2).mean(), list(net.parameters()))
    assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), wanted, strict=True) if p.grad is not None)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("placement", ["relu last", "in place", "parallel"])
def test_a_checkpointed_module_runs_again_as_it_was_changed(reentrant: bool, placement: str) -> None:
    def gradients(reentrant: bool | None) -> list[Tensor]:
        torch.manual_seed(0)
        net, batch = Blocks(placement, reentrant=reentrant), vectors()
        assert rewrite(net, batch, square, "rezero").is_made
        for name, p in net.named_parameters():
            if "lr_gate" in name:
                nn.init.constant_(p, 0.5)
        square(net, batch).backward()
        return [p.grad for p in net.parameters() if p.grad is not None]

    assert all(torch.equal(a, b) for a, b in zip(gradients(reentrant), gradients(None), strict=True))


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net)  # type: ignore[return-value]


def compiled_in_place(net: nn.Module) -> nn.Module:
    net.blocks[0].compile()  # type: ignore[index,union-attr,operator]
    return net


def compiled_function(net: nn.Module) -> nn.Module:
    net.helper = torch.compile(torch.tanh)
    return net


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("wrap", "word"),
    [
        (compiled, "torch.compile"),
        (compiled_in_place, "blocks.0 was compiled"),
        (compiled_function, "torch.compile"),
        (nn.DataParallel, "DataParallel"),
    ],
)
def test_a_model_that_would_not_run_the_change_gets_none(wrap: Callable[[nn.Module], nn.Module], word: str) -> None:
    for name in WITH_HOOKS:
        torch.manual_seed(0)
        net = wrap(Blocks("post" if name == "move_norm" else "pre"))
        before, forward = state(net), vars(net).get("forward")
        done = rewrite(net, vectors(), square, name)
        assert word in done.failure
        assert (done.n_sites, done.after, done.edits) == (0, None, ())
        assert state(net) == before
        assert vars(net).get("forward") is forward
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    torch.manual_seed(0)
    net = wrap(Blocks("pre"))
    assert rewrite(net, vectors(), square, "zero_init").n_sites == 4


@pytest.mark.parametrize("name", REWRITES)
def test_a_model_that_cannot_run_raises_what_it_raises(name: Rewrite) -> None:
    with pytest.raises(RuntimeError, match="shape"):
        rewrite(Blocks("pre"), torch.zeros(2, 3), square, name)


def test_a_change_with_which_the_model_cannot_run_is_taken_back() -> None:
    class ConditionalNorm(nn.LayerNorm):
        def forward(self, x: Tensor, by: float | None = None) -> Tensor:
            if by is None:
                raise TypeError("by what")
            return super().forward(x) * by

    class Post(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f, self.norm, self.head = nn.Linear(WIDTH, WIDTH), ConditionalNorm(WIDTH), nn.Linear(WIDTH, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.norm(x + self.f(x), 2.0))

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(WIDTH, WIDTH), Post())
    before = state(net)
    done = rewrite(net, vectors(), square, "move_norm")
    assert "does not run: TypeError: by what" in done.failure
    assert state(net) == before
    assert is_untouched(net)


def test_a_change_that_is_not_seen_is_taken_back() -> None:
    class Encodes(nn.Module):
        """Adds outside of its forward pass."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.f = nn.Linear(16, 16), nn.Linear(16, 16)

        def encode(self, x: Tensor) -> Tensor:
            x = self.first(x)
            return x + torch.tanh(self.f(x))

    def loss_of(model: Any, batch: Tensor) -> Tensor:
        return model.encode(batch).pow(2).mean()

    torch.manual_seed(0)
    net, batch = Encodes(), vectors()
    before = state(net)
    done = rewrite(net, batch, loss_of, "rezero")
    assert not done.is_made
    assert "recorded again" in done.refused[0].why
    assert state(net) == before
    assert is_untouched(net)


def test_an_exception_leaves_no_change_of_adds_behind() -> None:
    class Raises(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f, self.is_raising = nn.Linear(WIDTH, WIDTH), False

        def forward(self, x: Tensor) -> Tensor:
            if self.is_raising:
                raise ValueError("no more")
            return x + torch.tanh(self.f(x))

    torch.manual_seed(0)
    net, batch = nn.Sequential(nn.Linear(WIDTH, WIDTH), Raises()), vectors()
    assert rewrite(net, batch, square, "rezero").n_sites == 1
    net[1].is_raising = True
    with pytest.raises(ValueError, match="no more"):
        net(batch)
    assert torch.overrides._get_current_function_mode() is None
    net[1].is_raising = False
    assert torch.equal(net(batch), net[0](batch))


def test_more_times_through_a_loop_than_were_seen_run_as_they_are() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(len(x)):
                x = x + torch.tanh(self.f(x))
            return x

    torch.manual_seed(0)
    net, batch = Loop(), torch.randn(2, WIDTH)
    assert rewrite(net, batch, square, "rezero").n_sites == 2
    longer = torch.randn(3, WIDTH)
    assert torch.equal(net(longer), longer + torch.tanh(net.f(longer)))


def test_a_function_that_adds_for_two_modules_is_changed_for_each_alone() -> None:
    def plus(x: Tensor, f: Tensor) -> Tensor:
        return x + f

    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            return plus(x, torch.tanh(self.f(x)))

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts, self.f = nn.ModuleList([Part(), Part()]), nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            for part in self.parts:
                x = part(x)
            return plus(x, torch.sin(self.f(x)))

    torch.manual_seed(0)
    net, batch = Whole(), vectors()
    assert rewrite(net, batch, square, "rezero").n_sites == 3
    assert torch.equal(net(batch), batch)
    nn.init.ones_(net.lr_gate_0)
    assert torch.equal(net(batch), batch + torch.sin(net.f(batch)))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_torchs_layers_with_padding_give_the_same_in_evaluation() -> None:
    for name in ("rezero", "move_norm"):
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 32, 0.0, batch_first=True)
        net = nn.TransformerEncoder(layer, 2)
        batch, padding = torch.randn(3, 5, WIDTH), torch.zeros(3, 5, dtype=torch.bool)
        padding[0, 3:] = True

        def loss_of(model: Any, batch: Any) -> Tensor:
            return model(batch[0], src_key_padding_mask=batch[1]).pow(2).mean()

        assert rewrite(net, (batch, padding), loss_of, name).n_sites == 4  # type: ignore[arg-type]
        for p in net.parameters():
            p.data += 0.1
        trained = net(batch, src_key_padding_mask=padding)
        with torch.no_grad():
            evaluated = net.eval()(batch, src_key_padding_mask=padding)
        torch.testing.assert_close(evaluated[~padding], trained[~padding])


def test_the_encoders_fast_path_is_left() -> None:
    torch.manual_seed(0)
    net, batch = Encoder(False), ids()
    rewrite(net, batch, square, "rezero")
    with torch.no_grad():
        fast = net.eval()(batch)
    torch.testing.assert_close(fast, net(batch).detach())
