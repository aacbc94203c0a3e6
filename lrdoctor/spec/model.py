"""The spec: what to train and which trials to run, from the user's YAML.

This is the only strict border for user text: behind it every value has the right type and range. The user's
code is named here and imported elsewhere; a spec is as trusted as that code.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, Field, PrivateAttr, ValidationError

from lrdoctor.core.rewriting import Rewrite
from lrdoctor.core.trial import canonical_json
from lrdoctor.spec.blocks import (
    AnyComponent,
    AnyData,
    Clip,
    Component,
    NamedSchedule,
    Optimizer,
    Probe,
    Schedule,
    Sweep,
    SweepRange,
    Warmup,
)
from lrdoctor.spec.class_paths import digest, file_of, named, relocated
from lrdoctor.spec.faults import Fault, KeyPath, Place, refusal, shown
from lrdoctor.spec.overrides import override
from lrdoctor.spec.types import Block, ClassPath, Count, CountOrZero, Positive, Seeds
from lrdoctor.spec.validation import faults_of
from lrdoctor.spec.yaml_source import Document, commented, parse, read, write

EVALUATIONS = 20
"""Evaluations a trial has when eval_every is left out: enough points to see a rise, at little cost."""

_DEVICE = r"auto|cpu|cuda(:\d+)?|mps"
_NOT_IDENTITY = ("name", "seeds", "sweep", "probe", "warmup", "clip", "warmup_steps", "clip_norm", "rewrite")
"""Keys that decide which trials run, and nothing of a trial's numbers that the trial does not say itself."""


def _device(text: str) -> str:
    if not re.fullmatch(_DEVICE, text, re.ASCII):
        raise ValueError(f"found {shown(text)}, expected auto, cpu, cuda, cuda:N or mps")
    return text


