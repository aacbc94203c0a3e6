"""trainproof: `trainproof epoch FILE`. Levels FAIL, WARN, INFO; exit code 1 is a FAIL.

Its spikes of the gradient are a WARN, so `trainproof-warn` takes those too.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.peers.base import CannotJudge, Peer, Said, step_in, table
from lrdoctor.core.run import Run

INSTABILITY = {
    "TP-NAN": "a nan or inf in the loss",
    "TP-NAN-GRAD": "a nan or inf in the gradient norm",
    "TP-DIVERGE": "the last loss is more than one and a half times the lowest",
    "TP-GRAD-SPIKE": "gradient norms of more than ten times their median",
    "TP-ZERO-LOSS-ONSET": "losses of exactly 0.0 after others: it names a hidden nan as the cause",
}
OTHER = {
    "TP-ZERO-LOSS": "nothing was learned",
    "TP-FLAT": "plateau",
    "TP-DEAD-RUN": "plateau: the loss never improved",
    "TP-ZERO-GRAD": "nothing was learned",
    "TP-ZERO-LR": "learning rate of 0",
    "TP-ZERO-LR-PARTIAL": "learning rate of 0",
    "TP-OVERFIT": "validation loss against training loss",
    "TP-STEP-CLIFF": "speed",
    "TP-LOADER-BOUND": "speed",
    "TP-THROUGHPUT": "speed",
    "TP-GPU-UTIL": "speed",
    "TP-PASS": "nothing was found",
}
NAMES = {"train_loss": "loss", "grad_norm": "grad_norm", "val_loss": "eval_loss", "learning_rate": "lr"}

BEGIN = r"(?:Steps: \[|first at step )([-+.\de]*\d)"
"""Where its evidence names the first step of what is not finite."""


def lint(run: Run) -> Iterator[Said]:
    """What `trainproof epoch` reports."""
    from trainproof.epoch import check_records

    steps, columns = table(run)
    records: list[dict[str, float]] = [{"step": step} for step in steps.tolist()]
    for name, column in columns.items():
        for record, value in zip(records, column, strict=True):
            if value is not None:
                record[NAMES[name]] = value
    report = check_records(records)
    if report["verdict"] == "NOT-CHECKED":
        raise CannotJudge(report["findings"][0]["message"])
    for found in report["findings"]:
        text = f"{found['message']} {found['evidence']}"
        yield Said(found["id"], found["level"], step_in(found["evidence"], BEGIN), text)


PEER = Peer(
    package="trainproof",
    lint=lint,
    instability=INSTABILITY,
    other=OTHER,
    judges={"trainproof": ("FAIL",), "trainproof-warn": ("FAIL", "WARN")},
)
