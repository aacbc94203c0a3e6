"""runmedic: `runmedic diagnose PATH`. Levels critical, warning, info.

It fails a run only when asked to (`--fail-on`); `critical` is what its documentation shows for CI. Since most of its
instabilities are warnings, `runmedic-warning` takes those too. The step of its spikes is that of the worst one. Its
checks of logged text (`log:...`) see no curve.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.peers.base import Peer, Said, table
from lrdoctor.core.run import Run

INSTABILITY = {
    "non_finite": "a nan or inf in the losses or the gradient norm",
    "divergence": "the loss lost more than half of the progress it had made",
    "loss_spikes": "single losses far above the trend",
    "grad_spikes": "gradient norms of more than ten times their median",
}
OTHER = {
    "no_learning": "plateau",
    "overfitting": "validation loss against training loss",
    "val_below_train": "validation loss against training loss",
    "constant_lr_plateau": "plateau",
    "input_bound": "speed",
    "slow_steps": "speed",
    "slowdown": "speed",
    "memory_growth": "memory",
}
NAMES = {"train_loss": "train_loss", "grad_norm": "grad_norm", "val_loss": "val_loss", "learning_rate": "lr"}


def lint(run: Run) -> Iterator[Said]:
    """What `runmedic diagnose` reports."""
    from runmedic.checks import run_checks
    from runmedic.model import Run as Log
    from runmedic.roles import detect

    log = Log(name=run.name, source="csv", path=run.source)
    steps, columns = table(run)
    for name, column in columns.items():
        series = log.get(NAMES[name])
        for step, value in zip(steps.tolist(), column, strict=True):
            if value is not None:
                series.add(step, value)
    log.finalize()
    for found in run_checks(log, detect(log)):
        yield Said(found.check, found.severity, None if found.step is None else int(found.step), found.title)


PEER = Peer(
    package="runmedic",
    lint=lint,
    instability=INSTABILITY,
    other=OTHER,
    judges={"runmedic": ("critical",), "runmedic-warning": ("critical", "warning")},
)
