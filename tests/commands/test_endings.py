from __future__ import annotations

import math
import signal
from typing import Any

import pytest

from lrdoctor.commands.endings import Outcome, died_by_itself, judged
from lrdoctor.recording.settings import DIVERGED, STOPPED

FINE = [2.3, 1.9, 1.5]
ROSE = "the loss was 30 within the last 20 updates, after 2.3 at the start"


def outcome(code: int, losses: list[float] = FINE, **others: Any) -> Outcome:
    norms: list[float | None] = [1.0] * len(losses)
    return Outcome(**{"code": code, "losses": losses, "norms": norms, "wanted": 3, **others})


@pytest.mark.parametrize(
    ("run", "status", "reason"),
    [
        (outcome(0), "completed", None),
        (outcome(STOPPED), "completed", None),
        (outcome(1, ended="max_updates"), "completed", None),
        (outcome(0, blow_up=ROSE), "completed", None),
        (outcome(DIVERGED, [2.3, math.nan]), "diverged", "the loss is nan at step 1"),
        (outcome(1, [2.3, math.inf], words="boom"), "diverged", "the loss is inf at step 1"),
        (outcome(0, [2.3, math.nan]), "diverged", "the loss is nan at step 1"),
        (outcome(DIVERGED, norms=[1.0, 1.0, math.inf]), "diverged", "the gradient norm is inf at step 2"),
        (outcome(1, norms=[1, 1, math.nan], ended="non_finite"), "diverged", "the gradient norm is nan at step 2"),
        (outcome(0, norms=[1.0, 1.0, math.inf]), "completed", None),
        (outcome(-signal.SIGTERM, decided="hopeless: ..."), "truncated", "hopeless: ..."),
        (outcome(-signal.SIGTERM, [2.3, math.nan], decided="hopeless: ..."), "diverged", "the loss is nan at step 1"),
        (outcome(1, words="KeyError: 'x'"), "failed", "the command ended with exit code 1: KeyError: 'x'"),
        (
            outcome(1, words="AssertionError", blow_up=ROSE),
            "diverged",
            f"{ROSE}; then the command ended with exit code 1: AssertionError",
        ),
        (outcome(-signal.SIGABRT, blow_up=ROSE), "diverged", f"{ROSE}; then the command was killed by SIGABRT"),
        (
            outcome(-signal.SIGKILL, blow_up=ROSE),
            "failed",
            "the command was killed by SIGKILL (the system does so to what takes more memory than there is)",
        ),
        (outcome(-signal.SIGHUP), "failed", "the command was killed by SIGHUP"),
        (outcome(-signal.SIGTERM, seconds=60.0), "failed", "the command timed out after 60 s, at update 3 of 3"),
        (
            outcome(-signal.SIGKILL, seconds=60.0, blow_up=ROSE),
            "diverged",
            f"{ROSE}; then the command timed out after 60 s, at update 3 of 3",
        ),
        (outcome(0, []), "failed", "the command ended without an update of an optimizer that can be recorded"),
        (outcome(2, [], words="usage: x"), "failed", "the command ended with exit code 2: usage: x"),
        (outcome(1, [], blow_up=ROSE), "failed", "the command ended with exit code 1"),
    ],
)
def test_deaths_are_told_apart(run: Outcome, status: str, reason: str | None) -> None:
    assert judged(run) == (status, reason)


@pytest.mark.parametrize(
    ("code", "ended", "own"),
    [
        (1, None, True),  # os._exit runs no exit handler
        (1, "script", True),
        (-signal.SIGSEGV, None, True),
        (-signal.SIGTERM, None, False),
        (-signal.SIGKILL, None, False),
        (124, None, False),  # `timeout` ended it
        (124, "script", True),  # a code of the script's own
        (137, None, False),  # a shell's word for SIGKILL
        (143, None, False),
        (134, None, True),  # and for an abort
        (139, None, True),
        (200, None, True),  # no signal has this number
    ],
)
def test_who_ended_a_command(code: int, ended: str | None, own: bool) -> None:
    assert died_by_itself(code, ended) is own
