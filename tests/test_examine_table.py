"""trials.csv of a study folder that several commands have worked in, on an engine that trains nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine, Log, healthy_below, opened

from lrdoctor import assess, examine
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.examine import Laboratory, baseline_trial
from lrdoctor.procedures import clip as clips
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures.sweep import Settings
from lrdoctor.spec import Spec, load_spec

ADAM = '{"name":"adam"}'


class World(FakeEngine):
    """The spec's training breaks at 0.05; clipped or warmed up it does not; Adam stays above every other loss."""

    def __init__(self) -> None:
        super().__init__(healthy_below(0.05))

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        yield Started(task, 0)
        if trial.seed == 7:
            yield Failed(task, "out of memory")
            return
        cured = trial.clip_norm is not None or trial.warmup_steps or trial.optimizer == ADAM
        told = self.world(min(trial.base_learning_rate, 0.04) if cured else trial.base_learning_rate, trial.seed)
        # all trials of a seed begin alike
        losses = [
            x + 1.5 * (1 - 0.9**t) * (trial.optimizer == ADAM) for t, x in enumerate(told) if isinstance(x, float)
        ]
        yield Progress(task, [(t, trial.base_learning_rate, x, 1.0 + t, x) for t, x in enumerate(losses)])
        done = all(map(math.isfinite, losses))
        yield Finished(task, {"status": "completed" if done else "diverged", "reason": None if done else "nan"})


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return load_spec(tmp_path / "spec.yaml")


def swept(laboratory: Laboratory) -> Study:
    return examine.sweep(laboratory, Settings(examine.grid(laboratory)), laboratory.spec.seeds)


def probed(laboratory: Laboratory) -> Study:
    return examine.probe(laboratory, probes.Settings(), laboratory.spec.seeds, 0.1).study


def clipped(laboratory: Laboratory) -> Study:
    return examine.clip(laboratory, clips.Settings(), laboratory.spec.seeds, swept(laboratory)).study


def warmed(laboratory: Laboratory) -> Study:
    study = swept(laboratory)
    examine.warmup(laboratory, study, laboratory.spec.seeds)
    return study


def treated(laboratory: Laboratory, rewrite: str | None = "zero_init", **changes: Any) -> Study:
    """Made-up trials of `treat` at 0.1, with every seed."""
    of = [baseline_trial(laboratory.spec, 0.1, seed) for seed in laboratory.spec.seeds]
    laboratory.run("treat", [replace(trial, procedure="treat", rewrite=rewrite, **changes) for trial in of])
    return swept(laboratory)


def table(spec: Spec, out: Path, *commands: Any) -> list[list[dict[str, Any]]]:
    """The table after each command, each in a laboratory of its own."""
    tables = []
    for command in commands:
        with opened(spec, out) as folder:
            laboratory = Laboratory(spec, folder, World(), Log())
            tables.append(examine.all_trials_table(laboratory, command(laboratory)))
    return tables


def n_trials(out: Path) -> int:
    """Trials of the folder; controls are none."""
    records = [json.loads(path.read_text()) for path in out.glob("trials/*/trial.json")]
    return sum(not record["settings"]["control"] for record in records)


def test_it_names_every_trial_once_and_what_was_found(spec: Spec, tmp_path: Path) -> None:
    (rows,) = table(spec, tmp_path / "out", swept)
    assert len({row["key"] for row in rows}) == len(rows) == n_trials(tmp_path / "out")
    broken = [row for row in rows if row["status"] == "diverged"]
    assert broken
    assert {(row["feasible"], row["findings"], row["n_steps"]) for row in broken} == {(False, "non-finite", 3)}
    assert not any("second" in column or "control" in column for column in rows[0])
    assert "control" not in {row["procedure"] for row in rows}


@pytest.mark.parametrize("command", [swept, probed, clipped, warmed, treated])
def test_whichever_command_writes_it_it_holds_every_trial(spec: Spec, tmp_path: Path, command: Any) -> None:
    out = tmp_path / "out"
    *_, before, after = table(spec, out, warmed, clipped, probed, treated, command)
    assert len(after) == n_trials(out)
    assert repr(after) == repr(before)  # nan is not equal to itself
    procedures = list(dict.fromkeys(row["procedure"] for row in after))
    assert procedures == ["sweep", "clip", "probe", "treat", "warmup"]


def test_a_trial_that_failed_is_in_it(spec: Spec, tmp_path: Path) -> None:
    more = load_spec(tmp_path / "spec.yaml", ["seeds=[0, 1, 7]"])
    (rows,) = table(more, tmp_path / "out", swept)
    assert {(row["feasible"], row["exit_reason"]) for row in rows if row["seed"] == 7} == {(None, "out of memory")}


@pytest.mark.parametrize(
    ("command", "beside"),
    [
        (swept, []),
        (probed, []),
        (clipped, ["clip"]),
        (warmed, ["warmup"]),
        (lambda laboratory: treated(laboratory, None, clip_norm=1.0), ["treat"]),
        (treated, ["treat"]),
        (lambda laboratory: treated(laboratory, None, optimizer=ADAM), []),
        (lambda laboratory: treated(laboratory, None, optimizer=ADAM, clip_norm=1.0), []),
    ],
)
def test_what_a_trial_is_judged_beside(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Any, beside: list[str]
) -> None:
    """The trials of a fix beside the sweep's; those of the short run and of another optimizer among themselves."""
    with opened(spec, tmp_path / "out") as folder:
        laboratory = Laboratory(spec, folder, World(), Log())
        study = command(laboratory)
        groups: list[tuple[str, bool, set[str]]] = []
        alone, against = assess.judge_runs, assess.judge_against

        def judge_runs(of: Study) -> Any:
            groups.append((kind(of.runs), False, {run.name for run in of.runs}))
            return alone(of)

        def judge_against(runs: Any, references: Any) -> Any:
            groups.append((kind(runs), True, {run.name for run in references}))
            return against(runs, references)

        monkeypatch.setattr(assess, "judge_runs", judge_runs)
        monkeypatch.setattr(assess, "judge_against", judge_against)
        examine.all_trials_table(laboratory, study)
    own = {run.name for run in laboratory.runs.values() if run.trial and kind([run]) == "sweep"}
    assert [procedure for procedure, is_beside, _ in groups if is_beside] == beside
    assert all(references == own for _, is_beside, references in groups if is_beside)


def kind(runs: Any) -> str:
    """The procedure that all the runs share."""
    (procedure,) = {run.trial.procedure for run in runs}
    (_,) = {run.trial.optimizer for run in runs}
    return str(procedure)


def test_another_optimizer_with_higher_losses_is_not_called_stuck(spec: Spec, tmp_path: Path) -> None:
    """Beside the sweep's runs, which end lower, it would be."""
    (rows,) = table(spec, tmp_path / "out", lambda laboratory: treated(laboratory, None, optimizer=ADAM))
    of = [row for row in rows if row["optimizer"] == "adam"]
    assert [(row["procedure"], row["findings"], row["feasible"]) for row in of] == [("treat", "", True)] * 3
