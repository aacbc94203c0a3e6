"""A prescription in the words of the user's own command: its line, settings of its trainer, else lines of PyTorch."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from lrdoctor.core.command import all_fields, filled, with_flag
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.fixes.trainers import Numbers, Trainer, in_pytorch, rule_of, shown, trainer_of
from lrdoctor.procedures.treatment import Treatment

FACTOR = (
    "in the trials the warmup was a factor on the script's own schedule, which went on beneath it at its own length"
)
"""What is said of a warmup where the script changes its rates itself: a trainer's setting may put the warmup first
instead, or take the place of a warmup that the script has already."""
SAME = 1e-6
"""Part of the highest rate by which rates differ that are the same: float32 keeps seven digits."""

PLACEHOLDERS: Mapping[str, str] = {"rate": "lr", "warmup_steps": "warmup_steps", "clip_norm": "clip_norm"}
"""What is set -> the field of the command that sets it."""


def is_of_command(spec: Mapping[str, Any] | None) -> TypeGuard[Mapping[str, Any]]:
    """Whether a resolved spec is one of a command."""
    return spec is not None and "command" in spec


def words_with(spec: Mapping[str, Any], change: Treatment) -> list[str]:
    """The command with the words of the update rule that the fix chose."""
    added = [] if change.optimizer is None else json.loads(change.optimizer)["arguments"]
    return [*spec["command"], *added]


def snippet(spec: Mapping[str, Any], change: Treatment, learning_rate: float, study: Study) -> str:
    """What to do to the training: the command to run, and what no field of it says.

    Args:
        spec: of the command.
        change: the fix.
        learning_rate: to use with it.
        study: whose trials show the trainer and the flag of the rate.
    """
    words = words_with(spec, change)
    named = all_fields(words)
    seen = next(((run, found) for run in study.runs if (found := trainer_of(run))), None)
    numbers = Numbers(
        rate=learning_rate,
        warmup_steps=change.warmup_steps or None,
        clip_norm=change.clip_norm,
        rule=None if seen is None or change.optimizer is not None else rule_of(seen[0]),
    )
    left = numbers.without(name for name, field in PLACEHOLDERS.items() if field in named)
    flag = _rate_flag(study)
    # a trainer's own flags go behind the command, and the last one counts
    if flag is not None and left.rate is not None and (seen is None or seen[1].flags is None):
        words, left = with_flag(words, flag, shown(left.rate)), left.without(["rate"])
    line = _line(words, numbers)
    in_words = _lines(line, left, None if seen is None else seen[1], has_schedule=has_schedule(study))
    told = [f"# {FACTOR}"] if left.warmup_steps is not None and has_schedule(study) else []
    return "\n".join(["# the command:", *in_words, *told])


def has_schedule(study: Study) -> bool:
    """Whether the script changes its learning rates itself: those of a trial without a warmup are not all the same."""
    return any(_changes_rate(run) for run in study.runs)


def _changes_rate(run: Run) -> bool:
    trial, rates = run.trial, run.curve("learning_rate").value
    if trial is None or trial.control or trial.warmup_steps or trial.post_warmup_steps is not None:
        return False
    return rates.size > 1 and bool(np.ptp(rates) > SAME * np.max(rates))


def _rate_flag(study: Study) -> str | None:
    """The flag that the trials found to give the optimizer its rate; None where they do not agree on one."""
    found = {run.provenance["rate_flag"] for run in study.runs if "rate_flag" in run.provenance}
    return str(next(iter(found))) if len(found) == 1 and None not in found else None


def _lines(line: str, left: Numbers, trainer: Trainer | None, *, has_schedule: bool) -> Iterator[str]:
    """The line to run, and in the trainer's words or PyTorch's what it does not say."""
    if trainer is None or not left:
        yield line
        yield from in_pytorch(left, has_schedule=has_schedule)
        return
    known, unknown = left.without(trainer.lacks), left.without(PLACEHOLDERS.keys() - trainer.lacks)
    if trainer.flags is not None:
        yield " ".join([line, *trainer.flags(known)])
        yield from trainer.lines(unknown) if unknown else ()
        return
    yield line
    if known:
        yield from (f"# {trainer.name}:", *trainer.lines(known))
    yield from in_pytorch(unknown, has_schedule=has_schedule)


def _line(words: Sequence[str], numbers: Numbers) -> str:
    """The command as a shell takes it; fields that are the user's to choose stay what they are."""
    values: dict[str, str | int | float] = {name: f"{{{name}}}" for name in ("seed", "dir", "steps")}
    for name, field in PLACEHOLDERS.items():
        number = getattr(numbers, name)
        values[field] = (
            f"{{{field}}}" if number is None else float(f"{number:.4g}") if name != "warmup_steps" else number
        )
    return " ".join(_quoted(filled([word], values)[0]) for word in words)


def _quoted(word: str) -> str:
    # a field that is left is to be seen as one
    return word if set(word) & set("{}") and not set(word) & set(" '\"$") else shlex.quote(word)


def changes(spec: Mapping[str, Any], change: Treatment) -> Iterator[tuple[str, Any]]:
    """The keys of the spec that make the fix its own, in place of the key `optimizer` of other specs."""
    if change.optimizer is not None:
        yield "command", words_with(spec, change)
