"""What makes a reading of a model, or a treatment that rests on it, go wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from small_nets import WIDTH, Blocks, Encoder, LayerScale, ids, looked_at, square, vectors, zero_init_resnet
from torch import Tensor, nn

from lrdoctor import rules
from lrdoctor.architecture import look
from lrdoctor.core.architecture import Architecture
from lrdoctor.core.report import Finding
from lrdoctor.core.study import Study
from lrdoctor.fixes import recommend


def seen(model: nn.Module, batch: Tensor | None = None) -> Architecture:
    torch.manual_seed(1)
    return look(model, vectors() if batch is None else batch, square)


def codes(model: Architecture, *severities: str) -> list[str]:
    found = [f for f in rules.judge_model(model) if isinstance(f, Finding)]
    return [f.code for f in found if not severities or f.severity in severities]


def zeroed(model: Blocks, layer: str = "down") -> Blocks:
    for block in model.blocks:
        for p in getattr(block, layer).parameters():
            nn.init.zeros_(p)
    return model


def test_1_a_gate_of_zero_on_a_branch_that_is_zero_stays_so_for_ever() -> None:
    alive, dead = seen(Blocks("rezero")), seen(zeroed(Blocks("rezero")))
    assert [site.branch_scale for site in dead.sites] == [0.0] * 4
    assert not any(site.is_dead for site in alive.sites)
    assert all(site.is_dead for site in dead.sites)
    assert "LRD706" in codes(dead)
    assert "LRD706" not in codes(alive)


def test_1_a_branch_that_is_zero_already_is_offered_no_further_zero() -> None:
    model = looked_at(zero_init_resnet, lambda: torch.randn(4, 3, 8, 8))
    assert [(site.zeroable, site.why_not) for site in model.sites] == [((), "the branch is 0 already")] * 2
    assert not any(site.is_dead for site in model.sites)


def test_2_no_zero_behind_which_something_non_linear_stands() -> None:
    model = seen(Blocks("relu last"))
    assert all(site.zeroable == () and "relu" in site.why_not for site in model.sites)
    assert all(site.is_dead for site in seen(zeroed(Blocks("relu last"))).sites)


def test_3_a_norm_that_ends_the_branch_is_what_to_zero() -> None:
    model = seen(Blocks("norm last"))
    assert model.sites[0].zeroable == ("blocks.0.norm.weight", "blocks.0.norm.bias")


class TwoGates(nn.Module):
    """The second branch is all that reads the first one's stream, and is gated itself."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.g = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.gates = nn.ParameterList([nn.Parameter(torch.zeros(1)) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        inner = x + self.gates[0] * self.f(x)
        return x + self.gates[1] * self.g(inner)


def test_4_a_gate_without_a_gradient_may_wait_for_a_later_one() -> None:
    first, second = seen(TwoGates()).sites
    assert first.is_zero
    assert second.is_zero
    assert not first.is_dead
    assert not second.is_dead


def recommended(model: Architecture) -> dict[str, tuple[str, str]]:
    """The fixes for everything found, name -> why and snippet."""
    found = [f for f in rules.judge_model(model) if isinstance(f, Finding)]
    return {fix.name: (fix.why, fix.snippet) for fix in recommend(Study(name="s", runs=(), architecture=model), found)}


def test_5_a_zeroed_layer_comes_before_a_gate_which_learns_slowly_at_first() -> None:
    why, snippet = recommended(seen(Blocks("post")))["zero_init_residual"]
    assert "test_traps.py" not in why
    assert "small_nets.py:" in why
    assert "'blocks.3.down.weight'" in snippet
    assert "gate" not in snippet


def test_6_a_shared_block_is_one_place_with_several_calls() -> None:
    model = seen(Blocks("post", shared=True))
    assert [(site.module, site.call) for site in model.sites] == [("blocks.0", call) for call in range(4)]
    _, snippet = recommended(model)["zero_init_residual"]
    assert snippet.count("blocks.0.down.weight") == 1
    assert model.distinct_outside_residuals == 2


