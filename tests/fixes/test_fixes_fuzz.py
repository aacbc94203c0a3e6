from __future__ import annotations

import ast
from typing import Any, get_args

from fix_samples import found, log, study
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.core.report import Instability, Skip, SkipKind
from lrdoctor.fixes import next_steps, recommend

CURVES = st.none() | st.lists(
    st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, 5e-324, 1.797e308]), max_size=80
)
NORMS = CURVES | st.lists(st.floats(0, width=32), min_size=30, max_size=120)
PROVENANCE = st.fixed_dictionaries(
    {"x": st.sampled_from(["step", "samples", "epoch", "row"])},
    optional={
        "averaged": st.just("epoch") | st.integers(1, 100),
        "nan_filter": st.just(True),
        "notes": st.just(("logging_nan_inf_filter",)),
        "smoothed": st.floats(0.5, 0.99),
        "sampled": st.just("a chart export"),
    },
)
FINDINGS = st.lists(
    st.builds(
        found,
        st.sampled_from(get_args(Instability)),
        st.none() | st.integers(0, 2000),
        st.none() | st.integers(0, 2000),
        severity=st.sampled_from(["error", "warning", "info"]),
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(CURVES, NORMS, CURVES, st.integers(1, 20), st.integers(0, 1000), PROVENANCE, FINDINGS)
def test_any_log_is_answered_in_plain_words(
    losses: Any, norms: Any, rates: Any, gap: int, first: int, provenance: dict[str, Any], findings: list[Any]
) -> None:
    run = log(losses=losses or [], norms=norms, rates=rates, gap=gap, first=first, **provenance)
    fixes = recommend(study(run), findings)
    assert [fix.rank for fix in fixes] == sorted({fix.rank for fix in fixes})
    for fix in fixes:
        ast.parse(fix.snippet)
        assert fix.settings.get("clip_norm", 1.0) > 0
        assert 0 <= fix.settings.get("clipped_share", 0.0) <= 1
        assert all(n >= 1 for n in fix.settings.get("warmup_steps", []))
    skips = [Skip(code="LRD201", reason="", run=run.name, kind=kind) for kind in get_args(SkipKind)]
    lines = next_steps(run, findings, skips)
    assert len(set(lines)) == len(lines)
    assert not any("{" in text for text in [*lines, *(fix.why for fix in fixes)])
