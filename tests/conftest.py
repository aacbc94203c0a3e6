"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# no test depends on the clock; in CI the same examples are drawn in every run, elsewhere new ones
settings.register_profile("lrdoctor", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lrdoctor")


def pytest_report_header() -> str:
    """Which lrdoctor is tested: the wheel that `make test` installed, or the working tree."""
    import lrdoctor

    return f"lrdoctor: {os.path.dirname(lrdoctor.__file__)}"
