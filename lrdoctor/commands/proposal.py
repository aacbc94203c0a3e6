"""A spec for a command that comes without one: its name, how long a trial is, and the rates to sweep."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrdoctor.commands.curves import Row
from lrdoctor.commands.running import Order, run
from lrdoctor.commands.session import CommandSession, in_short, refuse_unrecorded
from lrdoctor.core import passing
from lrdoctor.core.command import Value, all_fields, filled
from lrdoctor.errors import LrdoctorError, SpecError
from lrdoctor.launch import script_name
from lrdoctor.recording.settings import Recording
from lrdoctor.spec import CommandSpec, load_spec, spec_from
from lrdoctor.spec.blocks import AUTO

MOST_UPDATES = 300
"""Updates of the first look, and so of a trial where no other length is asked for: what a small training needs to show
an instability, and a sweep of some thirty trials can afford."""
FEWEST_UPDATES = 50
"""Updates of a trial at least: with fewer the rules have too little to judge by."""
LONGEST = 60.0
"""Seconds of the first look, from the first update on."""
PATIENCE = 600.0
"""Seconds until the first update: imports, downloads and compilation come before."""
DECADES = 1.5
"""How far the swept rates reach to either side of the command's own: three decades in all, as the playbook's sweeps;
the sweep goes on where the best rate is at an end."""
A_DECADE = 2
"""Rates of a decade."""
CAREFUL = 1e-3
"""Learning rate of the first look at a command that takes its rate by {lr}: most trainings neither break nor stand
still at it, and all that is asked is how many updates it makes."""
DIGITS = 4
SAME = 1e-3
"""Part of a grid step by which a rounded end may miss it."""
SAYS_NOTHING = ("main", "run", "train", "__main__")
"""Names of scripts that say what they do and not what they train."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a spec needs besides the command; None for what is not known yet."""

    steps: int | None = None
    lowest: float | None = None
    highest: float | None = None
    usual: float | None = None
    """The command's own learning rate, where the others are reckoned from it."""
    rates: tuple[float, ...] = ()
    """Those to sweep, where they are known one by one."""
    is_auto: bool = False
    """Whether short trials are to find the rates: the command takes its rate by {lr} and its own does not show."""

    @property
    def is_whole(self) -> bool:
        has_rates = self.is_auto or bool(self.rates) or None not in (self.lowest, self.highest)
        return self.steps is not None and has_rates

    def with_given(self, steps: int | None, lowest: float | None, highest: float | None) -> Asked:
        """With what the user gives, None for nothing, in place of what is known."""
        known = self if steps is None else replace(self, steps=steps)
        if lowest is None and highest is None:
            return known
        ends = (self.rates[0], self.rates[-1]) if self.rates else (self.lowest, self.highest)
        low, high = (old if new is None else new for old, new in zip(ends, (lowest, highest), strict=True))
        return replace(known, lowest=low, highest=high, rates=(), is_auto=False)

    def swept(self) -> tuple[float, ...]:
        """The rates, ascending, about half a decade apart: from the lowest to the highest, or around the command's own.

        Raises:
            SpecError: the highest is not above the lowest.
        """
        if self.rates:
            return self.rates
        low, high = self.lowest, self.highest
        assert low is not None
        assert high is not None
        if high <= low:
            raise SpecError(f"found --max {high:g} with --min {low:g}, expected --max above --min")
        if self.usual is not None:
            below, above = (math.floor(A_DECADE * abs(math.log10(end / self.usual)) + SAME) for end in (low, high))
            return tuple(_rounded(self.usual * 10 ** (k / A_DECADE)) for k in range(-below, above + 1))
        n = max(2, round(A_DECADE * math.log10(high / low)))
        between = (_rounded(low * (high / low) ** (k / n)) for k in range(1, n))
        return (low, *between, high)


def name_of(words: Sequence[str]) -> str:
    """What the study is called: the script's name, behind that of its folder where it says nothing by itself.

    >>> name_of(["python", "train_gpt.py", "--lr", "1"]), name_of(["torchrun", "-m", "pkg.train"])
    ('train_gpt', 'pkg.train')
    >>> name_of(["python", "/examples/mnist/main.py"])
    'mnist-main'
    """
    name = script_name(words)
    parent = Path(os.path.abspath(next((word for word in words if word.endswith(".py")), "."))).parent.name
    return f"{parent}-{name}" if name in SAYS_NOTHING and parent else name


def begin(name: str, words: Sequence[str], overrides: Sequence[str]) -> CommandSpec:
    """The spec without what has to be found out, so that faults of the command are told before it is run.

    Raises:
        SpecError: the command or an override cannot be used.
    """
    return _spec({"name": name, "command": list(words), "max_train_steps": MOST_UPDATES}, overrides)


