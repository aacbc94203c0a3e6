"""What pytest says when a test's assertion about a verdict fails."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pandas as pd
import pytest

import lrdoctor
from lrdoctor import pytest_plugin

pytest_plugins = ["pytester"]

HEALTHY = 0.4 + 2 * np.exp(-np.arange(300) / 60) + 0.02 * np.random.default_rng(0).standard_normal(300)
LOST = np.where(np.arange(300) < 200, HEALTHY, np.nan)
FILES = {"healthy.csv": HEALTHY, "run.csv": LOST}
WHAT, WHERE = "train_loss is nan at step 200 and non-finite from there to the end", "LRD101 in run.csv, step 200"

IS_INSTALLED = "lrdoctor" in entry_points(group="pytest11").names
PLUGIN = () if IS_INSTALLED else ("-p", "lrdoctor.pytest_plugin")


@pytest.fixture(scope="module", autouse=True)
def _all_imported() -> None:
    """pytester unloads what is first imported in its run, and pandas cannot be loaded a second time."""
    lrdoctor.diagnose({"loss": LOST})


def outcome(pytester: pytest.Pytester, test: str, *options: str) -> list[str]:
    """What pytest prints of a failed test: the lines that start with E, and the short summary."""
    pytester.makepyfile(f"import lrdoctor\n\ndef test_of_a_run():\n    {test}\n")
    for name, loss in FILES.items():
        pd.DataFrame({"loss": loss}).to_csv(pytester.path / name, index_label="step", na_rep="nan")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", *PLUGIN, *options)
    result.assert_outcomes(failed=1)
    return [line.removeprefix("E").strip() for line in result.outlines if line.startswith(("E ", "FAILED "))]


@pytest.mark.parametrize("ci", ["", "true"])
@pytest.mark.parametrize(
    "test",
    [
        'assert lrdoctor.diagnose("run.csv").verdict == "stable"',
        'assert "stable" == lrdoctor.diagnose("run.csv").verdict',
        'report = lrdoctor.diagnose("run.csv"); assert report.verdict == "stable"',
        'a, b = map(lrdoctor.diagnose, ("healthy.csv", "run.csv")); assert b.verdict == "stable"',
        'reports = [lrdoctor.diagnose("run.csv")]; assert reports[0].verdict == "stable"',
        'assert lrdoctor.diagnose(["healthy.csv", "run.csv"]).verdict == "stable"',
    ],
)
def test_a_failed_comparison_says_what_and_where(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, test: str, ci: str
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", ci)
    lines = outcome(pytester, test)
    # pytest names the exception in front of what it shortens, and shortens nothing where CI is set
    assert re.match("(AssertionError: )?assert ('unstable' == 'stable'|'stable' == 'unstable'): ", lines[0])
    assert f"{WHAT} [{WHERE}]" in lines[0]
    assert any(line.startswith("found") and line.endswith(f"{WHERE}: {WHAT}") for line in lines)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ('assert lrdoctor.diagnose("gone.csv").verdict == "stable"', "gone.csv: cannot be read: No such file"),
        ('assert lrdoctor.diagnose("healthy.csv").verdict == "unstable"', "no instability was found in 300 points"),
        ('assert lrdoctor.diagnose("run.csv").verdict == "stabel"', "'unstable' == 'stabel': train_loss is nan"),
        ('report = lrdoctor.diagnose("run.csv"); assert report.verdict == "stable", report', f"UNSTABLE: {WHAT}"),
        ('lrdoctor.diagnose("run.csv").check()', f"UnstableError: UNSTABLE: {WHAT}"),
        ('lrdoctor.diagnose("gone.csv").check()', "InconclusiveError: INCONCLUSIVE: gone.csv: cannot be read"),
    ],
)
def test_what_other_failures_say(pytester: pytest.Pytester, test: str, said: str) -> None:
    assert any(said in line for line in outcome(pytester, test))


@pytest.mark.parametrize(
    "test",
    [
        'assert "stable" == "unstable"',
        'report = lrdoctor.diagnose("healthy.csv"); assert "unstable" == "inconclusive"',
        'report = lrdoctor.diagnose("run.csv"); assert report.command == "fast"',
        'import numpy; report = lrdoctor.diagnose("run.csv"); assert list(numpy.ones(2)) == list(numpy.zeros(2))',
    ],
)
def test_other_comparisons_are_left_to_pytest(pytester: pytest.Pytester, test: str) -> None:
    assert not any(WHAT in line or "no instability" in line for line in outcome(pytester, test))


@pytest.mark.parametrize(
    ("left", "right"),
    [(np.ones(2), "stable"), (np.array(["stable", "unstable"]), np.ones(2)), ("stable", np.ones(2)), (None, 3)],
)
def test_what_has_no_single_answer_is_not_compared(left: object, right: object) -> None:
    report = lrdoctor.diagnose({"loss": LOST})
    assert report.verdict == "unstable"
    assert pytest_plugin.pytest_assertrepr_compare("==", left, right) is None


def test_the_lines_are_short_enough_for_what_pytest_shows(pytester: pytest.Pytester) -> None:
    lines = outcome(
        pytester, 'assert lrdoctor.diagnose({"loss": [3.0] * 50 + [float("nan")] * 50}).verdict == "stable"'
    )
    assert "LRD101 in mapping, step 50" in lines[0]


def test_pytest_finds_it_by_the_entry_point() -> None:
    (found,) = {point.value for point in entry_points(group="pytest11", name="lrdoctor")}
    assert found == pytest_plugin.__name__


def test_it_costs_nothing_to_have() -> None:
    program = "import sys; before = set(sys.modules); import lrdoctor.pytest_plugin; print(*set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {name for name in ran.stdout.split() if name.startswith("lrdoctor")} == {
        "lrdoctor",
        "lrdoctor.pytest_plugin",
    }
    assert not {"pytest", "numpy", "pandas"} & set(ran.stdout.split())
