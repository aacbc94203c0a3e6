"""The drawing of a model on its page: sound, safe with any name, small, and told apart without colour."""

from __future__ import annotations

import pytest
from hostile import HOSTILE
from html_pages import Page, faults
from model_samples import FAILED, MIXED, MODELS, Row, inspected, layer, model, site, transformer

from lrdoctor.core.sections import Model
from lrdoctor.reports.html import render
from lrdoctor.reports.numbers import printable

LARGEST_PAGE = 500_000
"""Bytes of a page on 400 residual adds, no two of which are alike."""


@pytest.mark.parametrize("of", MODELS.values(), ids=MODELS)
def test_every_model_is_a_sound_page(of: Model) -> None:
    text = render(inspected(of))
    assert faults(text) == []
    assert text == render(inspected(of))
    assert "The model at initialization" in Page.of(text).text


def shapes(of: Model) -> set[str]:
    """The classes of what is drawn."""
    page = Page.of(render(inspected(of)))
    return {name for tag in ("path", "rect") for each in page.every(tag) for name in each.get("class", "").split()}


@pytest.mark.parametrize(
    ("add", "drawn"),
    [
        (site("a", post_norm=True), {"norm"}),
        (site("a", gate="g"), {"gate"}),
        (site("a", branch_scale=0.0), {"none"}),
        (site("a", branch_scale=0.0, is_dead=True), {"none", "cross"}),
        (site("a", skip="projection"), {"box"}),
    ],
    ids=["norm", "gate", "zero", "dead", "projection"],
)
def test_what_is_special_has_a_shape_of_its_own(add: Row, drawn: set[str]) -> None:
    assert shapes(model(add)) - shapes(model(site("a"))) == drawn


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (
            model(*transformer(12)),
            ["× 12", "Norm(x + f(x))", "||f(x)|| / ||x|| = 0.1..2.3", "in blocks.0.mlp and 11 more"],
        ),
        (model(*MIXED), ["projection", "dead", "0 at init, gated", "branch ends with relu", "conv2d", "head"]),
        (MODELS["unknown"], ["unknown × 5", "encoder.0 (Fused)", "and 2 more"]),
        (model(*(site("x" * i) for i in range(60))), ["12 more, not drawn"]),
        (MODELS["add inside a branch"], ["not drawn: 1 residual add;"]),
        (MODELS["before sites were numbered"], ["branch not told in this report"]),
        (FAILED, ["Not looked at: it raised ValueError"]),
    ],
    ids=["post-norm", "mixed", "unknown", "long", "inside", "older", "failed"],
)
def test_what_is_drawn_is_also_said(of: Model, words: list[str]) -> None:
    text = Page.of(render(inspected(of))).text
    assert [each for each in words if each not in text] == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_names_of_a_users_code_are_text(text: str) -> None:
    parts = [layer(text, text), site(text, where=text, last_operation=text, gate=text, zeroable=[text], post_norm=True)]
    refused = site(text, where=f"{text}:1", zeroable=[], why_not=text, skip="projection")
    page = render(inspected(model(*parts, layer(text), refused, unknown=[text], unknown_operations=1)))
    assert faults(page) == []
    assert len(page) < LARGEST_PAGE / 10
    lines = page.splitlines()
    assert lines == [printable(line) for line in lines]


def test_the_page_of_a_huge_model_is_small() -> None:
    adds = [site(f"layers_{'i' * (i % 50)}.{i}.block", where=f"some/long/path/net.py:{i}") for i in range(400)]
    assert len(render(inspected(model(*adds))).encode()) < LARGEST_PAGE


def test_a_model_is_no_study() -> None:
    page = Page.of(render(inspected(model(layer("a")))))
    assert page.words["h1"] == ["a model "]
    assert "trials" not in page.words.get("dt", [])
