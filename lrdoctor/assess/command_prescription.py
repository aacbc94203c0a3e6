"""A prescription in the words of the user's own command: its line, settings of its trainer, else lines of PyTorch."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lrdoctor.core.command import all_fields, filled
from lrdoctor.core.study import Study
from lrdoctor.procedures.treatment import Treatment
from lrdoctor.procedures.treatment_results import Tried

FRAMEWORK = "framework"
"""Key of a run's provenance: what the recording saw the training run in."""

DIALECTS: Mapping[str, Mapping[str, str]] = {
    "hf": {
        "rate": "TrainingArguments(learning_rate={})",
        "warmup": "TrainingArguments(warmup_steps={})",
        "clip": "TrainingArguments(max_grad_norm={})",
    },
    "lightning": {"clip": "Trainer(gradient_clip_val={})"},
    "keras": {"clip": "optimizer = keras.optimizers...(global_clipnorm={})"},
    "accelerate": {"clip": "accelerator.clip_grad_norm_(model.parameters(), {})  # before optimizer.step()"},
}
"""Framework -> how its own settings say it; what is missing is said in PyTorch."""

PYTORCH: Mapping[str, str] = {
    "rate": "optimizer = ...(model.parameters(), lr={})  # where the script makes it",
    "warmup": (
        "warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / {}))\n"
        "warmup.step()  # after every optimizer.step(); the script's own schedule starts where the warmup ends"
    ),
    "clip": "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm={})  # before optimizer.step()",
}

PLACEHOLDERS: Mapping[str, str] = {"rate": "lr", "warmup": "warmup_steps", "clip": "clip_norm"}
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
    numbers: dict[str, float | int | None] = {
        "rate": tried.rate_to_use,
        "warmup": change.warmup_steps or None,
        "clip": change.clip_norm,
    }
    framework = next((str(run.provenance[FRAMEWORK]) for run in study.runs if FRAMEWORK in run.provenance), "raw")
    lines = ["# the command:", _line(words, numbers)]
    for name, number in numbers.items():
        if number is not None and PLACEHOLDERS[name] not in named:
            how = DIALECTS.get(framework, {}).get(name, PYTORCH[name])
            lines += how.format(f"{number:.4g}" if isinstance(number, float) else number).split("\n")
    return "\n".join(lines)


def _line(words: Sequence[str], numbers: Mapping[str, float | int | None]) -> str:
    """The command as a shell takes it; fields that are the user's to choose stay what they are."""
    values: dict[str, str | int | float] = {name: f"{{{name}}}" for name in ("seed", "dir", "steps")}
    for name, field in PLACEHOLDERS.items():
        number = numbers[name]
        values[field] = f"{{{field}}}" if number is None else float(f"{number:.4g}") if name != "warmup" else number
    return " ".join(_quoted(filled([word], values)[0]) for word in words)


def _quoted(word: str) -> str:
    # a field that is left is to be seen as one
    return word if set(word) & set("{}") and not set(word) & set(" '\"$") else shlex.quote(word)


def changes(spec: Mapping[str, Any], change: Treatment) -> Iterator[tuple[str, Any]]:
    """The keys of the spec that make the fix its own, in place of the key `optimizer` of other specs."""
    if change.optimizer is not None:
        yield "command", words_with(spec, change)
