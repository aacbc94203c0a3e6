"""How certain the figures of a sweep are, held against the limits of the rules that judge it; and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from lrdoctor.core.certainty import Certainty, Side
from lrdoctor.core.report import Finding
from lrdoctor.core.sections import Intervals
from lrdoctor.core.study import Rate, Study
from lrdoctor.procedures import certainty
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import Known
from lrdoctor.procedures.sweep import best_rate, lowest_unstable
from lrdoctor.rules import best_at_edge, small_margin


def with_certainty(study: Study, findings: Iterable[Finding]) -> Study:
    """The sweep with what its figures may be over other seeds; as it is where it has no lr*.

    Args:
        study: a measured sweep (`procedures.sweep.measure`).
        findings: of its runs.
    """
    if study.best_learning_rate is None:
        return study
    outcomes = certainty.outcomes_of(study, findings)
    return replace(
        study, certainty=_judged(outcomes, study.rates, study.best_learning_rate, study.unstable_base_learning_rate)
    )


def side(known: Known) -> Side | None:
    """Whether lr* sits at the edge, as the trials of a sweep tell so far; None where none of its rates is feasible."""
    best, unstable = best_rate(known.rates), lowest_unstable(known.rates)
    if best is None:
        return None
    edge = None if unstable is None else unstable.base_learning_rate
    found = _judged(known.outcomes, known.rates, best.base_learning_rate, edge)
    return None if found is None else found.sides[best_at_edge.RULE.code]


def _judged(
    outcomes: Sequence[Outcome], rates: Iterable[Rate], best: float, unstable: float | None
) -> Certainty | None:
    swept = best_at_edge.swept_rates(rates)
    limits: dict[str, certainty.IsWithin] = {
        best_at_edge.RULE.code: partial(best_at_edge.is_at_edge, swept=swept),
        small_margin.RULE.code: certainty.within(small_margin.THRESHOLDS.margin),
    }
    return certainty.judge(outcomes, swept, best, unstable, limits)


def intervals(study: Study) -> Intervals | None:
    """What the report holds of them; None where nothing is known."""
    found = study.certainty
    if found is None:
        return None
    edge = best_at_edge.RULE.code
    return Intervals(
        best_learning_rate=found.best_learning_rate,
        unstable_base_learning_rate=found.unstable_base_learning_rate,
        stability_margin=found.stability_margin,
        confidence=found.confidence,
        n_seeds=found.n_seeds,
        stable_in_3_of_4=found.stable_in_3_of_4,
        chance_at_edge=found.chances[edge],
        is_settled=best_at_edge.side(study) != "open",
        seeds_to_settle=found.seeds_to_settle.get(edge),
    )
