"""CycleGAN and pix2pix: `(epoch: 1, iters: 100, time: 0.334, data: 0.702) D_A: 0.2 G_A: 0.5 cycle_A: 2.0`.

`iters` counts the images of an epoch. No key is called a loss; every one is one.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

HEAD = r"\(epoch: (\d{1,9}), iters: (\d{1,15})(?:, (?:time|data|model): [\d.]{1,20}){1,3}\)"
LINE = re.compile(rf"^.{{0,40}}{HEAD}(.*)$", re.MULTILINE)
PAIR = re.compile(rf"\b([A-Za-z_]\w{{0,40}}): ({NUMBER})(?=[\s,]|$)")
TELLING = re.compile(rf"{HEAD} ?,? {{0,2}}[A-Za-z_]\w{{0,40}}: {NUMBER}")


def parse(text: Text) -> Table:
    """`epoch`, `iters`, and the losses as `loss_NAME`."""
    rows = Rows()
    for epoch, images, losses in text.groups(LINE):
        pairs = ((f"loss_{name}", value) for name, value in PAIR.findall(losses))
        rows.add([("epoch", epoch), ("iters", images), *pairs])
    return rows.table(left_out=text.others(rows.size))


CYCLEGAN = TextFormat("cyclegan", TELLING, parse)
