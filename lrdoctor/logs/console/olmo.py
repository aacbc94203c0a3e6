"""OLMo and OLMo-core: `... INFO [step=500/1000,epoch=0]`, and below it lines `    train/CrossEntropyLoss=4.597`."""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

KEY = r"[^\s=][^\n=]{0,120}"
LINE = re.compile(
    rf"\[step=(\d[\d,]{{0,15}})(?:/[\d,]{{1,15}})?(?:,epoch=(\d{{1,9}}))?[^\]\n]{{0,120}}\][^\S\n]{{0,8}}$"
    rf"|^ {{2,8}}({KEY})=({NUMBER}) *$",
    re.MULTILINE,
)
TELLING = re.compile(rf"\[step=\d[\d,]{{0,15}}[^\]\n]{{0,120}}\][^\S\n]{{0,8}}\n {{2,8}}{KEY}={NUMBER}", re.MULTILINE)
COST = ("throughput/", "System/")


def parse(text: Text) -> Table:
    """A row for each step; what an evaluation prints between two steps belongs to the step before it."""
    rows = Rows()
    row: dict[str, str] = {}
    found = 0
    for step, epoch, key, value in text.groups(LINE):
        found += 1
        if step or key in row:
            rows.add(row.items())
            row = {"step": step or row["step"]} if step or "step" in row else {}
        if epoch:
            row["epoch"] = epoch
        if key and not key.startswith(COST):
            row[key] = value
    rows.add(row.items())
    return rows.table(left_out={", ".join(COST): "cost of a step, not its outcome", **text.others(found)})


OLMO = TextFormat("olmo", TELLING, parse)
