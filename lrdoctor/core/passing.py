"""Where a worker puts files that pass: in a folder that is deleted though its parent be killed.

A process that is killed deletes nothing, and its workers then end at once, as no task may outlive it. What they had
among the temporary files of the system would be left there.
"""

from __future__ import annotations

import tempfile

PREFIX = "lrdoctor-"

_where: list[str] = []
"""The folder of this process's parent, where there is one that its workers delete."""


def belong_to(folder: str) -> None:
    """From now on files that pass lie in the folder; in the system's temporary one where it is empty."""
    _where[:] = [folder] if folder else []


def make() -> str:
    """A new empty folder, to be deleted by who asked for it."""
    return tempfile.mkdtemp(prefix=PREFIX, dir=next(iter(_where), None))


def folder() -> tempfile.TemporaryDirectory[str]:
    """A new empty folder that is deleted at the end of its `with`."""
    return tempfile.TemporaryDirectory(prefix=PREFIX, dir=next(iter(_where), None), ignore_cleanup_errors=True)
