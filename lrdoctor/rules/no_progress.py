"""A log whose training loss did not fall.

## What it sees
No block of the log lies below its first block by more than 1 % of the first loss and three deviations of the noise
between blocks, in a log of 20 points or more. Where the log shows the start of the training the verdict is then
inconclusive: a training that does not train says nothing of stability.

## Why it matters
A loss that stays where an untrained model has it is either stuck or already as low as it gets. A learning rate that is
far too high can do that without any spike: compare with a run at a tenth of the rate. So can one that is far too low,
and shuffled labels; that is why it is a warning and no verdict.

## Odd curves
Where a rise was found, or none can be seen, other rules say why and this one is silent. So it is where the first tenth
of the log is plainly higher than its best tenth, and where its first half is higher than its second half beyond chance:
a fall that is slow beside the noise shows in many points only. Logs that start in the middle
of a training, such as fine-tuning and resumed runs, may be flat for good reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lrdoctor.core import robust
from lrdoctor.measures import noise
from lrdoctor.measures.view import NO_LOSS, View
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    fewest_points: int = 20
    fall: float = 0.01
    """Part of the first loss."""
    noise: float = 3.0
    """Deviations of the block medians."""
    most_ranked: int = 20_000
    """Losses whose ranks are compared, evenly spread."""


THRESHOLDS = Thresholds()


def check(view: View) -> Found:
    loss = view.loss
    if not len(loss):
        yield RULE.skip(NO_LOSS, view.run)
        return
    if len(loss) < THRESHOLDS.fewest_points:
        points = "1 finite point" if len(loss) == 1 else f"{len(loss)} finite points"
        yield RULE.skip(f"{points}, {THRESHOLDS.fewest_points} are needed to see progress", view.run)
        return
    if (
        view.is_blind
        or view.learns
        or _falls(view)
        or view.swing
        or any(event.kind != "outlier" for event in view.found)
    ):
        return  # other rules say why
    medians = robust.block_medians(loss.value, robust.block_length(len(loss)))
    first = float(medians[0])
    fall = first - float(medians.min())
    least = max(THRESHOLDS.fall * abs(first), THRESHOLDS.noise * noise.points(medians))
    if fall >= least or not np.ptp(loss.value) > 0:
        return
    fell = f"fell by only {fall:.2g} from {first:.4g}" if fall > 0 else f"never fell below the {first:.4g} of its start"
    # a resumed run and a fine-tuning may be flat for good reasons
    if int(loss.step[0]) <= view.gap:
        yield RULE.skip(f"it does not train: the loss {fell}", view.run, "does_not_train")
    yield RULE.finding(
        f"training loss {fell} in {len(loss)} points",
        observed=fall,
        threshold=least,
        run=view.run,
        first_step=int(loss.step[0]),
        last_step=int(loss.step[-1]),
    )


def _falls(view: View) -> bool:
    """Whether the losses of the first half are higher than those of the second, by their ranks (Mann-Whitney)."""
    loss = view.loss.value[:: 1 + len(view.loss) // THRESHOLDS.most_ranked]
    n = len(loss) // 2
    second = np.sort(loss[-n:])
    above = (np.searchsorted(second, loss[:n]) + np.searchsorted(second, loss[:n], "right")).mean() / (2 * n)
    # neighbours that are alike count as one
    varies = np.sqrt((2 * n + 1) / (12 * n**2) * (view.correlation_time + 1))
    return bool(above - 0.5 > -NormalDist().inv_cdf(view.alpha) * varies)


RULE = Rule(
    code="LRD302",
    name="no progress",
    severity="warning",
    instability="plateau",
    summary="The training loss of a log did not fall.",
    manual=__doc__,
    check_log=check,
)
