"""nanoGPT (`iter 250: loss 3.2041, time 1043.22ms, mfu 31.20%`) and modded-nanogpt (`step:125/1750 val_loss:4.5123`).

nanoGPT's `step 250: train loss 3.2041, val loss 3.3012` are means over many batches, taken at that step.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

LINE = re.compile(
    rf"^(?:iter (\d{{1,15}}): loss ({NUMBER})|step (\d{{1,15}}): train loss ({NUMBER}), val loss ({NUMBER}))",
    re.MULTILINE,
)
TELLING = re.compile(
    rf"^(?:iter \d{{1,15}}: loss {NUMBER}, time |step \d{{1,15}}: train loss {NUMBER}, val loss {NUMBER}$)",
    re.MULTILINE,
)

MODDED_LINE = re.compile(
    rf"^step:(\d{{1,15}})/\d{{1,15}}(?: train_loss:({NUMBER}))?(?: val_loss:({NUMBER}))? train_time:", re.MULTILINE
)
MODDED_TELLING = re.compile(rf"^step:\d{{1,15}}/\d{{1,15}} (?:train|val)_loss:{NUMBER} train_time:", re.MULTILINE)


def parse(text: Text) -> Table:
    """`loss` of single batches, and `train loss` and `val loss` of the evaluations."""
    rows = Rows()
    for step, loss, evaluated, train_loss, val_loss in text.groups(LINE):
        pairs = (("loss", loss), ("train loss", train_loss), ("val loss", val_loss))
        rows.add([("iter", step or evaluated), *((key, value or None) for key, value in pairs)])
    return rows.table(left_out=text.others(rows.size))


def parse_modded(text: Text) -> Table:
    """`train_loss` and `val_loss`; newer versions log only the latter."""
    rows = Rows()
    for step, train_loss, val_loss in text.groups(MODDED_LINE):
        rows.add([("step", step), ("train_loss", train_loss or None), ("val_loss", val_loss or None)])
    return rows.table(left_out=text.others(rows.size))


NANOGPT = TextFormat("nanogpt", TELLING, parse)
MODDED_NANOGPT = TextFormat("modded-nanogpt", MODDED_TELLING, parse_modded)
