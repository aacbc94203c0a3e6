"""losslint: `losslint check FILE`. Levels error, warning, info; `--fail-severity error` is its default.

Its spikes are warnings, so `losslint-warning` is its `--fail-severity warning`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.base import Peer, Said, table
from lrdoctor.core.run import Run

INSTABILITY = {
    "nan_inf": "a nan or inf in any of the curves",
    "divergence": "the last tenth of the losses lies above the first",
    "loss_spike": "single losses of more than ten times their neighbours",
}
OTHER = {
    "overfit_onset": "validation loss against training loss",
    "stagnation": "plateau",
    "step_backtrack": "order of the rows",
    "parse": "rows that could not be read",
}
NAMES = {"train_loss": "loss", "grad_norm": "grad_norm", "val_loss": "eval_loss", "learning_rate": "lr"}


def lint(run: Run) -> Iterator[Said]:
    """What `losslint check` reports."""
    from losslint.checks import run_all_checks
    from losslint.parsing import RunLog

    steps, columns = table(run)
    series = {NAMES[name]: column for name, column in columns.items()}
    for found in run_all_checks(RunLog(steps=steps.tolist(), series=series, source=Path(run.source))):
        at = found.details.get("steps")
        yield Said(found.check, found.severity, int(at[0]) if at else None, found.message)


PEER = Peer(
    package="losslint",
    lint=lint,
    instability=INSTABILITY,
    other=OTHER,
    judges={"losslint": ("error",), "losslint-warning": ("error", "warning")},
)
