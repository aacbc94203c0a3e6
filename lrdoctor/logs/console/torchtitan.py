"""torchtitan: `... - root - INFO - step:  4  loss:  7.62585  grad_norm: 26.6250  memory: ...  tps: 10,050 ...`.

Every rank prints the same line; one rank's are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lrdoctor.logs._rows import Rows, counted
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

LINE = re.compile(
    r"^(?:\[rank(\d{1,6})\]:)?.{0,200}?\b(validate )?step: {0,8}(\d[\d,]{0,15}) {1,8}(\w{0,40}loss\w{0,40}: .*)$",
    re.MULTILINE,
)
RANK = re.compile(r"^\[rank(\d{1,6})\]:", re.MULTILINE)
PAIR = re.compile(rf"\b(\w{{1,60}}): {{0,12}}({NUMBER})(\S{{0,60}})")
TELLING = re.compile(
    rf"step: {{0,8}}\d[\d,]{{0,15}} {{2,8}}\w{{0,40}}loss\w{{0,40}}: {{1,12}}{NUMBER} "
    r"[^\n]{0,200}\b(?:memory|tps|wps|mfu):"
)
COST = frozenset({"memory", "tps", "wps", "tflops", "mfu"})


def parse(text: Text) -> Table:
    """`step`, `loss`, `grad_norm` and what else is logged; of `validate` lines, `val_loss`."""
    first = min(_ranks(text), default=None)
    rows = Rows()
    found = 0
    for rank, validation, step, measured in text.groups(LINE):
        found += 1
        if rank and int(rank) != first:
            continue
        prefix = "val_" if validation else ""
        pairs = ((key, value) for key, value, _ in PAIR.findall(measured) if key not in COST)
        rows.add([("step", step), *((f"{prefix}{key}", value) for key, value in pairs)])
    left_out = text.others(found)
    if rows.size < found:
        left_out[f"{counted(found - rows.size, 'line')} of other ranks"] = f"they repeat what rank {first} logs"
    return rows.table(left_out={", ".join(sorted(COST)): "cost of a step, not its outcome", **left_out})


def _ranks(text: Text) -> Iterator[int]:
    """The ranks that log losses; one line tells it where all lines are of one rank."""
    for block in text:
        n_ranks = len(set(RANK.findall(block)))
        if n_ranks:
            logged = (int(line[1]) for line in LINE.finditer(block) if line[1])
            yield from logged if n_ranks > 1 else islice(logged, 1)


TORCHTITAN = TextFormat("torchtitan", TELLING, parse)
