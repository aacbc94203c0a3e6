"""build-nanogpt's log.txt: `250 val 5.9012`, `250 hella 0.2487`, `250 train 5.843210`."""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

LINE = re.compile(rf"^(\d{{1,15}}) (train|val|hella\w{{0,10}}) ({NUMBER})[ \t]*$", re.MULTILINE)
TELLING = re.compile(
    rf"\A(?:\d{{1,15}} (?:val|hella\w{{0,10}}|train) {NUMBER}[ \t]*\n){{0,20}}\d{{1,15}} train {NUMBER}[ \t]*$",
    re.MULTILINE,
)
NAMES = {"train": "train loss", "val": "val loss"}


def parse(text: Text) -> Table:
    """`step`, and of each line the one column that it names."""
    rows = Rows()
    for step, what, value in text.groups(LINE):
        rows.add([("step", step), (NAMES.get(what, what), value)])
    return rows.table(left_out=text.others(rows.size))


BUILD_NANOGPT = TextFormat("build-nanogpt", TELLING, parse)
