"""What makes a treatment of a model go wrong without anybody noticing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from further_nets import Swin
from small_nets import GPT, WIDTH, Block, Blocks, LayerScale, ids, square, vectors, zero_init_resnet
from test_traps import TwoGates
from torch import Tensor, nn

from lrdoctor.architecture import look, rewrite
from lrdoctor.core.rewriting import Rewrite, Rewriting


def rewritten(net: nn.Module, name: Rewrite, batch: Tensor | None = None) -> Rewriting:
    torch.manual_seed(1)
    return rewrite(net, vectors() if batch is None else batch, square, name)


def reasons(done: Rewriting) -> set[str]:
    return {refusal.why for refusal in done.refused}


def blocks(placement: str, **options: Any) -> Blocks:
    torch.manual_seed(0)
    return Blocks(placement, **options)


def test_1_no_gate_where_the_branch_is_0_already() -> None:
    torch.manual_seed(0)
    done = rewritten(zero_init_resnet(), "rezero", torch.randn(4, 3, 8, 8))
    assert not done.is_made
    assert all("0 already" in why for why in reasons(done))
    net = blocks("none")
    assert rewritten(net, "zero_init").n_sites == 4
    assert len(rewritten(net, "rezero").refused) == 4


def test_1_no_norm_where_the_branch_is_0_already() -> None:
    for placement, name in (("none", "add_norm"), ("post", "move_norm")):
        net = blocks(placement)
        assert rewritten(net, "zero_init").n_sites == 4
        done = rewritten(net, name)  # type: ignore[arg-type]
        assert not done.is_made
        assert all("gradient would explode" in why for why in reasons(done))


def test_2_no_layer_is_zeroed_in_front_of_something_non_linear() -> None:
    done = rewritten(blocks("relu last"), "zero_init")
    assert not done.is_made
    assert all("relu" in why for why in reasons(done))
    assert rewritten(blocks("relu last"), "rezero").n_sites == 4


def test_3_in_front_of_a_norm_the_norm_is_zeroed_and_not_the_layer() -> None:
    torch.manual_seed(0)
    net = Swin()
    (edit,) = rewritten(net, "zero_init").edits
    assert "nn.init.zeros_(self.norms[0].weight)" in edit.source
    assert "self.f" not in edit.source
    assert all(bool(f.weight.any()) for f in net.f)
    assert not any(bool(norm.weight.any()) for norm in net.norms)


def test_4_a_gate_without_a_gradient_at_the_start_is_no_failure() -> None:
    class Nested(nn.Module):
        """The inner sum reaches the loss through the outer branch alone."""

        def __init__(self) -> None:
            super().__init__()
            self.f, self.g = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            inner = x + self.f(x)
            return x + self.g(inner)

    torch.manual_seed(0)
    net, batch = Nested(), vectors()
    assert rewritten(net, "rezero", batch).n_sites == 2
    square(net, batch).backward()
    assert float(net.lr_gate_0.grad) == 0
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.step()
        optimizer.zero_grad()
        square(net, batch).backward()
    assert float(net.lr_gate_0.grad) != 0
    assert "factor already" in next(iter(reasons(rewritten(TwoGates(), "rezero"))))


def test_6_a_shared_block_has_one_gate() -> None:
    net = blocks("pre", shared=True)
    done = rewritten(net, "rezero")
    assert done.n_sites == 4
    assert [name for name, _ in net.named_parameters() if "lr_" in name] == ["blocks.0.lr_gate_0"]
    assert [edit.modules for edit in done.edits] == [("blocks.0",)]


def test_6_a_norm_that_is_used_elsewhere_too_is_not_moved() -> None:
    net = blocks("post")
    net.head = nn.Sequential(net.blocks[0].norm, nn.Linear(WIDTH, 3))
    done = rewritten(net, "move_norm")
    assert done.n_sites == 3
    (why,) = reasons(done)
    assert why == "head.0 is used elsewhere too" or why == "blocks.0.norm is used elsewhere too"


def test_6_a_norm_of_several_sums_is_moved_with_all_of_them_or_not_at_all() -> None:
    class Twice(nn.Module):
        def __init__(self, gated: bool) -> None:
            super().__init__()
            self.f, self.g, self.norm = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
            self.gate = nn.Parameter(torch.ones(1)) if gated else 1

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(x + self.f(x))
            return self.norm(x + self.g(x) * self.gate)

    torch.manual_seed(0)
    assert (
        rewritten(nn.Sequential(nn.Linear(WIDTH, WIDTH), Twice(False), nn.Linear(WIDTH, 3)), "move_norm").n_sites == 2
    )
    done = rewritten(nn.Sequential(nn.Linear(WIDTH, WIDTH), Twice(True), nn.Linear(WIDTH, 3)), "move_norm")
    assert not done.is_made
    assert "1.norm is used elsewhere too" in reasons(done)


def test_6_a_norm_of_a_sum_that_it_cannot_leave_stays_at_its_other_sums_too() -> None:
    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f, self.g, self.norm = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(x + self.f(x))
            return self.norm((x.view(-1) + self.g(x).view(-1)).view(x.shape))

    torch.manual_seed(0)
    done = rewritten(nn.Sequential(nn.Linear(WIDTH, WIDTH), Viewed(), nn.Linear(WIDTH, 3)), "move_norm")
    assert not done.is_made
    assert reasons(done) == {"the branch has another shape than the sum that is normalized"}
    assert len(done.refused) == 2


def test_7_a_new_parameter_is_there_for_an_optimizer_that_is_made_later() -> None:
    for name, n in (("rezero", 1), ("add_norm", 2)):
        net = blocks("none")
        before = {id(p) for p in torch.optim.SGD(net.parameters(), lr=0.1).param_groups[0]["params"]}
        assert rewritten(net, name).is_made  # type: ignore[arg-type]
        after = {id(p) for p in torch.optim.SGD(net.parameters(), lr=0.1).param_groups[0]["params"]}
        assert before < after
        assert len(after - before) == 4 * n


def test_8_what_was_done_is_recorded_again() -> None:
    for placement, name in (("pre", "zero_init"), ("pre", "rezero"), ("post", "move_norm"), ("pre", "add_norm")):
        net = blocks(placement)
        torch.manual_seed(1)
        batch = vectors()
        done = rewrite(net, batch, square, name)  # type: ignore[arg-type]
        after = look(net, batch, square)
        assert done.after == after
        zero, normed = name in ("zero_init", "rezero"), name in ("move_norm", "add_norm")
        assert all(site.is_zero == zero and site.is_norm_last == normed for site in after.sites)
        assert not after.post_norm_sites
        assert not any(site.is_dead for site in after.sites)


def test_9_a_branch_that_is_written_into_is_not_scaled_in_place() -> None:
    class Written(nn.Module):
        """Its branch ends in an operation of which autograd keeps the input, and is added to in place."""

        def __init__(self, form: str) -> None:
            super().__init__()
            self.form, self.f, self.head = form, nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = torch.sin(self.f(x))
            if self.form == "add_":
                y.add_(x)
            elif self.form == "by name":
                y.add_(other=x)
            elif self.form == "view":
                y.view(-1).add_(x.view(-1))
            elif self.form == "sub_":
                y.sub_(x)
            else:
                y += x
            return self.head(y)

    for form in ("add_", "by name", "view", "sub_", "+="):
        torch.manual_seed(0)
        net, batch = nn.Sequential(nn.Linear(WIDTH, WIDTH), Written(form)), vectors()
        done = rewrite(net, batch, square, "rezero")
        assert done.n_sites == 1, form
        sign = -1 if form == "sub_" else 1
        for gate in (0.0, 0.5):
            nn.init.constant_(net[1].lr_gate_0, gate)
            x = net[0](batch)
            expected = net[1].head(net[1].lr_gate_0 * torch.sin(net[1].f(x)) + sign * x)
            assert torch.equal(net(batch), expected)
            params = list(net.parameters())
            wanted = torch.autograd.grad(expected.sum(), params)
            assert all(
                torch.equal(a, b) for a, b in zip(torch.autograd.grad(net(batch).sum(), params), wanted, strict=True)
            )


def test_a_branch_with_a_factor_gets_no_second_one() -> None:
    for name in ("rezero", "add_norm"):
        torch.manual_seed(0)
        net = nn.Sequential(LayerScale(), nn.Linear(WIDTH, 3))
        (why,) = reasons(rewritten(net, name))  # type: ignore[arg-type]
        assert "0.scale" in why


def test_a_weight_that_the_head_shares_is_not_zeroed() -> None:
    net = blocks("pre")
    net.head = nn.Linear(WIDTH, WIDTH)
    net.head.weight = net.blocks[0].down.weight = net.first.weight
    net.blocks[0].up = nn.Linear(WIDTH, WIDTH)
    done = rewritten(net, "zero_init")
    assert done.n_sites == 3
    assert bool(net.first.weight.any())
    assert "used elsewhere" in next(iter(reasons(done)))


def test_a_weight_that_is_computed_from_others_is_not_zeroed_into_nothing() -> None:
    torch.manual_seed(0)
    net = blocks("pre")
    for block in net.blocks:
        nn.utils.parametrizations.weight_norm(block.down)
    before = {name: t.clone() for name, t in net.state_dict().items()}
    assert not rewritten(net, "zero_init").is_made  # 0 / 0
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())


@pytest.mark.parametrize("name", ["rezero", "add_norm"])
def test_a_chain_that_runs_all_its_children_does_not_run_what_is_new(name: Rewrite) -> None:
    class Chain(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            for layer in self.children():
                x = x + torch.tanh(layer(x))
            return x

    torch.manual_seed(0)
    net, batch = Chain(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)), vectors()
    assert rewrite(net, batch, square, name).n_sites == 2
    assert len(net) == 2
    if name == "rezero":
        assert torch.equal(net(batch), batch)


def test_a_gpt_block_of_the_same_class_elsewhere_is_not_changed() -> None:
    torch.manual_seed(0)
    other, net = Block("post"), GPT()
    keys = list(other.state_dict())
    assert rewrite(net, ids(), square, "rezero").n_sites == 6
    assert list(other.state_dict()) == keys
