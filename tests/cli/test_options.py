"""Every command with its arguments, options and defaults, so that none is added, renamed or changed by accident.

An intended change is made in `options.txt` as well: what differs is what the failure shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from lrdoctor.cli import app

KNOWN = Path(__file__).with_name("options.txt")


def shown() -> Iterator[str]:
    """A line for every parameter: command, names, what it takes, its default; a command without any has one too."""
    group: Any = get_command(app)
    for name, command in group.commands.items():
        yield name
        for param in command.params:
            names = " ".join(sorted((*param.opts, *param.secondary_opts), key=len))
            takes = "" if getattr(param, "is_flag", False) else f" {param.metavar or 'VALUE'}"
            many = " ..." if getattr(param, "multiple", False) or param.nargs == -1 else ""
            default = getattr(param.default, "value", param.default)
            yield f"{name} {names}{takes}{many}" + ("" if default in (None, False, []) else f" [{default}]")


def test_no_option_changed_by_accident() -> None:
    assert sorted(shown()) == KNOWN.read_text("utf-8").splitlines()
