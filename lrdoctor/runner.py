"""One way to run a procedure, for the command line and for Python: the study folder, the engine, the saved report."""

from __future__ import annotations

import importlib
import platform
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from lrdoctor import assess, examine, live
from lrdoctor.core.budget import budget_of
from lrdoctor.core.study import Study
from lrdoctor.core.trial import TRAINING_VERSION
from lrdoctor.examine.allowance import Allowance
from lrdoctor.procedures.sweep import Settings
from lrdoctor.reports import json as json_report
from lrdoctor.reports.terminal.live import SweepView
from lrdoctor.reports.terminal.text import Screen
from lrdoctor.store import StudyFolder, folder_name

if TYPE_CHECKING:
    from lrdoctor.core.plan import Plan
    from lrdoctor.core.report import Part, Report
    from lrdoctor.examine import Laboratory
    from lrdoctor.spec import Spec

AUTO = 0
"""Number of seeds that stands for as many as the verdict needs."""

SEEDS_TO_COME = "--seeds auto begins with these seeds; each one that is added adds a trial to every rate and fix"


def above_0(**given: float | None) -> None:
    """
    Raises:
        ValueError: one of them is given and no finite number above 0.
    """
    for name, value in given.items():
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{name}={value!r}: expected a finite number above 0")


@dataclass(frozen=True, kw_only=True)
class How:
    """Where and how the trials of a procedure are run."""

    out: Path | None = None
    """The study folder; None for the one of the spec's name below lrdoctor_out/."""
    seeds: int | None = None
    """None for the spec's; AUTO for as many as the verdict needs."""
    jobs: int | None = None
    """Worker processes; None for one a core."""
    engine: str | None = None
    """Name in `ENGINES`; None for the spec's."""
    trial_seconds: float | None = None
    """How long a trial may take; None for any time."""
    max_trial_steps: int | None = None
    """Steps that may be run in all; None for any number."""
    budget: str | None = None
    """What may be spent, as `core.budget.budget_of` reads it: the procedure ends with what is there; None for any."""
    exhaustive: bool = False
    """Run the trials too that cannot change the answer."""
    fresh: bool = False
    """Throw away what an earlier study left in the folder."""
    quiet: bool = False
    """Show no progress on standard error."""
    live: bool = False
    """Write a page of the study into its folder while it runs."""

    def __post_init__(self) -> None:
        above_0(max_trial_steps=self.max_trial_steps)
        self.allowance()

    def allowance(self) -> Allowance | None:
        """A budget that nothing was spent of yet.

        Raises:
            ValueError: it cannot be read, or is given beside `max_trial_steps`.
        """
        if self.budget is None:
            return None
        if self.max_trial_steps is not None:
            raise ValueError("budget and max_trial_steps: give one of them; either ends the trials in its own way")
        try:
            return Allowance(budget_of(self.budget))
        except ValueError as unread:
            raise ValueError(f"budget: {unread}") from None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What any procedure may be asked, beside what the spec says."""

    learning_rate: float | None = None
    """lr*; None for that of the sweep."""
    unstable_learning_rate: float | None = None
    """The lowest unstable rate; None for that of the sweep."""

    def __post_init__(self) -> None:
        above_0(learning_rate=self.learning_rate, unstable_learning_rate=self.unstable_learning_rate)

    @property
    def gives_rates(self) -> bool:
        """Whether a rate is given, so that there is no sweep whose seeds could settle it."""
        return self.learning_rate is not None or self.unstable_learning_rate is not None


A = TypeVar("A", bound=Asked)
F = TypeVar("F")


@dataclass(frozen=True, kw_only=True)
class Procedure(Generic[A, F]):
    """A thing that lrdoctor finds out by trials: how it is examined, judged and drawn. The five are in `catalogue`.

    `A` is what it is asked, `F` what its trials come to.
    """

    name: str
    """Of the command, and of the function of Python."""
    examine: Callable[[Laboratory, Sequence[int], A], F]
    """Runs the trials, with these seeds."""
    study_of: Callable[[F], Study]
    """The sweep of the spec's own training among what was found, empty where none was made."""
    report: Callable[[F], Report]
    """Judges what was found."""
    figures: Callable[[F, Report], Iterable[tuple[Part, Mapping[str, bytes]]]]
    """Section of the report -> its figures, file name -> content."""
    files: Callable[[F, Report, Laboratory], Iterable[tuple[str, str]]] = lambda found, report, laboratory: ()
    """Further files of the study folder: name and text."""


def seeds_for(laboratory: Laboratory, asked: int | None, settled: bool = False) -> tuple[int, ...]:
    """The seeds of a procedure: the spec's, or with AUTO as many as its sweep needs.

    Args:
        laboratory: where the sweep is run.
        asked: None for the spec's, or AUTO.
        settled: nothing is left for the sweep to settle, since the rates were given, or nothing is trained.
    """
    spec = laboratory.spec
    if asked != AUTO:
        return tuple(spec.seeds)
    if settled:
        return examine.numbered_on(spec.seeds, examine.FEWEST_SEEDS)
    return examine.enough_seeds(laboratory, Settings(examine.grid(laboratory)), spec.seeds)


