"""What all tests share."""

from __future__ import annotations

import atexit
import gc
import os
from functools import cache

import typer.main
from hypothesis import settings

# before NumPy is imported: threads of several test processes only wait for one another, four times as long as one works
os.environ.setdefault("OMP_NUM_THREADS", "1")

# no test depends on the clock; in CI the same examples are drawn in every run, elsewhere new ones
settings.register_profile("lrdoctor", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lrdoctor")

# modules and tests are some million objects that stay to the end; looking through them for cycles again and again took
# a sixth of the time until the first test
gc.set_threshold(50_000)
atexit.register(gc.freeze)

# no test can see what a power cut would lose, and the disk takes milliseconds for each of some hundred thousand calls.
# That they are made, and for an open file, still counts (`kills`); processes of their own wait for the disk
os.fsync = os.fstat  # type: ignore[assignment]

# all commands are built anew whenever one is called, which takes twice as long as the diagnosis of a small log
typer.main.get_command = cache(typer.main.get_command)


def pytest_collection_finish() -> None:
    """The tests that were found stay as they are: nobody looks for cycles in them."""
    gc.freeze()


def pytest_report_header() -> str:
    """Which lrdoctor is tested: the wheel that `make test` installed, or the working tree."""
    import lrdoctor

    return f"lrdoctor: {os.path.dirname(lrdoctor.__file__)}"
