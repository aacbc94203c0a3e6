"""A sweep of real trials in this process: the session that a worker would open, without the workers."""

from __future__ import annotations

from pathlib import Path

from lrdoctor import examine
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.procedures.sweep import Settings
from lrdoctor.spec import load_spec
from lrdoctor.store import StudyFolder


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
    with (
        StudyFolder.open(out, **what, command_line=[], environment={}, fresh=False) as study_folder,
        examine.open_engine(spec, jobs=1, engine="here") as engine,
    ):
        laboratory = examine.Laboratory(spec, study_folder, engine, Nobody())
        return examine.sweep(laboratory, Settings(examine.grid(laboratory), resolution=resolution), spec.seeds)
