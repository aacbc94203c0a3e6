"""Any text log with a loss in it: `key=value`, `key: value`, `loss 0.3`, `loss at 10 0.3`, one record a line.

Read only where no known format fits. A line without a step or an epoch of its own is at that of the line before, so
records over several lines are read too, and lines below `Epoch 3/10` are in that epoch. `10/500` in brackets or beside
a progress bar counts updates (`_counting`), never the bar's percentage. What a bar prints twice for one update, or what
stands below a line such as `Evaluating ...`, is no update of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from lrdoctor.logs._rows import Rows
from lrdoctor.logs.base import Column, Source, Table
from lrdoctor.logs.console._counting import Count, steps
from lrdoctor.logs.console.base import NUMBER, Text, TextFormat
from lrdoctor.logs.text import head_text

WORD = r"[A-Za-z_][\w./@-]{0,60}"
NO_LEVEL = r"(?!(?:INFO|DEBUG|WARNING|ERROR|CRITICAL)\b)"
PERCENT = r"[ \t]{0,3}\([ \t]{0,3}\d{1,3}(?:\.\d{1,6})?[ \t]?%\)"
POSITION = (
    r"(?P<place>(?i:global[_ ]?step|update[_ ]?step|step|epoch|iteration|iter|batch|update|num_updates|episode"
    r"|train(?=: \d{1,9} \[)))"
    r"(?:\((?P<part>train|val|test)\)|s)?"
    r"(?:[ \t]{0,4}[:=#\[][ \t]{0,4}\[?|[ \t]{1,4}\[?)[ \t]{0,8}"
    r"(?P<at>\d{1,3}(?:,\d{3}){1,4}(?!\d)|\d{1,15})(?![\w.%])"
    r"(?:[ \t]{0,2}/[ \t]{0,4}(?P<out_of>\d{1,15}))?"
    r"(?:\]?[ \t]{0,4}\[[ \t]{0,8}(?P<inner>\d{1,12})[ \t]{0,2}/[ \t]{0,4}(?P<of>\d{1,12})"
    rf"(?P<percent>{PERCENT})?)?"
)
END = r"(?!\d|:(?!\s|$)|[-/.]\d|[A-Za-z_]{5}|%[ \t]{0,2}\|)"
"""What may follow a number: `12:30` is a time and `10%|` a progress bar, but `loss 0.7:` ends with a colon."""
BLANK_AFTER = (
    r"(?:(?<=[Ll]oss|LOSS)|(?<=[Nn]orm)|(?<=\b[Ll][Rr])|(?<=[Rr]ate)|(?<=[Cc]ost)|(?<=ntropy)|(?<=\b[Pp]pl|\bPPL|\bNLL)"
    r"|(?<=\bnll))[ \t]{1,8}"
)
"""Names that are known well enough to be followed by their number after nothing but blanks."""
PAIR = (
    rf"['\"]?(?P<key>{NO_LEVEL}{WORD}(?: (?!(?i:step|epoch|iter)\b){WORD}){{0,3}})['\"]?(?:\[[\w /]{{1,20}}\])?"
    rf"(?:[ \t]{{0,4}}[:=]{{1,2}}[ \t]{{0,12}}|{BLANK_AFTER})"
    rf"(?:tensor\(|\[|['\"])?(?P<value>{NUMBER}){END}(?P<scale>[KMB](?![A-Za-z]))?"
)
STEP_WORDS = r"(?i:steps?|iterations?|iters?|epochs?|updates?|batch(?:es)?)"
AT = (
    rf"(?P<at_key>{NO_LEVEL}(?:[A-Za-z_][\w./-]{{0,30}} ){{0,3}}(?i:loss|cost|error|perplexity))[ \t]{{1,4}}"
    rf"(?:(?i:at|after|for|@)[ \t]{{1,4}}(?:(?P<at_what>{STEP_WORDS})[ \t]{{0,4}}[:#=]?[ \t]{{0,4}})?"
    rf"(?P<at_step>\d{{1,12}})(?:[ \t]{{1,2}}{STEP_WORDS})?(?:[ \t]{{0,2}}[:=,][ \t]{{0,8}}|[ \t]{{1,8}}(?:is[ \t])?)"
    rf"|(?P<at_bare>\d{{1,12}})[ \t]{{0,2}}[:=][ \t]{{1,8}})(?P<at_value>{NUMBER}){END}"
)
"""`loss at 10 0.5`, `Cost after iteration 100: 0.69`, `Validation loss 526: 0.42`."""
LOSSES = (
    r"(?i:losses)[ \t]{0,2}[:=][ \t]{0,3}[\[({]?[ \t]{0,2}"
    rf"(?P<losses>(?:[A-Za-z_]\w{{0,30}}[ \t]{{1,3}}{NUMBER}[,;]?[ \t]{{0,3}}){{2,40}})"
)
"""`[Losses: x 0.27, y 0.25, total 15.0, ...]`."""
IN_LOSSES = re.compile(rf"([A-Za-z_]\w{{0,30}})[ \t]{{1,3}}({NUMBER})")
BAR = (
    r"\|[^|\n]{0,200}\|[ \t]{0,6}"
    r"(?P<done>\d{1,12})/[ \t]{0,4}(?P<total>\d{1,12})[ \t]{1,4}\[[\d?]"
    r"|\|[ \t]{0,6}(?P<n>\d{1,12})/[ \t]{0,4}(?P<n_of>\d{1,12})[ \t]{1,4}batches\b"
)
BAR_OF_EPOCHS = (
    r"(?P<bar_of>(?i:epochs?))[ \t:]{1,6}\d{1,3}%\|[^|\n]{0,200}\|[ \t]{0,6}(?P<in_epoch>\d{1,12})/[ \t]{0,4}\d{1,12}"
)
KERAS_BAR = r"[ \t]{0,12}(?P<keras>\d{1,9})/(?P<keras_of>\d{1,9})[ \t]{1,2}(?:\[[=>.]|\u2501)"
BRACKETS = r"\W{0,3}\[(?P<of_epoch>\d{1,6})/\d{1,6}\][ \t]{0,2}\[(?P<batch>\d{1,12})/(?P<batches>\d{1,12})\]"
SECTION = r"(?P<section>(?i:train(?:ing)?|valid(?:ation)?|val|eval(?:uation)?|test|dev))(?![\w./@-])"
EVALUATE = r"(?:eval(?:uat(?:e|ion|ing))?|validat(?:e|ion|ing)|valid|test(?:ing)?)"
BEGIN = r"(?:begin(?:s|ning)?|start(?:s|ed|ing)?)"
HEADER = (
    rf"[^\w\n]{{0,12}}(?i:(?:(?:{BEGIN}|running)[ \t]{{1,3}})?(?:(?P<held_out>{EVALUATE})|(?P<back>train(?:ing)?))"
    rf"(?:[ \t]{{1,3}}(?:{BEGIN}|loop|phase))?)[^\w\n]{{0,12}}$"
)
"""A line that says nothing but what comes now."""
TOKEN = re.compile(
    rf"(?P<end>\n)|^(?:{HEADER}|{KERAS_BAR}|{BRACKETS})|(?<![\w./@-])(?:{LOSSES}|{AT}|{POSITION}|{PAIR}|{SECTION}|{BAR_OF_EPOCHS})|{BAR}",
    re.MULTILINE,
)
NO_AT = AT.replace("(?P<at_key>", "(?!)(?P<at_key>")
PLAIN = re.compile(TOKEN.pattern.replace(AT, NO_AT), re.MULTILINE)
"""The tokens without `AT`, which is slow to rule out at every word of a long log that has none."""
HAS_AT = re.compile(r"(?:loss|cost|error|perplexity)[ \t]{1,4}(?:at|after|for|@|\d)")

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
    r"(?i)loss(?!es\b|[ _-]?(?:scale|fn|func|type|weight|name))|^(?:nll|perplexity|ppl|bpc|cost|err_?[dg])$"
    r"|(?:^|[ _])(?:mse|rmse)$|(?:^|[ _-])(?:cross[ _-]?entropy|xent)"
)
SNIFFED_LINES = 2
"""Lines with a loss before a text counts as a log: prose may hold one."""
EPOCH_PLACES = frozenset({"epoch", "epochs"})
BATCH_SIZE = re.compile(r"(?i)^(?:.*[ _-])?batch[ _-]?size$")


@dataclass
class _Line:
    """What a line says: where it stands, and what it measures."""

    position: dict[str, str] = field(default_factory=dict)
    """Epoch and step, by the names that the log uses."""
    count: Count | None = None
    """Without its epoch, which may stand elsewhere on the line or above it."""
    is_bar: bool = False
    pairs: dict[str, str] = field(default_factory=dict)
    section: str = ""
    indexed: list[tuple[str, str, str]] = field(default_factory=list)
    """(name, number, value) of `loss 526: 0.42`, where the number is a step unless it counts the losses of the line."""

    @property
    def is_held_out(self) -> bool:
        return bool(self.section) or any(map(NAMED_HELD_OUT.search, self.pairs))


def parse(text: Text) -> Table:
    """Columns by the log's own keys, `val_` before those of a line or part of a line that says so."""
    rows = Rows()
    counts: list[Count] = []
    counted: list[int] = []
    read = 0
    for place, count, pairs, n_lines in _records(_lines(chain.from_iterable(map(_tokens, text)))):
        read += n_lines
        if count is not None:
            counted.append(rows.size)
            counts.append(count)
        rows.add([*place.items(), *pairs.items()])
    table = rows.table(left_out=text.others(read))
    if not counts or not table.columns:
        return table
    step, note = steps(counts, _batch_size(table))
    return Table("", {**_with_steps(table, counted, step)}, {"notes": (note,)} if note else {}, table.left_out)