def finish(name: str, words: Sequence[str], asked: Asked, overrides: Sequence[str]) -> CommandSpec:
    """The whole spec.

    Raises:
        SpecError: the rates, the command or an override cannot be used.
    """
    plain = {"name": name, "command": list(words), "max_train_steps": asked.steps}
    return _spec({**plain, "sweep": AUTO if asked.is_auto else {"values": list(asked.swept())}}, overrides)


def _spec(plain: dict[str, Any], overrides: Sequence[str]) -> CommandSpec:
    found = spec_from(plain, Path.cwd(), "the command line", overrides)
    assert isinstance(found, CommandSpec)
    return found


def of_study(out: Path, wanted: CommandSpec) -> Asked | None:
    """What a study folder's spec says, where it is of the same command in the same folder; None otherwise."""
    try:
        saved = load_spec(out / "spec.yaml")
    except LrdoctorError:
        return None
    if not isinstance(saved, CommandSpec) or (saved.command, saved.runs_in) != (wanted.command, wanted.runs_in):
        return None
    return Asked(steps=saved.max_train_steps, rates=saved.swept or (), is_auto=saved.swept is None)


def look(spec: CommandSpec, asked: Asked, say: Callable[[str], None]) -> Asked:
    """Runs the command once as it is, for its own learning rate and for how long it trains.

    Args:
        spec: of the command.
        asked: what is known already.
        say: takes what the user should know.

    Raises:
        WorkloadError: the command cannot be recorded.
        SpecError: its own rate does not show.
    """
    named = all_fields(spec.command)
    if "lr" in named and (asked.lowest is None) != (asked.highest is None):
        raise SpecError("the command has {lr}, so that its own learning rate is not known: give both --min and --max")
    if "lr" in named and asked.lowest is None:
        asked = replace(asked, is_auto=True)
    say(f"a first look at the command: up to {asked.steps or MOST_UPDATES} updates as it is")
    session = CommandSession(spec.workload(), 0)
    with passing.folder() as folder:
        own = Path(folder)
        (own / "files").mkdir()
        (own / "recording").mkdir()
        values: dict[str, Value] = {
            "lr": CAREFUL if asked.lowest is None or asked.highest is None else math.sqrt(asked.lowest * asked.highest),
            "seed": spec.seeds[0],
            "dir": str(own / "files"),
            "steps": MOST_UPDATES,
            "warmup_steps": 0,
            "clip_norm": math.inf,
        }
        began: list[float] = []

        def enough(row: Row) -> str | None:
            began.append(time.monotonic())
            return "seen" if began[-1] - began[0] > LONGEST else None

        n_updates = FEWEST_UPDATES if asked.steps is not None else MOST_UPDATES
        order = Order(
            words=filled(spec.command, values),
            runs_in=str(spec.runs_in),
            environment=session.environment(),
            recording=Recording(directory=str(own / "recording"), max_updates=n_updates),
            folder=own,
            n_steps=n_updates,
            timeout=PATIENCE,
        )
        done = run(order, lambda rows: None, enough, lambda: False)
        refuse_unrecorded(done, own)
    n, seconds = len(done.rows), began[-1] - began[0]
    if asked.steps is None:
        asked = replace(asked, steps=max(FEWEST_UPDATES, n))
        ended = "it ended by itself" if done.outcome.code == 0 and n < n_updates else "it goes on"
        say(f"--steps {asked.steps}: {n} updates took {seconds:.3g} s, and {ended}")
    return _with_rates(asked, in_short(done.recorded)["optimizers"], [row[1] for row in done.rows], say)


def _with_rates(
    asked: Asked, optimizers: Sequence[dict[str, Any]], rates: Sequence[float], say: Callable[[str], None]
) -> Asked:
    """With rates around the optimizer's own, where none were given.

    Args:
        asked: what is known already.
        optimizers: of the recording.
        rates: of its updates.
        say: takes what the user should know.
    """
    if asked.is_auto:
        say("the range of the learning rate is found by short trials; --min and --max give it")
        return asked
    if asked.lowest is not None and asked.highest is not None:
        return asked
    rate = optimizers[0]["reference_learning_rate"] if optimizers else None
    if rate is not None:  # or a higher one that the script sets, as with Noam's schedule
        rate = max([rate, *(rate for rate in rates if math.isfinite(rate))])
    if not rate or not math.isfinite(rate):
        raise SpecError("the command's own learning rate does not show: give --min and --max")
    low, high = (_rounded(rate * 10**decades) for decades in (-DECADES, DECADES))
    usual = rate if asked.lowest is None and asked.highest is None else None
    asked = replace(asked, lowest=asked.lowest or low, highest=asked.highest or high, usual=usual)
    say(f"--min {asked.lowest:g} --max {asked.highest:g}: around {optimizers[0]['name']}'s own rate, {rate:g}")
    return asked


def _rounded(rate: float) -> float:
    return float(f"{rate:.{DIGITS}g}")
