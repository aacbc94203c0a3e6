"""`python -m tools.lowest`: the dependencies of pyproject.toml, each pinned to the lowest version that it allows."""

from __future__ import annotations

import tomllib
from pathlib import Path


def lowest(pyproject: str) -> list[str]:
    """The pins.

    >>> lowest('[project]\\ndependencies = ["typer>=0.16", "numpy>=1.26"]')
    ['typer==0.16', 'numpy==1.26']

    Raises:
        ValueError: a dependency has no lowest version.
    """
    names = tomllib.loads(pyproject)["project"]["dependencies"]
    if bad := [name for name in names if name.count(">=") != 1]:
        raise ValueError(f"pyproject.toml: {bad[0]}: expected a lowest version, such as typer>=0.16")
    return [name.replace(">=", "==") for name in names]


if __name__ == "__main__":
    print(*lowest(Path("pyproject.toml").read_text("utf-8")), sep="\n")
