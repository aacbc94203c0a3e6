"""Megatron-LM: ` iteration 122/ 250000 | ... | lm loss: 2.504220E+00 | ... | grad norm: 0.231 | ...`.

Nan and inf are in capitals. A loss is the mean over the steps since the line before; steps that were skipped, or were
nan, are not in it, and newer versions print no loss at all where the mean is nan.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import Text, TextFormat, cells

TRAIN = re.compile(r"^.{0,200}?\biteration +(\d{1,15})/ *\d{1,15} \|(.*)$", re.MULTILINE)
VALIDATION = re.compile(
    r"^.{0,200}?\b(validation|test) loss at (?:iteration (\d{1,15})|[^|\n]{1,80}?)(?: on ([^|\n]{1,60}?))? \|(.*)$",
    re.MULTILINE,
)
EITHER = re.compile(f"(?:{TRAIN.pattern})|(?:{VALIDATION.pattern})", re.MULTILINE)
TELLING = re.compile(
    r"iteration +\d{1,15}/ *\d{1,15} \| consumed (?:samples|train)"
    r"|iteration +\d{1,15}/ *\d{1,15} \|[^\n]{0,600}lm loss:"
)
SKIPPED = "number of skipped iterations"
FILTERED = "steps that were skipped or nan are not in the logged mean"


def parse(text: Text) -> Table:
    """Train lines under their own keys; validation lines as `lm loss validation`."""
    rows = Rows()
    found = 0
    last = "0"
    for match in text.matches(EITHER):
        iteration, train, kind, at, data_set, held_out = match.groups()
        found += 1
        if iteration is not None:
            last = iteration
            rows.add([("iteration", iteration), *cells(train)])
        else:
            where = "test" if kind == "test" or "test" in (data_set or "") else "validation"
            pairs = [(f"{key.removesuffix(' value')} {where}", value) for key, value in cells(held_out)]
            rows.add([("iteration", at or last), *pairs])
    table = rows.table(left_out=text.others(found))
    return Table("", table.columns, _facts(table), table.left_out)


def _facts(table: Table) -> dict[str, Any]:
    iteration, loss = table.columns.get("iteration"), table.columns.get("lm loss")
    skipped = table.columns.get(SKIPPED)
    facts: dict[str, Any] = {}
    if iteration is None or loss is None:
        return facts
    train = loss.logged | (skipped.logged if skipped is not None else False)
    gaps = np.diff(iteration.value[train])
    if gaps.size and np.median(gaps) > 1:
        facts["averaged"] = int(np.median(gaps))
    if skipped is not None:
        facts |= {"nan_filter": True, "notes": (FILTERED,)}
        silent = train & ~loss.logged & (np.nan_to_num(skipped.value) == 0)
        if silent.any():
            facts["nan_is_empty"] = True
    return facts


MEGATRON = TextFormat("megatron", TELLING, parse)
