from __future__ import annotations

import copy
from typing import Any

import pytest
from section_samples import section

from lrdoctor.assess import Baseline, Tolerances, compare
from lrdoctor.core.report import Finding, Report, RunSummary
from lrdoctor.core.sections import Comparison
from lrdoctor.errors import LrdoctorError

UNSTABLE, WARNING, NEVER = ("error",), ("error", "warning"), ()


def finding(code: str, severity: Any = "error", run: str | None = None) -> Finding:
    return Finding(
        code=code, name=code, severity=severity, instability="edge", message="msg", observed=1.0, threshold=1.0, run=run
    )


def run(name: str, verdict: Any = "stable", exit_reason: str | None = None) -> RunSummary:
    nothing = dict.fromkeys(
        ("first_step", "last_step", "base_learning_rate", "seed", "warmup_steps", "clip_norm", "optimizer",
         "feasible", "best_val_loss", "final_train_loss")
    )  # fmt: skip
    return RunSummary(
        name=name, source=name, verdict=verdict, n_points=9, status="completed", exit_reason=exit_reason, **nothing
    )


def study(verdict: Any = "stable", margin: float | None = 8.0, bound: float | None = None, *of: Finding) -> Report:
    return Report(
        command="sweep",
        verdict=verdict,
        summary="so and so",
        runs=(run("lr=1 seed=0"),),
        findings=of,
        skipped=(),
        stability_margin=margin,
        sweep=section("sweep", {"stable_up_to": bound}),
    )


def logs(verdict: Any, runs: tuple[RunSummary, ...], *of: Finding) -> Report:
    return Report(command="diagnose", verdict=verdict, summary="so and so", runs=runs, findings=of, skipped=())


def document(report: Report) -> dict[str, Any]:
    """What of report.json is read."""
    return {
        "schema_version": 1,
        "command": report.command,
        "verdict": report.verdict,
        "stability_margin": report.stability_margin,
        "sweep": {"stable_up_to": report.sweep.stable_up_to, "rates": []} if report.sweep else {},
        "findings": [{"code": f.code, "run": f.run, "severity": f.severity} for f in report.findings],
        "runs": [{"name": r.name, "verdict": r.verdict} for r in report.runs],
    }


def compared(now: Report, was: Report, failing: tuple[str, ...] = UNSTABLE) -> Comparison:
    return compare(now, Baseline.of(document(was), "old.json"), failing)


def worse(now: Report, was: Report, failing: tuple[str, ...] = UNSTABLE) -> list[tuple[Any, ...]]:
    return [(one.what, one.was, one.now, one.fails) for one in compared(now, was, failing).worse]


SAMPLES = {
    "stable": study(),
    "bound": study("stable", None, 10.0),
    "unstable": study("unstable", 1.5, 1.2, finding("LRD401")),
    "logs": logs("unstable", (run("a", "unstable"), run("b", "inconclusive")), finding("LRD202", run="a")),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_the_same_report_is_not_worse(sample: Report) -> None:
    section = compared(sample, sample, WARNING)
    assert (section.worse, section.not_compared, section.gone) == ((), (), ())


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (study(), study("unstable", 8.0), [("verdict", "stable", "unstable", True)]),
        (study("inconclusive", 8.0), study("unstable", 8.0), [("verdict", "inconclusive", "unstable", True)]),
        (study("unstable", 8.0), study(), []),
        (study(), study("stable", 8.0 / 1.55), []),
        (study(), study("stable", 8.0 / 1.7), [("stability_margin", 8.0, 8.0 / 1.7, True)]),
        (study(), study("stable", 80.0), []),
        (study("stable", None, 10.0), study("stable", 5.0), [("stability_margin", 10.0, 5.0, True)]),
        (study("stable", None, 10.0), study("stable", 7.0), []),
        (study("stable", None), study("stable", 2.1), []),
        (study(), study("stable", 8.0, None, finding("LRD401")), [("finding", None, "error", True)]),
        (study(), study("stable", 8.0, None, finding("LRD402", "warning")), [("finding", None, "warning", False)]),
        (study(), study("stable", 8.0, None, finding("LRD402", "info")), []),
        # trials are judged over the seeds
        (study(), study("stable", 8.0, None, finding("LRD202", run="lr=1 seed=0")), []),
    ],
)
def test_what_of_a_study_counts_as_worse(was: Report, now: Report, expected: list[tuple[Any, ...]]) -> None:
    assert worse(now, was) == expected


