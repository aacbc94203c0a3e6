"""What fuzz tests feed the command: texts made of the words that logs are made of, and damaged copies of logs."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from random import Random

from hypothesis import strategies as st

NUMBERS = [
    "0", "-0.0", "1", "2.5", "-3", "nan", "NaN", "-nan", "inf", "-Infinity", "INF", "null", "None", "", " ", "1e308",
    "-1e308", "1e309", "5e-324", "1e-400", "9" * 30, "-" + "9" * 400, "1_000", "1,000", "1.5K", "0x1p3", "1e", "--1",
    "tensor(3.13, device='cuda:0')", "[1, 2]", "3.0 (2.5)", "true", "\u0663", "1.0.0", "12:30:01", "2026-01-01",
]  # fmt: skip
NAMES = [
    "step", "loss", "train_loss", "val_loss", "lr", "learning_rate", "grad_norm", "epoch", "iter", "global_step", "run",
    "name", "tag", "value", "metric", "_step", "_runtime", "episode_reward", "d_loss", "g_loss", "split", "is_nan",
    "Wall time", "Step", "run - loss__MIN", "[red]", "[/]", "\x1b[31m", "\u640d\u5931", "a\nb", "\u202e", "x" * 5000,
    "",
]  # fmt: skip
SCRAPS = [
    "\n", "\r", "\r\n", "\0", "\t", ",", ";", "|", '"', "'", "{", "}", "[", "]", ":", "=", "\x1b[2J", "\x07", "\x85",
    "\ufeff", "\ud7ff", "e\u0301", "iteration 10/ 100 |", "lm loss: ", "step: 5  loss: ", "{'loss': ", "val loss ",
    "Epoch 3/9", "it/s", "[bold]", "\\u0000", "\\ud800", "%", "\u2028",
]  # fmt: skip

number = st.sampled_from(NUMBERS) | st.floats().map(repr) | st.integers().map(str)
name = st.sampled_from(NAMES) | st.text(max_size=6)
step = st.one_of(st.integers(0, 20), st.integers(-5, 2**65), st.sampled_from([2**31, 2**53, 2**63])).map(str)


def _csv(rows: list[list[str]], names: list[str]) -> str:
    return "\n".join(",".join(row) for row in [names, *rows])


def _jsonl(rows: list[list[str]], names: list[str]) -> str:
    pairs = ([f"{json.dumps(n)}: {v or 'null'}" for n, v in zip(names, row, strict=False)] for row in rows)
    return "\n".join("{" + ", ".join(row) + "}" for row in pairs)


def _console(rows: list[list[str]], names: list[str]) -> str:
    return "\n".join(" ".join(f"{n}={v}" for n, v in zip(names, row, strict=False)) for row in rows)


def _hf_console(rows: list[list[str]], names: list[str]) -> str:
    return "\n".join(str(dict(zip(names, row, strict=False))) for row in rows)


def _trainer_state(rows: list[list[str]], names: list[str]) -> str:
    return '{"log_history": [' + _jsonl(rows, names).replace("\n", ",") + "]}"


WRITERS: Sequence[Callable[[list[list[str]], list[str]], str]] = (_csv, _jsonl, _console, _hf_console, _trainer_state)


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """A text of the shape of a log, with wild numbers and names; steps that go up, back, or anywhere."""
    names = ["step", "loss", *draw(st.lists(name, max_size=4))]
    n = draw(st.integers(0, 60))
    ordered = draw(st.booleans())
    usual = draw(number)
    cell = st.just(usual) | st.just(usual) | number
    rows = [
        [str(k) if ordered else draw(step), *(draw(cell) for _ in range(draw(st.just(len(names)) | st.integers(0, 8))))]
        for k in range(n)
    ]
    text = draw(st.sampled_from(WRITERS))(rows, names)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + "".join(draw(st.lists(st.sampled_from(SCRAPS), max_size=5))) + text[at:]
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-16-be", "gb18030"])), "replace")


@st.composite
def damaged(draw: st.DrawFn, names: Sequence[str], of: dict[str, bytes]) -> bytes:
    """One of the logs, cut, spliced with another, with flipped bytes, wild numbers, scraps or shuffled lines."""
    content = of[draw(st.sampled_from(names))]
    for _ in range(draw(st.integers(1, 3))):
        at, end = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
        match draw(
            st.sampled_from(["cut", "cut out", "splice", "flip", "insert", "shuffle", "repeat", "numbers", "numbers"])
        ):
            case "cut":
                content = content[:end]
            case "cut out":
                content = content[:at] + content[end:]
            case "splice":
                other = of[draw(st.sampled_from(names))]
                content = content[:at] + other[draw(st.integers(0, len(other))) :]
            case "flip":
                content = content[:at] + draw(st.binary(min_size=1, max_size=8)) + content[at + 8 :]
            case "insert":
                content = content[:at] + draw(number | st.sampled_from(SCRAPS)).encode() + content[at:]
            case "shuffle":
                lines = content.splitlines(keepends=True)[:2000]
                draw(st.randoms(use_true_random=False)).shuffle(lines)
                content = b"".join(lines)
            case "numbers":
                content = _with_wild_numbers(content, draw(st.randoms(use_true_random=False)))
            case "repeat":
                content = content[:end] + content[at:]
    return content


def _with_wild_numbers(content: bytes, random: Random) -> bytes:
    """One number in so many replaced: the format stays what it was."""
    share, some = random.choice([0.001, 0.02, 0.5]), random.choices(NUMBERS, k=3)
    return re.sub(
        rb"(?<![\w.])-?\d+(\.\d+)?(e[-+]\d+)?(?![\w.])",
        lambda match: random.choice(some).encode() if random.random() < share else match[0],
        content,
    )


@st.composite
def packed(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> bytes:
    """The content, now and then gzipped and cut."""
    content = draw(contents)
    if draw(st.integers(0, 9)):
        return content
    zipped = gzip.compress(content, mtime=0)
    return zipped[: draw(st.just(len(zipped)) | st.integers(0, len(zipped)))]
