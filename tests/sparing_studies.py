"""The trials of a sweep so far, from the losses of each rate's seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from lrdoctor.core.study import Rate, Stage
from lrdoctor.procedures.reach import Outcome
from lrdoctor.procedures.sparing import Known

INF = math.inf
Losses = Sequence[float]
"""Objective of each seed from 0 on; inf of an infeasible one, negative of one that rises."""


def known(of_rates: Mapping[float, Losses], n_seeds: int = 5, stages: Mapping[float, Stage] | None = None) -> Known:
    outcomes = [
        Outcome(rate, seed, loss < 0 or loss == INF, abs(loss))
        for rate, losses in of_rates.items()
        for seed, loss in enumerate(losses)
    ]
    return Known(
        rates=tuple(row(rate, losses, (stages or {}).get(rate, "grid")) for rate, losses in sorted(of_rates.items())),
        outcomes=tuple(outcomes),
        tried={rate: frozenset(range(len(losses))) for rate, losses in of_rates.items()},
        seeds=tuple(range(n_seeds)),
    )


def row(rate: float, losses: Losses, stage: Stage) -> Rate:
    values = [abs(loss) for loss in losses]
    return Rate(
        base_learning_rate=rate,
        stage=stage,
        n_judged=len(values),
        n_feasible=sum(map(math.isfinite, values)),
        n_unstable=sum(loss < 0 or loss == INF for loss in losses),
        objective=median(values) if values else math.nan,
        objective_low=min(values, default=math.nan),
        objective_high=max(values, default=math.nan),
        final_loss=median(values) if values else math.nan,
    )
