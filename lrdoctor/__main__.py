"""`lrdoctor` and `python -m lrdoctor`: the command line, or why it cannot start.

A package that is missing or too old stops Python with exit code 1, which a CI job reads as "unstable". So nothing but
the standard library is imported here, and whatever goes wrong before a command has begun is exit code 3.
"""

from __future__ import annotations

import sys
from typing import NoReturn

CANNOT_START = 3


def main() -> NoReturn:
    """The console script."""
    try:
        from lrdoctor.cli import main as begin
    except Exception as error:
        print(
            f"lrdoctor: cannot start: {type(error).__name__}: {error}\n"
            "A package that lrdoctor needs is missing, too old or damaged; try `pip install --upgrade lrdoctor`.",
            file=sys.stderr,
        )
        raise SystemExit(CANNOT_START) from error
    begin()


if __name__ == "__main__":
    main()
