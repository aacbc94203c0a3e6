"""Study -> Report: the rules judge, the fixes answer. Pure: no file is read or written here."""

from lrdoctor.diagnose.clip import report_of_clip
from lrdoctor.diagnose.judging import judge_against, judge_runs, judge_study, summary_of
from lrdoctor.diagnose.logs import log_verdict, report_of_logs
from lrdoctor.diagnose.probe import report_of_probe
from lrdoctor.diagnose.sweeps import report_of_sweep
from lrdoctor.diagnose.treat import prescription_changes, report_of_treat
from lrdoctor.diagnose.warmup import report_of_warmup

__all__ = [
    "judge_against",
    "judge_runs",
    "judge_study",
    "log_verdict",
    "prescription_changes",
    "report_of_clip",
    "report_of_logs",
    "report_of_probe",
    "report_of_sweep",
    "report_of_treat",
    "report_of_warmup",
    "summary_of",
]
