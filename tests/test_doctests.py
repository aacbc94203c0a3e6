"""Every example in a docstring of the package gives what it says."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import lrdoctor

ROOT = Path(lrdoctor.__file__).parent
SHOWN = sorted(
    ".".join(("lrdoctor", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)
"""The modules that hold examples."""


@pytest.mark.parametrize("name", SHOWN)
def test_examples(name: str) -> None:
    done = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert (done.failed, done.attempted > 0) == (0, True)


def test_the_examples_are_found() -> None:
    assert len(SHOWN) > 30
    assert "lrdoctor" in SHOWN
