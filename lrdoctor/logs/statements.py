"""What a log says in words about its end: lines that no column holds, such as `Loss is nan, stopping training`.

Each is a `Statement` of one kind:

- died: the training was stopped because of a loss, gradient or metric that is not finite;
- non_finite: something is not finite, and nothing is said of what follows;
- loss_scale: the loss scale of mixed precision cannot be lowered any further;
- skipped: an update was skipped because its gradients overflowed, which a loss scaler does now and then;
- out_of_memory: the device's memory was full, which is no instability.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["died", "non_finite", "loss_scale", "skipped", "out_of_memory"]

NON_FINITE = r"(?:nan|NaN|NAN|Nan|[Ii]nf(?:inity|inite)?|INF|[Nn]on-?finite)\b"
WHAT = r"(?i:loss|grad|norm|param|weight|logit|output|activation|metric|scale)"
UPDATE = (
    r"[Ss]kip(?:ping|ped|s)? {1,2}(?:this |the |that |current |optimizer |training )*(?:step|update|batch|iteration)"
)
ERROR = r"(?:\b[A-Z]\w{0,40}(?:Error|Exception)\b)"
PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("out_of_memory", r"OutOfMemoryError|[Oo]ut of memory|RESOURCE_EXHAUSTED|OUT_OF_MEMORY|oom-kill"),
    # fairseq; DeepSpeed
    (
        "loss_scale",
        r"[Mm]inimum loss scale reached|loss scale already at minimum|[Ll]oss scale (?:is )?too (?:small|low)",
    ),
    # apex; DeepSpeed; fairseq; scripts of their own
    ("skipped", rf"(?i:overflow)[^\n]{{0,80}}{UPDATE}|overflow detected, setting loss scale"),
    ("skipped", rf"(?<![\w.]){NON_FINITE}[^\n]{{0,100}}{UPDATE}"),
    ("skipped", rf"{UPDATE}[^\n]{{0,80}}(?:overflow|(?<![\w.]){NON_FINITE})"),
    # detectron2; torchvision's and most scripts' own; Keras and fastai; TensorFlow; Lightning
    ("died", r"[Ll]oss became infinite or NaN|[Ii]nvalid loss, terminating training|Model diverged with loss = NaN"),
    ("died", r"NaN loss during training|NanLossDuringTraining"),
    (
        "died",
        rf"(?i:loss(?:es)?) (?:is|are|was|became|:|=) ?{NON_FINITE}[^\n]{{0,60}}(?i:stop|terminat|abort|exit|quit)",
    ),
    (
        "died",
        rf"(?i:stop|terminat|abort|exit)\w{{0,4}}[^\n]{{0,60}}(?i:loss|gradient)[^\n]{{0,30}}(?<![\w.]){NON_FINITE}",
    ),
    ("died", rf"[Mm]onitored metric \S{{1,80}} = -?{NON_FINITE} is not finite"),
    ("died", rf"[Tt]he loss returned in `training_step` is {NON_FINITE}"),
    ("died", rf"{ERROR}(?=[^\n]{{0,200}}(?<![\w.]){NON_FINITE})(?=[^\n]{{0,200}}{WHAT})"),
    ("died", r"FloatingPointError\b[^\n]{0,80}(?i:nan|inf)"),
    ("died", r"(?i:training|run|model|loss) (?:has )?(?:diverged|exploded)|(?i:loss) (?:is )?exploding"),
    # Megatron; PyTorch's anomaly mode and clipping; fairseq's detector; tensorboardX; scripts of their own
    ("non_finite", rf"[Ff]ound {NON_FINITE} |{NON_FINITE}(?: or | and |/){NON_FINITE} (?:found|detected|in)"),
    ("non_finite", r"returned nan values in its \d{1,3}\w\w output|is non-finite, so it cannot be clipped"),
    ("non_finite", rf"{NON_FINITE} (?:loss |gradients? )?(?:was |is |are )?(?:detected|encountered)"),
    ("non_finite", rf"[Dd]etected (?:a )?{NON_FINITE}"),
    ("non_finite", rf"(?i:loss|gradients?|weights|parameters|outputs?) (?:is|are|became|contains?|has) {NON_FINITE}"),
)  # fmt: skip
"""Each kind's sentences, with whose they are. Of a line the first that fits counts."""
COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in PATTERNS)

