"""One column a run, all of one quantity: `step,lr=0.1,lr=0.01`, `step,seed_0,seed_1`, `step,adam/loss,sgd/loss`.

Columns named by a learning rate need no column of steps beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lrdoctor.logs import aliases
from lrdoctor.logs.base import Table
from lrdoctor.logs.cells import Cells

NAME = "runs as columns"

SETTING = re.compile(r"^[A-Za-z_ ]+[= ]\s*[-+.\de]+$")
NUMBERED = re.compile(r"^(?:run|seed|trial|exp|experiment|fold|rep|replica|try)[ _-]?\d+$", re.IGNORECASE)
RATE = re.compile(r"^\d*\.?\d+(?:e[-+]?\d+)?$", re.IGNORECASE)
RATE_SETTING = re.compile(
    r"^(?:lr|learning_?rate|base_lr|init_lr|max_lr|peak_lr|eta)[ _=:-]{0,2}(?:\d*\.\d+(?:e[-+]?\d+)?|\d+e-?\d+|1)$",
    re.IGNORECASE,
)
"""`learning_rate_0.05`: a run at that rate, where no column is a loss; `lr_0` is a parameter group's rate."""
NOT_RUNS = frozenset({"train", "training", "val", "valid", "validation", "eval", "test", "dev", "loss", "losses"})


def _runs(cells: Cells) -> dict[str, tuple[str, str]]:
    """Column -> (run, quantity), empty when the columns are no runs."""
    data = [name for name in cells.columns if aliases.x_of(name) is None and not aliases.is_time(name)]
    if len(data) > 1 and all(RATE_SETTING.match(name) for name in data):
        return {name: (name, "loss") for name in data}
    if len(data) <= 1 or len(data) == len(cells.columns):
        return {}
    if all(SETTING.match(name) or NUMBERED.match(name) or RATE.match(name) for name in data):
        return {name: (name, "loss") for name in data}
    parts = {name: name.rpartition("/") for name in data}
    runs = [run for run, _, _ in parts.values()]
    one_quantity = {aliases.normalise(quantity) for _, _, quantity in parts.values()}
    if (
        len(one_quantity) == 1
        and aliases.is_train_loss(next(iter(one_quantity)))
        and all(run and aliases.normalise(run.split("/")[-1]) not in NOT_RUNS for run in runs)
    ):
        return {name: (run, quantity) for name, (run, _, quantity) in parts.items()}
    return {}


def fits(cells: Cells) -> bool:
    return bool(_runs(cells))


def tables(cells: Cells, source: str) -> Iterator[Table]:
    runs = _runs(cells)
    shared = {name: column for name, column in cells.columns.items() if name not in runs}
    for name, (run, _) in runs.items():
        yield Table(run, {**shared, name: cells.columns[name]}, {"loss_column": name})
