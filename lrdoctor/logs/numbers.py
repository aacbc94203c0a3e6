"""The numbers of text logs, in every spelling that trainers write.

Missing is not non-finite: an empty cell, `None` or `N/A` says that nothing was logged; `nan` says that it was.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import inf, nan

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Values
from lrdoctor.logs._names import factorized
from lrdoctor.logs.base import Marks

MISSING = frozenset({"", "none", "null", "na", "n/a", "#n/a", "#na", "<na>", "-", "--", "nil", "missing", "undefined"})
"""What stands where nothing was logged, in lower case."""

NAN = frozenset(
    {"nan", "+nan", "-nan", "nan(ind)", "-nan(ind)", "nan(snan)", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"}
)
INFINITE = {"inf": inf, "infinity": inf, "1.#inf": inf, "∞": inf, "1.#inf00": inf}

MOST_READ, SAMPLED = 2000, 20
"""Of more different spellings than this, every twentieth is tried first: a column of dates is not read one by one."""

SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}

_WRAPPED = re.compile(
    r"^(?:<?tf\.)?(?:tensor|array|Array|DeviceArray|np\.\w+|numpy\.\w+|jnp\.\w+|float\d*|Tensor)\(\s*\[*\s*"
    r"([^,\]\[()]+?(?:\(ind\))?)\s*\]*\s*(?:,.*)?\)>?$"
)
"""`tensor(3.13, device='cuda:0')`, `array([3.13])`, `np.float64(3.13)`: printed values that were never unpacked."""

_THOUSANDS = re.compile(r"^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:e[+-]?\d+)?$")
_DECIMAL_COMMA = re.compile(r"^[+-]?\d*,\d+(?:e[+-]?\d+)?$")
_POINT_THOUSANDS = re.compile(r"^[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?$")
_PLAIN = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[ed][+-]?\d+)?$")

NUMBER = r"[+-]?(?:nan|inf(?:inity)?|(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)"
"""Pattern of a number inside a line of text; compile it with `re.IGNORECASE`, as `NAN` and `INF` are common."""


def number(text: str, *, suffixes: bool = False, decimal: str = ".") -> float | None:
    """The number that a cell or a match holds, None when it holds none.

    Args:
        text: as written: `1,234.5`, `0.82%`, `tensor(3.13, device='cuda:0')`, `-Inf`, `1.#QNAN`, `3,5`, ...
        suffixes: whether K, M, B and T multiply, as formats for people's eyes have it.
        decimal: the decimal mark. With `.` a comma still counts as one where it cannot separate thousands.
    """
    if decimal == "." and "_" not in text and text.isascii():
        try:
            return float(text)
        except ValueError:
            pass  # one of the spellings below
    text = text.strip().strip("\"'").replace("\u2212", "-").replace("\u00a0", "").strip()
    if (wrapped := _WRAPPED.match(text)) is not None:
        text = wrapped.group(1)
    lower = text.lower().removesuffix("%").rstrip()
    if lower in NAN:
        return nan
    if (size := INFINITE.get(lower.lstrip("+-"))) is not None:
        return -size if lower.startswith("-") else size
    scale = SUFFIXES.get(lower[-1:], 1.0) if suffixes else 1.0
    digits = _plain(lower[:-1] if suffixes and lower[-1:] in SUFFIXES else lower, decimal)
    return None if digits is None else float(digits) * scale


def _plain(text: str, decimal: str) -> str | None:
    """The digits as Python reads them, None when it is no number."""
    if decimal == "," and _POINT_THOUSANDS.match(text):
        text = text.replace(".", "").replace(",", ".")
    elif decimal == ".":
        if _THOUSANDS.match(text):
            text = text.replace(",", "")
        elif _DECIMAL_COMMA.match(text):
            text = text.replace(",", ".")
    else:
        text = text.replace(",", ".")
    return text.replace("d", "e") if text.isascii() and _PLAIN.match(text) else None


def is_missing(text: str) -> bool:
    """Whether a cell says that nothing was logged."""
    return text.strip().strip("\"'").lower() in MISSING


@dataclass(frozen=True)
class Numbers:
    """Cells read as numbers, all arrays of one length."""

    value: Values
    """float64[n]; nan where nothing was logged or the cell holds no number."""
    logged: Marks
    """bool[n]; whether the cell holds a number, nan and inf among them."""
    unreadable: Marks
    """bool[n]; whether the cell holds something else."""


def numbers(cells: npt.NDArray[np.object_], *, suffixes: bool = False, decimal: str = ".") -> Numbers:
    """The numbers of many cells; every distinct spelling is read once.

    Args:
        cells: object[n] of text; anything that is no text (None, nan) counts as an empty cell.
    """
    import pandas as pd

    codes, distinct = factorized(cells)
    value = np.full(len(distinct) + 1, nan)  # one more for the code -1, which stands for cells that are no text
    state = np.zeros(len(distinct) + 1, dtype=np.int8)
    if decimal == "." and not suffixes:
        plain = pd.Series(distinct, dtype=object).astype(str).str.rstrip("%")
        value[:-1] = pd.to_numeric(plain, errors="coerce")
        state[~np.isnan(value)] = _LOGGED
        if not pandas_rounds():
            for at in np.flatnonzero(state).tolist():
                with suppress(ValueError):
                    value[at] = float(plain.iloc[at])
    rest = np.flatnonzero(state[:-1] == _EMPTY)
    if len(rest) > MOST_READ and all(
        _read(distinct[at], suffixes, decimal)[1] == _UNREADABLE for at in rest[::SAMPLED].tolist()
    ):
        state[rest], rest = _UNREADABLE, rest[:0]
    for at in rest.tolist():
        value[at], state[at] = _read(distinct[at], suffixes, decimal)
    return Numbers(value[codes], state[codes] == _LOGGED, state[codes] == _UNREADABLE)


@cache
def pandas_rounds() -> bool:
    """Whether the installed pandas makes of digits the nearest number there is, as Python does.

    Before 3 it takes, unless asked, one beside it for a fifth of all numbers of 16 digits.
    """
    import pandas as pd

    return all(pd.to_numeric(text) == float(text) for text in HARD_TO_ROUND)


HARD_TO_ROUND = ("3.7662250355442104e+16", "0.25891675029296335", "19.106709150239055", "96.75402502901433")

_EMPTY, _LOGGED, _UNREADABLE = 0, 1, 2


def _read(cell: object, suffixes: bool, decimal: str) -> tuple[float, int]:
    if not isinstance(cell, str) or is_missing(cell):
        return nan, _EMPTY
    value = number(cell, suffixes=suffixes, decimal=decimal)
    return (nan, _UNREADABLE) if value is None else (value, _LOGGED)
