"""Whether the range test of `sweep: auto` finds where a sweep by hand had its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.trials.judged import Judgement
from benchmarks.trials.workloads import Workload
from lrdoctor import examine, runner
from lrdoctor.errors import LrdoctorError
from lrdoctor.spec import load_spec


@dataclass(frozen=True)
class Range:
    """The grid that the range test lays.

    Args:
        low, high: its ends.
        trials: what its short trials cost, in trainings of full length.
    """

    low: float
    high: float
    trials: float


def found(spec: Path, out: Path, jobs: int) -> Range | None:
    """The range of a spec's learning rate by short trials; None where the workload is refused.

    Args:
        spec: of the workload; its own rates are set aside.
        out: study folder, which keeps the short trials.
        jobs: worker processes.
    """
    auto = load_spec(spec, ["sweep=auto"])
    try:
        with runner.open_laboratory(auto, runner.How(out=out, quiet=True, jobs=jobs)) as laboratory:
            grid = examine.grid(laboratory)
            steps = sum(len(run.train_loss) for run in laboratory.every_run().values())
    except LrdoctorError:
        return None
    return Range(grid[0], grid[-1], steps / auto.max_train_steps)


def print_ranges(zoo: Sequence[Workload], ranges: Mapping[str, Range | None], judged: Mapping[str, Judgement]) -> None:
    """How often lr* and the lowest unstable rate of the sweep by hand lie within, and which are missed.

    Args:
        zoo: the workloads.
        ranges: workload -> what the range test says.
        judged: workload -> what its exhaustive sweep says.
    """
    known = {w.name: found for w in zoo if (found := ranges[w.name]) is not None}
    for what, rate_of in (
        ("lr*", lambda name: judged[name].best),
        ("the lowest unstable rate", lambda name: judged[name].unstable_rate),
    ):
        rates = {name: rate for name in known if (rate := rate_of(name)) is not None}
        missed = [
            f"{name} {rate:.3g} ({known[name].low:.3g} to {known[name].high:.3g})"
            for name, rate in rates.items()
            if not known[name].low <= rate <= known[name].high
        ]
        print(f"range test, {what} within its grid: {len(rates) - len(missed)} of {len(rates)}")
        print("".join(f"  missed: {text}\n" for text in missed), end="")
    cost = median(of.trials for of in known.values())
    print(f"range test, short trials in trainings of full length: {cost:.2g} (median)")
