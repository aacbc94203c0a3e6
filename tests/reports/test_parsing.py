from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import log_report_samples as logs
import pytest
from report_samples import finding, report
from treat_samples import TREATS
from warmup_samples import TABLES

from lrdoctor.core.report import Report
from lrdoctor.core.sections import Spending
from lrdoctor.errors import StoreError
from lrdoctor.reports.json import as_dict, parse, render

SPENT = Spending(given="30m", unit="seconds", limit=1800.0, spent=1790.5, left_out=("3 trials of the sweep",))

SAMPLES: dict[str, Report] = {
    "sweep": report(),
    "log": logs.BAD,
    "budget": report(budget=SPENT),
    "unread": logs.report(logs.unread("a.csv"), verdict="inconclusive"),
    "empty": logs.report(passed_over={"images": 3}, no_logs={"a.png": "is an image"}),
    "word as evidence": report(findings=(finding("it", observed="plateau", threshold=-math.inf),)),
    **{f"treat {name}": report(treat=treat, command="treat") for name, treat in TREATS.items()},
    **{f"warmup {name}": report(warmup=warmup, command="warmup") for name, warmup in TABLES.items()},
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_report_reads_back_as_it_was_written(sample: Report) -> None:
    assert render(parse(render(sample))) == render(sample)


def test_numbers_that_are_not_finite_are_numbers_again() -> None:
    back = parse(render(report()))
    assert back.runs[0].best_val_loss == math.inf
    assert math.isnan(back.runs[0].final_train_loss or 0.0)
    assert back.findings[1].observed == math.inf
    assert back.sweep.rates[3].objective == math.inf
    assert back.fixes[0].gain["highest_stable_learning_rate"] == math.inf


def test_names_that_look_like_numbers_stay_names() -> None:
    sample = logs.report(logs.log_run("NaN"), summary="Infinity", no_logs={"NaN": "Infinity"})
    back = parse(render(sample))
    assert (back.runs[0].name, back.summary, back.no_logs) == ("NaN", "Infinity", {"NaN": "Infinity"})


def test_all_but_the_curves_is_equal() -> None:
    known = {"curves": {}, "best_val_loss": 0.5, "final_train_loss": 0.5}
    sample = replace(logs.BAD, runs=tuple(replace(run, **known) for run in logs.BAD.runs))
    assert parse(render(sample)) == sample


def test_keys_of_later_versions_are_ignored() -> None:
    document = as_dict(report()) | {"mood": "good"}
    document["runs"][0]["mood"] = document["findings"][0]["mood"] = document["sweep"]["mood"] = "good"
    back = parse(json.dumps(document))
    assert len(back.runs) == len(back.findings) - 1 == 1
    assert render(back) == render(report())


@pytest.mark.parametrize("part", ["treat", "probe", "no_logs", "next_steps", "lr_sensitivity"])
def test_a_part_that_an_earlier_version_did_not_have_is_empty(part: str) -> None:
    document = as_dict(report(treat=TREATS["all"]))
    del document[part]
    assert not getattr(parse(json.dumps(document)), part)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["schema_version"], 2, "schema_version: found 2, expected 1"),
        (["schema_version"], None, "it has no schema_version"),
        (["verdict"], "fine", "verdict: found 'fine', expected one of stable, unstable, inconclusive"),
        (["stability_margin"], "inf", "stability_margin: found 'inf', expected number"),
        (["runs", 0, "n_points"], True, "runs[0].n_points: found True, expected integer"),
        (["runs", 0, "name"], ["x"] * 99, "…, expected string"),
        (["findings", 0, "evidence"], {"observed": 1.0}, "findings[0].evidence.threshold: is missing"),
        (["sweep"], {"objective": "best_val_loss"}, "sweep.loss_at_init: is missing"),
        (["runs"], {}, "runs: found {}, expected array"),
        (["checks", "of a later version"], 1, "checks.of a later version: found 1, expected object"),
    ],
)
def test_what_does_not_fit_is_named(path: list[Any], value: Any, told: str) -> None:
    document = as_dict(report())
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(StoreError) as error:
        parse(json.dumps(document), "out/report.json")
    assert told in str(error.value)
    assert str(error.value).startswith("out/report.json")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"schema_version": NaN}', "[" * 100_000, '"\\ud800"'])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match=r"report\.json is no report of lrdoctor"):
        parse(text)
