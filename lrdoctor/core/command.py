"""A command that trains: its words, and the fields in braces that a trial fills in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from lrdoctor.core.trial import Trial

FIELDS = ("lr", "seed", "dir", "steps", "warmup_steps", "clip_norm")
"""What may stand in braces in a word of a command."""

OWN = "own"
"""Name of the update rule that the command has by itself, beside those of its variants."""

STANDARD_OUTPUT = "stdout"
"""The log that stands for what the command prints."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

Value = str | int | float
"""A field's value."""


def fields_of(word: str) -> tuple[str, ...]:
    """The fields that a word names, in order.

    >>> fields_of("--lr={lr}"), fields_of("{{literal}}")
    (('lr',), ())

    Raises:
        ValueError: a brace is neither part of a field nor doubled, or the field is unknown; the text says which.
    """
    fields = []
    for token in _TOKEN.finditer(word):
        text, field = token.group(), token.group(1)
        if text in ("{{", "}}"):
            continue
        if field is None:
            raise ValueError(f"found a single {text}, expected a field such as {{lr}}, or {text}{text} for the brace")
        if field not in FIELDS:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ValueError(f"found the field {text}, expected one of {known}; braces of your own are doubled")
        fields.append(field)
    return tuple(fields)


def all_fields(words: Sequence[str]) -> frozenset[str]:
    """The fields that any of the words names."""
    return frozenset(field for word in words for field in fields_of(word))


def filled(words: Sequence[str], values: Mapping[str, Value]) -> list[str]:
    """The words with their fields filled in and doubled braces made single.

    A float is written as Python writes it, so that 1.0 stays a float to a script that parses it as Python does.

    >>> filled(["--lr={lr}", "{{x}}"], {"lr": 1.0})
    ['--lr=1.0', '{x}']
    """

    def value(token: re.Match[str]) -> str:
        if token.group() in ("{{", "}}"):
            return token.group()[0]
        found = values[token.group(1)]
        return found if isinstance(found, str) else repr(found)

    return [_TOKEN.sub(value, word) for word in words]


def flags_with_numbers(words: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The flags of a command whose value is a number, as `--flag=value` or as two words.

    >>> list(flags_with_numbers(["python", "t.py", "--lr", "1e-3", "--momentum=0.9", "--seed={seed}", "-v"]))
    [('--lr', 0.001), ('--momentum', 0.9)]
    """
    for k, word in enumerate(words):
        flag, is_one_word, value = word.partition("=")
        if not is_one_word:
            value = words[k + 1] if k + 1 < len(words) else ""
        if not flag.startswith("-") or "{" in value:
            continue
        with suppress(ValueError):
            yield flag, float(value)


def with_flag(words: Sequence[str], flag: str, value: str) -> list[str]:
    """The words with another value of the flag, wherever it stands; at their end where it does not.

    >>> with_flag(["t.py", "--lr", "1", "-v"], "--lr", "0.5"), with_flag(["t.py", "--lr=1"], "--lr", "0.5")
    (['t.py', '--lr', '0.5', '-v'], ['t.py', '--lr=0.5'])
    >>> with_flag(["t.py"], "--lr", "0.5")
    ['t.py', '--lr', '0.5']
    """
    if not any(word == flag or word.startswith(f"{flag}=") for word in words):
        return [*words, flag, value]
    changed = [f"{flag}={value}" if word.startswith(f"{flag}=") else word for word in words]
    for k, word in enumerate(words[:-1]):
        if word == flag:
            changed[k + 1] = value
    return changed


def values_of(trial: Trial, directory: str) -> dict[str, Value]:
    """What the fields are in a trial.

    `{steps}` is the length of the whole schedule, warmup included. `{clip_norm}` is inf where nothing is clipped.

    Args:
        trial: the settings.
        directory: the trial's own.
    """
    return {
        "lr": float(trial.base_learning_rate),
        "seed": trial.seed,
        "dir": directory,
        "steps": trial.schedule_steps,
        "warmup_steps": trial.warmup_steps,
        "clip_norm": float("inf") if trial.clip_norm is None else float(trial.clip_norm),
    }
