"""Hostile texts and values, for `python -m benchmarks.fuzz`: logs of several formats, and what is done to a file that
crashes, editors and enemies do."""

from __future__ import annotations

import json
import random
from typing import Any

NUMBERS = (
    "0",
    "-1",
    "1e308",
    "1.7976931348623157e308",
    "-1e308",
    "5e-324",
    "1e150",
    "1e400",
    "nan",
    "inf",
    "-Infinity",
    "9" * 400,
    "1_0",
    "0x1",
    "٣",
    "true",
    "",
    " ",
    "1,5",
    "--",
    "1e",
    "2147483648",
    "9223372036854775808",
)
NAMES = (
    "",
    "loss",
    "::add-mask::x",
    "##[error]x",
    "\x1b[31m",
    "\u202e",
    "\u200b",
    "<script>",
    "]]>",
    "a" * 5000,
    "\0",
    "|`*_[x](y)",
    "\ud7ff",
    "\u2028",
    "step",
    "nan",
    "%0A",
    "'\"",
    "{x}",
    "../../x",
)
WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    "9" * 400,
    "",
    "x",
    [],
    {},
    [[]],
    {"": 1},
    float("nan"),
    2**63,
    -(2**70),
    "::error::x",
)


def losses(chance: random.Random) -> list[float]:
    n, decay = chance.choice((1, 3, 60, 300)), chance.choice((0.9, 0.99, 1.0))
    values = [2.5 * decay**step + 0.01 * chance.random() for step in range(n)]
    for _ in range(chance.choice((0, 0, 1, 5))):
        values[chance.randrange(n)] = float(chance.choice(("1e308", "1e150", "nan", "inf", "-1e308", "0", "5e-324")))
    return values


def csv_log(chance: random.Random) -> str:
    names = ["step", "loss", *chance.choice(((), ("grad_norm",), ("lr", "val_loss")))]
    rows = [[str(step), repr(loss), *(["1.5"] * (len(names) - 2))] for step, loss in enumerate(losses(chance))]
    mark = chance.choice((",", ",", "\t", ";"))
    return "\n".join(mark.join(row) for row in [names, *rows]) + "\n"


def json_log(chance: random.Random) -> str:
    extra: dict[str, Any] = {
        chance.choice(NAMES).encode("utf-8", "replace").decode(): chance.choice(("a", 1, None, []))
    }
    return "".join(json.dumps({"step": i, "loss": loss, **extra}) + "\n" for i, loss in enumerate(losses(chance)))


def trainer_log(chance: random.Random) -> str:
    rows = [{"step": i, "loss": loss, "learning_rate": 0.1, "epoch": i / 10} for i, loss in enumerate(losses(chance))]
    return json.dumps({"log_history": rows, "global_step": len(rows), "max_steps": len(rows)})


def printed_log(chance: random.Random) -> str:
    line = chance.choice(
        (
            "iter {i}: loss {x:.4f}, time 10.00ms, mfu 1.00%",
            "step: {i}  loss: {x:.5f}  grad_norm: 1.0",
            " iteration {i}/ 300 | lm loss: {x:.6E} | grad norm: 1.000 |",
            "{{'loss': {x}, 'epoch': {i}}}",
            "epoch {i} loss={x}",
        )
    )
    return "\n".join(line.format(i=i, x=x) for i, x in enumerate(losses(chance))) + "\n"


def mutated(text: bytes, chance: random.Random) -> bytes:
    """The text with a few things done to it that crashes, editors and enemies do."""
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        at, to = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        piece = chance.choice((*NUMBERS, *NAMES)).encode("utf-8", "replace")
        text = chance.choice(
            (
                lambda t, a, b, p: t[:a] + p + t[a:],
                lambda t, a, b, p: t[:a],
                lambda t, a, b, p: t[:a] + t[b:],
                lambda t, a, b, p: t[:a] + t[a:b][:2000] + t[a:],
                lambda t, a, b, p: t[:a] + p + t[a + len(p) :],
                lambda t, a, b, p: t.replace(b",", p or b";"),
                lambda t, a, b, p: t[:a] + bytes([chance.randrange(256)]) + t[a + 1 :],
            )
        )(text, at, to, piece)
    return text


def edited(value: Any, chance: random.Random) -> Any:
    """Plain values with one of them another one."""
    if isinstance(value, (dict, list)) and value and chance.random() < 0.85:
        key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        changed = dict(value) if isinstance(value, dict) else list(value)
        if isinstance(changed, dict) and chance.random() < 0.1:
            del changed[key]
        else:
            changed[key] = edited(value[key], chance)
        return changed
    return chance.choice(WRONG)


def deep(chance: random.Random) -> str:
    return chance.choice(("[", '{"a":')) * chance.choice((100, 100_000))


def document(chance: random.Random, whole: Any) -> bytes:
    """The JSON of a document with something wrong in it."""
    if chance.random() < 0.05:
        return deep(chance).encode()
    text = json.dumps(edited(whole, chance)).replace('"' + "9" * 400 + '"', "9" * 400).encode()
    return mutated(text, chance) if chance.random() < 0.3 else text
