"""Numbers and names as every format writes them."""

from __future__ import annotations

import math
import unicodedata

UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move the cursor, reorder the text, break a line or cannot be encoded: names come
from logs and specs, and none may steer a terminal or break an XML file."""


def number(value: float | None) -> str:
    """The number in the field's way; "-" for None.

    >>> [number(v) for v in (0.0021544, 3.1623e-05, 1234567.0, 1e-05, 10.0)]
    ['0.002154', '3.16e-05', '1.23e+06', '1e-05', '10']
    >>> [number(v) for v in (float("inf"), float("-inf"), float("nan"), None)]
    ['inf', '-inf', 'nan', '-']
    """
    if value is None:
        return "-"
    plain = f"{value:.4g}"
    return f"{value:.3g}" if "e" in plain else plain


def multiple(value: float) -> str:
    """A factor.

    >>> multiple(4.6416), multiple(10.000001), multiple(float("inf"))
    ('4.64x', '10x', 'infx')
    """
    return f"{value:.3g}x"


def spread(low: float, high: float) -> str:
    """The range of a value over the seeds; "-" when there is none.

    >>> spread(0.11, 0.254), spread(0.11, float("inf")), spread(float("nan"), float("nan"))
    ('0.11..0.254', '0.11..inf', '-')
    """
    return "-" if math.isnan(low) or math.isnan(high) else f"{number(low)}..{number(high)}"


def printable(text: str) -> str:
    r"""The text on one line, with what could steer a terminal spelled out.

    >>> print(printable("red \x1b[31m\nnew\tline"))
    red \x1b[31m\nnew\tline
    """
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in UNPRINTABLE else c for c in text
    )


def duration(seconds: float) -> str:
    """A time as people say it, to two digits.

    >>> [duration(s) for s in (0.04, 9.96, 75, 95, 754, 7260, 200000)]
    ['0.04 s', '10 s', '75 s', '1.6 min', '13 min', '2 h', '2.3 d']
    """
    limits = ((90.0, 1.0, "s"), (90 * 60.0, 60.0, "min"), (48 * 3600.0, 3600.0, "h"), (math.inf, 86400.0, "d"))
    _, unit, name = next(limit for limit in limits if seconds < limit[0])
    return f"{float(f'{seconds / unit:.2g}'):g} {name}"
