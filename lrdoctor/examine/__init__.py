"""Spec -> Study: procedures plan trials, an engine runs them, every run is saved as it comes."""

from lrdoctor.examine.clip import clip
from lrdoctor.examine.laboratory import ENTRY, PRELOAD, Laboratory, Watcher, interruptible
from lrdoctor.examine.sweep import baseline_trial, rates, sweep
from lrdoctor.examine.table import trials_table

__all__ = [
    "ENTRY",
    "PRELOAD",
    "Laboratory",
    "Watcher",
    "baseline_trial",
    "clip",
    "interruptible",
    "rates",
    "sweep",
    "trials_table",
]
