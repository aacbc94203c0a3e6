"""fairseq: `--log-format json` and `simple`.

`| INFO | train_inner | {"epoch": 1, "loss": "16.037", "num_updates": "100", ...}` every few updates, and `| train |`
and `| valid |` once an epoch. A loss is in bits, and the mean since the line before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lrdoctor.logs._json import parsed
from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat

LINE = re.compile(r"\| (?:INFO \| )?(train_inner|train|valid|test)\w{0,20} \| (.*)$", re.MULTILINE)
INNER = re.compile(rf"epoch {{1,3}}\d{{1,9}}: {{1,8}}\d{{1,12}} / \d{{1,12}} .{{0,200}}?\bloss={NUMBER}")
TELLING = re.compile(
    r"\| (?:INFO \| )?(?:train_inner|train|valid)\w{0,20} \| "
    r"(?:\{\"epoch\": |epoch {1,3}\d{1,9}(?:: {1,8}\d{1,12} / \d{1,12} | \| (?:valid on [^|\n]{1,80}\| )?loss ))"
)
EPOCH = re.compile(r"epoch {1,3}(\d{1,9})\b")
EQUALS = re.compile(rf"\b([\w/-]{{1,60}})=({NUMBER})")
SPACED = re.compile(rf"\| ([\w/-]{{1,60}}) ({NUMBER})(?= |$)")
PREFIX = {"train_inner": "", "train": "train_epoch_", "valid": "valid_", "test": "test_"}
"""Kind of a line -> what its columns start with, so that the means of an epoch are never taken for steps."""
POSITIONS = frozenset({"epoch", "num_updates"})


def parse(text: Text) -> Table:
    """Columns of the `train_inner` lines under their own names, of the others prefixed by kind."""
    rows = Rows()
    for kind, body in text.groups(LINE):
        pairs = dict(_pairs(body.strip()))
        if pairs:
            rows.add((_named(key, kind), value) for key, value in pairs.items())
    return rows.table(facts={"averaged": "interval", "loss_unit": "bits"}, left_out=text.others(rows.size))


def _pairs(body: str) -> Iterator[tuple[str, object]]:
    if body.startswith("{"):
        found = parsed(body)
        if isinstance(found, dict):
            yield from ((key, value) for key, value in found.items() if not isinstance(value, list | dict))
        return
    if epoch := EPOCH.match(body):
        yield "epoch", epoch[1]
        yield from (EQUALS if INNER.match(body) else SPACED).findall(body)


def _named(key: str, kind: str) -> str:
    bare = key.removeprefix(f"{kind}_")
    return bare if bare in POSITIONS or kind == "train_inner" else f"{PREFIX[kind]}{bare}"


FAIRSEQ = TextFormat("fairseq", TELLING, parse)