def _tokens(block: str) -> Iterator[re.Match[str]]:
    return (TOKEN if HAS_AT.search(block.lower()) else PLAIN).finditer(block)


def _batch_size(table: Table) -> int | None:
    """Examples of a batch, where the log says so once and for all."""
    for name, column in table.columns.items():
        value = column.value[column.logged]
        if BATCH_SIZE.match(name) and len(value) and value.min() == value.max() and value[0] % 1 == 0:
            return int(value[0])
    return None


def _with_steps(table: Table, rows: Sequence[int], step: Sequence[int]) -> Mapping[str, Column]:
    """The columns with the counted steps, which a step of the log's own wins over."""
    size = len(next(iter(table.columns.values())).value)
    value, logged = np.full(size, np.nan), np.zeros(size, dtype=np.bool_)
    value[list(rows)], logged[list(rows)] = step, True
    own = table.columns.get("step")
    if own is not None:
        value, logged = np.where(own.logged, own.value, value), logged | own.logged
    return {**table.columns, "step": Column(value, logged)}


Record = tuple[dict[str, str], Count | None, dict[str, str], int]
"""Where it stands, the count that makes its step, what it measures, and the number of its lines."""


def _records(lines: Iterable[_Line]) -> Iterator[Record]:
    """The lines that measure something, each where it stands."""
    epoch: tuple[str, str] | None = None
    place: dict[str, str] = {}
    count: Count | None = None
    held: Record | None = None
    held_bar: Count | None = None
    for line in lines:
        own_epoch = next(((k, v) for k, v in line.position.items() if k.lower() in EPOCH_PLACES), None)
        if own_epoch is not None and own_epoch != epoch:
            epoch, place, count = own_epoch, {}, None
        own = {key: value for key, value in line.position.items() if key.lower() not in EPOCH_PLACES}
        if own or line.count is not None:
            at_epoch = None if epoch is None else int(epoch[1].replace(",", ""))
            count = None if line.count is None else replace(line.count, epoch=at_epoch)
            place = own
        if not line.pairs:
            continue
        if own_epoch is not None and not own and line.count is None and not line.is_held_out:
            here, here_count = {}, None  # the mean of an epoch is at no step of it
        else:
            here, here_count = place, count
        bar = here_count if line.is_bar else None
        if held is not None and bar is not None and bar == held_bar:
            held = (held[0], held[1], {**held[2], **line.pairs}, held[3] + 1)  # the bar was drawn again
            continue
        if held is not None:
            yield held
        held_bar = bar
        held = ({**dict([epoch] if epoch else []), **here}, here_count, line.pairs, 1)
    if held is not None:
        yield held


