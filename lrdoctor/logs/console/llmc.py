"""llm.c: what it prints, and its `main.log`.

`step  100/19560 | loss 6.123456 (-0.51z)| norm 1.2345 (+0.10z)| lr 6.00e-04 | ...` and `val loss 4.72` on standard
output; `s:100 trl:6.1234 lr:0.000600 norm:1.23`, `s:100 tel:6.2` and `s:100 eval:0.29` in the file.
"""

from __future__ import annotations

import re

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

STEP = re.compile(
    rf"^step +(\d{{1,15}})/\d{{1,15}} \| (?:train )?loss +({NUMBER})[^|\n]{{0,40}}\|"
    rf"(?: norm +({NUMBER})[^|\n]{{0,40}}\|)?(?: lr ({NUMBER}) *\|)?|^val loss +({NUMBER})",
    re.MULTILINE,
)
PRINTED_TELLING = re.compile(rf"^step +\d{{1,15}}/\d{{1,15}} \| (?:train )?loss +{NUMBER} \([-+]", re.MULTILINE)

ENTRY = re.compile(
    rf"^s:(\d{{1,15}}) (?:trl:({NUMBER})(?: lr:({NUMBER}))?(?: norm:({NUMBER}))?|tel:({NUMBER})|eval:({NUMBER}))",
    re.MULTILINE,
)
FILE_TELLING = re.compile(rf"^s:\d{{1,15}} (?:trl|tel|eval):{NUMBER}", re.MULTILINE)


def parse_printed(text: Text) -> Table:
    """A `val loss` belongs to the step printed before it, and before all steps to step 0."""
    rows = Rows()
    last = "0"
    for step, loss, norm, rate, val_loss in text.groups(STEP):
        last = step or last
        pairs = (("loss", loss), ("norm", norm), ("lr", rate), ("val loss", val_loss))
        rows.add([("step", last), *((key, value or None) for key, value in pairs)])
    return rows.table(left_out=text.others(rows.size))


def parse_file(text: Text) -> Table:
    """Columns under the file's own short names."""
    rows = Rows()
    keys = ("s", "trl", "lr", "norm", "tel", "eval")
    for values in text.groups(ENTRY):
        rows.add((key, value or None) for key, value in zip(keys, values, strict=True))
    return rows.table(left_out=text.others(rows.size))


LLMC = TextFormat("llm.c", PRINTED_TELLING, parse_printed)
LLMC_FILE = TextFormat("llm.c-main", FILE_TELLING, parse_file)
