"""JSON as loggers write it: bare NaN and Infinity, cut short, one object after another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

DECODER = json.JSONDecoder(parse_int=float)
"""Integers of any length become floats, which is what a column holds."""

_GAP = re.compile(r"[\s,]*")


def parsed(text: str) -> Any:
    """What the text stands for, None when it is not JSON."""
    try:
        return DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def objects(text: str, start: int = 0) -> Iterator[dict[str, Any]]:
    """The objects that stand in a row from `start` on, up to the first thing that is none, or is cut short."""
    while text.startswith("{", start := _GAP.match(text, start).end()):  # type: ignore[union-attr]  # matches nothing too
        try:
            found, start = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            return
        yield found