def _lines(tokens: Iterable[re.Match[str]]) -> Iterator[_Line]:
    """Every line that says where it stands or measures something."""
    line, below = _Line(), ""
    last: tuple[int, str | None] = (-1, None)
    for match in tokens:
        kind = match.lastgroup
        if kind == "value" or kind == "scale":  # the commonest, and this is the innermost loop
            line.pairs.setdefault(_named(match["key"], line), match["value"] + (match["scale"] or ""))
        elif kind == "end":
            if line.position or line.pairs or line.count or line.indexed:
                yield _finished(line)
            line = _Line(section=below)
        elif match["held_out"] is not None or match["back"] is not None:
            below = "" if match["back"] else "test" if match["held_out"].lower().startswith("test") else "val"
            line.section = below
        else:
            if below and _is_training_again(match, last):
                below = line.section = ""
            _take(match, line)
            if match["place"] is not None and not line.section and not _is_epoch(match):
                last = int(match["at"].replace(",", "")), match["out_of"]
    if line.position or line.pairs or line.count or line.indexed:
        yield _finished(line)


def _is_epoch(match: re.Match[str]) -> bool:
    return match["place"].lower() in ("epoch", "train")


def _is_training_again(match: re.Match[str], last: tuple[int, str | None]) -> bool:
    """Whether what stands below `Evaluating ...` is training: a new epoch, the word, or steps that go on.

    Args:
        match: a token.
        last: the last step of the training, and out of how many.
    """
    if match["section"] is not None:
        return match["section"].lower() not in HELD_OUT
    if match["place"] is None or match["part"]:
        return False
    goes_on = int(match["at"].replace(",", "")) > last[0]
    return _is_epoch(match) or goes_on or (match["out_of"] is not None and match["out_of"] == last[1])


