"""lrdoctor: finds out why a PyTorch model's training is unstable, by controlled trials.

From Python, `diagnose` judges logs and tables that exist already; `sweep`, `probe`, `warmup`, `clip`, `treat`
and `inspect` take a spec, or a `Training` whose model and data are objects in memory:

    >>> import lrdoctor
    >>> report = lrdoctor.diagnose({"loss": [2.0 * 0.98**step for step in range(200)]})
    >>> report.verdict
    'stable'

A training script that is run by `lrdoctor run` may tell its evaluations by `lrdoctor.log(val_loss=...)`.

What stands in `__all__` is public and changes only by adding. Importing this package imports neither torch nor pandas
nor numpy: every name is fetched when it is first used. The command line is `lrdoctor.cli`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.api import diagnose
    from lrdoctor.core.report import Finding, Fix, Report, RunSummary, Skip
    from lrdoctor.errors import InconclusiveError, LogError, LrdoctorError, UnstableError
    from lrdoctor.integrations.recorder import Recorder
    from lrdoctor.recording.log import log
    from lrdoctor.streaming import StreamEvent, StreamingJudge
    from lrdoctor.studies import Training, clip, inspect, load_spec, probe, sweep, treat, warmup

__version__ = "0.1.0"

__all__ = [
    "Finding",
    "Fix",
    "InconclusiveError",
    "LogError",
    "LrdoctorError",
    "Recorder",
    "Report",
    "RunSummary",
    "Skip",
    "StreamEvent",
    "StreamingJudge",
    "Training",
    "UnstableError",
    "__version__",
    "clip",
    "diagnose",
    "inspect",
    "load_spec",
    "log",
    "probe",
    "sweep",
    "treat",
    "warmup",
]

_HOMES = {
    "lrdoctor.api": ("diagnose",),
    "lrdoctor.core.report": ("Finding", "Fix", "Report", "RunSummary", "Skip"),
    "lrdoctor.errors": ("InconclusiveError", "LogError", "LrdoctorError", "UnstableError"),
    "lrdoctor.integrations.recorder": ("Recorder",),
    "lrdoctor.recording.log": ("log",),
    "lrdoctor.streaming": ("StreamEvent", "StreamingJudge"),
    "lrdoctor.studies": ("Training", "clip", "inspect", "load_spec", "probe", "sweep", "treat", "warmup"),
}
"""Module -> the public names that it holds."""


if not TYPE_CHECKING:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        for module, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(module), name)
                return value
        raise AttributeError(f"module 'lrdoctor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
