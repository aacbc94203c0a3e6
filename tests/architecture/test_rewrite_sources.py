"""What the author of a model is told to write, and why a place was left."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
import torch
from further_nets import Llama, TwoSummands
from small_nets import GPT, WIDTH, Blocks, DataDependent, Encoder, Functions, ids, images, square, vectors, wide_resnet
from torch import Tensor, nn

from lrdoctor.architecture import rewrite
from lrdoctor.core.rewriting import REWRITES, Edit, Rewrite


class Post(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.f, self.norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.f(x).tanh()
        return self.norm(x)


class Dropped(Post):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(nn.functional.dropout(x + self.f(x).sin()))


class Split(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.f, self.norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        f = 2 * self.f(x)
        x = (
            x
            + f
        )  # fmt: skip
        return self.norm(x)


def blocks_of(kind: Callable[[], nn.Module]) -> nn.Module:
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), kind(), kind(), nn.Linear(WIDTH, 3))


def edits(make: Callable[[], nn.Module], name: Rewrite, batch: Callable[[], Tensor] = vectors) -> tuple[Edit, ...]:
    torch.manual_seed(0)
    return rewrite(make(), batch(), square, name).edits


def test_a_zeroed_layer_by_its_name_in_the_module_that_adds() -> None:
    attention, mlp = edits(GPT, "zero_init", ids)
    assert attention.modules == mlp.modules == ("blocks.0", "blocks.1", "blocks.2")
    assert attention.source.splitlines() == [
        "# at the end of __init__",
        "nn.init.zeros_(self.attention.out.weight)",
        "nn.init.zeros_(self.attention.out.bias)",
    ]
    assert mlp.source.splitlines()[1] == "nn.init.zeros_(self.mlp[2].weight)"
    assert attention.what == (
        "set to 0: blocks.0.attention.out.weight, blocks.0.attention.out.bias, blocks.1.attention.out.weight, "
        "blocks.1.attention.out.bias and 2 more"
    )


def test_both_parts_of_a_branch_that_is_a_sum() -> None:
    (edit,) = edits(TwoSummands, "zero_init", ids)
    assert edit.source.splitlines()[1:] == [
        f"nn.init.zeros_(self.{name})" for name in ("attention.out.weight", "attention.out.bias", "f.weight", "f.bias")
    ]


def test_a_gate_in_the_line_as_it_stands() -> None:
    attention, mlp = edits(GPT, "rezero", ids)
    assert attention.source.splitlines() == [
        "# in __init__",
        "self.alpha_0 = nn.Parameter(torch.zeros(()))",
        "# in place of",
        "# x = x + self.attention(self.norm1(x))",
        "x = x + self.alpha_0 * self.attention(self.norm1(x))",
    ]
    assert mlp.source.splitlines()[-1] == "return x + self.alpha_1 * self.mlp(self.norm2(x))"


def test_two_sums_on_one_line() -> None:
    (edit,) = edits(lambda: GPT(parallel=True), "rezero", ids)
    assert edit.source.splitlines()[-1] == (
        "return x + self.alpha_0 * self.attention(self.norm1(x)) + self.alpha_1 * self.mlp(self.norm2(x))"
    )


def test_a_line_that_adds_in_place() -> None:
    (edit,) = edits(lambda: Blocks("in place"), "rezero")
    assert edit.source.splitlines()[-2:] == ["# y += x", "y = self.alpha_0 * y + x"]


def test_a_moved_norm_of_the_same_line_and_of_another() -> None:
    _, second = edits(lambda: Encoder(False), "move_norm", ids)
    assert second.source.splitlines() == [
        "# a library's code: in a class of your own",
        "# in place of",
        "# x = self.norm2(x + self._ff_block(x))",
        "x = x + self.norm2(self._ff_block(x))",
    ]
    (edit,) = edits(lambda: blocks_of(Post), "move_norm")
    assert edit.source.splitlines()[1:] == [
        "# x = x + self.f(x).tanh()",
        "x = x + self.norm(self.f(x).tanh())",
        "# self.norm no longer reads the sum",
    ]
    assert edit.what == "moved from the sum to the branch: 1.norm, 2.norm"


def test_a_norm_with_something_between_it_and_the_sum() -> None:
    (edit,) = edits(lambda: blocks_of(Dropped), "move_norm")
    assert edit.source.splitlines()[2:] == [
        "return self.norm(nn.functional.dropout(x + self.norm(self.f(x).sin())))",
        "# self.norm no longer reads the sum",
    ]


def test_an_added_norm_and_its_size() -> None:
    (edit,) = edits(wide_resnet, "add_norm", images)
    assert edit.source.splitlines()[1] == "self.branch_norm_0 = nn.GroupNorm(1, 8)  # 8 in 1, 2; 16 in 3, 4"
    assert edit.source.splitlines()[-1].startswith("return self.branch_norm_0(branch) + (x if")
    assert edit.modules == ("1", "2", "3", "4")


@pytest.mark.parametrize(
    ("make", "batch", "made", "last"),
    [
        (Functions, vectors, "self.alphas = nn.Parameter(torch.zeros(4))", "x = x + self.alphas[i] * f"),
        (Llama, ids, "self.alphas = nn.Parameter(torch.zeros(2))", "x = x + self.alphas[i] * f"),
        (lambda: blocks_of(Split), vectors, "self.alpha_0 = nn.Parameter(torch.zeros(()))", "x = x + self.alpha_0 * f"),
        (lambda: Blocks("none"), vectors, "self.alpha_0 = nn.Parameter(torch.zeros(()))", "x = x + self.alpha_0 * f"),
    ],
)
def test_a_general_form_where_the_line_is_not_simple(
    make: Callable[[], nn.Module], batch: Callable[[], Tensor], made: str, last: str
) -> None:
    lines = edits(make, "rezero", batch)[0].source.splitlines()
    assert lines[1] == made
    assert lines[-1] == last


@pytest.mark.parametrize("name", REWRITES)
def test_every_source_is_python(name: Rewrite) -> None:
    models: tuple[tuple[Callable[[], nn.Module], Callable[[], Tensor]], ...] = (
        (GPT, ids), (Llama, ids), (Functions, vectors), (DataDependent, vectors), (wide_resnet, images),
        (lambda: Encoder(False), ids), (lambda: Encoder(True), ids), (lambda: Blocks("parallel"), vectors),
        (lambda: Blocks("post"), vectors), (lambda: blocks_of(Split), vectors),
    )  # fmt: skip
    for make, batch in models:
        for edit in edits(make, name, batch):
            ast.parse(edit.source.replace("\nreturn ", "\n"))


def test_what_was_left_is_told_where_and_why() -> None:
    torch.manual_seed(0)
    done = rewrite(Blocks("functional norm"), vectors(), square, "move_norm")
    assert [refusal.module for refusal in done.refused] == [f"blocks.{i}" for i in range(4)]
    assert all("small_nets.py:" in refusal.where for refusal in done.refused)
    assert all("write x + norm(f) there" in refusal.why for refusal in done.refused)


@pytest.mark.parametrize(
    ("make", "is_told"),
    [(lambda: Blocks("post"), True), (lambda: nn.Sequential(Blocks("post"), nn.Linear(3, 3)), True)],
)
def test_a_stream_that_ends_without_a_norm_is_told(make: Callable[[], nn.Module], is_told: bool) -> None:
    torch.manual_seed(0)
    assert ("without a norm" in rewrite(make(), vectors(), square, "move_norm").note) == is_told


def test_a_stream_with_a_last_norm_of_its_own_needs_no_telling() -> None:
    torch.manual_seed(0)
    net = blocks_of(Post)
    net[3] = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3))
    done = rewrite(net, vectors(), square, "move_norm")
    assert (done.n_sites, done.note) == (2, "")