def _take(match: re.Match[str], line: _Line) -> None:
    """Adds what a token says to its line."""
    if match["section"] is not None:
        line.section = HELD_OUT.get(match["section"].lower(), "")
    elif match["place"] is not None:
        _place(match, line)
    elif match["losses"] is not None:
        for name, value in IN_LOSSES.findall(match["losses"]):
            line.pairs.setdefault(f"loss_{name}", value)
    elif match["at_key"] is not None:
        if match["at_bare"] is not None:
            line.indexed.append((_named(match["at_key"], line), match["at_bare"], match["at_value"]))
        else:
            what = (match["at_what"] or "step").lower()
            line.position.setdefault("epoch" if what.startswith("epoch") else "step", match["at_step"])
            line.pairs.setdefault(_named(match["at_key"], line), match["at_value"])
    elif match["of_epoch"] is not None:
        line.position.setdefault("epoch", match["of_epoch"])
        _count(line, match["batch"], match["batches"])
    elif match["bar_of"] is not None:
        line.position.setdefault("epoch", match["in_epoch"])
    elif not line.section:
        done, total = next((match[a], match[b]) for a, b in COUNTS if match[a] is not None)
        _count(line, done, total)
        line.is_bar = match["n"] is None


COUNTS = (("done", "total"), ("n", "n_of"), ("keras", "keras_of"))


def _named(key: str, line: _Line) -> str:
    return f"{line.section}_{key}" if line.section and not NAMED_HELD_OUT.search(key) else key


def _place(match: re.Match[str], line: _Line) -> None:
    name = match["place"]
    line.section = HELD_OUT.get(match["part"] or "", line.section)
    if line.section and not _is_epoch(match):
        return  # the batches of an evaluation are counted by themselves
    line.position.setdefault("epoch" if name.lower() == "train" else name, match["at"])
    if line.section:
        return
    if match["inner"] is not None:
        _count(line, match["inner"], match["of"], bool(match["percent"]) and name.lower() == "epoch")
    elif name.lower() == "batch" and match["out_of"] is not None:
        _count(line, match["at"], match["out_of"])


def _count(line: _Line, done: str, total: str, may_be_examples: bool = False) -> None:
    if line.count is None:
        line.count = Count(int(done.replace(",", "")), int(total), None, may_be_examples)


def _finished(line: _Line) -> _Line:
    """The line with its `loss 526: 0.42` read as a step, or as the 526th loss where the line has several."""
    if len(line.indexed) == 1 and not line.position:
        key, at, value = line.indexed[0]
        line.position["step"] = at
        line.pairs.setdefault(key, value)
    else:
        line.pairs.update((f"{key} {at}", value) for key, at, value in line.indexed)
    return line


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
        with_loss = (1 for line in _lines(TOKEN.finditer(text)) if any(LOSS.search(key) for key in line.pairs))
        return sum(with_loss) >= SNIFFED_LINES
