"""Boxes of `| key | value |` between lines of dashes, a row each: Stable-Baselines3, baselines, Spinning Up.

    -----------------------------
    | rollout/           |      |
    |    ep_rew_mean     | -120 |
    | train/             |      |
    |    loss            | 30.5 |
    -----------------------------

Stable-Baselines3 puts what comes before the slash on a line of its own, and indents what comes after it.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

CELL = r"[^|\n]{1,120}?"
LINE = re.compile(rf"^\|( {{1,60}})([A-Za-z_]{CELL}) *\| *({CELL}|) *\|[ \t]*$|^(-{{5,}})[ \t]*$", re.MULTILINE)
TELLING = re.compile(
    rf"^-{{5,}}[ \t]*\n(?:\| {{1,60}}[A-Za-z_]{CELL} *\| *\|[ \t]*\n)?"
    rf"\| {{1,60}}[A-Za-z_]{CELL} *\| *{NUMBER}%? *\|[ \t]*$",
    re.MULTILINE,
)
INDENT = 3
"""Further blanks in front of a key that belongs to the part named above it."""


def parse(text: Text) -> Table:
    """A row for each box, with the columns `part/key`."""
    rows = Rows()
    row: dict[str, str] = {}
    part, margin = "", 0
    found = 0
    for blanks, key, value, edge in text.groups(LINE):
        found += 1
        if edge:
            rows.add(row.items())
            row, part = {}, ""
        elif not value:
            part, margin = key, len(blanks)
        else:
            is_inside = part.endswith("/") and len(blanks) >= margin + INDENT
            name = f"{part}{key}" if is_inside else key
            if name in row:  # the edge of the box is missing
                rows.add(row.items())
                row = {}
            row[name] = value
    rows.add(row.items())
    return rows.table(left_out=text.others(found))


BOXES = TextFormat("boxes", TELLING, parse)
