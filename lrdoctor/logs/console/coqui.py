"""Coqui's trainer: `--> TIME: ... -- STEP: 50/24940 -- GLOBAL_STEP: 50`, and below it `| > loss: 0.0609  (0.0569)`.

The number in parentheses is the mean of the epoch so far. After `EVAL PERFORMANCE` come means over the validation data.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

LINE = re.compile(
    rf"--> TIME: [^\n]{{1,80}}\bGLOBAL_STEP: (\d{{1,15}})|(--> EVAL PERFORMANCE)|^ *\| > (\w{{1,60}}): *({NUMBER})",
    re.MULTILINE,
)
TELLING = re.compile(r"--> TIME: [^\n]{1,80}\bGLOBAL_STEP: \d{1,15}")
COST = ("loader_time", "step_time", "avg_loader_time", "eval_time")


def parse(text: Text) -> Table:
    """A row for each step printed; of an evaluation, `avg_loss` as `val_loss`, at the step before it."""
    rows = Rows()
    row: dict[str, str] = {}
    prefix = ""
    found = 0
    for step, evaluation, key, value in text.groups(LINE):
        found += 1
        if step or evaluation:
            rows.add(row.items())
            row = {"global_step": step or row.get("global_step", "0")}
            prefix = "val_" if evaluation else ""
        elif row and key not in COST:
            row[f"{prefix}{key.removeprefix('avg_') if prefix else key}"] = value
    rows.add(row.items())
    return rows.table(
        left_out={
            "numbers in parentheses": "means of the epoch so far",
            ", ".join(COST): "cost of a step, not its outcome",
            **text.others(found),
        }
    )


COQUI = TextFormat("coqui", TELLING, parse)
