"""The learning-rate range test, run: which rates to sweep where the spec says `sweep: auto`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.errors import WorkloadError
from lrdoctor.examine.laboratory import Laboratory, baseline_trial
from lrdoctor.procedures import range_test as tests
from lrdoctor.spec import Spec
from lrdoctor.spec.blocks import SweepRange

RANGE_TEST = "range test"
"""Stage of the short trials."""

PROCEDURE = "range_test"


def grid(laboratory: Laboratory) -> tuple[float, ...]:
    """The base learning rates to sweep, ascending: the spec's, or those that short trials point to.

    What was found is kept in the laboratory, whose spec has it in place of `auto` from then on.

    Raises:
        WorkloadError: the workload does not work, or every trial failed.
        BudgetSpent: the budget does not reach for the short trials.
        Interrupted: the user stopped it; what was finished is saved.
    """
    if (given := laboratory.spec.swept) is not None:
        return given
    runs: list[Run] = []
    seen: list[tests.Seen] = []
    while rates := tests.next_rates(seen):
        new = laboratory.run(RANGE_TEST, [_trial(laboratory.spec, rate) for rate in rates])
        runs += new
        if all(run.status == "failed" for run in runs):
            raise WorkloadError(f"all {len(runs)} short trials failed; the first one: {runs[0].exit_reason}")
        seen += map(tests.seen, new)
    found = tests.grid(seen)
    swept = found or SweepRange().rates()
    laboratory.chosen = " ".join(_told(seen, swept, bool(found)))
    laboratory.watcher.message(laboratory.chosen)
    laboratory.spec = laboratory.spec.sweeping(swept)
    return swept


def to_begin_with(spec: Spec) -> tuple[float, ...]:
    """The spec's rates to sweep, else those of the range test: where nothing was trained yet."""
    return spec.swept or tests.SETTINGS.first


def _trial(spec: Spec, rate: float) -> Trial:
    whole = baseline_trial(spec, rate, spec.seeds[0])
    n_steps = tests.length(spec.max_train_steps, spec.warmup_steps)
    # as long as the training, it is a trial of the sweep
    return whole if n_steps >= whole.schedule_steps else replace(whole, procedure=PROCEDURE, stop_after=n_steps)


def _told(seen: Sequence[tests.Seen], swept: Sequence[float], is_found: bool) -> Iterator[str]:
    best, n = tests.best_of(seen), len(seen)
    low, high = (f"{of(s.base_learning_rate for s in seen):.4g}" for of in (min, max))
    yield f"range test, {n} short trials from {low} to {high}:"
    if is_found and best is not None:
        broken = [s.base_learning_rate for s in seen if s.is_broken and s.base_learning_rate > best.base_learning_rate]
        yield f"{best.base_learning_rate:.4g} gained the most,"
        yield f"{min(broken):.4g} was worse than no training;" if broken else "none was worse than no training;"
    else:
        yield "none gained on the untrained weights;"
    yield f"swept are {len(swept)} rates from {swept[0]:.4g} to {swept[-1]:.4g}"