def test_6_parameters_that_something_else_uses_too_are_left_alone() -> None:
    net = Blocks("pre")
    net.head = nn.Linear(WIDTH, WIDTH)
    net.head.weight = net.blocks[0].down.weight = net.first.weight
    net.blocks[0].up = nn.Linear(WIDTH, WIDTH)
    first = seen(net).sites[0]
    assert first.zeroable == ()
    assert "used elsewhere" in first.why_not


def test_7_the_code_says_that_the_optimizer_comes_later() -> None:
    _, snippet = recommended(seen(Blocks("post")))["zero_init_residual"]
    ast.parse(snippet)
    assert "before the optimizer is made" in snippet


def test_8_what_a_treatment_did_is_seen_by_looking_again() -> None:
    net = Blocks("post")
    _, snippet = recommended(seen(net))["zero_init_residual"]
    exec(snippet, {"torch": torch, "model": net})
    after = seen(net)
    assert [site.branch_scale for site in after.sites] == [0.0] * 4
    assert not any(site.is_dead for site in after.sites)
    assert "LRD704" not in codes(after)


def test_9_an_add_in_place_is_measured_before_it_writes() -> None:
    torch.manual_seed(0)
    written, plain = Blocks("in place"), Blocks("none")
    plain.load_state_dict(written.state_dict())
    a, b = seen(written), seen(plain)
    assert [site.branch_scale for site in a.sites] == pytest.approx([site.branch_scale for site in b.sites])
    assert a.gradient_growth == pytest.approx(b.gradient_growth)


def test_10_a_norm_in_front_of_the_branch_is_no_fault() -> None:
    model = seen(Blocks("pre"))
    assert sum(not site.is_norm_last for site in model.sites) == 4
    assert codes(model, "warning", "error") == []
    assert recommended(model) == {}


@pytest.mark.parametrize(
    ("make", "batch", "expected"),
    [
        (lambda: Blocks("pre"), vectors, ["LRD704"]),
        (lambda: Blocks("post"), vectors, ["LRD703", "LRD704"]),
        (lambda: Blocks("none"), vectors, ["LRD702", "LRD704"]),
        (lambda: Blocks("rezero"), vectors, []),
        (lambda: Encoder(False), ids, ["LRD703", "LRD704"]),
        (lambda: nn.Sequential(LayerScale(), nn.Linear(WIDTH, 3)), vectors, []),
        (lambda: nn.Sequential(nn.Linear(WIDTH, 3)), vectors, []),
    ],
)
def test_what_the_rules_find(make: Callable[[], nn.Module], batch: Callable[[], Tensor], expected: list[str]) -> None:
    assert codes(looked_at(make, batch)) == expected


def test_unknown_operations_are_checks_that_were_not_made() -> None:
    model = replace(seen(Blocks("post")), unknown=("encoder: fused_block",))
    skipped = [s for s in rules.judge_model(model) if not isinstance(s, Finding)]
    assert [s.code for s in skipped] == ["LRD702", "LRD703"]
    assert all("encoder: fused_block" in s.reason and "unknown, not absent" in s.reason for s in skipped)
    assert "LRD703" in codes(model)


def test_the_scale_of_a_net_without_residuals() -> None:
    def vanishing() -> nn.Module:
        layers = [layer for _ in range(12) for layer in (nn.Linear(WIDTH, WIDTH), nn.ReLU())]
        return nn.Sequential(*layers, nn.Linear(WIDTH, 3))

    model = looked_at(vanishing)
    assert codes(model) == ["LRD701", "LRD702", "LRD705"]
    assert list(recommended(model)) == ["add_residuals_and_norm"]


def test_the_scale_of_residual_blocks_without_norm_that_start_too_large() -> None:
    def overscaled() -> nn.Module:
        net = Blocks("none", n=24)
        for p in net.parameters():
            if p.ndim == 2:
                nn.init.xavier_uniform_(p, gain=2)
        return net

    model = looked_at(overscaled)
    assert codes(model) == ["LRD702", "LRD704", "LRD705", "LRD705"]
    assert model.activation_growth is not None
    assert model.activation_growth > 1e6
    assert list(recommended(model)) == ["add_residuals_and_norm", "zero_init_residual"]
