"""Spec -> Study: procedures plan trials, an engine runs them, every run is saved as it comes."""

from lrdoctor.examine.ahead import drop
from lrdoctor.examine.clip import clip
from lrdoctor.examine.confirming import confirm_clipping, confirm_warmup
from lrdoctor.examine.dry_run import DryRun, walk_through
from lrdoctor.examine.inspection import inspect, open_inspector
from lrdoctor.examine.interrupts import interruptible
from lrdoctor.examine.laboratory import Laboratory, Watcher, baseline_trial
from lrdoctor.examine.probe import probe
from lrdoctor.examine.range_test import grid
from lrdoctor.examine.seeds import FEWEST_SEEDS, enough_seeds, numbered_on
from lrdoctor.examine.sweep import rates, sweep
from lrdoctor.examine.table import all_trials_table
from lrdoctor.examine.trainers import open_engine
from lrdoctor.examine.treat import treat
from lrdoctor.examine.warmup import warmup

__all__ = [
    "FEWEST_SEEDS",
    "DryRun",
    "Laboratory",
    "Watcher",
    "all_trials_table",
    "baseline_trial",
    "clip",
    "confirm_clipping",
    "confirm_warmup",
    "drop",
    "enough_seeds",
    "grid",
    "inspect",
    "interruptible",
    "numbered_on",
    "open_engine",
    "open_inspector",
    "probe",
    "rates",
    "sweep",
    "treat",
    "walk_through",
    "warmup",
]
