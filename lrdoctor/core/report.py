"""The saved result: what was judged, what was found, what could not be checked, what to try."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from lrdoctor.core import brief
from lrdoctor.core.curve import Curve
from lrdoctor.errors import InconclusiveError, UnstableError

Verdict = Literal["stable", "unstable", "inconclusive"]
FixStatus = Literal["recommended", "verified", "rejected", "not_tried", "unconfirmed"]
Severity = Literal["error", "warning", "info"]
Instability = Literal[
    "early",
    "mid_training",
    "edge",
    "non_finite",
    "plateau",
    "gradient",
    "architecture",
    "resume",
    "restart",
    "dead",
    "not_the_rate",
]
SkipKind = Literal["not_checked", "early_unseen", "blurred", "does_not_train"]
"""early_unseen: the log does not show the first updates. blurred: its values are no raw ones. does_not_train: the loss
does not fall, so that nothing can be said of stability."""
Part = Literal["sweep", "treat", "probe", "warmup", "clip"]
"""Section of a report that has figures, by the name of the field that it is."""
FailOn = Literal["unstable", "warning"]
"""The least severity for which a check fails."""

if TYPE_CHECKING:
    from pandas import DataFrame

    from lrdoctor.core.fix_sections import ClipResult, TreatResult, WarmupResult
    from lrdoctor.core.sections import Comparison, MinMargin, Model, Probe, Spending, Sweep

SCHEMA_VERSION = 1

TREAT = "lrdoctor treat SPEC"
"""The next step that tries every fix; the command line puts the spec in the place of `SPEC`."""

ADD_SEEDS = "lrdoctor sweep SPEC --seeds {}"
"""The next step where the seeds cannot tell: with their number, or `auto`."""

NOT_COUNTED = "not_counted"
"""Key of a run's provenance, where the verdict on its log rests on the other runs."""

FAILING: Mapping[FailOn, tuple[Severity, ...]] = {"unstable": ("error",), "warning": ("error", "warning")}
"""What a check fails for -> the severities that make it fail."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An instability that a rule saw."""

    code: str
    name: str
    severity: Severity
    instability: Instability
    message: str
    observed: float | str | None
    threshold: float | str | None
    run: str | None = None
    """Name of the run; None when the finding is about the whole study."""
    first_step: int | None = None
    last_step: int | None = None

    @property
    def is_of_norms(self) -> bool:
        """Whether the curve that shows it is the gradient norm's, and not the loss's."""
        return self.instability == "gradient" or self.message.startswith("grad_norm ")


@dataclass(frozen=True, kw_only=True)
class Skip:
    """A check that could not be made; it never counts as passed."""

    code: str
    run: str | None = None
    reason: str
    kind: SkipKind = "not_checked"


OfRun = TypeVar("OfRun", Finding, Skip)


