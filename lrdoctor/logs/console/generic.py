"""Any text log with a loss in it: `key=value`, `key: value`, `loss 0.3`, one record a line.

Read only where no known format fits. A line without a step or an epoch of its own is at that of the line before, so
records over several lines are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Source, Table
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat
from lrdoctor.logs.text import head_text

WORD = r"[A-Za-z_][\w./@-]{0,60}"
NO_LEVEL = r"(?!(?:INFO|DEBUG|WARNING|ERROR|CRITICAL)\b)"
POSITION = (
    r"(?P<place>(?i:global[_ ]?step|step|epoch|iteration|iter|batch|update|num_updates|train(?=: \d{1,9} \[)))"
    r"(?:\((?P<part>train|val|test)\)|s)?"
    r"(?:[ \t]{0,4}[:=#\[][ \t]{0,4}\[?|[ \t]{1,4}\[?)[ \t]{0,8}"
    r"(?P<at>\d{1,3}(?:,\d{3}){1,4}(?!\d)|\d{1,15})(?![\w.])"
    r"(?:[ \t]{0,2}/[ \t]{0,4}\d{1,15})?"
    r"(?:\]?[ \t]{0,4}\[[ \t]{0,8}(?P<inner>\d{1,12})[ \t]{0,2}/[ \t]{0,4}(?P<of>\d{1,12}))?"
)
PAIR = (
    rf"['\"]?(?P<key>{NO_LEVEL}{WORD}(?: (?!(?i:step|epoch|iter)\b){WORD}){{0,3}})['\"]?(?:\[[\w /]{{1,20}}\])?"
    r"(?:[ \t]{0,4}[:=]{1,2}[ \t]{0,12}|(?:(?<=[Ll]oss|LOSS)|(?<=[Nn]orm)|(?<=\b[Ll][Rr]))[ \t]{1,8})"
    rf"(?:tensor\(|\[|['\"])?(?P<value>{NUMBER})(?![\d:]|[-/.]\d|[A-Za-z_]{{5}})(?P<scale>[KMB](?![A-Za-z]))?"
)
BAR = r"\|[ \t]{0,6}(?P<done>\d{1,12})/[ \t]{0,4}(?P<total>\d{1,12})[ \t]{1,4}(?:\[\d|batches\b)"
SECTION = r"(?P<section>(?i:train(?:ing)?|valid(?:ation)?|val|eval(?:uation)?|test|dev))(?![\w./@-])"
TOKEN = re.compile(rf"(?P<end>\n)|(?<![\w./@-])(?:{POSITION}|{PAIR}|{SECTION})|{BAR}")

HELD_OUT = {
    "valid": "val",
    "validation": "val",
    "val": "val",
    "eval": "val",
    "evaluation": "val",
    "dev": "val",
    "test": "test",
}
NAMED_HELD_OUT = re.compile(r"(?i)(?<![a-z])(?:val|valid|validation|eval|evaluation|test|dev)(?![a-z])")
LOSS = re.compile(
    r"(?i)loss(?!es\b|[ _-]?(?:scale|fn|func|type|weight|name))|^(?:nll|perplexity|ppl|bpc)$|(?:^|[ _])(?:mse|rmse)$"
)
SNIFFED_LINES = 2
"""Lines with a loss before a text counts as a log: prose may hold one."""
EPOCH_PLACES = frozenset({"epoch", "epochs"})


def parse(text: Text) -> Table:
    """Columns by the log's own keys, `val_` before those of a line or part of a line that says so."""
    rows = Rows()
    read = 0
    place: dict[str, str] = {}
    for position, pairs in _lines(text.matches(TOKEN)):
        if position:
            place = position
        if pairs:
            read += 1
            rows.add([*place.items(), *pairs.items()])
    return rows.table(left_out=text.others(read))


def _lines(tokens: Iterable[re.Match[str]]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Of every line that holds one of the two: where it stands, and what it measures."""
    position: dict[str, str] = {}
    pairs: dict[str, str] = {}
    section = ""
    for match in tokens:
        kind = match.lastgroup
        if kind == "end":
            if position or pairs:
                yield position, pairs
            position, pairs, section = {}, {}, ""
        elif kind == "section":
            section = HELD_OUT.get(match["section"].lower(), "")
        elif match["place"] is not None:
            section = HELD_OUT.get(match["part"] or "", section)
            _place(match, position, section)
        elif match["done"] is not None:
            _count(int(match["done"]), int(match["total"]), position)
        else:
            key = match["key"]
            name = f"{section}_{key}" if section and not NAMED_HELD_OUT.search(key) else key
            pairs.setdefault(name, match["value"] + (match["scale"] or ""))
    if position or pairs:
        yield position, pairs


def _place(match: re.Match[str], position: dict[str, str], section: str) -> None:
    name = match["place"]
    position.setdefault("epoch" if name.lower() == "train" else name, match["at"])
    # the batches of an evaluation are counted by themselves
    if match["inner"] is not None and not section:
        _count(int(match["inner"]), int(match["of"]), position)


def _count(done: int, total: int, position: dict[str, str]) -> None:
    """`Epoch: [3][10/500]` and `Epoch 3: 2%| 10/500 [` count within the epoch; with it they count through the run."""
    epoch = next((value for key, value in position.items() if key.lower() in EPOCH_PLACES), None)
    before = int(epoch.replace(",", "")) * total if epoch is not None else 0
    position.setdefault("step", str(before + done))


class Generic(TextFormat):
    """The reader of last resort: it looks for a key that is a loss, where no other format fits.

    Args:
        named: the formats that come first.
    """

    def __init__(self, named: Sequence[TextFormat]) -> None:
        super().__init__("text", TOKEN, parse)
        self.named = named

    def sniff(self, source: Source) -> bool:
        """Whether at least two lines of the head hold a loss, and nothing else is known of it."""
        text = head_text(source)
        if text.lstrip().startswith(("{", "[{")) or any(one.sniff(source) for one in self.named):
            return False
        with_loss = (1 for _, pairs in _lines(TOKEN.finditer(text)) if any(LOSS.search(key) for key in pairs))
        return sum(with_loss) >= SNIFFED_LINES
