"""What all tests share."""

from __future__ import annotations

import os
from functools import cache

import typer.main
from hypothesis import settings

# no test depends on the clock; in CI the same examples are drawn in every run, elsewhere new ones
settings.register_profile("lrdoctor", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lrdoctor")

# all commands are built anew whenever one is called, which takes twice as long as the diagnosis of a small log
typer.main.get_command = cache(typer.main.get_command)


def pytest_report_header() -> str:
    """Which lrdoctor is tested: the wheel that `make test` installed, or the working tree."""
    import lrdoctor

    return f"lrdoctor: {os.path.dirname(lrdoctor.__file__)}"
