"""The command line: every command is in `commands`, the plainest `diagnose` in `quick`, which needs no typer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.cli.commands import app, main

__all__ = ["app", "main"]


if not TYPE_CHECKING:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from lrdoctor.cli import commands

        return getattr(commands, name)
