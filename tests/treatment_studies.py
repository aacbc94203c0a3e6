"""Made-up sweeps with and without a fix that several tests share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from lrdoctor.core.study import Rate, Study
from lrdoctor.procedures.confirmation import LOOKS, Confirmation, Fresh, Outcome
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.sweep import measure
from lrdoctor.procedures.treatment import Treatment
from lrdoctor.procedures.treatment_results import Swept, Verified

Seeds = Sequence[float]
"""Objective by seed; a negative one is that of a seed that rises, inf of one that is infeasible."""


def swept(rates: Mapping[float, Seeds], **changes: Any) -> Measured:
    """A sweep in which these seeds reached these objectives."""
    study = Study(name="made up", runs=(), rates=tuple(_rate(lr, of) for lr, of in sorted(rates.items())))
    study = measure(study)
    return Measured(
        study=Study(**{**vars(study), **changes}),
        objectives={lr: {s: abs(v) for s, v in enumerate(of)} for lr, of in rates.items()},
        unstable={lr: frozenset(s for s, v in enumerate(of) if v < 0 or v == math.inf) for lr, of in rates.items()},
    )


def _rate(lr: float, of: Seeds) -> Rate:
    values = [abs(v) for v in of]
    return Rate(
        base_learning_rate=lr,
        stage="grid",
        n_judged=len(of),
        n_feasible=sum(v != math.inf for v in of),
        n_unstable=sum(v < 0 or v == math.inf for v in of),
        objective=median(values),
        objective_low=min(values),
        objective_high=max(values),
        final_loss=median(values),
    )


GOOD, RISE, DEAD = (0.10, 0.11, 0.12, 0.13, 0.14), (-0.2, -0.21, -0.22, -0.23, -0.24), (math.inf,) * 5
"""Five seeds each."""

PLAIN = swept({0.01: GOOD, 0.02: RISE, 0.04: DEAD, 0.1: DEAD})
"""lr* = 0.01, unstable from 0.02: at the edge."""


def tried(after: Mapping[float, Seeds], before: Measured = PLAIN, **changes: Any) -> Swept:
    """A fix with its sweep."""
    fields: dict[str, Any] = {"name": "warmup", "treatment": Treatment(warmup_steps=10), "before": before}
    return Swept(**{**fields, "after": swept(after), **changes})


def verified(found: Swept) -> Verified:
    """A fix that fresh seeds confirmed."""
    assert found.confirmation is not None
    return Verified(fix=found, confirmation=found.confirmation)


def with_fresh(found: Swept, **roles: Seeds) -> Swept:
    """A fix that the search speaks for, on fresh seeds that follow those of the search.

    Args:
        found: the fix.
        roles: what these seeds did, by their part in the claim; where it is not told, the fix does on them as in the
            search at the rate to use, and holds at the highest rate claimed, which breaks without it.
    """
    claim = found.claim
    assert claim is not None
    usual: dict[str, Seeds] = {
        "use": list(found.after.at(claim.base_learning_rate).values()),
        "reach": GOOD,
        "baseline_reach": DEAD,
    }
    if claim.baseline_learning_rate is not None:
        usual["baseline"] = list(found.before.at(claim.baseline_learning_rate).values())
    # five seeds cannot show a gain: where one is claimed twice as many do the same
    looks = LOOKS if claim.gains else 1
    told = {role: [*of] * looks for role, of in {**usual, **roles}.items()}
    n = min(map(len, told.values()))
    seeds = (Fresh(seed=n + i, **{role: outcome(of[i]) for role, of in told.items()}) for i in range(n))
    return replace(found, confirmation=Confirmation(claim=claim, n_seeds=n // looks, fresh=tuple(seeds)))


def outcome(of: float) -> Outcome:
    return Outcome(abs(of), is_unstable=of < 0 or of == math.inf)