def by_run(found: Iterable[OfRun]) -> Mapping[str | None, Sequence[OfRun]]:
    """Findings, or skips, by the name of their run, in order; under None those about the whole study."""
    lists: dict[str | None, list[OfRun]] = {}
    for one in found:
        lists.setdefault(one.run, []).append(one)
    return lists


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One line of the report's table of runs."""

    name: str
    source: str
    verdict: Verdict
    n_points: int
    first_step: int | None
    last_step: int | None
    base_learning_rate: float | None
    seed: int | None
    warmup_steps: int | None
    clip_norm: float | None
    optimizer: str | None
    status: str
    exit_reason: str | None
    feasible: bool | None
    """None when the run failed and so says nothing."""
    best_val_loss: float | None
    final_train_loss: float | None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Of a log: how its values were made and what was left out, as plain data; empty for trials."""
    curves: Mapping[str, Curve] = field(default_factory=dict, repr=False)
    """Of a log: what renderers draw, thinned out; no part of report.json."""


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A change to try, in the playbook's order."""

    rank: int
    name: str
    status: FixStatus
    why: str
    because: tuple[str, ...]
    """Codes of the findings it answers."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    snippet: str = ""
    gain: Mapping[str, float | None] = field(default_factory=dict)
    run: str | None = None
    """Name of the run that it is for; None when it is for the whole study."""
    trainer: str = ""
    """The trainer that the run was seen to use, such as Lightning; empty where none is known."""
    trainer_snippet: str = ""
    """The same numbers as that trainer's own settings: arguments of its classes or flags of its command line; empty
    where it has no setting for them."""

    @property
    def code(self) -> str:
        """What to write: the settings of the trainer where it is known and has them, else lines of PyTorch."""
        return f"# {self.trainer}:\n{self.trainer_snippet}" if self.trainer_snippet else self.snippet


class OfARun(Protocol):
    """What is said of a run, or of the whole."""

    @property
    def run(self) -> str | None: ...


Said = TypeVar("Said", bound=OfARun)


def _by_run(said: Iterable[Said]) -> dict[str | None, tuple[Said, ...]]:
    """What is said of each run, in its order; None: of the whole."""
    of: dict[str | None, list[Said]] = {}
    for one in said:
        of.setdefault(one.run, []).append(one)
    return {run: tuple(ones) for run, ones in of.items()}


@dataclass(frozen=True)
class Figure:
    """A drawn figure, which a notebook shows."""

    png: Path

    @property
    def svg(self) -> Path:
        """The same as a drawing of lines and letters."""
        return self.png.with_suffix(".svg")

    def _repr_png_(self) -> bytes:
        return self.png.read_bytes()


def _by_name(module: str, name: str) -> Any:
    # what draws a report stands above it, so that it is named and fetched when somebody asks, as an engine is
    return getattr(import_module(module), name)


@dataclass(frozen=True, kw_only=True, repr=False)
class Report:
    """Everything the renderers print; report.json is this value.

    `repr(report)` is one line that says what is worst and where; `str(report)` is a screen of it; `report.check()`
    raises what `str` says. A failed `assert report.verdict == "stable"` shows both under pytest.
    """

    TYPES_FROM: ClassVar[tuple[str, ...]] = ("lrdoctor.core.sections", "lrdoctor.core.fix_sections")
    """Modules of the types of its sections, for `core.plain`: reports of logs have none, and never load them."""

    command: str
    verdict: Verdict
    summary: str
    """The verdict in one sentence."""
    runs: tuple[RunSummary, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Skip, ...]
    fixes: tuple[Fix, ...] = ()
    best_learning_rate: float | None = None
    unstable_base_learning_rate: float | None = None
    stability_margin: float | None = None
    lr_sensitivity: float | None = None
    sweep: Sweep | None = None
    """Objective, loss at init, table of rates and notes of a sweep; None for logs."""
    probe: Probe | None = None
    """The short run at twice lr*, evaluated at every step; None where it was not made."""
    warmup: WarmupResult | None = None
    """The warmup_steps tried at rates above the unstable one, and the comparison with the baseline."""
    clip: ClipResult | None = None
    """The gradient norms at lr*, and the thresholds tried at the unstable rates."""
    treat: TreatResult | None = None
    """Every fix as it was tried, and the prescription; None where only single steps of the procedure were run."""
    architecture: Model | None = None
    """What one batch showed of the model; None where nobody looked."""
    next_steps: tuple[str, ...] = ()
    """What to run next, a command or a sentence each."""
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """Files below the given directories that were not judged, counted by reason."""
    no_logs: Mapping[str, str] = field(default_factory=dict)
    """Those of them that were opened and hold no log -> why."""
    checks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The rules that were applied to "runs", each of them, and to the "study" as a whole: code -> name. One without a
    finding and without a skip has passed."""
    baseline: Comparison | None = None
    """What got worse since an earlier report; None where the report is compared with none."""
    min_margin: MinMargin | None = None
    """The stability margin that was demanded, and whether it is there; None where none was."""
    budget: Spending | None = None
    """What the call was allowed to spend, and what it left out for it; None where it was allowed anything."""
    recorded: Mapping[str, Any] = field(default_factory=dict)
    """The script that was run and recorded, how it ended, and what could be checked for it; empty for logs and trials.
    As plain data."""

    folder: Path | None = field(default=None, compare=False)
    """The study folder, with the figures and the trials; None for logs and for what was not saved. No part of
    report.json."""

    # sorted once: whoever prints a report of 200,000 logs asks for those of every single run
    @cached_property
    def _findings(self) -> Mapping[str | None, tuple[Finding, ...]]:
        return _by_run(self.findings)

    @cached_property
    def _skips(self) -> Mapping[str | None, tuple[Skip, ...]]:
        return _by_run(self.skipped)

    @cached_property
    def _fixes(self) -> Mapping[str | None, tuple[Fix, ...]]:
        return _by_run(self.fixes)

    def findings_of(self, run: str | None) -> tuple[Finding, ...]:
        """The findings in the run of that name; None: those about the whole."""
        return self._findings.get(run, ())

    def skips_of(self, run: str | None) -> tuple[Skip, ...]:
        """The checks that could not be made of that run; None: of the whole."""
        return self._skips.get(run, ())

    def fixes_of(self, run: str | None) -> tuple[Fix, ...]:
        """The fixes for that run; None: those for the whole."""
        return self._fixes.get(run, ())

    @property
    def figures(self) -> Mapping[str, Figure]:
        """The drawn figures by name, such as figure_7a_objective_vs_learning_rate; none where nothing was saved."""
        files = dict.fromkeys(name for part in self.figure_files.values() for name in part if name.endswith(".png"))
        there = [self.folder / name for name in files] if self.folder else []
        return {path.stem: Figure(path) for path in there}

    def table(self, of: Literal["rates", "seeds", "runs", "findings"] | None = None) -> DataFrame:
        """The numbers as a pandas DataFrame.

        Args:
            of: rates (of a sweep), seeds (of a probe), runs (trials or logs) or findings; None for the first of these
                that the report has.

        Raises:
            ValueError: there is no such table.
        """
        made: DataFrame = _by_name("lrdoctor.reports.frames", "frame")(self, of)
        return made

    def _repr_html_(self) -> str:
        """What a notebook shows: the HTML page in a frame that runs no script and loads nothing."""
        shown: str = _by_name("lrdoctor.reports.frames", "in_a_frame")(self)
        return shown

    @property
    def figure_files(self) -> Mapping[Part, tuple[str, ...]]:
        """Part of the procedure -> the files of its figures, as paths relative to the study folder."""
        return {
            "sweep": self.sweep.figures if self.sweep else (),
            "treat": self.treat.figures if self.treat else (),
            "probe": self.probe.figures if self.probe else (),
            "warmup": self.warmup.figures if self.warmup else (),
            "clip": self.clip.figures if self.clip else (),
        }

    def with_figures(self, part: Part, files: Sequence[str]) -> Report:
        """The report with the files of a part's figures, as paths relative to the study folder; as it is where it has
        no such part."""
        section = getattr(self, part)
        return self if section is None else replace(self, **{part: replace(section, figures=tuple(files))})

    @property
    def is_of_trials(self) -> bool:
        """Whether trials of lrdoctor's own, or the model, were judged as a whole, and not logs one by one."""
        return bool(self.sweep or self.probe or self.warmup or self.clip or self.treat or self.architecture)

    @property
    def is_incomplete(self) -> bool:
        """Whether something that was to be judged was not: the study as a whole, or a log.

        Trials are judged over the seeds, so that a single one without a verdict leaves no gap. Nor does a start that
        was given up, in a log whose other runs could be judged.
        """
        return self.verdict == "inconclusive" or (
            not self.is_of_trials
            and any(r.verdict == "inconclusive" and not r.provenance.get(NOT_COUNTED) for r in self.runs)
        )

    def worst_severity(self) -> Severity | None:
        """`error` when the verdict is unstable, else the worst severity among the findings that bear on it.

        Single trials are *meant* to become unstable at high rates, so only findings about the whole study count.
        """
        if self.verdict == "unstable":
            return "error"
        bearing = [finding.severity for finding in self.findings if self.counts_for_verdict(finding)]
        order: tuple[Severity, ...] = ("error", "warning", "info")
        return next((severity for severity in order if severity in bearing), None)

    def counts_for_verdict(self, finding: Finding) -> bool:
        """Whether the finding is one of those that the verdict may rest on, and not one of a single trial."""
        return finding.run is None or not self.is_of_trials

    def check(self, fail_on: FailOn = "unstable") -> None:
        """Raises unless everything was judged, and nothing was found that fails: what exit code 0 of the command means.

        Args:
            fail_on: `unstable`, or `warning` to fail for a warning as well.

        Raises:
            UnstableError: an instability, where the command exits with 1. An AssertionError that says what and where.
            InconclusiveError: something could not be judged, where the command exits with 2; an AssertionError, too.
            ValueError: `fail_on` is neither.
        """
        if fail_on not in FAILING:
            raise ValueError(f"fail_on={fail_on!r}: expected one of {', '.join(map(repr, FAILING))}")
        study_is_open = self.is_of_trials and self.verdict == "inconclusive"
        if not study_is_open and self.worst_severity() in FAILING[fail_on]:
            raise UnstableError(self)
        if self.is_incomplete:
            raise InconclusiveError(self)

    def __repr__(self) -> str:
        return brief.line(self)

    def __str__(self) -> str:
        return brief.screen(self)
