"""`lrdoctor` and `python -m lrdoctor`: the command line, or why it cannot start.

A package that is missing or too old stops Python with exit code 1, which a CI job reads as "unstable". So nothing but
the standard library is imported here, and whatever goes wrong before a command has begun is exit code 3.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import NoReturn

CANNOT_START = 3

RARELY = 50_000
"""Objects made between two searches for cycles, where Python searches every 700: importing makes some hundred thousand
that all stay, and looking through them again and again takes a sixth of the time of a small log."""


def main() -> NoReturn:
    """The console script."""
    gc.set_threshold(RARELY)
    try:
        from lrdoctor.cli import quick

        asked = quick.understood(sys.argv[1:])
        begin = any_command() if asked is None else asked
    except Exception as error:
        print(
            f"lrdoctor: cannot start: {type(error).__name__}: {error}\n"
            "A package that lrdoctor needs is missing, too old or damaged; try `pip install --upgrade lrdoctor`.",
            file=sys.stderr,
        )
        raise SystemExit(CANNOT_START) from error
    try:
        begin()
    finally:
        # Python looks for cycles twice more at its end, for nothing: a tenth of the time of most commands
        gc.freeze()
    raise AssertionError("a command exits by itself")


def any_command() -> Callable[[], NoReturn]:
    """What reads the command line where it needs typer."""
    from lrdoctor.cli import main

    return main


if __name__ == "__main__":
    main()
