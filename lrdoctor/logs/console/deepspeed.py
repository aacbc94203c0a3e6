"""DeepSpeed alone: `[INFO] [logging.py:128:log_dist] [Rank 0] step=10, skipped=0, lr=[0.0001], mom=[[0.9, 0.999]]`.

There is no loss in it; `skipped` and the loss scale tell of overflows.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

LINE = re.compile(
    rf"\bstep=(\d{{1,15}}), skipped=(\d{{1,15}}), lr=\[({NUMBER})?[^\]\n]{{0,2000}}\], mom="
    r"|(?i:overflow[^\n]{0,80}skipping step)[^\n]{0,40}?loss scale: [\d.e+]{1,20}, "
    r"(?:but hysteresis|reducing to ([\d.e+]{1,20}))"
)
TELLING = re.compile(rf"\bstep=\d{{1,15}}, skipped=\d{{1,15}}, lr=\[{NUMBER}[^\]\n]{{0,2000}}\], mom=")


def parse(text: Text) -> Table:
    """`step`, `skipped`, the first parameter group's `lr`, and `loss_scale` where an overflow lowered it."""
    rows = Rows()
    for step, skipped, rate, scale in text.groups(LINE):
        pairs = (("step", step), ("skipped", skipped), ("lr", rate), ("loss_scale", scale))
        rows.add((key, value or None) for key, value in pairs)
    return rows.table(left_out=text.others(rows.size))


DEEPSPEED = TextFormat("deepspeed", TELLING, parse)
