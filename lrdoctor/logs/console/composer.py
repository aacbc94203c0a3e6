"""Composer: its FileLogger (`[metric][batch=12]: loss/train/total: 2.3456`) and its console.

The console prints `[batch=12/4800]:` and below it, one a line, `Train loss/train/total: 2.3456`.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

KEY = r"[^\s:\[\]{}][^\n:\[\]{}]{0,120}"
LINE = re.compile(
    rf"^\[(?:metric|trace)\]\[batch=(\d{{1,15}})\]: ({KEY}): +({NUMBER}) *$"
    r"|^\[(?:Eval )?batch=(\d{1,15})/\d{1,15}\]:? *$"
    rf"|^\s{{0,12}}(Train|Eval) ({KEY}): +({NUMBER}) *$",
    re.MULTILINE,
)
TELLING = re.compile(
    rf"^\[metric\]\[batch=\d{{1,15}}\]: {KEY}: +{NUMBER}|^\[batch=\d{{1,15}}/\d{{1,15}}\]: *\n\s{{1,12}}Train ",
    re.MULTILINE,
)


def parse(text: Text) -> Table:
    """A row for each batch; a metric that comes twice for a batch starts another."""
    rows = Rows()
    row: dict[str, str] = {}
    found = 0
    for at, key, value, header, _, printed, shown in text.groups(LINE):
        found += 1
        batch = at or header or row.get("batch")
        name = key or printed
        if row and (batch != row.get("batch") or name in row):
            rows.add(row.items())
            row = {}
        if batch:
            row["batch"] = batch
        if name:
            row[name] = value or shown
    rows.add(row.items())
    return rows.table(left_out=text.others(found))


COMPOSER = TextFormat("composer", TELLING, parse)
