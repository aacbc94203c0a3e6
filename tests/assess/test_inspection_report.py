"""The report of a look at a model, from made-up looks."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from report_schema import SCHEMA, faults, parse

from lrdoctor import assess
from lrdoctor.assess.safe_rate import safe_rate
from lrdoctor.cli.exit_codes import FailOn, exit_code
from lrdoctor.core.architecture import Architecture, Inspection, Scale, Sharpness, Site, places
from lrdoctor.core.report import Report
from lrdoctor.core.study import Study
from lrdoctor.reports import json as json_report
from lrdoctor.reports.terminal.result import print_report
from lrdoctor.reports.terminal.text import Screen


def site(number: int = 0, **changes: Any) -> Site:
    plain: dict[str, Any] = {
        "where": "net.py:12",
        "module": f"blocks.{number}",
        "call": 0,
        "skip": "identity",
        "branch_scale": 0.5,
        "last_operation": "linear",
        "gate": None,
        "post_norm": False,
        "norm": None,
        "zeroable": (f"blocks.{number}.weight",),
        "why_not": "",
        "is_dead": False,
        "is_probable": False,
    }
    return Site(**{**plain, **changes})


def model(*sites: Site, **changes: Any) -> Architecture:
    plain: dict[str, Any] = {
        "sites": sites,
        "depth_outside_residuals": 2,
        "distinct_outside_residuals": 2,
        "depth_without_norm": 2,
        "distinct_without_norm": 2,
        "n_norms": len(sites),
        "chain": (Scale(module="first", operation="linear", activation=1.0, gradient=2.0),),
        "unknown": (),
        "mode": "train",
        "loss": 2.3,
        "n_operations": 40,
    }
    return Architecture(**{**plain, **changes})


POST = model(*(site(i, post_norm=True, norm=f"blocks.{i}.norm") for i in range(3)))
SGD = {"optimizer": {"name": "sgd"}}
TOP = Sharpness(top_eigenvalue=50.0, n_iterations=12, is_converged=True)


def report_of(seen: Architecture | None, spec: dict[str, Any] | None = None, **changes: Any) -> Report:
    inspection = Inspection(**{"model": seen, "failure": "" if seen else "it raised", **changes})
    report = assess.report_of_inspection(inspection, Study(name="s", runs=(), spec=spec or SGD))
    document = parse(json_report.render(report))
    assert faults(document, SCHEMA) == []
    return report


def printed(report: Report, verbose: bool = False) -> str:
    screen = Screen(file=io.StringIO(), width=110, color_system=None, force_terminal=False)
    with screen.capture() as shown:
        print_report(report, screen, verbose=verbose)
    return shown.get()


def test_the_keys_of_the_contract() -> None:
    table = json.loads(json_report.render(report_of(POST)))["architecture"]
    numbers = {"residual_adds": 3, "post_norm_sites": 3, "branches_not_norm_last": 3, "branches_zero_at_init": 0}
    assert table | numbers == table
    assert table | {"depth_outside_residuals": 2, "depth_without_norm": 2, "unknown_operations": 0} == table
    first = table["sites"][0]
    expected = {"where": "net.py:12", "module": "blocks.0", "skip": "identity", "branch_scale": 0.5}
    assert first | expected | {"last_operation": "linear", "post_norm": True} == first


@pytest.mark.parametrize(
    ("seen", "fail_on", "code"),
    [
        (POST, FailOn.UNSTABLE, 0),
        (POST, FailOn.WARNING, 1),
        (POST, FailOn.NEVER, 0),
        (model(site()), FailOn.WARNING, 0),
        (None, FailOn.UNSTABLE, 2),
    ],
)
def test_exit_codes(seen: Architecture | None, fail_on: FailOn, code: int) -> None:
    assert exit_code(report_of(seen), fail_on) == code


def test_fixes_name_their_places_and_only_those_that_apply() -> None:
    fixes = {fix.name: fix for fix in report_of(POST).fixes}
    assert [fix.rank for fix in fixes.values()] == [5, 6]
    assert "net.py:12 (blocks.0 and 2 more)" in fixes["norm_placement"].why
    assert fixes["norm_placement"].because == ("LRD703",)
    assert fixes["zero_init_residual"].settings == {"parameters": [f"blocks.{i}.weight" for i in range(3)]}


@pytest.mark.parametrize(
    ("seen", "names"),
    [
        (model(site()), []),
        (model(distinct_outside_residuals=9, distinct_without_norm=3), ["add_residuals_and_norm"]),
        (model(distinct_outside_residuals=9, distinct_without_norm=9), ["add_residuals_and_norm"]),
        (model(site(), distinct_without_norm=9, n_norms=0), ["add_residuals_and_norm", "zero_init_residual"]),
        (model(site(post_norm=True, zeroable=(), why_not="it ends with relu")), ["norm_placement"]),
    ],
)
def test_which_fixes_are_for_which_model(seen: Architecture, names: list[str]) -> None:
    assert [fix.name for fix in report_of(seen).fixes] == names


def test_a_recurrence_is_not_deep() -> None:
    assert report_of(model(depth_outside_residuals=13, distinct_outside_residuals=3)).findings == ()


def test_no_residuals_in_what_was_not_seen_are_unknown() -> None:
    report = report_of(model(distinct_outside_residuals=20, distinct_without_norm=20, unknown=("body: Fused",)))
    assert report.findings == ()
    assert [skip.code for skip in report.skipped] == ["LRD701", "LRD702", "LRD703"]
    assert report.summary.endswith("(train mode), 1 unknown operation")


def test_a_model_that_cannot_be_looked_at_skips_the_checks_and_nothing_else() -> None:
    report = report_of(None, sharpness=TOP)
    assert report.verdict == "inconclusive"
    assert {skip.code for skip in report.skipped} == {f"LRD70{i}" for i in range(1, 7)}
    assert report.architecture is not None
    assert report.architecture.residual_adds is None
    assert report.architecture.sharpness is not None
    assert report.architecture.sharpness.safe_learning_rate == 0.04
    assert "not looked at: it raised" in printed(report)


def test_what_is_printed() -> None:
    text = printed(report_of(POST, sharpness=TOP))
    assert "before training: 3 residual adds (x + f(x)) in one pass on one batch" in text.splitlines()[0]
    assert "STABLE" not in text
    assert "blocks.0 and 2 more" in text
    assert "Norm(x + f(x))" in text
    assert "below a learning rate of 0.04" in " ".join(text.split())
    assert "Only code that ran for this batch was examined." in text
    verbose = printed(report_of(POST), verbose=True)
    assert all(f"blocks.{i}" in verbose for i in range(3))
    assert "torch.nn.init.zeros_(model.get_parameter(name))" in verbose


@pytest.mark.parametrize(
    ("optimizer", "factor"),
    [
        ({"name": "sgd"}, 2.0),
        ({"name": "momentum", "momentum": 0.9}, 3.8),
        ({"name": "nesterov", "momentum": 0.9}, 3.8 / 2.8),
        ({"name": "adam"}, None),
        ({"class_path": "torch.optim.SGD"}, None),
    ],
)
def test_the_safe_rate(optimizer: dict[str, Any], factor: float | None) -> None:
    expected = None if factor is None else pytest.approx(factor / 50)
    assert safe_rate(50.0, optimizer) == expected
    assert safe_rate(-1.0, optimizer) is None
    seen = report_of(POST, {"optimizer": optimizer}, sharpness=TOP).architecture
    assert seen is not None
    assert seen.sharpness is not None
    assert ("stays stable" in seen.sharpness.words) is (factor is not None)
    assert "will diverge" not in seen.sharpness.words


def test_a_sharpness_that_could_not_be_measured_is_listed() -> None:
    report = report_of(POST, sharpness_failure="no second derivative could be taken")
    assert [(s.code, s.reason) for s in report.skipped] == [("sharpness", "no second derivative could be taken")]
    assert report.architecture is not None
    assert report.architecture.sharpness is None


def test_places_are_named_by_line() -> None:
    sites = [site(0), site(1), site(0, where="net.py:20", module="")]
    assert places(sites) == "net.py:12 (blocks.0 and 1 more), net.py:20"
    lines = [site(where=f"net.py:{i}", module="") for i in range(5)]
    assert places(lines) == "net.py:0, net.py:1, net.py:2 and 2 more lines"


@pytest.mark.parametrize(
    ("values", "growth"),
    [((1.0, 4.0), 4.0), ((0.0, 1.0, 3.0), 3.0), ((None, 2.0), None), ((1.0, float("inf")), None), ((), None)],
)
def test_growth_leaves_out_what_has_no_scale(values: tuple[float | None, ...], growth: float | None) -> None:
    chain = tuple(Scale(module="", operation="linear", activation=v, gradient=v) for v in values)
    seen = replace(POST, chain=chain)
    assert seen.activation_growth == growth
    assert seen.gradient_growth == (None if growth is None else 1 / growth)


def test_a_loss_that_is_not_finite_is_told() -> None:
    assert "the loss is nan before any update" in report_of(model(site(), loss=float("nan"))).summary
