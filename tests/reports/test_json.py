from __future__ import annotations

import importlib
import math
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from report_samples import report
from report_schema import SCHEMA, faults, parse
from treat_samples import TREATS

from lrdoctor import __version__
from lrdoctor.core.report import Report
from lrdoctor.reports import FORMATS
from lrdoctor.reports.json import as_dict, render

LOG_REPORT = Report(
    command="diagnose",
    verdict="stable",
    summary="no instability was found",
    runs=(),
    findings=(),
    skipped=(),
)


TREATMENTS = [report(treat=treat, command="treat") for treat in TREATS.values()]


@pytest.mark.parametrize("sample", [report(), LOG_REPORT, *TREATMENTS], ids=["sweep", "log", *TREATS])
def test_rendered_report_keeps_to_the_schema(sample: Report) -> None:
    text = render(sample)
    assert text.endswith("}\n")
    assert text.isascii()
    assert faults(parse(text), SCHEMA) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["verdict"], "fine"),
        (["schema_version"], 2),
        (["stability_margin"], "inf"),
        (["runs", 0, "status"], "done"),
        (["runs", 0, "seed"], "0"),
        (["runs", 0, "n_points"], True),
        (["findings", 0, "evidence"], {"observed": 1.0}),
        (["sweep", "rates", 0, "stage"], "whim"),
        (["sweep"], {"objective": "best_val_loss"}),
        (["fixes", 0, "gain"], {"best_val_loss": "better"}),
        (["fixes", 0, "name"], "none"),
        (["treat", "tried", 0, "status"], "recommended"),
        (["treat", "tried", 0, "name"], "clip_gradients+warmup"),
        (["treat", "tried", 0, "stability_margin"], "large"),
        (["treat", "before"], {"name": "none"}),
        (["treat", "cost"], None),
        (["treat", "prescription", "names"], ["none"]),
        (["checks", "runs"], ["LRD101"]),
        (["baseline"], {"file": "old.json"}),
        (["min_margin"], {"status": "passed"}),
    ],
)
def test_schema_refuses_what_the_contract_forbids(path: list[Any], value: Any) -> None:
    document = as_dict(report(treat=TREATS["all"]))
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert faults(document, SCHEMA)


def test_keys_come_in_the_documented_order() -> None:
    assert list(as_dict(LOG_REPORT)) == SCHEMA["required"]


def test_values_land_where_the_contract_says() -> None:
    document = as_dict(report())
    assert document["schema_version"] == 1
    assert document["lrdoctor_version"] == __version__
    assert document["findings"][0]["evidence"] == {"observed": 2.15, "threshold": 2.0}
    assert document["findings"][0]["run"] is None
    assert document["fixes"][0]["because"] == ["LRD201"]
    assert document["fixes"][0]["settings"] == {"base_learning_rate": 0.1, "warmup_steps": 100}
    assert document["next_steps"] == ["lrdoctor warmup lrdoctor.yaml"]
    assert as_dict(LOG_REPORT)["sweep"] == {}


def test_non_finite_numbers_are_strings_at_every_depth() -> None:
    document = as_dict(report())
    assert document["runs"][0]["best_val_loss"] == "Infinity"
    assert document["runs"][0]["final_train_loss"] == "NaN"
    assert document["findings"][1]["evidence"]["observed"] == "Infinity"
    assert document["fixes"][0]["gain"] == {"highest_stable_learning_rate": "Infinity", "best_val_loss": None}
    assert document["sweep"]["rates"][3]["objective"] == "Infinity"
    deep = report(recorded={"a": [{"b": (-math.inf,)}]})
    assert as_dict(deep)["recorded"] == {"a": [{"b": ["-Infinity"]}]}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64("nan"), "NaN"),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (MappingProxyType({1: (2,)}), {"1": [2]}),
    ],
)
def test_numpy_scalars_and_read_only_mappings_become_plain(value: Any, plain: Any) -> None:
    text = render(report(recorded={"x": value}))
    assert parse(text)["recorded"] == {"x": plain}


@pytest.mark.parametrize("target", FORMATS.values(), ids=FORMATS.keys())
def test_every_format_is_a_function_of_the_report(target: str) -> None:
    module, function = target.split(":")
    assert getattr(importlib.import_module(module), function)(LOG_REPORT, None)


def test_what_is_not_plain_data_is_an_error() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        render(report(recorded={"x": object()}))
