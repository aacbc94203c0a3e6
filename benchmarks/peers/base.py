"""How another tool becomes a judge: its findings, sorted into instabilities and everything else.

Every tool gets the curves as lrdoctor's readers read them, in memory, through the functions that its command line
calls on the table it has read. So a file that a tool cannot read costs it nothing here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from benchmarks.judged import Judge, Judged
from lrdoctor.core.curve import Steps
from lrdoctor.core.run import CURVES, Run

Column = list[float | None]
"""One value a row; None where nothing was logged."""


class Said(NamedTuple):
    """One finding of a tool."""

    id: str
    level: str
    """Its severity, in the tool's own word."""
    step: int | None
    text: str


class CannotJudge(Exception):
    """The tool itself says that it could not judge the run."""


@dataclass(frozen=True)
class Peer:
    """A tool, and what its findings mean."""

    package: str
    """On the package index, and to import."""
    lint: Callable[[Run], Iterable[Said]]
    """Calls the tool at its defaults."""
    instability: Mapping[str, str]
    """Id of a finding that counts -> why."""
    other: Mapping[str, str]
    """Id of a finding that does not count -> what it is about."""
    judges: Mapping[str, Collection[str]]
    """Name of a judge -> the levels that fail the run; the first is what the tool documents."""

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None


def judges_of(peer: Peer) -> dict[str, Judge]:
    """A judge for each choice of levels."""
    return {name: partial(judge, peer, levels) for name, levels in peer.judges.items()}


def judge(peer: Peer, levels: Collection[str], run: Run) -> Judged:
    """Unstable when the tool reports an instability at one of the levels, inconclusive when it cannot run."""
    if not len(run.train_loss):
        return Judged("inconclusive", None, ("no training loss",))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tool's own arithmetic on nan and inf
            found = list(peer.lint(run))
    except Exception as error:  # a crash of somebody else's code on an odd curve is an answer, too
        return Judged("inconclusive", None, (f"{peer.package}: {type(error).__name__}: {error}",))
    return verdict_of(peer, levels, found)


def verdict_of(peer: Peer, levels: Collection[str], found: Sequence[Said]) -> Judged:
    """The verdict that the findings amount to.

    Raises:
        LookupError: a finding is of a kind that nobody has sorted yet.
    """
    for said in found:
        if said.id not in peer.instability and said.id not in peer.other:
            raise LookupError(
                f"{peer.package} reports {said.id!r} ({said.text}), which is neither in its table of instabilities "
                f"nor among what does not count: sort it in benchmarks/peers/{peer.package}.py"
            )
    failing = [said for said in found if said.id in peer.instability and said.level in levels]
    if not failing:
        return Judged("stable", None, _texts(found))
    return Judged("unstable", min((s.step for s in failing if s.step is not None), default=None), _texts(failing))


def _texts(found: Iterable[Said]) -> tuple[str, ...]:
    return tuple(f"{said.id} ({said.level}): {said.text}" for said in found)


def table(run: Run) -> tuple[Steps, dict[str, Column]]:
    """The run as a log would hold it: the steps at which anything was logged, and the measured curves there."""
    measured = {name: run.curve(name) for name in CURVES if len(run.curve(name))}
    steps = np.unique(np.concatenate([curve.step for curve in measured.values()]))
    columns: dict[str, Column] = {}
    for name, curve in measured.items():
        column: Column = [None] * steps.size
        for row, value in zip(np.searchsorted(steps, curve.step).tolist(), curve.value.tolist(), strict=True):
            column[row] = value
        columns[name] = column
    return steps, columns


def step_in(text: str, pattern: str) -> int | None:
    """The step that a message names, for tools that say it nowhere else."""
    match = re.search(pattern, text)
    return int(float(match[1])) if match else None
