"""Words that came from a spec or a log, made safe to print on a console.

Everything is printed as `rich.text.Text`, never as a string: rich reads `[red]` in a string as markup.
"""

from __future__ import annotations

from typing import TextIO, cast

from rich.console import Console
from rich.text import Text

from lrdoctor.reports.numbers import printable
from lrdoctor.reports.terminal.streams import discard

LR_STAR = ("\u2605", "*")
INFEASIBLE = ("\u2717", "x")
"""A sign and what stands for it on a console that is not Unicode."""


class Screen(Console):
    """A console whose reader may go away (`| head`): the rest is not shown, and the command goes on.

    rich would end the process with exit code 1, which reads as "unstable".
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True
        discard(cast(TextIO, self.file))


def safe(console: Console, text: str, style: str = "") -> Text:
    """The text on one line, with what the console cannot show spelled out."""
    shown = printable(text).encode(console.encoding, "backslashreplace").decode(console.encoding)
    return Text(shown, style=style, overflow="fold")


def sign(console: Console, of: tuple[str, str]) -> str:
    return of[1] if console.options.ascii_only else of[0]
