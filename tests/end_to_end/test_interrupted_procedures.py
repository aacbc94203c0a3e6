"""A procedure that was killed, or stopped with Ctrl-C, and then resumed ends as one that nothing disturbed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from interruptions import ENDINGS, Ending, Invocation, interrupt, resume, undisturbed
from projects import SPEC

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")

SMALL = SPEC.replace("seeds: [0, 1, 2]", "seeds: [0, 1]")
LITTLE_ROOM = SMALL.replace("{class_path: torch.optim.AdamW, init_args: {weight_decay: 1e-2}}", "momentum").replace(
    "[0.001, 0.01, 0.05, 10.0]", "[0.125, 0.5, 2.0]"
)
LITTLE_ROOM = LITTLE_ROOM.replace("max_train_steps: 60", "max_train_steps: 100")
TREAT = Invocation("treat", (), LITTLE_ROOM, n_looks=2)
RATES = ("--lr", 0.05, "--unstable-lr", 0.5)

PROCEDURES = [
    pytest.param((Invocation("warmup", (*RATES, "--factor", 4), SMALL), 5), id="warmup"),
    pytest.param((Invocation("clip", RATES, SMALL), 9), id="clip"),
    pytest.param((TREAT, 52), id="treat"),
    pytest.param((TREAT, 140), id="treat on fresh seeds"),
]
"""A command, and how many trials (and controls, two of them) are done when it is ended: enough that some of its own
are among them."""


IN_SEARCH = 100
"""The search of `treat`, on the seeds 0 and 1, takes more trials; its confirmation, on the seeds from 2 on, the last 50
of 158."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Invocation], Path]:
    """Gives the study folder of an undisturbed run of a command, which is run once."""
    return cache(lambda invocation: undisturbed(invocation, tmp_path_factory.mktemp(invocation.name)))


@pytest.fixture(scope="module", params=PROCEDURES)
def procedure(request: pytest.FixtureRequest, finished: Callable[[Invocation], Path]) -> tuple[Invocation, int, Path]:
    """The command, when it is ended, and the study folder of an undisturbed run."""
    invocation, after = request.param
    return invocation, after, finished(invocation)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ended_procedure_resumes_to_the_same_bits(
    procedure: tuple[Invocation, int, Path], tmp_path: Path, ending: Ending
) -> None:
    invocation, after, expected = procedure
    before = interrupt(invocation, tmp_path, ending, after)
    assert invocation.name in {record["settings"]["procedure"] for record in before.values()}
    seeds = {record["settings"]["seed"] for record in before.values()}
    is_confirming = after > IN_SEARCH
    assert (seeds > {0, 1}) == is_confirming, "it was to be ended in the other part of the procedure"
    resume(invocation, tmp_path, expected, before, n_looked=invocation.n_looks if is_confirming else 0)
