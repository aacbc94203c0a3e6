"""Words of logs and specs, made safe for files that other programs read: they may hold anything."""

from __future__ import annotations

import os
import re

from lrdoctor.reports.numbers import printable

LONGEST = 300
"""Characters of a sentence; names in it may be of any length."""
OLD_COMMAND = "##["
"""What GitHub's runner still takes for the beginning of a command, wherever it stands in a line."""
NO_XML = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""What XML 1.0 has no way to write. Compiled where it is used: that takes milliseconds."""


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


def in_github() -> bool:
    """Whether this is a step of a GitHub job, which reads commands to it in what is printed."""
    return bool(os.environ.get("GITHUB_ACTIONS"))


def no_command(line: str) -> str:
    """The line as one that a GitHub job takes for no command to it, which begins with `::` or has `##[` anywhere.

    >>> no_command("  ::add-mask::x"), no_command("loss: 2::3"), no_command("a ##[error]b")
    ('|   ::add-mask::x', 'loss: 2::3', 'a # #[error]b')
    """
    shown = line.replace(OLD_COMMAND, "# #[")
    return f"| {shown}" if shown.lstrip().startswith("::") else shown


def for_job(document: str) -> str:
    """A JSON document that means the same, with no command to a GitHub job in it: a string begins with a quote, so that
    only the old form of a command, which stands anywhere in a line, has to be spelled otherwise."""
    return document.replace(OLD_COMMAND, "#\\u0023[") if in_github() else document


def for_xml(text: str) -> str:
    r"""The text without what no XML parser reads.

    >>> for_xml("a\x00b\ufffe")
    'ab'
    """
    return re.sub(NO_XML, "", text)
