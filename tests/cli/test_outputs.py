"""The options that every judging command has, and what they do to its exit code."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from section_samples import section, with_sections

from lrdoctor.assess import hold_to_margin
from lrdoctor.cli import app
from lrdoctor.cli.exit_codes import FailOn, exit_code
from lrdoctor.cli.outputs import NOTHING, Outputs, with_options
from lrdoctor.core.report import Finding, Report, RunSummary
from lrdoctor.errors import LrdoctorError

OPTIONS = {"html", "junit", "gitlab", "markdown", "github", "baseline", "min_margin"}
JUDGING = {"sweep", "probe", "warmup", "clip", "treat", "diagnose"}


@pytest.mark.parametrize("name", sorted(JUDGING))
def test_every_judging_command_has_every_option(name: str) -> None:
    (command,) = (one.callback for one in app.registered_commands if one.callback and one.callback.__name__ == name)
    parameters = set(inspect.signature(command).parameters)
    assert parameters >= OPTIONS
    assert not parameters & {"outputs", "known"}


def test_a_command_gets_its_options_as_one_value() -> None:
    got = []

    def sweep(name: str, outputs: Outputs = NOTHING) -> int:
        got.append((name, outputs))
        return 0

    assert with_options(sweep)(name="x", junit=Path("j.xml"), github=True) == 0
    assert got == [("x", Outputs(junit=Path("j.xml"), github=True))]


def test_a_command_without_them_stays_as_it_is() -> None:
    def rules() -> int:
        return 0

    assert with_options(rules) is rules


def study(verdict: Any = "stable", margin: float | None = 5.0, **changes: Any) -> Report:
    sweep = {"stable_up_to": changes.pop("bound", None)}
    fields: dict[str, Any] = {"command": "sweep", "summary": "", "runs": (), "findings": (), "skipped": ()}
    fields |= {"verdict": verdict, "stability_margin": margin, "sweep": sweep}
    return Report(**with_sections(fields | changes))


def compared(*worse: bool, not_compared: tuple[str, ...] = ()) -> dict[str, Any]:
    entry = {"what": "finding", "code": "X", "run": None, "was": None, "is": "error", "message": ""}
    return {"worse": [entry | {"fails": fails} for fails in worse], "not_compared": list(not_compared)}


LOG_WITHOUT_VERDICT = Report(
    command="diagnose", verdict="inconclusive", summary="", findings=(), skipped=(),
    runs=(RunSummary(
        name="a", source="a", verdict="inconclusive", n_points=0, first_step=None, last_step=None,
        base_learning_rate=None, seed=None, warmup_steps=None, clip_norm=None, optimizer=None, status="failed",
        exit_reason="x", feasible=None, best_val_loss=None, final_train_loss=None,
    ),),
)  # fmt: skip
ERROR = Finding(
    code="X", name="x", severity="error", instability="edge", message="", observed=None, threshold=None
)  # fmt: skip


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (study(), 0),
        (study("unstable"), 1),
        # a baseline: what it knows does not count, whatever the verdict
        (study("unstable", findings=(ERROR,), baseline=compared()), 0),
        (study(baseline=compared(True)), 1),
        (study(baseline=compared(False)), 0),
        (study(baseline=compared(True, not_compared=("x",))), 1),
        (study(baseline=compared(not_compared=("x",))), 2),
        (study("inconclusive", baseline=compared()), 2),
        (LOG_WITHOUT_VERDICT, 2),
        (replace(LOG_WITHOUT_VERDICT, baseline=section("baseline", compared())), 0),
    ],
)
def test_a_baseline_decides_the_exit_code(report: Report, code: int) -> None:
    assert exit_code(report, FailOn.UNSTABLE) == code


@pytest.mark.parametrize(
    ("report", "required", "fail_on", "code"),
    [
        (study(), 5.0, FailOn.UNSTABLE, 0),
        (study(), 6.0, FailOn.UNSTABLE, 1),
        (study(), 6.0, FailOn.NEVER, 1),
        (study("unstable"), 2.0, FailOn.UNSTABLE, 1),
        (study("unstable"), 2.0, FailOn.NEVER, 0),
        (study(margin=None, bound=10.0), 6.0, FailOn.UNSTABLE, 0),
        (study(margin=None, bound=5.0), 6.0, FailOn.UNSTABLE, 2),
        (study(margin=None), 6.0, FailOn.UNSTABLE, 2),
        (study("unstable", None), 6.0, FailOn.UNSTABLE, 1),
    ],
)
def test_a_demanded_margin_decides_beside_fail_on(report: Report, required: float, fail_on: FailOn, code: int) -> None:
    assert exit_code(replace(report, min_margin=hold_to_margin(report, required)), fail_on) == code


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory; give the report.json of an earlier run"),
        (b"{", "found text that is not JSON"),
        (b"\xff\xfe", "found text that is not JSON"),
        (b"[" * 100_000, "found text that is not JSON"),
        (b"3", "the document: found 3, expected an object"),
    ],
)
def test_a_baseline_that_is_none_is_an_error_before_anything_is_run(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "old.json").write_bytes(content)
    with pytest.raises(LrdoctorError) as error:
        Outputs(baseline=tmp_path / "old.json").prepared("sweep")
    assert str(error.value).startswith(f"--baseline {tmp_path / 'old.json'}: {words}")


def test_a_folder_in_place_of_a_file_is_an_error_before_anything_is_run(tmp_path: Path) -> None:
    with pytest.raises(LrdoctorError, match=r"--junit .*: found a folder, expected the name of a file"):
        Outputs(junit=tmp_path).prepared("sweep")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LrdoctorError, match=r"--junit .*: cannot be written: .*; give a file that you may write to"):
        Outputs(junit=tmp_path / "file" / "junit.xml").write(study(), None)


@pytest.mark.parametrize("option", ["html", "junit", "gitlab", "markdown"])
def test_a_report_that_is_broken_off_leaves_the_file_as_it_was(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made"
    path.write_text("old")
    asked: dict[str, Any] = {option: path}

    def fail(*given: object) -> None:
        raise KeyboardInterrupt  # the last moment before the whole file takes its place

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(KeyboardInterrupt):
        Outputs(**asked).write(study(), None)
    with pytest.raises(KeyboardInterrupt):
        NOTHING.write_page(study(), tmp_path)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"made": "old"}


def test_where_nothing_is_judged_the_options_are_refused() -> None:
    NOTHING.refuse("--plan judges nothing")
    with pytest.raises(LrdoctorError, match="nothing for --junit, --min-margin; leave one or the other out"):
        Outputs(junit=Path("j"), min_margin=2.0).refuse("--plan judges nothing")
