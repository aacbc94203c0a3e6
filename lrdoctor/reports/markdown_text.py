"""Words, tables and code as Markdown that GitHub and GitLab show alike, whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lrdoctor.reports.numbers import printable
from lrdoctor.reports.table import Mark, Row, Table
from lrdoctor.reports.untrusted import one_line

LONGEST_NAME, LONGEST_SENTENCE = 80, 700
SPECIAL = re.compile(r"[&<>\"'`*_{}\[\]\\|#~^$!]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
"""What Markdown, HTML or the autolinks, emoji and formulas of GitHub and GitLab would take for their own."""
MENTION = "<code>@</code>"
"""An at sign as it is would notify whoever has the name after it; an entity would too."""


def words(text: str, longest: int = LONGEST_SENTENCE) -> str:
    """A sentence on one line that shows as it is.

    >>> words("a|b <i> @all *x*")
    'a&#124;b &#60;i&#62; <code>@</code>all &#42;x&#42;'
    """
    escaped = SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line(text, longest))
    return escaped.replace("@", MENTION)


def name(text: str) -> str:
    """A name on one line, as code: within it nothing is a mention, an issue or a link.

    >>> name("run|1 @all")
    '<code>run&#124;1 &#64;all</code>'
    """
    escaped = SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line(text, LONGEST_NAME))
    return f"<code>{escaped.replace('@', '&#64;')}</code>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of words that are escaped already; empty without a row."""
    lines = [f"| {' | '.join(cell or ' ' for cell in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *lines]) if lines else ""


SIGNS: dict[Mark, str] = {
    "": "{}",
    "best": "**{}** (lr\\*)",
    "infeasible": "{} ✗",
    "unstable": "{} !",
    "not judged": "{} ?",
}
"""How the first cell of a row is set apart."""


def drawn(of: Table) -> str:
    """A table without its caption, its words escaped; lr* is bold, and so said in the row's first cell."""
    header = [f"{words(column.header)}" for column in of.columns]
    if not of.rows:
        return ""
    aligned = "|".join("---" if column.is_text else "---:" for column in of.columns)
    rows = table(header, ([_marked(words(row.cells[0]), row), *map(words, row.cells[1:])] for row in of.rows))
    noted = f"\n\n{words(of.note)}" if of.note else ""
    return rows.replace(f"|{'---|' * len(header)}", f"|{aligned}|", 1).rstrip("\n") + noted


def _marked(cell: str, row: Row) -> str:
    return SIGNS[row.mark].format(cell)


def code(text: str, language: str = "") -> str:
    """A block of code, its fence longer than any run of backticks within; other control characters are spelled out."""
    shown = "\n".join(printable(line) for line in text.split("\n"))
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def details(title: str, inner: str) -> str:
    """A part that is shown on a click; nothing for nothing. The title is escaped already."""
    return f"<details><summary>{title}</summary>\n\n{inner}\n\n</details>" if inner else ""
