"""The sections of a report: what each procedure found, as the judge hands it to every format.

report.json is their plain form (`core.plain`), and its schema is made of them: the text under a field is its
description there. A key is added by adding a field, with a default where reports of earlier versions lack it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

from lrdoctor.core import plain
from lrdoctor.core.architecture import Scale, Site
from lrdoctor.core.budget import Unit
from lrdoctor.core.certainty import Interval
from lrdoctor.core.report import Verdict
from lrdoctor.core.study import Cut, Objective, Obstacle, Rate

WhatIsWorse = Literal["verdict", "stability_margin", "finding"]
MarginStatus = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """What the figures of a sweep may be with other seeds. An interval is null with one seed, which shows nothing of
    how seeds differ; its upper end is null where no instability was found."""

    best_learning_rate: Interval | None
    unstable_base_learning_rate: Interval | None
    stability_margin: Interval | None
    confidence: float
    """How often such intervals hold the figure of all seeds."""
    n_seeds: int
    stable_in_3_of_4: float | None
    """The rate up to which at most one of four seeds is unstable, with the probability confidence; null with one
    seed."""
    chance_at_edge: float
    """How likely lr* sits at the edge of instability (LRD401), over all seeds."""
    is_settled: bool
    """Whether these seeds settle on which side of the edge lr* is; while they do not, the verdict is inconclusive."""
    seeds_to_settle: int | None
    """About how many seeds in all would settle it; null where it is settled, or where more than 20 would be needed."""


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What a call was allowed to spend (`--budget`), and what that did not reach for."""

    given: str
    """As it was typed: 30m, 20k-steps."""
    unit: Unit
    limit: float
    spent: float
    """By this call alone: steps, those of controls among them; or seconds since it opened the study folder."""
    left_out: tuple[str, ...] = ()
    """Trials that were not begun, a sentence each; the same command goes on with them. Empty where all was trained."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The learning rates that were tried."""

    objective: Objective
    loss_at_init: float | None
    obstacle: Obstacle | None = None
    """Why the sweep says nothing of the learning rate; null where it does."""
    cut: Cut | None = None
    """Where a budget ended the sweep; null where it was done."""
    stable_up_to: float | None
    """The highest rate tried below every unstable one, as a multiple of lr*."""
    extended: bool
    """The grid was extended beyond what the spec asked for."""
    notes: tuple[str, ...]
    n_seeds: int
    intervals: Intervals | None = field(default=None, metadata=plain.EMPTY)
    """What lr*, the unstable rate and the margin may be with other seeds; empty where no rate trains or where the rates
    were given."""
    rates: tuple[Rate, ...]
    figures: tuple[str, ...]
    """Paths relative to the study folder."""


@dataclass(frozen=True)
class Peak:
    """The highest value of a curve; inf for the first one that is not finite."""

    step: int
    value: float


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The losses of one short run: at every step, and where an ordinary schedule would have looked."""

    run: str
    seed: int
    first_loss: float
    """Training loss before the first update; nan when there is none."""
    limit: float
    """Losses above it count as a blow-up: twice the first training loss, for a positive one."""
    train_peak: Peak | None
    val_peak: Peak | None
    """Null without validation data."""
    train_seen: Peak | None
    """The same at the steps of the ordinary schedule; null where it has none within the run."""
    val_seen: Peak | None
    blew_up: bool
    """A loss at some step exceeds the limit."""
    shown: bool
    """So does one at a scheduled step, or the run ended before its time, which nobody misses."""

    @property
    def peak(self) -> Peak | None:
        """Of the evaluation loss where there is one, else of the training loss."""
        return self.val_peak or self.train_peak

    @property
    def seen(self) -> Peak | None:
        """The same at the scheduled steps."""
        return self.val_seen if self.val_peak else self.train_seen

    @property
    def is_hidden(self) -> bool:
        """It blew up, and the schedule looked at no step that shows it."""
        return self.blew_up and not self.shown


@dataclass(frozen=True, kw_only=True)
class ProbedSeed(Reading):
    """One short run, judged."""

    ALSO: ClassVar[Mapping[str, str]] = {"verdict": "verdict", "hidden": "hidden"}

    found: tuple[str, ...]
    """Names of the rules that make it unstable."""

    @property
    def verdict(self) -> Verdict:
        """Unstable where something was found."""
        return "unstable" if self.found else "stable"

    @property
    def hidden(self) -> bool:
        """Whether it is unstable and the ordinary schedule does not show it."""
        return bool(self.found) and self.is_hidden


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The short run above lr*, with both losses at every step."""

    base_learning_rate: float
    factor: float
    """Multiple of lr*."""
    n_steps: int
    eval_every: int
    """Updates between two evaluations of the spec's ordinary schedule."""
    evaluated: int | None
    """Validation examples that each evaluation held; null without validation data."""
    verdict: Verdict
    n_seeds: int
    n_judged: int
    """Seeds whose trial ran; failed trials are not counted."""
    n_unstable: int
    n_hidden: int
    """Unstable seeds whose blow-up shows at no scheduled step."""
    missed: str
    """What the ordinary schedule would have shown, in a sentence."""
    note: str
    """What a reader of the table might stumble over; empty for nothing."""
    seeds: tuple[ProbedSeed, ...]
    figures: tuple[str, ...] = ()
    """Paths relative to the study folder."""


