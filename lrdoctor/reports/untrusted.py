"""Words of logs and specs, made safe for files that other programs read: they may hold anything."""

from __future__ import annotations

import re

from lrdoctor.reports.numbers import printable

LONGEST = 300
"""Characters of a sentence; names in it may be of any length."""
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write."""


def one_line(text: str, longest: int = LONGEST) -> str:
    r"""The text on one line, what steers a terminal spelled out, the middle of a long one left out.

    >>> one_line("a\nb"), one_line("0123456789", 5)
    ('a\\nb', '01…89')
    """
    shown = printable(text)
    if len(shown) <= longest:
        return shown
    head = longest // 2
    return f"{shown[:head]}…{shown[len(shown) - (longest - head - 1) :]}"


def for_xml(text: str) -> str:
    r"""The text without what no XML parser reads.

    >>> for_xml("a\x00b\ufffe")
    'ab'
    """
    return NO_XML.sub("", text)
