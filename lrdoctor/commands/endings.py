"""How a run of a command ended, told from its exit code and its curves."""

from __future__ import annotations

import math
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.core.run import Status
from lrdoctor.launch import OF_SIGNAL
from lrdoctor.recording.settings import DIVERGED, STOPPED

BY_ITSELF = (signal.SIGABRT, signal.SIGFPE, signal.SIGSEGV)
"""Signals that a process may owe to its own numbers, as a failed assertion on a GPU does; the others came from
outside."""

TIMED_OUT = 124
"""Exit code of `timeout` of GNU coreutils, which had ended the command."""


def died_by_itself(code: int, ended: str | None) -> bool:
    """Whether a command that failed did so of its own accord, and was not ended by a system or by somebody.

    Args:
        code: exit code, not 0; the negative number of the signal that ended it.
        ended: what the recording says of the end; None where the process had no time to say anything.
    """
    if code < 0:
        return -code in BY_ITSELF
    # a shell or a scheduler between hands on how the process ended in a number of its own
    is_wrapped = code == TIMED_OUT or OF_SIGNAL < code < OF_SIGNAL + signal.NSIG
    return ended is not None or not is_wrapped or code - OF_SIGNAL in BY_ITSELF


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run of a command that is over."""

    code: int
    """Exit code; the negative number of the signal that ended it."""
    losses: Sequence[float]
    norms: Sequence[float | None]
    """Of the recorded updates, from the first on."""
    wanted: int
    """Updates asked for."""
    ended: str | None = None
    """What the recording says of the end: `non_finite` or `max_updates` where it ended the training itself."""
    blow_up: str | None = None
    """What shows that the training had diverged before the command failed, in words: by its curves, its exception or
    what it printed."""
    decided: str | None = None
    """Why it was ended before its time, as hopeless."""
    seconds: float | None = None
    """The time after which it was ended; None where it was not for its time."""
    words: str = ""
    """The last that it printed."""


def judged(run: Outcome) -> tuple[Status, str | None]:
    """The status of the trial, and the reason where it did not complete.

    Evidence of a divergence comes first: an exception, an assertion or a time-out after it follows from it.
    """
    if bad := _non_finite(run):
        return "diverged", bad
    if run.decided is not None:
        return "truncated", run.decided
    how = _how(run)
    if how is None:
        return "completed", None
    if run.losses and run.blow_up and (died_by_itself(run.code, run.ended) or run.seconds is not None):
        return "diverged", f"{run.blow_up}; then the command {how}"
    return "failed", f"the command {how}"


def _non_finite(run: Outcome) -> str | None:
    """In words, that the training ended at a loss or a norm that is not finite."""
    if not run.losses:
        return None
    step, loss, norm = len(run.losses) - 1, run.losses[-1], run.norms[-1]
    if not math.isfinite(loss):
        return f"the loss is {loss} at step {step}"
    # after a norm alone that is not finite, as in an update that a loss scaler skips, a training may well go on
    if norm is not None and not math.isfinite(norm) and (run.ended == "non_finite" or _how(run) is not None):
        return f"the gradient norm is {norm} at step {step}"
    return None


def _how(run: Outcome) -> str | None:
    """What went wrong with the command, None where nothing did."""
    tail = f": {run.words}" if run.words else ""
    if run.seconds is not None:
        return f"timed out after {run.seconds:g} s, at update {len(run.losses)} of {run.wanted}"
    if run.code == DIVERGED or run.ended == "non_finite":
        return f"ended at a value that is not finite{tail}"
    # a launcher has an exit code of its own for ranks that the recording ended
    if run.code in (0, STOPPED) or run.ended == "max_updates":
        return None if run.losses else "ended without an update of an optimizer that can be recorded"
    if run.code < 0:
        name = signal.Signals(-run.code).name if -run.code in set(signal.Signals) else f"signal {-run.code}"
        why = " (the system does so to what takes more memory than there is)" if -run.code == signal.SIGKILL else ""
        return f"was killed by {name}{why}{tail}"
    return f"ended with exit code {run.code}{tail}"
