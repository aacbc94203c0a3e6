"""A study exported to the tools that people look at, read back by each tool's own reader."""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.core.trial import Trial
from lrdoctor.errors import LrdoctorError, StoreError
from lrdoctor.export import TARGETS, export
from lrdoctor.export.exported import read_study
from lrdoctor.logs.gather import gather
from lrdoctor.store.folder import StudyFolder
from lrdoctor.store.trial_files import Row

N = 60


def trial(rate: float, seed: int = 0, **changes: object) -> Trial:
    given = {"base_learning_rate": rate, "seed": seed, "max_train_steps": N, "eval_every": 20}
    return Trial(**{**given, "optimizer": '{"momentum":0.9,"name":"momentum"}', **changes})  # type: ignore[arg-type]


def rows(rate: float, blows_up: bool = False) -> list[Row]:
    made: list[Row] = []
    for step in range(N):
        loss = math.nan if blows_up and step > 50 else 2.0 * (1 - rate) ** step + 0.125
        made.append((step, rate, loss, 1.5 / (step + 1), loss + 0.25 if step % 20 == 19 else None))
    return made


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trials, of which one diverged and one was warmed up and clipped; and a control, which trains nothing."""
    out = tmp_path_factory.mktemp("study")
    given = (
        ("aa" * 8, trial(0.01), False),
        ("bb" * 8, trial(0.02, 1, warmup_steps=10, clip_norm=1.5), False),
        ("cc" * 8, trial(0.2), True),
        ("dd" * 8, trial(0.01, control=True), False),
    )
    with StudyFolder.open(
        out, name="made up", identity={"optimizer": {"name": "momentum"}}, spec_yaml="", command_line=["sweep"],
        environment={}, fresh=False,
    ) as folder:  # fmt: skip
        for key, settings, blows_up in given:
            folder.begin(key)
            folder.append(key, rows(settings.base_learning_rate, blows_up))
            folder.finish(
                key, settings, status="diverged" if blows_up else "completed",
                exit_reason="train_loss is nan at step 51" if blows_up else None, seconds=1.5, attempts=1,
                worker_facts={},
            )  # fmt: skip
    return out


def test_what_is_exported(study: Path) -> None:
    found = read_study(study)
    assert (found.name, found.objective) == ("made up", "best_val_loss")
    assert [each.key[:2] for each in found.trials] == ["aa", "bb", "cc"]  # by rate, without the control
    assert found.trials[1].settings["clip_norm"] == 1.5
    assert "clip_norm" not in found.trials[0].settings
    assert found.trials[0].settings["optimizer"] == "momentum"
    assert found.trials[2].results.keys() == {"best_val_loss", "best_train_loss"}  # the last loss is nan
    assert all(" " not in each.name and "/" not in each.name for each in found.trials)


def test_tensorboard_reads_the_curves_and_the_settings(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import metadata

    assert export(study, "tensorboard", str(tmp_path / "tb")).startswith("3 runs in ")
    for each in read_study(study).trials:
        events = EventAccumulator(str(tmp_path / "tb" / each.name), {"scalars": 0, "tensors": 0})
        events.Reload()
        for name, curve in each.curves.items():
            shown = events.Scalars(name)
            assert [event.step for event in shown] == curve.step.tolist()
            # as a tool for pictures it keeps single precision
            assert np.array_equal([event.value for event in shown], curve.value.astype(np.float32), equal_nan=True)
        for name, value in each.results.items():
            assert [event.value for event in events.Scalars(name)] == [pytest.approx(value)]
        tags = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG)
        told = metadata.parse_session_start_info_plugin_data(tags.plugin_data.content).hparams
        assert told["base_learning_rate"].number_value == each.settings["base_learning_rate"]
        assert told["optimizer"].string_value == "momentum"
        assert set(told) == set(each.settings)


def test_what_tensorboard_is_given_diagnose_reads_as_well(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    export(study, "tensorboard", str(tmp_path / "tb"))
    runs = gather([str(tmp_path / "tb")]).runs
    first = next(run for run in runs if "aaaaaaaa" in run.name)
    assert len(runs) == 3
    assert np.allclose(first.train_loss.value, [row[2] for row in rows(0.01)])
    assert first.val_loss.step.tolist() == [19, 39, 59]


def test_optuna_reads_the_trials(study: Path, tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    place = f"sqlite:///{tmp_path / 'optuna.db'}"
    export(study, "optuna", place)
    loaded = optuna.load_study(storage=place, study_name="made up")
    states = [each.state.name for each in loaded.trials]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED"]
    first, second, third = loaded.trials
    lowest = min(value for *_, value in rows(0.02) if value is not None)
    assert loaded.best_trial.params["base_learning_rate"] == 0.02
    assert loaded.best_value == pytest.approx(lowest)
    assert second.params["warmup_steps"] == 10
    assert first.params["seed"] == 0
    assert sorted(first.intermediate_values) == [19, 39, 59]
    assert math.isnan(third.intermediate_values[59])
    assert third.user_attrs["exit_reason"] == "train_loss is nan at step 51"


@pytest.mark.skipif(find_spec("mlflow") is None, reason="needs mlflow: pip install 'lrdoctor[mlflow]'")
@pytest.mark.filterwarnings("ignore")  # its own libraries warn of each other
def test_mlflow_reads_the_runs(study: Path, tmp_path: Path) -> None:
    import mlflow

    place = f"sqlite:///{tmp_path / 'mlflow.db'}"
    export(study, "mlflow", place)
    client = mlflow.MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("made up")
    runs = sorted(
        client.search_runs([experiment.experiment_id]), key=lambda run: float(run.data.params["base_learning_rate"])
    )
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED", "KILLED"]
    history = client.get_metric_history(runs[0].info.run_id, "train_loss")
    assert [metric.value for metric in sorted(history, key=lambda metric: metric.step)] == [r[2] for r in rows(0.01)]


@pytest.mark.skipif(find_spec("wandb") is None, reason="needs wandb: pip install 'lrdoctor[wandb]'")
def test_offline_runs_of_wandb_hold_the_curves(study: Path, tmp_path: Path) -> None:
    export(study, "wandb-offline", str(tmp_path))
    runs = gather([str(tmp_path / "wandb")]).runs
    first = next(run for run in runs if "a" * 16 in run.source)
    assert len({run.source for run in runs}) == 3
    assert first.train_loss.value.tolist() == [row[2] for row in rows(0.01)]


@pytest.mark.parametrize(
    ("tool", "place", "library"),
    [("tensorboard", "{}/tb", "tensorboard"), ("optuna", "sqlite:///{}/o.db", "optuna")],
)
def test_a_second_export_to_one_place_is_refused(
    tool: str, place: str, library: str, study: Path, tmp_path: Path
) -> None:
    pytest.importorskip(library)
    where = place.format(tmp_path)
    export(study, tool, where)
    with pytest.raises(StoreError, match=r"already|is there"):
        export(study, tool, where)


@pytest.mark.parametrize("tool", TARGETS)
def test_a_missing_library_is_told_with_its_extra(
    tool: str, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = TARGETS[tool].library
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(LrdoctorError, match=rf"--to {tool}: needs the library {library} .*lrdoctor\[{library}\]"):
        export(study, tool, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_told(study: Path, tmp_path: Path) -> None:
    with pytest.raises(LrdoctorError, match="found no tool of that name, expected one of: tensorboard DIR, mlflow URI"):
        export(study, "excel", "x")
    with pytest.raises(StoreError, match="holds no study to export"):
        export(tmp_path / "none", "tensorboard", "x")
    pytest.importorskip("optuna")
    with pytest.raises(StoreError, match="cannot be opened as a storage of Optuna"):
        export(study, "optuna", "nosuchdb://x")


def test_a_study_of_another_format_is_refused(study: Path, tmp_path: Path) -> None:
    (study / "study.json").write_text('{"schema_version": 99, "lrdoctor_version": "9.0", "identity": []}')
    with pytest.raises(StoreError, match=r"schema_version 99, expected 1: lrdoctor 9\.0 wrote it"):
        export(study, "tensorboard", str(tmp_path / "place"))
