"""The spec of a training that lrdoctor builds and runs, and how a spec of any kind is loaded.

This is the only strict border for user text: behind it every value has the right type and range. The user's
code is named here and imported elsewhere; a spec is as trusted as that code.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationInfo, field_validator

from lrdoctor.core.changes import SETTINGS
from lrdoctor.core.rewriting import Rewrite
from lrdoctor.core.trial import canonical_json
from lrdoctor.spec.base import NOT_IDENTITY, Named, Spec
from lrdoctor.spec.blocks import AnyComponent, AnyData, Component, NamedSchedule, Optimizer, Schedule
from lrdoctor.spec.class_paths import digest, file_of, named, relocated
from lrdoctor.spec.command import CommandSpec
from lrdoctor.spec.faults import Fault, Place, refusal, shown
from lrdoctor.spec.overrides import override
from lrdoctor.spec.types import ClassPath, Count
from lrdoctor.spec.yaml_source import Document, parse, read, write

EVALUATIONS = 20
"""Evaluations a trial has when eval_every is left out: enough points to see a rise, at little cost."""

_DEVICE = r"auto|cpu|cuda(:\d+)?|mps"


def _device(text: str) -> str:
    if not re.fullmatch(_DEVICE, text, re.ASCII):
        raise ValueError(f"found {shown(text)}, expected auto, cpu, cuda, cuda:N or mps")
    return text


def _default_eval_every(data: dict[str, Any]) -> int:
    # max_train_steps is absent when it is at fault itself; the spec is then refused, whatever this returns
    return max(1, int(data.get("max_train_steps", 1)) // EVALUATIONS)


class Training(Named):
    """What is trained, as Python that lrdoctor calls."""

    model: AnyComponent
    """Factory of the model, called afresh for every trial."""
    data: AnyData
    """Factory of (train, validation): datasets, tensors, DataLoaders or any iterables of batches."""
    loss: AnyComponent = Component(class_path="torch.nn.CrossEntropyLoss")
    """Factory of the loss function, called with (output, target); its own parameters are trained with the model's."""
    step: ClassPath | None = None
    """Function (model, batch, loss_fn) -> scalar loss, for any shape of batch. Null: a batch is (input,
    target) and its loss is loss_fn(model(input), target)."""
    optimizer: Optimizer
    """The update rule: sgd, momentum, nesterov, rmsprop, adam, nadam or adamw with its hyperparameters, or
    any class_path, called with the parameters (those of the loss included), lr and init_args; a function with a
    parameter `model`, or one that is annotated as an nn.Module, is called with the model in their place, and with the
    loss where it has a parameter `loss_fn`. Results hold for this update rule only."""
    schedule: Schedule = NamedSchedule(name="constant")
    """What multiplies the base learning rate: constant, cosine, linear, or a class_path whose result is a
    function step -> multiplier, steps counted from 0 after any warmup, or a scheduler of torch.optim.lr_scheduler, made
    on the `optimizer` that is passed and stepped once an update; its max_lr is the base learning rate. max_train_steps,
    total_steps, T_max and num_training_steps are filled in where the call needs them."""
    rewrite: Rewrite | None = None
    """A change made to a copy of the model before each trial: zero_init (the last parameters of every residual branch
    start at 0), rezero (a learned factor that starts at 0 multiplies every branch), move_norm (x + Norm(f(x)) in place
    of Norm(x + f(x))) or add_norm (a norm as the last operation of every branch). Null trains the model as it is."""
    device: Annotated[str, AfterValidator(_device), Field(json_schema_extra={"pattern": f"^({_DEVICE})$"})] = "auto"
    """Where trials run: auto (CUDA where there is one, else the CPU), cpu, cuda (one worker a GPU), cuda:N or mps."""