A, B = run("a", "unstable"), run("b", "unstable")


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ((finding("X", run="a"),), (finding("X", run="a"), finding("X", run="a")), []),
        ((finding("X", run="a"),), (finding("X", run="b"),), [("finding", None, "error", True)]),
        ((finding("X", run="a"),), (finding("Y", run="a"),), [("finding", None, "error", True)]),
        ((finding("X", "warning", "a"),), (finding("X", run="a"),), [("finding", "warning", "error", True)]),
        ((finding("X", run="a"),), (finding("X", "warning", "a"),), []),
        ((finding("X", run="a"), finding("X", "info", "a")), (finding("X", run="a"),), []),
    ],
)
def test_findings_of_logs_are_matched_by_run_and_code(
    was: tuple[Finding, ...], now: tuple[Finding, ...], expected: list[tuple[Any, ...]]
) -> None:
    assert worse(logs("unstable", (A, B), *now), logs("unstable", (A, B), *was)) == expected


@pytest.mark.parametrize(
    ("failing", "fails"), [(UNSTABLE, [True, True, False]), (WARNING, [True] * 3), (NEVER, [False] * 3)]
)
def test_fail_on_says_which_of_it_counts(failing: tuple[str, ...], fails: list[bool]) -> None:
    now = study("unstable", 8.0, None, finding("LRD402", "warning"), finding("LRD401"))
    assert [one.fails for one in compared(now, study(), failing).worse] == fails


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (study(), study("inconclusive", None), "the study could not be judged: so and so"),
        (study("inconclusive", None), study("inconclusive", None), "the study could not be judged: so and so"),
        (study(), study("stable", None), "the stability margin was 8x and is not known now"),
        (study(), study("stable", None, 2.0), "the stability margin was 8x; now only rates up to 2x lr* were tried"),
        (logs("stable", (run("a"),)), logs("inconclusive", (run("a", "inconclusive", "is empty"),)),
         "a could not be judged: is empty"),
        (logs("stable", ()), logs("inconclusive", (run("a", "inconclusive"),)), "a could not be judged"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_does_not_count_as_unchanged(was: Report, now: Report, words: str) -> None:
    assert compared(now, was).not_compared == (words,)


def test_logs_that_are_gone_are_named() -> None:
    assert compared(logs("stable", (run("b"),)), logs("stable", (run("a"), run("b")))).gone == ("a",)


def test_the_tolerances_are_part_of_the_result() -> None:
    baseline = Baseline.of(document(study()), "old.json")
    section = compare(study("stable", 4.5), baseline, UNSTABLE, Tolerances(margin_factor=2.0))
    assert (section.worse, section.tolerances) == ((), {"margin_factor": 2.0})


def test_numbers_that_are_not_finite_are_read_as_they_are_written() -> None:
    plain = {**document(study()), "stability_margin": "Infinity"}
    assert str(Baseline.of(plain, "old.json").margin) == "infx"
    assert Baseline.of({**plain, "stability_margin": "NaN"}, "old.json").margin is None


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ([], [], "the document: found [], expected an object"),
        (["schema_version"], None, "schema_version: found None, expected a value of type int"),
        (["schema_version"], 2, "schema_version: found 2, expected 1, which this lrdoctor reads"),
        (["verdict"], "fine", "verdict: found 'fine', expected one of stable, unstable, inconclusive"),
        (["command"], KeyError, "command: found nothing, expected this key"),
        (["stability_margin"], "big", "stability_margin: found 'big', expected a number or null"),
        (["stability_margin"], True, "stability_margin: found True, expected a number or null"),
        (["sweep"], [], "sweep: found [], expected a value of type dict"),
        (["sweep", "stable_up_to"], KeyError, "sweep.stable_up_to: found nothing"),
        (["findings"], {}, "findings: found {}, expected a value of type list"),
        (["findings", 0], "x", "findings[0]: found 'x', expected an object"),
        (["findings", 0, "run"], 1, "findings[0].run: found 1, expected a name or null"),
        (["findings", 0, "severity"], "bad", "findings[0].severity: found 'bad', expected one of error, warning, info"),
        (["findings", 0, "code"], "x" * 1000, None),
        (["runs", 0, "verdict"], {"x" * 1000: 1}, "runs[0].verdict: found {'xxx"),
    ],
)
def test_a_fault_of_the_baseline_is_named_by_file_and_key(path: list[Any], value: Any, words: str | None) -> None:
    whole = {"document": copy.deepcopy(document(study("unstable", 1.5, 1.2, finding("LRD401"))))}
    inner: Any = whole
    *outer, last = ["document", *path]
    for key in outer:
        inner = inner[key]
    if value is KeyError:
        del inner[last]
    else:
        inner[last] = value
    if words is None:
        Baseline.of(whole["document"], "old.json")
        return
    with pytest.raises(LrdoctorError) as error:
        Baseline.of(whole["document"], "old.json")
    assert str(error.value).startswith(f"--baseline old.json: {words}")
    assert "give a report.json" in str(error.value)
    assert len(str(error.value)) < 300


def test_a_baseline_of_another_command_is_refused() -> None:
    with pytest.raises(LrdoctorError, match=r"--baseline old\.json: command: found sweep, expected diagnose"):
        compared(logs("stable", ()), study())
