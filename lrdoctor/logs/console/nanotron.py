"""nanotron: `iteration: 10 / 100 | consumed_tokens: 1.31M | ... | lm_loss: 11.2 | lr: 3e-05 | grad_norm: 2.5K`.

Numbers have three significant digits and K, M or B for powers of a thousand: too coarse to see a small spike.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import Text, TextFormat, cells

LINE = re.compile(r"\biteration: (\d{1,15}) / \d{1,15} \|(.*)$", re.MULTILINE)
TELLING = re.compile(r"iteration: \d{1,15} / \d{1,15} \| consumed_tokens:")
DIGITS = 3


def parse(text: Text) -> Table:
    """Every key of the line is a column."""
    rows = Rows()
    for match in text.matches(LINE):
        rows.add([("iteration", match[1]), *cells(match[2])])
    return rows.table(facts={"significant_digits": DIGITS}, left_out=text.others(rows.size))


NANOTRON = TextFormat("nanotron", TELLING, parse)
