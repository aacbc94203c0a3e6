"""The spec of a training that is the user's own command, run as it is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from lrdoctor.core.command import OWN, STANDARD_OUTPUT, fields_of
from lrdoctor.core.trial import canonical_json
from lrdoctor.spec.base import NOT_IDENTITY, Named, Spec
from lrdoctor.spec.class_paths import digest
from lrdoctor.spec.faults import shown
from lrdoctor.spec.types import Block, Count, CountOrZero

CODE = (".py", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".sh")
"""Endings of the files named in a command that are read as part of it: what decides a training, and no data."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = r"(\d+(?:\.\d+)?)\s*([smhd]?)"

_OF_TRIALS_ONLY = ("variants", "slots", "timeout", "working_directory")
"""Keys that change no number of a trial, or that the trial says itself."""


def _word(text: str) -> str:
    if "\0" in text:
        raise ValueError("found a NUL character, expected text that a command line can hold")
    fields_of(text)
    return text


def _seconds(value: Any) -> Any:
    """`30m` as seconds; a bare number is one of seconds."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(_DURATION, value.strip(), re.ASCII)
    if found is None:
        raise ValueError(f"found {shown(value)}, expected a duration such as 90s, 30m, 2h or 1d")
    return float(found[1]) * _SECONDS[found[2] or "s"]


def _log(value: Any) -> Any:
    if value == STANDARD_OUTPUT:
        return {"log": STANDARD_OUTPUT}
    if not isinstance(value, dict | Block):
        raise ValueError(f"found {shown(value)}, expected {{log: FILE}}, or stdout")
    return value


def _has_words(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        raise ValueError("found [], expected the words of a command")
    return words


def _has_names(variants: dict[str, Any]) -> dict[str, Any]:
    if OWN in variants or "" in variants:
        raise ValueError(f"found the name {shown(OWN if OWN in variants else '')}, expected another one")
    return variants


def _folder(text: str, info: ValidationInfo) -> str:
    if info.context is not None and not (info.context["folder"] / text).is_dir():
        raise ValueError(f"found no folder {text}, expected one at that path from the spec's folder")
    return text


Word = Annotated[str, AfterValidator(_word)]
Words = Annotated[tuple[Word, ...], Field(strict=False, json_schema_extra={"minItems": 1}), AfterValidator(_has_words)]
Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    Field(gt=0),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": _DURATION}]}),
]


class Validation(Block):
    """Where a command leaves its validation losses."""

    log: Annotated[str, Field(min_length=1), AfterValidator(_word)]
    """A file that the command writes, such as {dir}/metrics.csv, in any format that `lrdoctor diagnose` reads; relative
    ones start from the working directory. stdout: what the command prints."""


class Slots(Block):
    """What of the machine a trial gets for itself."""

    gpus: CountOrZero = 1
    """GPUs of a trial, where the machine has any: CUDA_VISIBLE_DEVICES names them, and as many trials run side by side
    as there are GPUs for. 0 leaves the variable alone, and runs one trial a core."""
    per_gpu: Count = 1
    """Small trials that share a GPU and run on it side by side; only with one GPU a trial."""

    @field_validator("per_gpu")
    @classmethod
    def _of_one_gpu(cls, value: int, info: ValidationInfo) -> int:
        gpus = info.data.get("gpus")
        if value > 1 and gpus is not None and gpus != 1:
            raise ValueError(f"found {value} beside gpus: {gpus}, expected 1: only trials of one GPU can share it")
        return value


AnyValidation = Annotated[Validation, BeforeValidator(_log, json_schema_input_type=Literal["stdout"] | Validation)]


class Command(Named):
    """What is trained, as a command."""

    command: Words
    """The command that trains, a list of words and no shell. Fields in braces are filled in for every trial: {lr},
    {seed}, {dir} (a folder of the trial's own, deleted when it ends), {steps} (updates of the whole schedule),
    {warmup_steps} and {clip_norm} (inf for none); braces of its own are doubled. What has no field is steered where the
    optimizer makes its updates: without {lr} the rate of every parameter group is scaled, so that schedules keep their
    shape."""
    working_directory: Annotated[str, AfterValidator(_folder)] = "."
    """Where the command runs, from the spec's folder."""
    validation: AnyValidation | None = None
    """Where the validation losses are: {log: FILE}, or stdout. Null: what the script passes to
    `lrdoctor.log(val_loss=...)`; where there is none of either, the objective is the training loss."""
    variants: Annotated[dict[str, Words], AfterValidator(_has_names)] = Field(default_factory=dict)
    """Name -> words that are added to the command, for each other update rule that may be tried in place of its own,
    such as adam: [--optimizer, adam]."""
    slots: Slots = Slots()
    """What of the machine a trial gets for itself."""
    timeout: Seconds | None = None
    """How long a trial may take, as 90s, 30m, 2h or 1d, before it is ended and counted as failed. Null: any time."""


class CommandSpec(Spec, Command):
    """A command that trains, and the trials to run with it."""

    @property
    def trainer(self) -> Literal["model", "command"]:
        return "command"

    @property
    def steps_between_evaluations(self) -> int:
        # a command evaluates when it likes, and what it evaluates is seen
        return 1

    @property
    def code_folder(self) -> Path:
        return self.runs_in

    @property
    def runs_in(self) -> Path:
        """The absolute folder that the command runs in."""
        return Path(os.path.abspath(self.folder / self.working_directory))

    def workload(self) -> dict[str, Any]:
        plain = self.model_dump(mode="json")
        keys = ("command", "validation", "slots", "timeout", "max_train_steps")
        return {**{key: plain[key] for key in keys}, "variants": list(self.variants), "runs_in": str(self.runs_in)}

    def optimizer_text(self) -> str:
        return variant_text(OWN, ())

    def variant_texts(self) -> dict[str, str]:
        """Name of another update rule -> what its trials carry."""
        return {name: variant_text(name, words) for name, words in self.variants.items()}

    def identity(self) -> dict[str, Any]:
        plain = self.model_dump(mode="json")
        identity = {key: value for key, value in plain.items() if key not in (*NOT_IDENTITY, *_OF_TRIALS_ONLY)}
        identity["optimizer"] = {"name": OWN}
        for file in self._files():
            identity[f"file:{file.name}"] = digest(str(file), self.runs_in)
        return identity

    def _files(self) -> list[Path]:
        """The code and settings that the command names: as files, and as the module behind `-m`."""
        found = []
        for before, word in zip(("", *self.command), self.command, strict=False):
            names = [word.rpartition("=")[2]] if word.endswith(CODE) else []
            if before == "-m":
                names = [f"{word.replace('.', '/')}{end}" for end in (".py", "/__main__.py")]
            found += [path for path in (self.runs_in / name for name in names) if path.is_file()]
        return found

    def resolved(self, relative_to: Path) -> dict[str, Any]:
        plain = self.model_dump(mode="json")
        here, there = os.path.realpath(self.runs_in), os.path.realpath(relative_to)
        plain["working_directory"] = os.path.relpath(here, there)
        return plain


def variant_text(name: str, words: tuple[str, ...]) -> str:
    """An update rule of a command, as the canonical JSON that trials carry.

    Args:
        name: `own` for that of the command itself, else of the variant.
        words: that are added to the command.
    """
    return canonical_json({"name": name, "arguments": list(words)})
