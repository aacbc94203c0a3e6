"""What Hugging Face's Trainer prints: `{'loss': 2.8, 'grad_norm': nan, ...}`.

Since version 5 the numbers are strings. No step is printed, only the epoch, and numbers are rounded to four digits.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat
from lrdoctor.logs.hf_trainer import FILTERED

LINE = re.compile(r"\{('(?:[^'\n]{1,80})': [^{}\n]{1,20000})\}")
PAIR = re.compile(rf"'([^'\n]{{1,80}})': (?:'({NUMBER})'|({NUMBER}))(?=[,}} ]|$)")
TELLING = re.compile(
    rf"\{{'(?:[^'\n]{{1,80}}': [^{{}}\n]{{1,2000}}, ')?(?:loss|eval_loss|train_loss)': '?{NUMBER}'?,"
    rf"[^{{}}\n]{{1,2000}}'epoch': '?{NUMBER}'?"
)
DIGITS = 4
SUMMARY = "train_runtime"


def parse(text: Text) -> Table:
    """A row for each dictionary that holds an epoch."""
    rows = Rows()
    found = summaries = 0
    for match in text.matches(LINE):
        pairs = {key: quoted or bare for key, quoted, bare in PAIR.findall(match[1])}
        if "epoch" not in pairs:
            continue
        found += 1
        if SUMMARY in pairs:
            summaries += 1
        else:
            rows.add(pairs.items())
    left_out = text.others(found)
    if summaries:
        left_out["summary at the end"] = "its train_loss is the mean of the whole run, not a step's loss"
    facts = {"averaged": "interval", "significant_digits": DIGITS, "nan_filter": True, "notes": (FILTERED,)}
    return rows.table(facts=facts, left_out=left_out)


HF_CONSOLE = TextFormat("hf-console", TELLING, parse)
