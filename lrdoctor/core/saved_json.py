"""JSON that somebody else may have written or changed: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

LONGEST_NUMBER = 40
"""Characters of a number that an error quotes."""


def loads(text: str | bytes, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """What the text stands for.

    Args:
        text: in UTF-8 where it is bytes.
        parse_constant: what becomes of NaN, Infinity and -Infinity; None for floats.

    Raises:
        ValueError: it is not JSON, is nested too deeply to be read, or holds a number beyond the range of floats.
    """
    try:
        return json.loads(text, parse_constant=parse_constant, parse_int=_whole, parse_float=_real)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _whole(digits: str) -> int:
    _real(digits)  # an integer that no float holds fails wherever it is measured, compared or drawn
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        shown = digits if len(digits) <= LONGEST_NUMBER else f"{digits[:LONGEST_NUMBER]}... ({len(digits)} digits)"
        raise ValueError(f"the number {shown} is beyond the range of floats")
    return value
