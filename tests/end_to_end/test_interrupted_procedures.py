"""A procedure that was killed, or stopped with Ctrl-C, and then resumed ends as one that nothing disturbed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from interruptions import CTRL_C, KILLED, Ending, Invocation, interrupt, resume, undisturbed
from projects import SPEC

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")

SMALL = SPEC.replace("seeds: [0, 1, 2]", "seeds: [0, 1]")
LITTLE_ROOM = SMALL.replace("{class_path: torch.optim.AdamW, init_args: {weight_decay: 1e-2}}", "momentum").replace(
    "[0.001, 0.01, 0.05, 10.0]", "[0.125, 0.5, 2.0]"
)
LITTLE_ROOM = LITTLE_ROOM.replace("max_train_steps: 60", "max_train_steps: 100")
TREAT = Invocation("treat", (), LITTLE_ROOM, n_looks=2)
RATES = ("--lr", 0.05, "--unstable-lr", 0.5)

WARMUP = Invocation("warmup", (*RATES, "--factor", 4), SMALL)
CLIP = Invocation("clip", RATES, SMALL)

INTERRUPTED = [
    pytest.param(WARMUP, 5, KILLED, id="warmup-killed"),
    pytest.param(CLIP, 9, CTRL_C, id="clip-Ctrl-C"),
    pytest.param(TREAT, 52, CTRL_C, id="treat-Ctrl-C"),
    pytest.param(TREAT, 140, KILLED, id="treat on fresh seeds-killed"),
]
"""A command, how many trials (and controls, two of them) are done when it is ended, enough that some of its own are
among them, and how it is ended. A sweep ends in every way (`test_sweep_command`); what a procedure adds is where."""


IN_SEARCH = 100
"""The search of `treat`, on the seeds 0 and 1, takes more trials; its confirmation, on the seeds from 2 on, the last 50
of 158."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Invocation], Path]:
    """Gives the study folder of an undisturbed run of a command, which is run once."""
    return cache(lambda invocation: undisturbed(invocation, tmp_path_factory.mktemp(invocation.name)))


@pytest.mark.parametrize(("invocation", "after", "ending"), INTERRUPTED)
def test_an_ended_procedure_resumes_to_the_same_bits(
    finished: Callable[[Invocation], Path], tmp_path: Path, invocation: Invocation, after: int, ending: Ending
) -> None:
    before = interrupt(invocation, tmp_path, ending, after)
    assert invocation.name in {record["settings"]["procedure"] for record in before.values()}
    seeds = {record["settings"]["seed"] for record in before.values()}
    is_confirming = after > IN_SEARCH
    assert (seeds > {0, 1}) == is_confirming, "it was to be ended in the other part of the procedure"
    resume(invocation, tmp_path, finished(invocation), before, n_looked=invocation.n_looks if is_confirming else 0)
