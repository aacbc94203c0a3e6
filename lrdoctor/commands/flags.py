"""Which flag of a command sets the learning rate, so that a prescription is a line to run and not a change of code."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrdoctor.core.command import flags_with_numbers

NAMES = frozenset({"lr", "learning_rate", "base_lr", "base_learning_rate", "max_lr", "peak_lr"})
"""What scripts call the rate of the optimizer; others, such as `min_lr`, are ends of a schedule."""
LONGEST_SCRIPT = 1_000_000
"""Characters of a script that is looked at: what people write is a thousandth of it."""


def rate_flag(words: Sequence[str], folder: str | Path, rate: float | None) -> str | None:
    """The flag that gives the optimizer its learning rate; None where no flag, or more than one, can be told to do so.

    A flag is told by its name and by its value, which has to be the rate that the optimizer was seen to have: one of
    the command's own words, else an option of the script with that default, by `add_argument` in its source.

    Args:
        words: the command.
        folder: in which it runs.
        rate: the optimizer's own learning rate, before anything scales it.

    >>> rate_flag(["python", "train.py", "--lr", "0.1"], ".", 0.1), rate_flag(["python", "t.py", "--lr=0.2"], ".", 0.1)
    ('--lr', None)
    """
    if rate is None:
        return None
    given = {flag: value for flag, value in flags_with_numbers(words) if is_rate(flag)}
    if given:
        # one that is given and has another value is no default either
        found = {flag for flag, value in given.items() if math.isclose(value, rate, rel_tol=1e-9)}
    else:
        found = {flag for flag, value in _defaults(words, folder) if math.isclose(value, rate, rel_tol=1e-9)}
    return found.pop() if len(found) == 1 else None


def is_rate(flag: str) -> bool:
    """Whether an option is called as a learning rate is.

    >>> [is_rate(flag) for flag in ("--lr", "--model.lr", "--learning-rate", "-lr", "--min_lr", "--lr_decay")]
    [True, True, True, True, False, False]
    """
    return flag.lstrip("-").rsplit(".", 1)[-1].replace("-", "_").lower() in NAMES


def _defaults(words: Sequence[str], folder: str | Path) -> Iterator[tuple[str, float]]:
    """Options of the script that are called as a learning rate, with their defaults."""
    name = next((word for word in words if word.endswith(".py")), None)
    if name is None:
        return
    try:
        source = (Path(folder) / name).read_text(encoding="utf-8")
        tree = ast.parse(source if len(source) <= LONGEST_SCRIPT else "")
    except (OSError, ValueError, SyntaxError):
        # what cannot be read has no flag that is known, and the prescription says it in code
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr != "add_argument":
            continue
        options = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        flag = next((each for each in options if each.startswith("-") and is_rate(each)), None)
        default = next((k.value for k in node.keywords if k.arg == "default"), None)
        if flag is not None and isinstance(default, ast.Constant) and type(default.value) in (int, float):
            yield flag, float(str(default.value))
