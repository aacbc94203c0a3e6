"""The sections of a report about fixes: what a warmup, a clipping and a whole treatment came to.

As those of `core.sections`: report.json is their plain form, and its schema is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lrdoctor.core import plain
from lrdoctor.core.changes import Changes
from lrdoctor.core.report import FixStatus
from lrdoctor.core.rewriting import Edit, Refusal, Rewrite
from lrdoctor.core.study import Objective, Rate

TriedStatus = Literal["verified", "rejected", "not_tried", "unconfirmed"]
Change = Literal["gain", "loss", "no change"]

DOUBT = 0.2
"""Chance, under no difference, of losses so much higher, up to which it is in doubt that nothing is lost. To find no
loss is no proof of none: a handful of seeds proves little, and a fix must not do harm."""


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Two settings compared by their objectives, seed by seed: a seed sees the same weights and batches in both."""

    n_pairs: int
    n_better: int
    """Pairs in which the second setting has the lower objective."""
    gain: float
    """Median over the pairs of first less second, 0 where both are infeasible; nan without a pair or of a nan."""
    gain_low: float
    gain_high: float
    change: Change
    """By the exact rank-sum test at 5 %: a gain where the second setting's objectives are lower, a loss for the
    opposite; what lies inside the spread over the seeds is no change, and less than 3 seeds show none."""
    chance_lower: float
    """Chance that the second setting's objectives come out as low against the first's under no difference."""
    chance_higher: float
    """The same for as high."""

    @property
    def may_lose(self) -> bool:
        """The second setting's objectives are so much higher that it is in doubt whether nothing is lost."""
        return self.chance_higher <= DOUBT


@dataclass(frozen=True)
class Cost:
    """What trying something took; trials that something else had asked for before are not counted again."""

    trials: int = field(default=0, metadata=plain.REQUIRED)
    steps: int = field(default=0, metadata=plain.REQUIRED)
    """Updates that they ran."""
    seconds: float = field(default=0.0, metadata=plain.REQUIRED)
    """Sum over the trials, which run side by side."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.trials + other.trials, self.steps + other.steps, self.seconds + other.seconds)


@dataclass(frozen=True, kw_only=True)
class Longer:
    """The fix at its rate against lr* without it, both trained for max_train_steps."""

    max_train_steps: int
    objective: float
    """Median over the seeds with the fix."""
    baseline_objective: float
    """The same without it."""
    paired: Paired


@dataclass(frozen=True, kw_only=True)
class Lower:
    """Clipping beside the plain training at the lower rate that it amounts to."""

    base_learning_rate: float
    """The rate to use with the clipping x the mean over the updates of min(1, clip_norm / gradient norm)."""
    objective: float
    """Median over the seeds of the plain training at that rate."""
    paired: Paired
    """First the lower rate, second the clipping."""


@dataclass(frozen=True, kw_only=True)
class TriedWarmup:
    """What one warmup did at one base rate, over the seeds."""

    base_learning_rate: float
    multiple: float
    """Of unstable_base_learning_rate."""
    warmup_steps: int
    post_warmup_steps: int
    n_judged: int
    """Seeds whose trial ran; failed trials are not counted."""
    n_held: int
    """Seeds without an instability of severity error or warning."""
    holds: bool
    """A majority of the judged seeds held."""
    events: Mapping[str, int]
    """Seeds by the rule that fired."""


@dataclass(frozen=True, kw_only=True)
class WithoutAndWith:
    """One figure without a warmup and with it."""

    without: float | None
    with_warmup: float | None = field(metadata=plain.key("with"))


@dataclass(frozen=True, kw_only=True)
class WarmupComparison:
    """Best checkpoints with the warmup against those of the baseline at lr*, paired by seed."""

    base_learning_rate: float
    """The best rate among those that are stable with the warmup."""
    with_warmup: float = field(metadata=plain.key("with"))
    """Median objective over the seeds."""
    without: float
    seeds: Mapping[str, WithoutAndWith]
    """Seed -> objective with and without; Infinity for an infeasible one."""
    paired: Paired
    """First without, second with."""
    words: str


@dataclass(frozen=True, kw_only=True)
class WarmupResult:
    """The warmup_steps tried at rates above the unstable one, and the comparison with the baseline."""

    status: TriedStatus
    why: str
    factor: float
    """The base rate asked for, as a multiple of unstable_base_learning_rate."""
    own_warmup_steps: int = 0
    """warmup_steps of the spec, which every trial without the warmup has."""
    longest_warmup_steps: int
    """The longest warmup tried; none is above a tenth of max_train_steps."""
    objective: Objective
    tried: tuple[TriedWarmup, ...]
    """In the order in which they were tried."""
    base_learning_rate: float | None
    """The highest base rate at which a warmup held in the search; null when none did."""
    warmup_steps: int | None
    """The shortest that held there."""
    post_warmup_steps: int | None
    """Updates at the full rate after it, in the search."""
    highest_stable_learning_rate: WithoutAndWith
    without: tuple[Rate, ...]
    """The baseline at the compared rates."""
    with_warmup: tuple[Rate, ...] = field(metadata=plain.key("with"))
    """The same with the warmup before the whole schedule."""
    comparison: WarmupComparison | None
    share_of_max_train_steps: float | None
    raise_max_train_steps: bool
    """The warmup needs more than 5 % of max_train_steps."""
    figures: tuple[str, ...]
    """Paths relative to the study folder."""


@dataclass(frozen=True, kw_only=True)
class NormPercentile:
    """One percentile of the gradient norms at lr*: each seed has its own."""

    percentile: float
    median: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class NormsAtBest:
    """The gradient norms at lr*, before clipping."""

    base_learning_rate: float
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    """Seeds whose trial did not hold or failed."""
    n_norms: int
    percentiles: tuple[NormPercentile, ...]


@dataclass(frozen=True, kw_only=True)
class ClipAttempt:
    """What the trials of one threshold, or of none, did at one rate, over the seeds."""

    percentile: float | None
    clip_norm: float | None
    """Null when nothing is clipped."""
    base_learning_rate: float
    n_judged: int
    n_held: int
    """Seeds without an error and without a warning."""
    holds: bool
    """A majority of the judged seeds held."""
    events: Mapping[str, int]
    share_clipped: float | None
    """Of the updates, median over the seeds."""
    share_clipped_low: float | None
    share_clipped_high: float | None
    aggressive: bool
    """More than half of the updates are clipped."""
    objective: float
    objective_low: float
    objective_high: float


@dataclass(frozen=True, kw_only=True)
class LoweredAttempt(ClipAttempt):
    """The plain lower rate that clipping more than half of the updates amounts to; nothing is clipped in it."""

    clipped_learning_rate: float
    """The rate of that clipping."""
    comparison: Paired
    """First the lower rate, second the clipping."""


@dataclass(frozen=True, kw_only=True)
class RateObjective:
    """A rate and the objective at it."""

    base_learning_rate: float
    objective: float


@dataclass(frozen=True, kw_only=True)
class ClipResult:
    """The gradient norms at lr*, and the thresholds tried at the unstable rates."""

    status: TriedStatus
    verdict: str
    """What came of clipping, in words."""
    objective: Objective
    clip_norm: float | None
    """Threshold of the clipped setting that holds with the best objective; null when none holds, like the next two."""
    percentile: float | None
    """Of the unclipped norms at lr*: the median over the seeds of each seed's percentile is the threshold."""
    base_learning_rate: float | None
    highest_stable_learning_rate: float | None
    """The highest tried rate up to which the first threshold that holds does so."""
    baseline_highest_stable_learning_rate: float | None
    """The same without clipping."""
    comparison: Paired | None
    """lr* without clipping against the best clipped setting."""
    best_unclipped: RateObjective | None
    norms: NormsAtBest | None
    attempts: tuple[ClipAttempt, ...]
    """Unclipped at lr* and at the rates tried, then clipped."""
    lowered: tuple[LoweredAttempt, ...]
    """The plain lower rates that clipping more than half of the updates amounts to."""
    harder_tried: bool
    own_clip_norm: float | None = None
    """clip_norm of the spec, which every trial without a threshold has; null when the spec clips nothing."""
    own_warmup_steps: int = 0
    """warmup_steps of the spec, which every trial has."""
    scale_free: bool
    """The update rule hardly notices a constant clip."""
    figures: tuple[str, ...]
    """Paths relative to the study folder."""


