"""A prescription in the words of the user's own command: its line, settings of its trainer, else lines of PyTorch."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lrdoctor.core.command import all_fields, filled
from lrdoctor.core.study import Study
from lrdoctor.fixes.trainers import Numbers, in_pytorch, rule_of, trainer_of
from lrdoctor.procedures.treatment import Treatment
from lrdoctor.procedures.treatment_results import Tried

PLACEHOLDERS: Mapping[str, str] = {"rate": "lr", "warmup_steps": "warmup_steps", "clip_norm": "clip_norm"}
"""What is set -> the field of the command that sets it."""


def is_of_command(spec: Mapping[str, Any] | None) -> bool:
    """Whether a resolved spec is one of a command."""
    return spec is not None and "command" in spec


def words_with(spec: Mapping[str, Any], change: Treatment) -> list[str]:
    """The command with the words of the update rule that the fix chose."""
    added = [] if change.optimizer is None else json.loads(change.optimizer)["arguments"]
    return [*spec["command"], *added]


def snippet(tried: Tried, study: Study) -> str:
    """What to do to the training: the command to run, and what no field of it says.

    Args:
        tried: the fix.
        study: whose spec has the command.
    """
    change, spec = tried.treatment, study.spec
    assert change is not None
    assert spec is not None
    words = words_with(spec, change)
    named = all_fields(words)
    seen = next(((run, found) for run in study.runs if (found := trainer_of(run))), None)
    numbers = Numbers(
        rate=tried.rate_to_use,
        warmup_steps=change.warmup_steps or None,
        clip_norm=change.clip_norm,
        rule=None if seen is None or change.optimizer is not None else rule_of(seen[0]),
    )
    line = _line(words, numbers)
    left = numbers.without(name for name, field in PLACEHOLDERS.items() if field in named)
    if seen is None or not left:
        return "\n".join(["# the command:", line, *in_pytorch(left)])
    trainer = seen[1]
    known, unknown = left.without(trainer.lacks), left.without(PLACEHOLDERS.keys() - trainer.lacks)
    if trainer.flags is not None:
        told = trainer.lines(unknown) if unknown else ()
        return "\n".join(["# the command:", " ".join([line, *trainer.flags(known)]), *told])
    lines = [f"# {trainer.name}:", *trainer.lines(known)] if known else []
    return "\n".join(["# the command:", line, *lines, *in_pytorch(unknown)])


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
