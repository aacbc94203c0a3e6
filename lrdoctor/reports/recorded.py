"""What reports say of a script that was run and recorded."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from lrdoctor.core.run import FRAMEWORKS


def headline(recorded: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Label and words of each line."""
    yield "script", f"{shlex.join(recorded['command'])}: {ending(recorded)}"
    if recorded.get("framework"):
        yield "trained by", ", ".join(_training(recorded))
    yield "recorded in", str(recorded["folder"])
    if checked := recorded.get("checked"):
        yield "also checked", f"{', '.join(checked)}: a log that your script writes holds too little for these"
    for note in recorded.get("notes", ()):
        yield "note", str(note)


def ending(recorded: Mapping[str, Any]) -> str:
    """`exit code 1, OverflowError: math range error`."""
    end = f"killed by {recorded['signal']}" if recorded.get("signal") else f"exit code {recorded['exit_code']}"
    return f"{end}, {recorded['exception']}" if recorded.get("exception") and recorded["exit_code"] else end


def _training(recorded: Mapping[str, Any]) -> Iterator[str]:
    yield FRAMEWORKS.get(recorded["framework"], recorded["framework"])
    if (n := recorded.get("backwards_per_update") or 1) > 1:
        yield f"{n} backward passes an update"
    if (n := recorded.get("world_size") or 1) > 1:
        yield f"{n} processes, of which the first was recorded"
    norms = [f"{of['max_norm']:g}" for of in recorded.get("clipping", ()) if "max_norm" in of]
    if norms:
        yield f"clips gradients at {', '.join(dict.fromkeys(norms))}"
