"""`lrdoctor mcp`: the commands as tools for assistants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[Path, typer.Option("--root", metavar="DIR", help="Folder that the tools may look at, nothing else.")]
AllowRun = Annotated[bool, typer.Option("--allow-run", help="Let the tools train, and write study folders.")]


def mcp(root: Root = Path(), allow_run: AllowRun = False) -> int:
    """Serve diagnose, plan, sweep, prescription and rules to an assistant, by the Model Context Protocol over stdio.

    Nothing is trained and nothing written without --allow-run. Needs `pip install 'lrdoctor[mcp]'`.
    """
    from lrdoctor.serving import serve

    serve(root, allow_run)
    return 0