@dataclass(frozen=True, kw_only=True)
class FixSettings(Changes):
    """The numbers of a fix; those that it does not have are left out."""

    base_learning_rate: float | None = field(default=None, metadata=plain.LEFT_OUT)
    """Where the fix is that rate; in a prescription the rate to use."""
    optimizer: Mapping[str, object] | None = field(default=None, metadata=plain.LEFT_OUT)
    """As a spec has it."""
    warmup_steps: int | None = field(default=None, metadata=plain.LEFT_OUT)
    post_warmup_steps: int | None = field(default=None, metadata=plain.LEFT_OUT)
    """Updates after it in the search for the warmup."""
    percentile: float | None = field(default=None, metadata=plain.LEFT_OUT)
    """Of the gradient norms at lr*, which the threshold is."""
    sites: int | None = field(default=None, metadata=plain.LEFT_OUT)
    """Residual adds that the rewrite changes."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """An objective over the seeds; null where nothing was measured."""

    objective: float | None
    """Median over the seeds."""
    objective_low: float | None
    objective_high: float | None


@dataclass(frozen=True, kw_only=True)
class Claimed(Spread):
    """What the search had said of a fix before fresh seeds were asked."""

    gain: bool
    room: bool
    highest_stable_learning_rate: float


@dataclass(frozen=True, kw_only=True)
class OnFreshSeeds:
    """A fix and the training without it on fresh seeds, at an equal number of updates; ends as soon as the outcome is
    settled."""

    status: Literal["verified", "rejected"]
    failing: Literal["unstable", "loss", "doubt", "nothing"] | None
    """Why it is rejected: unstable at the rate to use; a loss; perhaps a loss; it buys nothing."""
    seeds: tuple[int, ...]
    """Trained."""
    n_seeds: int
    """Planned."""
    base_learning_rate: float
    reach: float
    """The highest stable rate that the search claimed."""
    baseline_reach: float
    """The rate without the fix that it is compared with."""
    unstable: int
    """Fresh seeds unstable at base_learning_rate with the fix."""
    unstable_at_reach: int
    seeds_at_reach: int
    """Fresh seeds that were trained there: none where the fix was refuted before that, or no room is claimed."""
    baseline_unstable_at_reach: int
    baseline_seeds_at_reach: int
    objective: Spread
    baseline_objective: Spread
    """Without the fix at lr*."""
    claimed: Claimed


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """A change of the model, made to a copy before each trial and verified by recording the copy."""

    name: Rewrite
    sites: int
    """Residual adds changed."""
    note: str
    """What to know of the changed model; may be empty."""
    edits: tuple[Edit, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, kw_only=True)
class TriedFix(Spread):
    """A way of training, swept: the rates mean what they mean in a sweep. Null is what was not measured."""

    name: str
    """Of the fix, those of a pair joined by +; none for the training as it is."""
    rank: int
    """Position in the playbook's order, from 1; 0 without a fix."""
    status: Literal["verified", "rejected", "not_tried", "unconfirmed", ""]
    """Empty without a fix. verified: fresh seeds confirm it; unconfirmed: the search speaks for it and fresh seeds were
    not asked."""
    why: str
    settings: FixSettings
    optimizer: str
    """Learning rates do not compare between optimizers; margins do."""
    base_learning_rate: float | None
    """The rate that goes with the fix; the objective is measured at it."""
    best_learning_rate: float | None
    unstable_base_learning_rate: float | None
    unstable_interval: tuple[float, float] | None = None
    """90 % interval of the rate at which half of all seeds is unstable, from every trial of the search."""
    highest_stable_learning_rate: float | None
    """Highest tried rate at which a new seed is unstable with a chance of at most 1 in 4; as confirmed on fresh seeds
    where there is a confirmation."""
    stability_margin: float | None
    margin_is_bound: bool
    """No instability was found up to the margin, which is at least that."""
    on_fresh_seeds: bool = False
    """Whether the objective is that of fresh seeds."""
    comparison: Paired | None
    """lr* without the fix against base_learning_rate with it, on fresh seeds where there is a confirmation."""
    confirmation: OnFreshSeeds | None = None
    """What seeds that the search did not use say; the row's figures are theirs."""
    lower: Lower | None = None
    """The plain training at the lower rate that a clipping of most updates amounts to."""
    steps_added: int
    """Updates that a training takes more than without the fix."""
    share_clipped: float | None
    """Share of the updates whose gradient is scaled down."""
    rewriting: Rewritten | None = None
    """What was changed in a copy of the model."""
    longer: Longer | None = None
    """Compared with more steps, where the fix starts slowly and seemed to lose for it; decides what is lost then."""
    reaches_target: bool
    trains_better: bool
    cost: Cost | None
    """Of this fix alone; null without a fix."""
    rates: tuple[Rate, ...]
    """Empty where not tried."""

    @property
    def was_tried(self) -> bool:
        """What was not tried has no numbers to show; nor is the training as it is a fix."""
        return self.status not in ("not_tried", "")


