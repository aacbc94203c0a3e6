"""Study -> Report: the rules judge, the fixes answer. Pure: no file is read or written here.

Each name is fetched when it is first used: `lrdoctor diagnose` needs one of the reports, and is called for small logs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.assess.baseline import Tolerances, compare
    from lrdoctor.assess.certainty import side, with_certainty
    from lrdoctor.assess.clip import report_of_clip
    from lrdoctor.assess.earlier import Baseline
    from lrdoctor.assess.inspection import report_of_inspection
    from lrdoctor.assess.judging import judge_against, judge_each, judge_runs, judge_study, summary_of
    from lrdoctor.assess.logs import log_verdict, report_of_logs
    from lrdoctor.assess.margin import hold_to_margin
    from lrdoctor.assess.probe import report_of_probe
    from lrdoctor.assess.sweeps import report_of_sweep
    from lrdoctor.assess.treat import prescription_changes, report_of_treat
    from lrdoctor.assess.warmup import report_of_warmup

__all__ = [
    "Baseline",
    "Tolerances",
    "compare",
    "hold_to_margin",
    "judge_against",
    "judge_each",
    "judge_runs",
    "judge_study",
    "log_verdict",
    "prescription_changes",
    "report_of_clip",
    "report_of_inspection",
    "report_of_logs",
    "report_of_probe",
    "report_of_sweep",
    "report_of_treat",
    "report_of_warmup",
    "side",
    "summary_of",
    "with_certainty",
]

_HOMES = {
    "baseline": ("Tolerances", "compare"),
    "certainty": ("side", "with_certainty"),
    "clip": ("report_of_clip",),
    "earlier": ("Baseline",),
    "inspection": ("report_of_inspection",),
    "judging": ("judge_against", "judge_each", "judge_runs", "judge_study", "summary_of"),
    "logs": ("log_verdict", "report_of_logs"),
    "margin": ("hold_to_margin",),
    "probe": ("report_of_probe",),
    "sweeps": ("report_of_sweep",),
    "treat": ("prescription_changes", "report_of_treat"),
    "warmup": ("report_of_warmup",),
}
"""Module -> the names that it holds."""


if not TYPE_CHECKING:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        for module, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
