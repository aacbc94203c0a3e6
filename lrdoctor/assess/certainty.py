"""How certain the figures of a sweep are, held against the limits of the rules that judge it; and in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from lrdoctor.core.report import Finding
from lrdoctor.core.sections import Intervals
from lrdoctor.core.study import Study
from lrdoctor.procedures import certainty
from lrdoctor.rules import best_at_edge, small_margin


def with_certainty(study: Study, findings: Iterable[Finding]) -> Study:
    """The sweep with what its figures may be over other seeds; as it is where it has no lr*.

    Args:
        study: a measured sweep (`procedures.sweep.measure`).
        findings: of its runs.
    """
    if study.best_learning_rate is None:
        return study
    swept = best_at_edge.swept_rates(study)
    limits: dict[str, certainty.IsWithin] = {
        best_at_edge.RULE.code: partial(best_at_edge.is_at_edge, swept=swept),
        small_margin.RULE.code: certainty.within(small_margin.THRESHOLDS.margin),
    }
    found = certainty.judge(
        certainty.outcomes_of(study, findings),
        swept,
        study.best_learning_rate,
        study.unstable_base_learning_rate,
        limits,
    )
    return replace(study, certainty=found)


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
