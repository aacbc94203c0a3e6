"""torchtitan: `... - root - INFO - step:  4  loss:  7.62585  grad_norm: 26.6250  memory: ...  tps: 10,050 ...`.

Every rank prints the same line; one rank's are read.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows, counted
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, TextFormat, other_lines

LINE = re.compile(
    r"^(?:\[rank(\d{1,6})\]:)?.{0,200}?\b(validate )?step: {0,8}(\d[\d,]{0,15}) {1,8}(\w{0,40}loss\w{0,40}: .*)$",
    re.MULTILINE,
)
PAIR = re.compile(rf"\b(\w{{1,60}}): {{0,12}}({NUMBER})(\S{{0,60}})")
TELLING = re.compile(
    rf"step: {{0,8}}\d[\d,]{{0,15}} {{2,8}}\w{{0,40}}loss\w{{0,40}}: {{1,12}}{NUMBER} "
    r"[^\n]{0,200}\b(?:memory|tps|wps|mfu):"
)
COST = frozenset({"memory", "tps", "wps", "tflops", "mfu"})


def parse(text: str) -> Table:
    """`step`, `loss`, `grad_norm` and what else is logged; of `validate` lines, `val_loss`."""
    matches = list(LINE.finditer(text))
    first = min((int(match[1]) for match in matches if match[1]), default=None)
    rows = Rows()
    for match in matches:
        if match[1] and int(match[1]) != first:
            continue
        prefix = "val_" if match[2] else ""
        pairs = ((key, value) for key, value, _ in PAIR.findall(match[4]) if key not in COST)
        rows.add([("step", match[3]), *((f"{prefix}{key}", value) for key, value in pairs)])
    left_out = other_lines(text, len(matches))
    if rows.size < len(matches):
        left_out[f"{counted(len(matches) - rows.size, 'line')} of other ranks"] = f"they repeat what rank {first} logs"
    return rows.table(left_out={", ".join(sorted(COST)): "cost of a step, not its outcome", **left_out})


TORCHTITAN = TextFormat("torchtitan", TELLING, parse)
