"""A sweep of real trials in this process: the session that a worker would open, without the workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lrdoctor import examine
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Finished, Progress, Started, Task
from lrdoctor.procedures.sweep import Settings
from lrdoctor.spec import Spec, load_spec
from lrdoctor.store import StudyFolder
from lrdoctor.worker import open_session


class InProcess:
    """An engine of one worker that is this process."""

    def __init__(self, spec: Spec) -> None:
        self.session = open_session(spec.workload(), worker=0)

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def describe(self) -> Mapping[str, Any]:
        return {**self.session.describe(), "jobs": 1}

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        for task in tasks:
            yield Started(task, 0)
            rows: list[Any] = []
            result = self.session.run(task.payload, rows.extend, lambda: False)
            if rows:
                yield Progress(task, rows)
            yield Finished(task, result)

    def stop(self) -> None:
        raise AssertionError("nobody stops it here")

    kill = stop


class Nobody:
    """A watcher that looks away."""

    def planned(self, stage: str, n_trials: int, n_reused: int) -> None: ...

    def started(self, trial: Trial, worker: int) -> None: ...

    def progressed(self, trial: Trial, step: int, train_loss: float) -> None: ...

    def finished(self, run: Run) -> None: ...

    def message(self, text: str) -> None: ...


def swept(folder: Path, text: str, resolution: float) -> Study:
    """The sweep of a spec.

    Args:
        folder: where the spec and the study folder are written.
        text: the spec.
        resolution: factor up to which the unstable rate is located.
    """
    (folder / "spec.yaml").write_text(text)
    spec, out = load_spec(folder / "spec.yaml"), folder / "out"
    what = {"name": spec.name, "identity": spec.identity(), "spec_yaml": spec.to_yaml(out)}
    with StudyFolder.open(out, **what, command_line=[], environment={}, fresh=False) as study_folder:
        laboratory = examine.Laboratory(spec, study_folder, InProcess(spec), Nobody())
        return examine.sweep(laboratory, Settings(spec.sweep.rates(), resolution=resolution), spec.seeds)
