from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spec_files import MINIMAL, load

from lrdoctor.errors import SpecError
from lrdoctor.spec import Spec, load_spec
from lrdoctor.spec.yaml_source import write

# a large share of what YAML can hold, as a user might nest it in init_args
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["1e-4", "yes", "null", "0o17", "<<", "1:30", "2020-01-01", "- a", "a: b", "#", "\n", " x"]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
COMPONENTS = st.fixed_dictionaries(
    {"class_path": st.sampled_from(["nets:Mlp", "a.b.C", "./data.py:f"])},
    optional={"init_args": st.dictionaries(TEXTS.filter(lambda key: "l" not in key), PLAIN, max_size=3)},
)
POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
RATES = st.floats(min_value=1e-30, max_value=1e30)
COUNTS = st.integers(1, 10**9)
SPECS = st.fixed_dictionaries(
    {
        "name": TEXTS.filter(bool),
        "model": COMPONENTS,
        "data": COMPONENTS,
        "optimizer": COMPONENTS | st.sampled_from(["sgd", "adam", {"name": "adamw", "weight_decay": 0.1}]),
        "max_train_steps": COUNTS,
    },
    optional={
        "loss": COMPONENTS,
        "schedule": COMPONENTS | st.just("cosine"),
        "eval_every": COUNTS,
        "seeds": st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4, unique=True),
        "sweep": st.fixed_dictionaries(
            {"values": st.lists(RATES, min_size=1, max_size=4, unique=True)}
        ),
        "probe": st.fixed_dictionaries({"factor": POSITIVE, "steps": COUNTS}),
    },
)  # fmt: skip
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(plain=SPECS)
def test_what_to_yaml_writes_loads_as_an_equal_spec(tmp_path: Path, plain: dict[str, Any]) -> None:
    spec = load(tmp_path, write(plain))
    again = load(tmp_path, spec.to_yaml(tmp_path))
    assert again == spec
    assert repr(again) == repr(spec)  # tells 1 from 1.0 and 0.0 from -0.0


YAML_PIECES = st.lists(
    st.sampled_from([*MINIMAL, "sweep", "values", "init_args", *":-,[]{}&*!|>%@'\"#\n~"])
    | st.sampled_from(["\n  ", ": ", "- ", "&a ", "*a", "<<: ", "1e-4", "!!int ", "? ", "---\n", "\t", "\x00"])
    | st.text(string.printable + "é😀\ud800\u2028", max_size=4)
).map("".join)
KEYS = st.sampled_from([*Spec.model_fields, "class_path", "init_args", "min", "max", "values", "steps", "betas", "lr"])
JUNK = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats() | st.sampled_from(["sgd", "cosine", "./data.py:f"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@QUICK
@given(text=YAML_PIECES | st.text())
def test_no_text_raises_anything_but_a_spec_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(SpecError) as refused:
        load_spec(path, [text])
    assert all(line.startswith((str(path), "--set ")) for line in str(refused.value).split("\n"))


@QUICK
@given(junk=st.dictionaries(KEYS, JUNK, max_size=5))
def test_no_value_raises_anything_but_a_spec_error(tmp_path: Path, junk: dict[str, Any]) -> None:
    try:
        spec = load(tmp_path, **junk)
    except SpecError as refused:
        lines = str(refused).split("\n")
        assert all(line.startswith(f"{tmp_path}/s.yaml:") for line in lines)
        assert len(set(lines)) == len(lines)
    else:
        assert load(tmp_path, spec.to_yaml(tmp_path)) == spec
