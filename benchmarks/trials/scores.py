"""Judgements against the truth: precision, recall and F1 of each kind, and the sweeps' verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from benchmarks.trials import labels
from benchmarks.trials.judged import Curve, Judgement
from benchmarks.trials.labels import UNSTABLE, Expected, Label, Labelled
from benchmarks.trials.workloads import SEEDS, Workload

MAJORITY = len(SEEDS) // 2 + 1

Mark = Literal["right", "acceptable", "WRONG"]

NOTHING = Curve(unstable=False, kinds=frozenset())
"""What is said of a curve that was not judged: it is not caught, and nobody is alarmed."""


@dataclass(frozen=True)
class Score:
    """How often something was said and how often it was so.

    Args:
        hits: said and so.
        false: said and not so.
        missed: so and not said.
    """

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float | None:
        """Of what was said; None when nothing was said."""
        said = self.hits + self.false
        return self.hits / said if said else None

    @property
    def recall(self) -> float | None:
        """Of what is so; None when nothing is."""
        so = self.hits + self.missed
        return self.hits / so if so else None

    @property
    def f1(self) -> float | None:
        """Their harmonic mean, 0 when nothing that is so was said; None when nothing is so and nothing was said."""
        both = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / both if both else None


@dataclass(frozen=True)
class Pair:
    """A curve's truth and what is said of it."""

    curve: labels.Curve
    truth: Labelled
    said: Curve

    @property
    def is_unstable(self) -> bool:
        """By its label."""
        return self.truth.label in UNSTABLE

    def __str__(self) -> str:
        name, rate, seed = self.curve
        kinds = ", ".join(sorted(self.said.kinds)) or ("unstable" if self.said.unstable else "stable")
        return f"{name} at {rate:g}, seed {seed}: {self.truth.label} ({self.truth.basis}), said {kinds}"


def pairs(
    zoo: Iterable[Workload], truth: Mapping[labels.Curve, Labelled], judged: Mapping[str, Judgement]
) -> Iterator[Pair]:
    """Every curve of the workloads whose label is clear, beside what is said of it."""
    for workload in zoo:
        for rate in workload.rates:
            for seed in SEEDS:
                curve = (workload.name, rate, seed)
                if truth[curve].label != "unclear":
                    said = judged[workload.name].curves.get((rate, seed), NOTHING)
                    yield Pair(curve, truth[curve], said)


def of_kind(found: Iterable[Pair], kind: Label) -> Score:
    """The score of one kind; a curve that shows it beside what it is labelled counts neither way.

    Saying nothing is saying `stable`. Where a curve may be called stable or not_the_rate, either will do.
    """
    hits = false = missed = 0
    for pair in found:
        calm = _calm(pair.said)
        said = kind in pair.said.kinds or kind == calm
        so = pair.truth.label == kind
        hits += said and so
        missed += so and not said and calm not in pair.truth.also
        false += said and not so and kind not in pair.truth.also
    return Score(hits, false, missed)


def _calm(said: Curve) -> Label | None:
    """What was said where it was not that the rate is too high."""
    if "not_the_rate" in said.kinds:
        return "not_the_rate"
    return None if said.unstable or said.kinds else "stable"


def of_instability(found: Iterable[Pair]) -> Score:
    """Unstable against everything else: stable, or not the rate's doing."""
    found = list(found)
    return Score(
        hits=sum(p.is_unstable and p.said.unstable for p in found),
        false=sum(p.said.unstable and not p.is_unstable for p in found),
        missed=sum(p.is_unstable and not p.said.unstable for p in found),
    )


def mark(expected: Expected, said: Judgement) -> Mark:
    """Of a sweep's verdict."""
    if said.verdict in expected.right:
        return "right"
    return "acceptable" if said.verdict in expected.acceptable else "WRONG"


def mark_rate(expected: Expected, said: Judgement) -> Mark:
    """Of the lowest unstable rate that a sweep names: within the range, or none where there is none to name."""
    if expected.unstable_rate is None:
        return "right" if said.unstable_rate is None else "WRONG"
    if said.unstable_rate is None:
        # a sweep that ends inconclusive where that may be said owes no rate
        return "acceptable" if said.verdict == "inconclusive" and mark(expected, said) != "WRONG" else "WRONG"
    low, high = expected.unstable_rate
    return "right" if low < said.unstable_rate <= high * 1.001 else "WRONG"


def collapses(found: Iterable[Pair]) -> dict[str, tuple[int, int, int]]:
    """Workload -> (collapsed curves, those called unstable, those called stuck) at its lowest rate that collapses.

    A rate collapses when most of its seeds are labelled stuck.
    """
    at: dict[tuple[str, float], list[Pair]] = {}
    for pair in found:
        if pair.truth.label == "stuck":
            at.setdefault(pair.curve[:2], []).append(pair)
    lowest: dict[str, tuple[int, int, int]] = {}
    for (name, _), group in sorted(at.items()):
        if len(group) >= MAJORITY and name not in lowest:
            lowest[name] = (
                len(group),
                sum(p.said.unstable for p in group),
                sum("stuck" in p.said.kinds for p in group),
            )
    return lowest
