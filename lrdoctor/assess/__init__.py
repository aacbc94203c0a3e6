"""Study -> Report: the rules judge, the fixes answer. Pure: no file is read or written here."""

from lrdoctor.assess.clip import report_of_clip
from lrdoctor.assess.inspection import report_of_inspection
from lrdoctor.assess.judging import judge_against, judge_runs, judge_study, summary_of
from lrdoctor.assess.logs import log_verdict, report_of_logs
from lrdoctor.assess.probe import report_of_probe
from lrdoctor.assess.sweeps import report_of_sweep
from lrdoctor.assess.treat import prescription_changes, report_of_treat
from lrdoctor.assess.warmup import report_of_warmup

__all__ = [
    "judge_against",
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
    "summary_of",
]
