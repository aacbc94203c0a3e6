"""gradsnitch: `gradsnitch.lint_csv(file)`. Levels error and warning.

It has no exit codes and no level that fails; every finding is meant ("silent unless the signature is unambiguous"),
so all of them count. `gradsnitch-error` takes the errors alone, which its live monitor raises an alert for.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmarks.peers.base import Peer, Said, step_in, table
from lrdoctor.core.run import Run

INSTABILITY = {
    "GS001": "a nan or inf in the loss",
    "GS002": "an inf in the gradient norm",
    "GS003": "gradient norms of more than eight times their median",
    "GS006": "a sustained rise of the loss",
    "GS009": "swings of the loss that grow",
}
OTHER = {
    "GS004": "validation loss against training loss",
    "GS005": "plateau",
    "GS007": "vanishing gradients of a loss that is stuck: plateau",
    "GS008": "ratio of update to weight, which no log holds",
    "GS010": "schedule that ends before the run",
}
NAMES = {"train_loss": "train_loss", "grad_norm": "grad_norm", "val_loss": "val_loss", "learning_rate": "lr"}

BEGIN = r"(?:at|after) step (-?\d+)"
"""Its messages name where trouble begins so; `by step` is the end of the run."""


def lint(run: Run) -> Iterator[Said]:
    """What `gradsnitch.lint` reports."""
    import gradsnitch

    steps, columns = table(run)
    frame = pd.DataFrame({NAMES[name]: pd.Series(column, dtype=float) for name, column in columns.items()})
    frame.insert(0, "step", steps)
    # it takes a row without a loss, such as one of a validation, for a loss of nan: it gets the rows with a loss
    logged = [value is not None for value in columns["train_loss"]]
    for found in gradsnitch.lint(frame[logged]):
        yield Said(found.code, found.severity, step_in(found.evidence, BEGIN), f"{found.name}: {found.evidence}")


PEER = Peer(
    package="gradsnitch",
    lint=lint,
    instability=INSTABILITY,
    other=OTHER,
    judges={"gradsnitch": ("error", "warning"), "gradsnitch-error": ("error",)},
)
