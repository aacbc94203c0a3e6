"""A stage of trials under a budget: as many of them as fit, the most important first."""

from __future__ import annotations

from collections.abc import Sequence

from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.errors import BudgetEnded
from lrdoctor.examine.allowance import Allowance
from lrdoctor.examine.laboratory import Laboratory


def run_what_fits(laboratory: Laboratory, stage: str, trials: Sequence[Trial]) -> dict[Trial, Run]:
    """The runs of as many of the trials as the laboratory's allowance has room for.

    What is trained already costs nothing. Of the others those that come first are begun first, and one that does not
    fit is passed over for a later one that does, which may do without a new control. Room that trials leave by ending
    early is used.

    Args:
        laboratory: where.
        stage: for the watcher.
        trials: the most important first.

    Raises:
        BudgetEnded: none of them is trained, and none fits.
    """
    allowance = laboratory.allowance
    if allowance is None:
        raise ValueError("without an allowance all trials are run")
    found: dict[Trial, Run] = {}
    left = list(trials)
    while left:
        batch = _that_fit(laboratory, allowance, left)
        try:
            # with nothing that fits, the first one says why not
            found |= zip(batch, laboratory.run(stage, batch or left[:1]), strict=False)
        except BudgetEnded:
            if not found:
                raise
            break
        left = [trial for trial in left if trial not in found]
    return found


def _that_fit(laboratory: Laboratory, allowance: Allowance, trials: Sequence[Trial]) -> list[Trial]:
    """Those that may be begun now, in the order of their seeds: they share what a worker has cached.

    Where time is short, or nothing tells yet whether it is, no more than there are workers: what they take tells
    better whether others fit.
    """
    jobs = laboratory.n_workers
    is_ample = allowance.is_known and allowance.reaches(laboratory.to_train(trials), jobs)
    most = jobs if allowance.is_timed and not is_ample else len(trials)
    batch: list[Trial] = []
    n_begun = 0
    for trial in trials:
        if laboratory.is_missing(trial):
            if n_begun == most or not allowance.reaches(laboratory.to_train([*batch, trial]), jobs):
                continue
            n_begun += 1
        batch.append(trial)
    return sorted(batch, key=lambda trial: trial.seed)
