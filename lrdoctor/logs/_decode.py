"""Bytes to text, and text to numbers, for the readers of structured and console logs.

Whole texts rather than the blocks of `logs.text`, since one record of these formats may be the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lrdoctor.core.curve import Values
from lrdoctor.logs.base import Marks, Source
from lrdoctor.logs.text import blocks, bytes_source, raw

MISSING = frozenset({"", "none", "null", "n/a", "na", "-", "--"})
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "%": 1.0}
MSVC_NAMES = {"1.#qnan": np.nan, "1.#ind": np.nan, "nan(ind)": np.nan, "nan(snan)": np.nan, "1.#inf": np.inf}

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_WRAPPED = re.compile(r"(?:tensor|array|np\.float\d\d|DeviceArray)\(\[?\s*([^\s,()\[\]]{1,64})")


def whole_bytes(source: Source) -> bytes:
    """The content of the source, decompressed.

    Raises:
        LogError: the file cannot be read.
    """
    return b"".join(raw(source, {}))


def whole_text(source: Source) -> str:
    """The text of the source: line ends as `\\n`, colour codes removed."""
    return b"".join(blocks(source)).decode("utf-8", "replace")


def decoded(content: bytes) -> str:
    """The bytes of a small file as such text."""
    return whole_text(bytes_source("", content)) if content else ""


def number(token: object) -> float | None:
    """The number that a token stands for, None when it stands for none."""
    if isinstance(token, int | float):
        return float(token)
    text = str(token).strip().strip("'\"").strip()
    try:
        return float(text)
    except ValueError:
        return _odd_number(text)


def _odd_number(text: str) -> float | None:
    if wrapped := _WRAPPED.match(text):
        return number(wrapped[1])
    if (named := MSVC_NAMES.get(text.lower().lstrip("+-"))) is not None:
        return -named if text.startswith("-") else named
    if _THOUSANDS.fullmatch(text):
        return float(text.replace(",", ""))
    if text[-1:] in SUFFIXES and text[:1] in "+-.0123456789":
        scaled = number(text[:-1]) if text[-2:-1] not in SUFFIXES else None
        return None if scaled is None else scaled * SUFFIXES[text[-1]]
    return None


def numbers(tokens: Sequence[object]) -> tuple[Values, Marks, int | None]:
    """Tokens as numbers.

    Returns:
        float64[n]; bool[n], whether the token is a number; and the index of the first token that is neither a number
        nor a word for nothing, None when there is no such token.
    """
    try:
        value = np.array(tokens, dtype=np.float64)
        return value, np.ones(value.size, dtype=bool), None
    except (ValueError, TypeError):
        found = [number(token) for token in tokens]
    marks = np.array([one is not None for one in found], dtype=bool)
    value = np.array([np.nan if one is None else one for one in found], dtype=np.float64)
    wrong = (i for i in np.flatnonzero(~marks).tolist() if str(tokens[i]).strip().lower() not in MISSING)
    return value, marks, next(wrong, None)
