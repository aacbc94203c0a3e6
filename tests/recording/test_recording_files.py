"""The files of a recording: rows that wait on an accelerator, settings on their way, and what is read of them again."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from lrdoctor.errors import LogError
from lrdoctor.launch import Ended
from lrdoctor.logs.recordings import blow_up, read_folder
from lrdoctor.recording import rows
from lrdoctor.recording.settings import HOOK, Recording
from lrdoctor.script_runs import judge


def lines(path: Path) -> list[str]:
    return path.read_text("ascii").splitlines()[1:]


def test_values_on_a_device_are_read_together_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LONGEST_WAIT", math.inf)
    series = rows.Series(str(tmp_path / "steps.csv"), sync_every=3)
    series.open()
    # tensors stand for values on a device: what is at hand has been made a float before
    half = torch.tensor(0.5)
    series.add(rows.Row(0, 0.1, [half, half], [torch.tensor(3.0), torch.tensor(4.0)]))
    series.add(rows.Row(1, torch.tensor(0.25), [0.75], [2.0]))
    assert lines(tmp_path / "steps.csv") == []
    series.add(rows.Row(2, 0.1, [], [], skipped=torch.tensor(1.0)))
    assert lines(tmp_path / "steps.csv") == ["0,0.1,1.0,5.0,", "1,0.25,0.75,2.0,", "2,0.1,,,"]
    assert (series.n_rows, series.n_updates, series.skipped) == (3, 2, [2])
    series.add(rows.Row(3, 0.1, [torch.tensor(math.nan)], [1.0]))
    series.flush()
    assert lines(tmp_path / "steps.csv")[3:] == ["3,0.1,nan,1.0,"]
    assert series.bad is not None
    assert series.bad[:2] == (3, "train_loss")


def test_values_that_are_at_hand_are_written_at_once(tmp_path: Path) -> None:
    series = rows.Series(str(tmp_path / "steps.csv"), sync_every=32)
    series.open()
    series.add(rows.Row(0, None, [1.5], [math.inf]))
    assert lines(tmp_path / "steps.csv") == ["0,,1.5,inf,"]
    with pytest.raises(FileExistsError):
        rows.Series(str(tmp_path / "steps.csv"), sync_every=32).open()


@pytest.mark.parametrize("before", [None, "", "/a", f"/a{os.pathsep}/b"])
def test_settings_travel_in_the_environment(before: str | None) -> None:
    settings = Recording(directory="/tmp/x", learning_rate=1e-30, clip_norm=0.5, seed=3, max_updates=7)
    base = {"HOME": "/h"} | ({} if before is None else {"PYTHONPATH": before})
    environment = settings.environment(base)
    # an empty entry of PYTHONPATH would be the working directory
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(HOOK), *(before.split(os.pathsep) if before else [])]
    assert environment["HOME"] == "/h"
    assert Recording.of_environment(environment) == settings
    assert Recording.of_environment(base) is None


def folder(path: Path, losses: list[float], norms: list[float] | None = None, **facts: Any) -> Path:
    """A recording of these losses."""
    norms = norms or [1.0] * len(losses)
    text = "".join(f"{k},0.1,{loss!r},{norm!r},\n" for k, (loss, norm) in enumerate(zip(losses, norms, strict=True)))
    (path / "steps.csv").write_text(f"step,learning_rate,train_loss,grad_norm,val_loss\n{text}", encoding="ascii")
    optimizer = {"file": "steps.csv", "name": "SGD", "n_rows": len(losses), "n_skipped": 0, "skipped_steps": []}
    optimizer |= facts.pop("optimizer", {})
    (path / "recording.json").write_text(json.dumps({"optimizers": [optimizer], **facts}), encoding="utf-8")
    return path


FALLING = [3 * 0.97**k for k in range(100)]


@pytest.mark.parametrize(
    ("losses", "facts", "says"),
    [
        (FALLING, {}, None),
        (FALLING, {"exception": "KeyError: 'infinite_loader'"}, None),
        (FALLING, {"exception": "RuntimeError: banana"}, None),
        (FALLING, {"exception": "OverflowError: math range error"}, "math range error"),
        (FALLING, {"exception": "AssertionError: loss is nan"}, "loss is nan"),
        (FALLING, {"exception": "RuntimeError: ... is non-finite, so it cannot be clipped"}, "non-finite"),
        (FALLING, {"unfinished": {"losses": [None], "norms": []}}, "the loss of the update that was not made is nan"),
        (FALLING, {"unfinished": {"losses": [1.0], "norms": ["inf"]}}, "gradient norm of the update"),
        (FALLING, {"unfinished": {"losses": [31.0]}}, "the loss was 31"),
        ([*FALLING, 31.0], {}, "the loss was 31"),
        # ten times the last losses is noise of a model that has learned
        ([*FALLING, 1.5], {}, None),
        # it came back long before
        ([3.0, 3.0, 3.0, 90.0, *FALLING], {}, None),
        ([*FALLING, math.nan], {}, "train_loss is nan at step 100"),
        # from where it began, however long ago
        ([*FALLING, *[math.nan] * 60], {}, "train_loss is nan at step 100"),
        ([math.nan] * 50, {}, "train_loss is nan at step 0"),
        ([-1.0, -2.0, 30.0], {}, None),
    ],
)
def test_which_crashes_are_divergences(
    tmp_path: Path, losses: list[float], facts: dict[str, Any], says: str | None
) -> None:
    found = blow_up(read_folder(folder(tmp_path, losses, **facts), "train"))
    assert (found is None) == (says is None), found
    assert says is None or says in str(found)


def test_a_step_that_the_scaler_skipped_is_no_blow_up(tmp_path: Path) -> None:
    norms = [*[1.0] * 99, math.inf]
    skipped = {"n_skipped": 1, "skipped_steps": [99]}
    assert blow_up(read_folder(folder(tmp_path, FALLING, norms, optimizer=skipped), "train")) is None
    assert "grad_norm is inf" in str(blow_up(read_folder(folder(tmp_path, FALLING, norms), "train")))


def test_what_is_read_of_a_folder(tmp_path: Path) -> None:
    folder(tmp_path, FALLING, adversarial=True, world_size=2, optimizer={"n_skipped": 1, "skipped_steps": [4]})
    with open(tmp_path / "steps.csv", "a", encoding="ascii") as file:
        file.write("100,0.1,0.")  # cut off by a kill
    (tmp_path / "evaluations.csv").write_text("step,val_loss\n9,0.5\n9,0.4\n19,0.3\n", encoding="ascii")
    (run,) = read_folder(tmp_path, "train").runs
    assert len(run.train_loss) == 100
    assert (run.val_loss.step.tolist(), run.val_loss.value.tolist()) == ([9, 19], [0.4, 0.3])
    assert run.provenance["objective"] == "adversarial"
    assert run.provenance["skipped_steps"] == (4,)
    assert any("rank 0 of 2" in note for note in run.provenance["notes"])
    (tmp_path / "steps.csv").write_text("step\n0,x,1,2,\n", encoding="ascii")
    with pytest.raises(LogError, match="is damaged"):
        read_folder(tmp_path, "train")


@pytest.mark.parametrize(
    ("facts", "objective"),
    [
        ({}, None),
        ({"adversarial": True}, "adversarial"),
        ({"reinforcement": "gymnasium"}, "reinforcement"),
        ({"reinforcement": "gymnasium", "adversarial": True}, "reinforcement"),  # an actor and its critic
    ],
)
def test_which_objectives_a_recording_shows(tmp_path: Path, facts: dict[str, Any], objective: str | None) -> None:
    (run,) = read_folder(folder(tmp_path, FALLING, **facts), "train").runs
    assert run.provenance.get("objective") == objective


@pytest.mark.parametrize(
    ("code", "died_of_its_loss"),
    [(1, True), (-6, True), (124, False), (137, False), (-9, False), (-15, False)],
)
def test_a_script_that_was_ended_did_not_die_of_its_loss(tmp_path: Path, code: int, died_of_its_loss: bool) -> None:
    report = judge(folder(tmp_path, [*FALLING, 31.0]), ["train"], Ended(returncode=code, seconds=1.0), None, 0.01)
    assert ("LRD103" in {finding.code for finding in report.findings}) == died_of_its_loss


def test_an_empty_folder_holds_no_run(tmp_path: Path) -> None:
    recorded = read_folder(tmp_path, "train")
    assert (recorded.runs, dict(recorded.facts)) == ((), {})