@dataclass(frozen=True, kw_only=True)
class MeasuredSharpness:
    """The largest eigenvalue of the loss Hessian at initialization, and what it says of the learning rate."""

    top_eigenvalue: float
    n_iterations: int
    is_converged: bool
    """Else the eigenvalue is a lower bound."""
    optimizer: str
    safe_learning_rate: float | None
    """Below it the update rule is stable on a quadratic of this curvature; null where no such limit is known."""
    words: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one batch showed of a model. Null numbers: it could not be looked at, and failure says why. Only code that
    ran for the batch was examined."""

    failure: str
    """Empty where the model could be looked at."""
    n_parameters: int
    """Trainable numbers."""
    mode: Literal["train", "eval"] | None = None
    loss: float | None = None
    """Before any update."""
    residual_adds: int | None = None
    """Sums x + f(x) that ran, each time that one did."""
    post_norm_sites: int | None = None
    """Of these, with a norm of the sum: Norm(x + f(x))."""
    branches_not_norm_last: int | None = None
    """Whose last operation is no norm; x + f(Norm(x)) is one of them and fine."""
    branches_zero_at_init: int | None = None
    depth_outside_residuals: int | None = None
    """Layers with weights on the longest way that takes every skip."""
    depth_without_norm: int | None = None
    """Layers with weights on the longest way that no norm interrupts."""
    activation_growth: float | None = None
    """Root mean square at the end of the chain / at its beginning."""
    gradient_growth: float | None = None
    """Gradient norm at the beginning of the chain / at its end."""
    unknown_operations: int | None = None
    """Tensors whose making was not seen: what happened there is unknown, not absent."""
    unknown: tuple[str, ...] = ()
    """Where they came from."""
    sites: tuple[Site, ...] = ()
    """In the order in which they ran."""
    chain: tuple[Scale, ...] = ()
    """Layers outside the branches and residual sums, in the order in which they ran."""
    sharpness: MeasuredSharpness | None = None


@dataclass(frozen=True, kw_only=True)
class Worse:
    """What is new or worse than in the baseline."""

    what: WhatIsWorse
    code: str | None
    """Of a finding."""
    run: str | None
    """Of a finding about a run."""
    was: float | str | None
    """Verdict, margin or severity; null where there was none."""
    now: float | str | None = field(metadata=plain.key("is"))
    message: str
    fails: bool
    """Whether it exits with 1 under the --fail-on of this call."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A report held against an earlier one, its baseline."""

    file: str
    verdict: Verdict
    """Of the baseline, like the margin."""
    stability_margin: float | None
    worse: tuple[Worse, ...]
    """What is new or worse, the worst first."""
    not_compared: tuple[str, ...]
    """What could not be compared, and why; it never counts as unchanged."""
    gone: tuple[str, ...]
    """Logs of the baseline that were not judged this time."""
    tolerances: Mapping[str, float]

    @cached_property
    def worse_findings(self) -> frozenset[tuple[str | None, str | None]]:
        """Run and code of what is new or worse. Made once: thousands of findings are looked up in it."""
        return frozenset((one.run, one.code) for one in self.worse)


@dataclass(frozen=True, kw_only=True)
class MinMargin:
    """The stability margin that was demanded, and whether it is there."""

    required: float
    observed: float | None
    """Null where the margin is not known."""
    is_bound: bool
    """No instability was found up to the observed margin."""
    status: MarginStatus
    message: str