@dataclass(frozen=True, kw_only=True)
class Prescription:
    """One fix or pair with its numbers, as code and as a spec that runs."""

    names: tuple[str, ...]
    status: FixStatus
    """verified: fresh seeds confirm it; unconfirmed: the search speaks for it and fresh seeds were not asked."""
    why: str
    base_learning_rate: float
    settings: FixSettings
    snippet: str
    """Code that applies it, in the words of `trainer`."""
    trainer: str = ""
    """The trainer that the command was seen to use; empty for PyTorch's own."""
    spec_file: str
    """The spec with the fix in it, relative to the study folder."""


@dataclass(frozen=True, kw_only=True)
class TreatResult:
    """The fixes tried one after the other, each by a sweep of its own, and the one that is prescribed."""

    needed: bool
    """Whether the sweep shows a lack of room; where it does not, no fix is tried."""
    why_not: str
    """Why no fix is needed, or none could be tried; empty otherwise."""
    target_margin: float
    """The stability margin that a fix is to restore."""
    n_seeds: int
    n_fresh_seeds: int = 0
    """Most fresh seeds that a fix was confirmed or rejected on; 0 where none was."""
    objective: Objective
    before: TriedFix | None
    """The training without a fix; null where no learning rate trains."""
    tried: tuple[TriedFix, ...]
    """In the order in which they were tried; several of one name where there were several settings. What was not tried
    is there too, with the reason."""
    prescription: Prescription | None
    cut: tuple[str, ...]
    """What the budget left out."""
    cost: Cost
    """Of the whole procedure."""
    figures: tuple[str, ...]
    """Paths relative to the study folder."""

    @property
    def done(self) -> tuple[TriedFix, ...]:
        """The fixes that were tried."""
        return tuple(fix for fix in self.tried if fix.was_tried)