class ModelSpec(Spec, Training):
    """One workload of model, data, loss and optimizer, and the trials to run on it."""

    eval_every: Count = Field(default_factory=_default_eval_every)
    """Updates between two evaluations on the validation data. Left out: a twentieth of max_train_steps."""
    autoclip_percentile: Annotated[float, Field(gt=0, lt=100)] | None = None
    """Gradients with a norm above this percentile of the norms of all updates so far are scaled down to it, in every
    trial (AutoClip, Seetharaman et al. 2020, who take 10). Null does not; not together with `clip_norm`."""

    @field_validator("autoclip_percentile")
    @classmethod
    def _clips_one_way(cls, value: float | None, info: ValidationInfo) -> float | None:
        limit = info.data.get("clip_norm")
        if value is not None and limit is not None:
            raise ValueError(
                f"found {value:g} beside clip_norm: {limit:g}, expected one of the two: leave the other out"
            )
        return value

    @property
    def trainer(self) -> Literal["model", "command"]:
        return "model"

    @property
    def steps_between_evaluations(self) -> int:
        return self.eval_every

    @property
    def model_change(self) -> Rewrite | None:
        return self.rewrite

    def workload(self) -> dict[str, Any]:
        keys = ("model", "data", "loss", "step", "schedule", "device")
        plain = self.model_dump(mode="json")
        return {**{key: plain[key] for key in keys}, "folder": str(self.folder)}

    def optimizer_text(self) -> str:
        return canonical_json(self.optimizer.model_dump(mode="json"))

    def identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = {}
        for key, value in self._plain(named).items():
            if key in (*NOT_IDENTITY, *SETTINGS):
                continue
            if isinstance(value, dict) and key != "optimizer":
                identity |= {f"{key}.{inner}": plain for inner, plain in value.items() if inner != "init_args"}
                identity |= {f"{key}.init_args.{name}": arg for name, arg in value.get("init_args", {}).items()}
            else:
                identity[key] = value
        contents: dict[str, set[str]] = {}
        for file in filter(None, map(file_of, self._class_paths())):
            contents.setdefault(f"file:{Path(file).name}", set()).add(digest(file, self.folder))
        return identity | {name: "+".join(sorted(digests)) for name, digests in contents.items()}

    def resolved(self, relative_to: Path) -> dict[str, Any]:
        return self._plain(lambda path: relocated(path, self.folder, relative_to))

    def _plain(self, rename: Callable[[str], str]) -> dict[str, Any]:
        """Every key with its plain value, the class paths renamed."""
        plain = self.model_dump(mode="json")
        for block in (plain[key] for key in ("model", "data", "loss", "optimizer", "schedule")):
            if "class_path" in block:
                block["class_path"] = rename(block["class_path"])
        plain["step"] = None if self.step is None else rename(self.step)
        return plain

    def _class_paths(self) -> list[str]:
        blocks = (self.model, self.data, self.loss, self.optimizer, self.schedule)
        paths = [block.class_path for block in blocks if isinstance(block, Component)]
        return paths if self.step is None else [*paths, self.step]


def load_spec(path: Path, overrides: Sequence[str] = ()) -> Spec:
    """The spec in a YAML file, with `--set` texts such as `sweep.max=0.3` applied.

    Raises:
        SpecError: the file or a `--set` cannot be used; the message has a line for every fault.
    """
    document = read(path)
    if not isinstance(document.data, dict):
        found = "nothing" if document.data is None else shown(document.data)
        text = f"found {found}, expected a mapping of the spec's keys; `lrdoctor init` writes a starter"
        raise refusal(document.faults or [Fault(document.value_place(()), (), text)])
    return _of_document(document, Path(os.path.abspath(path)).parent, overrides)


def spec_from(plain: dict[str, Any], folder: Path, origin: str, overrides: Sequence[str] = ()) -> Spec:
    """The spec of plain values, as `load_spec` gives that of a file.

    Args:
        plain: key -> value.
        folder: which relative files start from.
        origin: where the values come from, for the messages.
        overrides: `--set` texts.

    Raises:
        SpecError: they are none, or a `--set` cannot be used.
    """
    document = parse(write(plain), lambda line, column: Place(0, line, column, origin))
    if isinstance(document, Fault):
        raise refusal([document])
    return _of_document(document, Path(os.path.abspath(folder)), overrides)


def _of_document(document: Document, folder: Path, overrides: Sequence[str]) -> Spec:
    document = override(document, overrides)
    kind: type[Spec] = CommandSpec if "command" in document.data else ModelSpec
    return kind.validated(document, folder, _of_the_other_kind(kind))


def _of_the_other_kind(kind: type[Spec]) -> Callable[[str], str | None]:
    """What to say of a key that belongs to a spec of the other kind."""

    def words(key: str) -> str | None:
        if kind is CommandSpec and key in ModelSpec.model_fields:
            return "found this key beside `command`, expected one or the other: a command builds what it trains itself"
        if kind is ModelSpec and key in CommandSpec.model_fields:
            return "found this key without `command`, which it belongs to"
        return None

    return words


def spec_schema() -> dict[str, Any]:
    """The JSON Schema of a spec, for editors that complete and check YAML."""
    blocks = TypeAdapter(ModelSpec | CommandSpec).json_schema()["$defs"]
    chosen = {name: {"$ref": f"#/$defs/{name}"} for name in (ModelSpec.__name__, CommandSpec.__name__)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lrdoctor spec",
        # not anyOf, whose faults an editor would report for both kinds
        "if": {"required": ["command"]},
        "then": chosen[CommandSpec.__name__],
        "else": chosen[ModelSpec.__name__],
        "$defs": {**{name: blocks[name] for name in chosen}, **blocks},
    }
