"""`lrdoctor diagnose PATH...` with its plainest options, without typer, whose import takes as long as the judgement.

Anything else, from a misspelled option to shell completion, is left to typer, whose help and errors are the only ones.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from lrdoctor.cli import threads
from lrdoctor.cli.exit_codes import FailOn, begin, coded, conclude

COMMAND = "diagnose"
FLAGS = {"--json": "json", "-q": "quiet", "--quiet": "quiet", "-v": "verbose", "--verbose": "verbose"}
FAIL_ON = "--fail-on"
COMPLETION = "_LRDOCTOR_COMPLETE"
"""Set where a shell asks what could come next."""


@dataclass(frozen=True)
class Diagnose:
    """What was typed; called, it judges the logs and ends the process."""

    paths: tuple[str, ...]
    flags: frozenset[str] = frozenset()
    """json, quiet, verbose."""
    fail_on: FailOn = FailOn.UNSTABLE

    def __call__(self) -> NoReturn:
        begin()
        raise SystemExit(coded(diagnose)(self))


def understood(words: Sequence[str]) -> Diagnose | None:
    """What the words after `lrdoctor` ask for; None where it is for typer to say.

    >>> understood(["diagnose", "a.csv", "-q"])
    Diagnose(paths=('a.csv',), flags=frozenset({'quiet'}), fail_on=<FailOn.UNSTABLE: 'unstable'>)
    >>> understood(["diagnose", "a.csv", "--html", "a.html"]), understood(["diagnose"]), understood(["sweep", "a.yaml"])
    (None, None, None)
    """
    # on Windows typer replaces patterns such as *.csv by the files
    if not words or words[0] != COMMAND or COMPLETION in os.environ or os.name == "nt":
        return None
    paths, flags, fail_on = list[str](), set[str](), FailOn.UNSTABLE
    rest = iter(words[1:])
    for word in rest:
        if word in FLAGS:
            flags.add(FLAGS[word])
        elif word == FAIL_ON:
            value = next(rest, None)
            if value not in list(FailOn):
                return None
            fail_on = FailOn(value)
        elif word == "-" or not word.startswith("-"):
            paths.append(word)
        else:
            return None
    return Diagnose(tuple(paths), frozenset(flags), fail_on) if paths else None


def diagnose(asked: Diagnose) -> int:
    """Judges the logs, prints the report; the exit code."""
    threads.one_for_numpy()
    from lrdoctor import api

    report = api.diagnose(asked.paths)
    json, quiet, verbose = (name in asked.flags for name in ("json", "quiet", "verbose"))
    return conclude(report, asked.fail_on, as_json=json, quiet=quiet, verbose=verbose)
