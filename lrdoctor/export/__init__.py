"""A study's trials for the tools that people look at: curves, settings and outcome, by each tool's own library.

Nothing of a study is changed, and nothing that lies at the destination: where it holds the study already, that is an
error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from lrdoctor.errors import LrdoctorError
from lrdoctor.export.exported import Exported, read_study


@dataclass(frozen=True)
class Target:
    """A tool that a study can be exported to."""

    place: str
    """What its destination is called."""
    library: str
    """What it takes to write it, and the extra of that name."""
    module: str
    """Where `write(exported, place)` is, which returns what was written, in words."""


TARGETS: Mapping[str, Target] = {
    "tensorboard": Target("DIR", "tensorboard", "lrdoctor.export.tensorboard"),
    "mlflow": Target("URI", "mlflow", "lrdoctor.export.mlflow"),
    "optuna": Target("STORAGE", "optuna", "lrdoctor.export.optuna"),
    "wandb-offline": Target("DIR", "wandb", "lrdoctor.export.wandb"),
}


def export(study: Path, to: str, place: str) -> str:
    """Writes the finished trials of a study; returns what was written and where, in words.

    Args:
        study: a study folder.
        to: a key of `TARGETS`.
        place: the destination, as the tool takes it.

    Raises:
        LrdoctorError: there is no such tool, its library is missing, the study has no trials, or the destination
            cannot be written or holds the study already.
    """
    if to not in TARGETS:
        known = ", ".join(f"{name} {target.place}" for name, target in TARGETS.items())
        raise LrdoctorError(f"--to {to}: found no tool of that name, expected one of: {known}")
    target = TARGETS[to]
    exported = read_study(study)
    write: Callable[[Exported, str], str]
    try:
        import_module(target.library)
    except ImportError as error:
        raise LrdoctorError(
            f"--to {to}: needs the library {target.library} ({error}); install it by "
            f"`pip install 'lrdoctor[{target.library}]'`"
        ) from error
    write = import_module(target.module).write
    return write(exported, place)