def run(procedure: Procedure[A, F], asked: A, spec: Spec, how: How) -> Report:
    """Runs a procedure: its trials, the report and the figures, all of it saved in the study folder.

    Args:
        procedure: one of `catalogue`.
        asked: what it is asked.
        spec: what to train.
        how: where and how.

    Raises:
        WorkloadError: the workload does not work, or every trial failed.
        StoreError: the folder cannot be written, or holds another study.
        BudgetSpent: the budget of steps does not even reach for the sweep, or the budget not for its first trial.
        Interrupted: the user stopped it; what was finished is saved.
    """
    with open_laboratory(spec, how) as laboratory, live.live(laboratory, how.live):
        seeds = seeds_for(laboratory, how.seeds, settled=asked.gives_rates)
        return perform(procedure, laboratory, seeds, asked)


def perform(procedure: Procedure[A, F], laboratory: Laboratory, seeds: Sequence[int], asked: A) -> Report:
    """Runs a procedure in a laboratory that is open; see `run`."""
    found = procedure.examine(laboratory, seeds, asked)
    if n_unasked := examine.drop(laboratory):
        laboratory.watcher.message(f"{n_unasked:,} steps were trained ahead by idle workers and not asked for")
    folder, study = laboratory.folder, procedure.study_of(found)
    folder.write_trials_csv(examine.all_trials_table(laboratory, study))
    report = procedure.report(found)
    if laboratory.allowance is not None:
        report = replace(report, budget=laboratory.allowance.section)
    for name, text in procedure.files(found, report, laboratory):
        folder.write_text(name, text)
    for part, drawn in procedure.figures(found, report):
        for name, content in drawn.items():
            folder.write_bytes(f"figures/{name}", content)
        report = report.with_figures(part, [f"figures/{name}" for name in drawn])
    folder.write_text("report.json", json_report.render(report))
    return replace(report, folder=folder.out)


def plan(procedure: Procedure[A, F], asked: A, spec: Spec, how: How) -> Plan:
    """What the procedure would train; nothing is trained but a few steps to be timed, and nothing saved.

    Args:
        procedure, asked, spec, how: as of `run`.
    """

    def walk(laboratory: Laboratory) -> F:
        return procedure.examine(laboratory, seeds_for(laboratory, how.seeds, settled=True), asked)

    with (
        SweepView(Screen(stderr=True), quiet=how.quiet) as view,
        examine.open_engine(spec, how.jobs) as engine,
        examine.interruptible(engine, view),
    ):
        engine.tell = view.message
        view.message("planning; nothing is saved")
        found = examine.walk_through(
            spec,
            study_folder(spec, how.out),
            walk,
            engine=engine,
            environment=environment(),
            fresh=how.fresh,
            best=asked.learning_rate,
            unstable=asked.unstable_learning_rate,
            budget=how.max_trial_steps,
            exhaustive=how.exhaustive,
        )
    return replace(found, assumptions=(*found.assumptions, SEEDS_TO_COME)) if how.seeds == AUTO else found


def _import_figures() -> None:
    # what is wrong with it is said by the command itself, once it draws; by then the trials are saved
    with suppress(Exception):
        importlib.import_module("lrdoctor.reports.figures")


@contextmanager
def open_laboratory(spec: Spec, how: How) -> Iterator[Laboratory]:
    """The study folder, the engine and the view of a procedure that runs trials, closed in the right order."""
    # drawing needs matplotlib, whose import takes half a second: while the workers train there is time for it
    threading.Thread(target=_import_figures, daemon=True).start()
    where = study_folder(spec, how.out)
    folder = StudyFolder.open(
        where,
        name=spec.name,
        identity=spec.identity(),
        spec_yaml=spec.to_yaml(where),
        command_line=sys.argv,
        environment=environment(),
        fresh=how.fresh,
    )
    with (
        folder,
        SweepView(Screen(stderr=True), quiet=how.quiet) as view,
        examine.open_engine(spec, how.jobs, how.engine, folder.mark, how.trial_seconds) as running,
        examine.interruptible(running, view),
    ):
        running.tell = view.message
        yield examine.Laboratory(
            spec,
            folder,
            running,
            view,
            budget=how.max_trial_steps,
            allowance=how.allowance(),
            exhaustive=how.exhaustive,
        )


def study_folder(spec: Spec, out: Path | None) -> Path:
    """The folder as asked for, else the one of the spec's name."""
    return out if out is not None else Path("lrdoctor_out") / folder_name(spec.name)


def environment() -> dict[str, str]:
    """What besides the spec decides a curve's bits."""
    try:
        torch = version("torch")
    except PackageNotFoundError:  # a command has a torch of its own, which its trials tell
        torch = "not installed"
    return {
        "python": platform.python_version(),
        "torch": torch,
        "machine": platform.machine(),
        "training loop": TRAINING_VERSION,
    }


def inspect(spec: Spec, seed: int | None, sharpness: bool, quiet: bool, engine: str | None = None) -> Report:
    """Looks at the model with one real batch; nothing is trained and nothing saved.

    Args:
        spec: with the model and the data.
        seed: of the initial weights and the batch; None for the spec's first.
        sharpness: measure the top eigenvalue of the loss Hessian too.
        quiet: show nothing on standard error.
        engine: name in `ENGINES`; None for a process of this machine.
    """
    with (
        SweepView(Screen(stderr=True), quiet=quiet) as view,
        examine.open_inspector(spec, engine or "local") as running,
        examine.interruptible(running, view),
    ):
        seen = examine.inspect(running, spec.seeds[0] if seed is None else seed, sharpness, spec.model_change)
    study = Study(name=spec.name, runs=(), spec=spec.model_dump(mode="json"))
    return assess.report_of_inspection(seen, study)
