"""CycleGAN and pix2pix: `(epoch: 1, iters: 100, time: 0.334, data: 0.702) D_A: 0.2 G_A: 0.5 cycle_A: 2.0`.

`iters` counts the images of an epoch. No key is called a loss; every one is one. What is minimised is the sum of those
that are not the discriminators', which are logged as they enter it, already weighted.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat
from lrdoctor.logs.sums import summed

HEAD = r"\(epoch: (\d{1,9}), iters: (\d{1,15})(?:, (?:time|data|model): [\d.]{1,20}){1,3}\)"
LINE = re.compile(rf"^.{{0,40}}{HEAD}(.*)$", re.MULTILINE)
DISCRIMINATOR = re.compile(r"loss_D(?:_|$)")
PAIR = re.compile(rf"\b([A-Za-z_]\w{{0,40}}): ({NUMBER})(?=[\s,]|$)")
TELLING = re.compile(rf"{HEAD} ?,? {{0,2}}[A-Za-z_]\w{{0,40}}: {NUMBER}")


def parse(text: Text) -> Table:
    """`epoch`, `iters`, and the losses as `loss_NAME`."""
    rows = Rows()
    for epoch, images, losses in text.groups(LINE):
        pairs = ((f"loss_{name}", value) for name, value in PAIR.findall(losses))
        rows.add([("epoch", epoch), ("iters", images), *pairs])
    table = rows.table(left_out=text.others(rows.size))
    parts = [name for name in table.columns if name.startswith("loss_") and not DISCRIMINATOR.match(name)]
    if len(parts) < 2 or set(parts) == set(table.columns) - {"epoch", "iters"}:
        return table
    total = " + ".join(parts)
    columns = {**table.columns, total: summed([table.columns[name] for name in parts])}
    return Table("", columns, {**table.facts, "loss_column": total}, table.left_out)


CYCLEGAN = TextFormat("cyclegan", TELLING, parse)