HINTS = (
    "overflow", "out of memory", "outofmemory", "out_of_memory", "resource_exhausted", "oom-kill", "minimum loss scale",
    "scale already at minimum", "loss scale too", "loss scale is too", "diverged", "explod", "terminating", "became",
    "non-finite", "nonfinite", "not finite", "infinit", "nanloss", "nan loss", "loss = nan", "is nan", "is inf",
    "are nan", "are inf", "was nan", "has nan", "contains nan", "contain nan", "found nan", "found inf", "nan found",
    "nan detected", "detected nan", "detected inf", "inf detected", "nan encountered", "nan/inf", "inf/nan",
    "nan or inf", "inf or nan", "nan and inf", "returned nan", "nan gradient", "nan grad", "nan value", "nan in ",
    "skipping",
    "error: nan", "loss nan",
)  # fmt: skip
"""Of these a line of any of the sentences holds one, in lower case; ordinary lines of ordinary logs hold none."""
GATES = tuple(
    map(
        re.compile,
        (
            "overflow", "out of memory", "outofmemory", "out_of_memory", "resource_exhausted", "oom-kill", "diverged",
            "explod", "terminating", "became", "finite", "loss scale(?= (?:already|too|is|reached))",
            r"nan(?! iterations|z\)|[a-z])|nanloss", r"inf(?![o\w])",
        ),
    )
)  # fmt: skip
"""Each begins with letters that are looked for at once; a block of ordinary lines has none of them."""
IN_SENTENCE = re.compile(
    r"(?i)\b(?:global[_ ]?step|step|iter(?:ation)?|update|batch)s?\b[ \t]{0,2}[:=#]?[ \t]{0,3}\[?(\d{1,15})"
)
BEFORE = re.compile(
    r"(?i)(?<![\w.])(?:global[_ ]?step|step|iter(?:ation)?|num_updates|updates?)s?\b[\"']?[ \t]{0,4}[:=#\[]{0,2}"
    r"[ \t\"']{0,6}(\d{1,15})(?![\d.%])|\|[ \t]{0,6}(\d{1,12})/[ \t]{0,4}\d{1,12}[ \t]{1,4}\["
)
LOOKED_BACK = 4000
"""Characters before a sentence in which the step is looked for that was printed last."""
LONGEST = 20_000
"""Characters of a line that may be a sentence; longer ones are data."""
SHOWN = 160
MOST = 5000
"""Sentences that are kept; of those about skipped updates a run may have millions."""
CODE = re.compile(r"^\s{0,40}(?:raise|if|elif|assert|print|logger\.|logging\.|warnings\.|return|#|\"\"\")")
"""Lines of a program that a traceback repeats."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True)
class Statement:
    """One sentence of a log."""

    kind: Kind
    step: int | None
    """The step that it names, or the one printed last before it; None where none was."""
    text: str
    """Shortened, without control characters."""
    at: int
    """Where in the text it stands, in characters: by this the runs of one text are told apart."""


class Finder:
    """Goes through a text and keeps what it says, block by block."""

    def __init__(self) -> None:
        self.found: list[Statement] = []
        self.length = 0
        self._tail = ""

    def add(self, block: str) -> None:
        """Looks at the next lines of the text."""
        lower = block.lower()
        if any(gate.search(lower) for gate in GATES):
            at = 0
            for line in block.split("\n"):
                if len(line) < LONGEST:
                    self._add_line(line, block, at)
                at += len(line) + 1
        self._tail = block[-LOOKED_BACK:]
        self.length += len(block)

    def said(self) -> tuple[tuple[str, int | None, str, float], ...]:
        """Kind, step, text, and where it stands as a share of the text, of every statement in order."""
        return tuple((one.kind, one.step, one.text, one.at / max(self.length, 1)) for one in self.found)

    def _add_line(self, line: str, block: str, at: int) -> None:
        lower = line.lower()
        if not any(hint in lower for hint in HINTS) or CODE.match(line):
            return
        for kind, pattern in COMPILED:
            if (sentence := pattern.search(line)) is None:
                continue
            if len(self.found) < MOST or (kind != "skipped" and len(self.found) < 2 * MOST):
                before = block[max(0, at - LOOKED_BACK) : at]
                before = self._tail[len(before) :] + before if len(before) < LOOKED_BACK else before
                text = CONTROL.sub(" ", line[max(0, sentence.start() - 40) :]).strip()[:SHOWN]
                self.found.append(Statement(kind, _step(line, sentence, before), text, self.length + at))
            return


def _step(line: str, sentence: re.Match[str], before: str) -> int | None:
    named = IN_SENTENCE.search(line, max(0, sentence.start() - 40)) or IN_SENTENCE.search(line)
    if named is not None:
        return int(named[1])
    printed = BEFORE.findall(before + line[: sentence.start()])
    return int(printed[-1][0] or printed[-1][1]) if printed else None
