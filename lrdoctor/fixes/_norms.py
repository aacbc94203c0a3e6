"""Which of a log's gradient norms a clipping threshold can be taken from, and why none where there are none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrdoctor.core.curve import EMPTY, Curve, Values
from lrdoctor.core.robust import median
from lrdoctor.core.run import Run
from lrdoctor.fixes._log import LOSS_EVENTS, about, events, onset, step_gap
from lrdoctor.fixes.base import Findings

PERCENTILE = 90.0
"""Of the unclipped norms of a log (tuning playbook); a sweep takes the spec's."""
FEWEST = 20
"""Norms that a 90th percentile is taken from at least: two of them lie above it."""
PILED_UP = 0.1
"""Share of the norms at their maximum from which on the 90th percentile *is* that maximum."""
PILE_WIDTH = 1e-3
"""Width of that pile as a share of the maximum: clipping and logging both round."""
PILE_OVER_OTHERS = 2.0
"""How many times more norms lie at the maximum than at any other value as wide. Coarsely rounded norms repeat too, but
the largest of them is the rarest."""
FLAT = 2.0
"""Times the 90th percentile below which a norm is an ordinary one: twice is what batches do, outliers are decades."""
END = 0.2
"""Part of the norms at either end whose medians tell how far the norm drifted."""
DECADE = 10.0
"""Drift from which on one end of the norms alone decides any percentile of them all."""

MEASURE = "log the unclipped norm, which clip_grad_norm_ returns, at every step"


@dataclass(frozen=True, kw_only=True)
class Norms:
    """The norms to take a percentile of."""

    used: Curve
    """Finite norms; empty when none can be used."""
    why: str
    """Which steps these are and why, or why there are none."""
    are_clipped: bool = False
    growth: float = 1.0
    """Median norm at the end of the part over that at its start, before either was left out."""


def norms_of(run: Run, findings: Findings) -> Norms:
    """The part of the log's gradient norms that stands for a run that trains well.

    Args:
        run: the log.
        findings: what was found in it; the norms are taken before the first instability, or after the last one.
    """
    norms = run.grad_norm.finite
    refusal = _refusal(run, findings, norms)
    if refusal is not None:
        return Norms(used=EMPTY, why=refusal)
    part, where = _quiet_part(run, findings, norms)
    if len(part) < FEWEST:
        return Norms(used=EMPTY, why=f"{where}, and a percentile takes {FEWEST}: {MEASURE}, in a run that trains well")
    # a recording measures them before the script clips
    if "recorded" not in run.provenance and is_clipped(part.value):
        why = f"the log holds norms that are already clipped at {part.value.max():.4g}, and a percentile of those means"
        return Norms(used=EMPTY, why=f"{why} nothing: {MEASURE}", are_clipped=True)
    return _without_drift(part, where)


def _refusal(run: Run, findings: Findings, norms: Curve) -> str | None:
    """Why the log's norms cannot be used at all."""
    if not len(run.grad_norm):
        return f"the log has no gradient norm, so no threshold can be given: {MEASURE}"
    if not len(norms):
        return f"none of the {len(run.grad_norm)} logged gradient norms is finite, so no threshold can be given"
    if norms.value.min() < 0:
        return f"the column read as the gradient norm holds {norms.value.min():.4g}, and a norm is never negative"
    if any(f.instability in LOSS_EVENTS and f.first_step is None for f in about(run, findings)):
        return "it is not known when the loss went wrong, and norms of a run gone wrong give no threshold"
    return None


def is_clipped(norms: Values) -> bool:
    """Whether finite norms look clipped: so many of them are equal to the largest that its percentile is lost.

    >>> is_clipped(np.array([0.3, 0.9, 1.0, 1.0, 0.9999])), is_clipped(np.array([0.3, 0.9, 1.0, 1.1, 1.2]))
    (True, False)
    """
    largest = float(norms.max())
    if not largest > 0:
        return False
    at_largest = norms >= largest * (1 - PILE_WIDTH)
    pile = int(at_largest.sum())
    if pile < 2 or pile < PILED_UP * len(norms):  # one norm is always the largest
        return False
    _, counts = np.unique(np.round(norms[~at_largest] / largest / PILE_WIDTH), return_counts=True)
    return pile > PILE_OVER_OTHERS * int(counts.max(initial=0))


def _quiet_part(run: Run, findings: Findings, norms: Curve) -> tuple[Curve, str]:
    """Norms of a time when the run trained well, and which these are."""
    found = events(run, findings)
    if not found:
        return norms, f"the {len(norms)} finite norms of the log"
    first = found[0].first_step
    assert first is not None  # `events` have one
    before = norms.before(first)
    if len(before) >= FEWEST:
        return before, f"the {len(before)} norms before the instability at step {first}"
    last = max(f.last_step if f.last_step is not None else f.first_step or 0 for f in found)
    after = norms.after(last + 1)
    if len(after) >= FEWEST and not any(f.instability == "non_finite" for f in found):
        return after, f"the {len(after)} norms after the instability that ends at step {last}"
    return before, f"too few finite norms ({len(before)}) precede the instability at step {first}"


def _without_drift(part: Curve, where: str) -> Norms:
    """The half that does not tower over the other, where the norms drifted by a decade or more."""
    end = max(1, int(END * len(part)))
    with np.errstate(over="ignore"):  # the median of two norms near the largest float
        start_level, end_level = float(median(part.value[:end])), float(median(part.value[-end:]))
    growth = end_level / start_level if start_level > 0 and end_level > 0 else 1.0
    half = len(part) // 2
    if half < FEWEST or 1 / DECADE < growth < DECADE or np.isnan(growth):
        return Norms(used=part, why=f"{where}, steps {_span(part)}", growth=growth)
    if growth <= 1:
        used, moved, left_out = (
            Curve(part.step[half:], part.value[half:]),
            f"fell {start_level / end_level:.3g}-fold",
            "first",
        )
    else:
        used, moved, left_out = Curve(part.step[:half], part.value[:half]), f"grew {growth:.3g}-fold", "second"
    why = f"{where}, less their {left_out} half, which would decide alone (the norms {moved}): steps {_span(used)}"
    return Norms(used=used, why=why, growth=growth)


def _span(part: Curve) -> str:
    return f"{part.step[0]} to {part.step[-1]}"


def are_flat(run: Run, findings: Findings) -> bool:
    """Whether the norms up to the instability show nothing of it: none of the last 20 is above twice the usual.

    False where they are not of every step: what lies between may have shown it.
    """
    first, norms = onset(run, findings), norms_of(run, findings)
    if first is None or not len(norms.used) or thinned(run) is not None:
        return False
    last = run.grad_norm.before(first + 1).value[-FEWEST:]
    usual = float(np.percentile(norms.used.value, PERCENTILE))
    return len(last) == FEWEST and bool(np.all(last <= FLAT * usual))  # nan is not flat


def thinned(run: Run) -> str | None:
    """What the way of logging hides of the norms."""
    if "epoch" in (run.provenance.get("averaged"), run.provenance.get("x")):
        return "these are one norm an epoch, and a mean hides the outliers: log every step"
    gap = run.provenance.get("averaged") or step_gap(run.grad_norm)
    if run.counts_updates and isinstance(gap, int) and gap > 1:
        return f"the log has one norm in {gap} steps, and whether it is a mean or a sample, it hides outliers"
    return None
