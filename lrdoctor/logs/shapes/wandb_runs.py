"""W&B's table of runs as CSV: one row a run, with its settings and the last value of every metric; no log of steps."""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.errors import NoLogError
from lrdoctor.logs.base import Table
from lrdoctor.logs.cells import Cells

NAME = "wandb table of runs"
NEEDED = frozenset({"name", "state"})
BESIDE = frozenset({"created", "runtime", "sweep", "user", "tags", "notes", "end time", "hostname", "github", "id"})
FEWEST_BESIDE = 2


def fits(cells: Cells) -> bool:
    """Whether the columns are those of the table; columns of too many texts are named in what was left out."""
    names = {name.strip().lower() for name in (*cells.columns, *cells.texts, *cells.left_out)}
    return names >= NEEDED and len(names & BESIDE) >= FEWEST_BESIDE


def tables(cells: Cells, source: str) -> Iterator[Table]:
    """None.

    Raises:
        NoLogError: always.
    """
    raise NoLogError(
        f"{source}: is W&B's table of runs, one row a run with its last values, expected a row a step; export a chart "
        'as CSV, or write run.history(keys=["train/loss"], samples=100000).to_csv(...)'
    )