def _default_eval_every(data: dict[str, Any]) -> int:
    # max_train_steps is absent when it is at fault itself; the spec is then refused, whatever this returns
    return max(1, int(data.get("max_train_steps", 1)) // EVALUATIONS)


class Spec(Block):
    """One workload and the trials to run on it."""

    name: Annotated[str, Field(min_length=1)]
    """What reports call the study."""
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
    max_train_steps: Count
    """Length of a trial in optimizer updates, warmup not counted."""
    warmup_steps: CountOrZero = 0
    """Updates of a linear warmup from 0 to the base learning rate, put before the schedule of every trial; 0 for none.
    The search of `warmup` tries others in its place."""
    clip_norm: Positive | None = None
    """Gradients with a larger global L2 norm are scaled down to it, in every trial. Null clips nothing. The study of
    `clip` tries others in its place."""
    rewrite: Rewrite | None = None
    """A change made to a copy of the model before each trial: zero_init (the last parameters of every residual branch
    start at 0), rezero (a learned factor that starts at 0 multiplies every branch), move_norm (x + Norm(f(x)) in place
    of Norm(x + f(x))) or add_norm (a norm as the last operation of every branch). Null trains the model as it is."""
    eval_every: Count = Field(default_factory=_default_eval_every)
    """Updates between two evaluations on the validation data. Left out: a twentieth of max_train_steps."""
    seeds: Seeds = (0, 1, 2)
    """A trial is run once for each: the seed decides the initial weights and the order of the batches."""
    device: Annotated[str, AfterValidator(_device), Field(json_schema_extra={"pattern": f"^({_DEVICE})$"})] = "auto"
    """Where trials run: auto (CUDA where there is one, else the CPU), cpu, cuda (one worker a GPU), cuda:N or mps."""
    stop_hopeless: bool = True
    """Whether a trial stops early when its loss stays pinned far above where it started."""
    sweep: Sweep = SweepRange()
    """Base learning rates to try: {min, max, points}, evenly spaced in the logarithm, or {values: [...]}."""
    probe: Probe = Probe()
    """The short run that shows how an instability begins."""
    warmup: Warmup = Warmup()
    """The search for the shortest warmup that holds."""
    clip: Clip = Clip()
    """The study of gradient clipping."""

    _folder: Path = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._folder = context["folder"]

    @property
    def folder(self) -> Path:
        """The absolute folder of the YAML file, which relative files start from."""
        return self._folder

    def workload(self) -> dict[str, Any]:
        """What a worker needs to build the things it trains, as plain values."""
        keys = ("model", "data", "loss", "step", "schedule", "device")
        plain = self.model_dump(mode="json")
        return {**{key: plain[key] for key in keys}, "folder": str(self.folder)}

    def optimizer_text(self) -> str:
        """The optimizer block with all its defaults, as canonical JSON."""
        return canonical_json(self.optimizer.model_dump(mode="json"))

    def identity(self) -> dict[str, Any]:
        """Everything that decides a trial's numbers, dotted key -> plain value.

        `file:NAME` is the sha256 of each Python file that a class path names; what that file imports is not
        followed. Only a file's name and content count, so that neither moving the project's folder nor running
        the resolved spec of a study folder changes anything.

        Raises:
            SpecError: such a file cannot be read any more.
        """
        identity: dict[str, Any] = {}
        for key, value in self._plain(named).items():
            if key in _NOT_IDENTITY:
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
        """Every key with its value, defaults included; class paths of files hold from `relative_to`."""
        return self._plain(lambda path: relocated(path, self.folder, relative_to))

    def _plain(self, rename: Callable[[str], str]) -> dict[str, Any]:
        """Every key with its plain value, the class paths renamed."""
        plain = self.model_dump(mode="json")
        for block in (plain[key] for key in ("model", "data", "loss", "optimizer", "schedule")):
            if "class_path" in block:
                block["class_path"] = rename(block["class_path"])
        plain["step"] = None if self.step is None else rename(self.step)
        return plain

    def to_yaml(self, relative_to: Path) -> str:
        """The resolved spec as YAML that runs again from the folder `relative_to`, to the same numbers.

        A module beside the original spec has to be importable for that (PYTHONPATH); files named by path are found.
        """
        return write(self.resolved(relative_to))

    def patched_yaml(self, relative_to: Path, changes: Mapping[str, Any], comment: str) -> str:
        """The resolved spec with other values of some keys, as YAML that runs from the folder `relative_to`.

        Args:
            relative_to: where the text will be saved.
            changes: top-level key -> plain value that takes the place of the whole old one; class paths of files
                start from this spec's folder.
            comment: lines that go before the first key.

        Raises:
            SpecError: the changed spec is none; the message has a line for every fault.
        """
        place = Place(0, 1, 1, "the patched spec")
        document = parse(write({**self.resolved(self.folder), **changes}), lambda line, column: place)
        if isinstance(document, Fault):
            raise refusal([document])
        return commented(comment) + _validated(document, self.folder).to_yaml(relative_to)

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
    document = override(document, overrides)
    return _validated(document, Path(os.path.abspath(path)).parent)


def spec_of(values: Mapping[str, Any], folder: Path) -> Spec:
    """The spec of plain values that no file holds.

    Args:
        values: the spec's keys.
        folder: absolute; files that they name start from it.

    Raises:
        SpecError: they are no spec; the message has a line for every fault.
    """
    place = Place(0, 1, 1, "the training")
    document = parse(write(dict(values)), lambda line, column: place)
    if isinstance(document, Fault):
        raise refusal([document])
    return _validated(document, folder)


def _validated(document: Document, folder: Path) -> Spec:
    """The spec that a document holds, whose relative files start from the folder."""
    try:
        spec = Spec.model_validate(document.data, context={"folder": folder})
    except ValidationError as error:
        faults = faults_of(document, error.errors(include_url=False), _keys_at)
    else:
        faults = faults_of(document, (), _keys_at)
    if faults:
        raise refusal(faults)
    return spec


def spec_schema() -> dict[str, Any]:
    """The JSON Schema of a spec, for editors that complete and check YAML."""
    schema = Spec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "lrdoctor spec"}


def _keys_at(location: KeyPath) -> list[str]:
    """The keys of the block that a validation error's location lies in; a union's kind is part of it."""
    block: Any = Spec
    if len(location) > 1:
        annotation = Spec.model_fields[str(location[0])].annotation
        kinds = {tag.tag: kind for kind, tag in map(get_args, get_args(annotation))}
        block = kinds[location[1]] if kinds else annotation
    return list(block.model_fields)
