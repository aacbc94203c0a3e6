"""A TensorBoard folder: one run a trial, with its curves and, for the tab HPARAMS, its settings and results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrdoctor.errors import StoreError
from lrdoctor.export.exported import Exported, ExportedTrial


def write(exported: Exported, place: str) -> str:
    """Writes an event file a trial below the folder.

    Raises:
        StoreError: the folder cannot be written, or holds one of the trials already.
    """
    root = Path(place)
    for trial in exported.trials:
        if (root / trial.name).exists():
            raise StoreError(f"{root / trial.name}: is there already; pass another folder to --to tensorboard")
    try:
        for trial in exported.trials:
            _write_run(root / trial.name, trial)
    except OSError as error:
        raise StoreError(f"{root}: cannot be written: {error.strerror}; pass another folder") from error
    return f"{len(exported.trials)} runs in {root}; to look at them: tensorboard --logdir {root}"


def _write_run(folder: Path, trial: ExportedTrial) -> None:
    from tensorboard.compat.proto import event_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder.mkdir(parents=True)
    writer = EventFileWriter(str(folder))
    try:
        for step, summary in (*_settings(trial), *_curves(trial)):
            # of a trial it is known when it ended, not when each step was made
            writer.add_event(event_pb2.Event(wall_time=trial.ended, step=step, summary=summary))
    finally:
        writer.close()


def _curves(trial: ExportedTrial) -> Iterator[tuple[int, Any]]:
    from tensorboard.compat.proto.summary_pb2 import Summary

    for name, curve in trial.curves.items():
        for step, value in zip(curve.step.tolist(), curve.value.tolist(), strict=True):
            yield step, Summary(value=[Summary.Value(tag=name, simple_value=value)])


def _settings(trial: ExportedTrial) -> Iterator[tuple[int, Any]]:
    """What the plugin of hyperparameters reads: the names, the values, how it ended, and the results as scalars."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    results = trial.results
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=trial.ended - trial.seconds)
    experiment = api_pb2.Experiment()
    for name, value in trial.settings.items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, str):
            start.hparams[name].string_value = value
        else:
            start.hparams[name].number_value = value
        kind = {bool: "BOOL", str: "STRING"}.get(type(value), "FLOAT64")
        experiment.hparam_infos.add(name=name, type=getattr(api_pb2, f"DATA_TYPE_{kind}"))
    for name in results:
        experiment.metric_infos.add(name=api_pb2.MetricName(tag=name))
    failed = trial.status != "completed"
    status = api_pb2.STATUS_FAILURE if failed else api_pb2.STATUS_SUCCESS
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=trial.ended)
    for tag, held in (
        (metadata.EXPERIMENT_TAG, {"experiment": experiment}),
        (metadata.SESSION_START_INFO_TAG, {"session_start_info": start}),
        (metadata.SESSION_END_INFO_TAG, {"session_end_info": end}),
    ):
        told = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(**held))
        yield 0, Summary(value=[Summary.Value(tag=tag, metadata=told, tensor=metadata.NULL_TENSOR)])
    for name, number in results.items():
        yield 0, Summary(value=[Summary.Value(tag=name, simple_value=number)])
