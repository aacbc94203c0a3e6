"""An MLflow experiment: one run a trial, with parameters, metrics by step, and tags for how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lrdoctor.errors import StoreError
from lrdoctor.export.exported import Exported, ExportedTrial

MOST_AT_ONCE = 1000
"""Metrics of one request: MLflow takes no more."""
MILLISECONDS = 1000


def write(exported: Exported, place: str) -> str:
    """Makes an experiment of the study's name.

    Args:
        exported: the study.
        place: a tracking URI, such as `sqlite:///mlflow.db`.

    Raises:
        StoreError: the store cannot be opened, or has an experiment of that name.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(tracking_uri=place)
        is_there = client.get_experiment_by_name(exported.name) is not None
        if is_there:
            raise StoreError(f"{place}: has an experiment {exported.name!r} already; pass another URI")
        experiment = client.create_experiment(exported.name)
        for trial in exported.trials:
            _write_run(client, experiment, trial)
    except MlflowException as error:
        raise StoreError(
            f"{place}: MLflow refuses: {error}; pass a tracking URI such as sqlite:///mlflow.db"
        ) from error
    return f"{len(exported.trials)} runs in the experiment {exported.name!r} of {place}"


def _write_run(client: Any, experiment: str, trial: ExportedTrial) -> None:
    from mlflow.entities import Param, RunTag

    ended = int(trial.ended * MILLISECONDS)
    began = ended - int(trial.seconds * MILLISECONDS)
    run = client.create_run(experiment, start_time=began, run_name=trial.name).info.run_id
    tags = {"lrdoctor.key": trial.key, "lrdoctor.status": trial.status, "lrdoctor.exit_reason": trial.exit_reason or ""}
    client.log_batch(
        run,
        params=[Param(name, str(value)) for name, value in trial.settings.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    for metrics in _batches(trial, ended):
        client.log_batch(run, metrics=metrics)
    client.set_terminated(run, "FINISHED" if trial.status == "completed" else "KILLED", end_time=ended)


def _batches(trial: ExportedTrial, ended: int) -> Iterator[list[Any]]:
    from mlflow.entities import Metric

    metrics = [
        Metric(name, value, ended, step)
        for name, curve in trial.curves.items()
        for step, value in zip(curve.step.tolist(), curve.value.tolist(), strict=True)
    ]
    metrics += [Metric(name, value, ended, 0) for name, value in trial.results.items()]
    for start in range(0, len(metrics), MOST_AT_ONCE):
        yield metrics[start : start + MOST_AT_ONCE]
