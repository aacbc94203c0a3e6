"""The rules that judge a model, on made-up ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.core.architecture import DEEP, Architecture, Scale, Site
from lrdoctor.core.report import Finding
from lrdoctor.rules import RULES, judge_model
from lrdoctor.rules.branches_not_zero import THRESHOLDS as BRANCHES
from lrdoctor.rules.scale_with_depth import THRESHOLDS as SCALES

KNOWN = {rule.code: rule for rule in RULES if rule.check_model is not None}


def site(branch_scale: float | None = 0.5, *, post_norm: bool = False, is_dead: bool = False) -> Site:
    return Site(
        where="net.py:1",
        module="block",
        call=0,
        skip="identity",
        branch_scale=branch_scale,
        last_operation="linear",
        gate=None,
        post_norm=post_norm,
        norm=None,
        zeroable=(),
        why_not="",
        is_dead=is_dead,
        is_probable=False,
    )


def chain(*activations: float | None) -> tuple[Scale, ...]:
    return tuple(Scale(module="", operation="linear", activation=value, gradient=1.0) for value in activations)


EMPTY = Architecture(
    sites=(),
    depth_outside_residuals=0,
    distinct_outside_residuals=0,
    depth_without_norm=0,
    distinct_without_norm=0,
    n_norms=0,
    chain=(),
    unknown=(),
    mode="train",
    loss=1.0,
    n_operations=0,
)
PLAIN_9 = replace(EMPTY, distinct_outside_residuals=DEEP + 1, distinct_without_norm=DEEP + 1)


def codes(model: Architecture) -> list[str]:
    return [found.code for found in judge_model(model) if isinstance(found, Finding)]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (EMPTY, []),
        (replace(EMPTY, distinct_outside_residuals=DEEP, distinct_without_norm=DEEP), []),
        (PLAIN_9, ["LRD701", "LRD702"]),
        (replace(PLAIN_9, distinct_outside_residuals=2, sites=(site(0.0),)), []),
        (replace(PLAIN_9, distinct_outside_residuals=2, sites=(site(0.0), site(0.5))), ["LRD702", "LRD704"]),
        (replace(PLAIN_9, sites=(site(0.0),)), ["LRD702"]),
        (replace(EMPTY, sites=(site(post_norm=True),)), ["LRD703", "LRD704"]),
        (replace(EMPTY, sites=(site(BRANCHES.quiet),)), []),
        (replace(EMPTY, sites=(site(None),)), []),
        (replace(EMPTY, sites=(site(0.0, is_dead=True),)), ["LRD706"]),
        (replace(EMPTY, chain=chain(1.0, SCALES.factor)), []),
        (replace(EMPTY, chain=chain(1.0, 1.1 * SCALES.factor)), ["LRD705"]),
        (replace(EMPTY, chain=chain(1.1 * SCALES.factor, 1.0)), ["LRD705"]),
        (replace(EMPTY, chain=chain(1.0, float("nan"), None, float("inf"), 0.0)), []),
    ],
)
def test_verdicts(model: Architecture, expected: list[str]) -> None:
    assert codes(model) == expected


NUMBERS = st.none() | st.just(float("nan")) | st.floats(min_value=0)
MODELS = st.builds(
    Architecture,
    sites=st.lists(st.builds(site, NUMBERS, post_norm=st.booleans(), is_dead=st.booleans()), max_size=4).map(tuple),
    depth_outside_residuals=st.integers(0, 99),
    distinct_outside_residuals=st.integers(0, 99),
    depth_without_norm=st.integers(0, 99),
    distinct_without_norm=st.integers(0, 99),
    n_norms=st.integers(0, 9),
    chain=st.lists(NUMBERS, max_size=5).map(lambda values: chain(*values)),
    unknown=st.lists(st.just("block: fused"), max_size=2).map(tuple),
    mode=st.sampled_from(["train", "eval"]),
    loss=st.floats(),
    n_operations=st.integers(0, 999),
)


@settings(max_examples=200, derandomize=True)
@given(model=MODELS)
def test_no_model_raises(model: Architecture) -> None:
    for found in judge_model(model):
        rule = KNOWN[found.code]
        assert found.run is None
        if isinstance(found, Finding):
            assert (found.severity, found.instability) == (rule.severity, "architecture")
            assert found.message
            assert found.observed is not None
            assert found.threshold is not None
        else:
            assert model.unknown
            assert "unknown, not absent" in found.reason
