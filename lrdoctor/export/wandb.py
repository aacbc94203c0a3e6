"""Offline runs of Weights & Biases, one a trial; nothing is sent anywhere until `wandb sync` is called."""

from __future__ import annotations

from pathlib import Path

from lrdoctor.errors import StoreError
from lrdoctor.export.exported import Exported, ExportedTrial


def write(exported: Exported, place: str) -> str:
    """Writes the runs below the folder, as wandb does: in `wandb/offline-run-...`.

    Raises:
        StoreError: the folder cannot be written, or holds runs already.
    """
    root = Path(place)
    if any((root / "wandb").glob("offline-run-*")):
        raise StoreError(f"{root / 'wandb'}: holds offline runs already; pass another folder to --to wandb-offline")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{root}: cannot be made: {error.strerror}; pass another folder") from error
    for trial in exported.trials:
        _write_run(root, exported.name, trial)
    return (
        f"{len(exported.trials)} offline runs in {root / 'wandb'}; to send them: wandb sync {root}/wandb/offline-run-*"
    )


def _write_run(root: Path, project: str, trial: ExportedTrial) -> None:
    import wandb

    settings = wandb.Settings(silent=True, console="off", disable_git=True, save_code=False)
    run = wandb.init(
        mode="offline", dir=str(root), project=project, name=trial.name, id=trial.key[:32], group="lrdoctor",
        job_type="trial", config=dict(trial.settings), settings=settings, reinit="finish_previous",
    )  # fmt: skip
    rows: dict[int, dict[str, float]] = {}
    for name, curve in trial.curves.items():
        for step, value in zip(curve.step.tolist(), curve.value.tolist(), strict=True):
            rows.setdefault(step, {})[name] = value
    for step in sorted(rows):
        run.log(rows[step], step=step)
    run.summary.update({**trial.results, "status": trial.status, "exit_reason": trial.exit_reason})
    run.finish(exit_code=0 if trial.status == "completed" else 1)
