"""What every spec has, whatever trains its trials: which trials to run, and how a spec is read and written."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, PrivateAttr, Tag, ValidationError

from lrdoctor.core.changes import SETTINGS
from lrdoctor.core.rewriting import Rewrite
from lrdoctor.spec.blocks import AnyEngine, Clip, Engine, Probe, Sweep, SweepRange, SweepValues, Warmup
from lrdoctor.spec.faults import Fault, KeyPath, Place, refusal
from lrdoctor.spec.types import Block, Count, CountOrZero, Positive, Seeds
from lrdoctor.spec.validation import faults_of
from lrdoctor.spec.yaml_source import Document, commented, parse, write

NOT_IDENTITY = ("name", "seeds", "sweep", "probe", "warmup", "clip", "warmup_steps", "clip_norm", "engine")
"""Keys that decide which trials run, and nothing of a trial's numbers that the trial does not say itself."""


class Named(Block):
    """The key that comes first."""

    name: Annotated[str, Field(min_length=1)]
    """What reports call the study."""


class Spec(Named):
    """The trials to run on one training; `ModelSpec` and `CommandSpec` say what is trained."""

    max_train_steps: Count
    """Length of a trial in optimizer updates, warmup not counted."""
    warmup_steps: CountOrZero = 0
    """Updates of a linear warmup from 0 to the base learning rate, put before the schedule of every trial; 0 for none.
    The search of `warmup` tries others in its place."""
    clip_norm: Positive | None = None
    """Gradients with a larger global L2 norm are scaled down to it, in every trial. Null clips nothing. The study of
    `clip` tries others in its place."""
    seeds: Seeds = (0, 1, 2)
    """A trial is run once for each: the seed decides the initial weights and the order of the batches."""
    stop_hopeless: bool = True
    """Whether a trial stops early when its loss stays pinned far above where it started."""
    sweep: Sweep = SweepRange()
    """Base learning rates to try: {min, max, points}, evenly spaced in the logarithm, {values: [...]}, or auto: short
    trials a decade apart find where to look."""
    probe: Probe = Probe()
    """The short run that shows how an instability begins."""
    warmup: Warmup = Warmup()
    """The search for the shortest warmup that holds."""
    clip: Clip = Clip()
    """The study of gradient clipping."""

    engine: AnyEngine = Engine()
    """Where trials run, which is no part of what they are: local (processes of this machine), or dask (a Dask cluster:
    processes of this machine, a cluster whose scheduler has an `address`, or one that a `cluster` class starts)."""

    _folder: Path = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._folder = context["folder"]

    @property
    def folder(self) -> Path:
        """The absolute folder of the YAML file, which relative files start from."""
        return self._folder

    @property
    def code_folder(self) -> Path:
        """The absolute folder that holds the user's code."""
        return self._folder

    @property
    def swept(self) -> tuple[float, ...] | None:
        """The base learning rates to sweep, ascending; None where they are to be found."""
        return None if isinstance(self.sweep, str) else self.sweep.rates()

    def sweeping(self, rates: Sequence[float]) -> Self:
        """The spec with these rates to sweep, ascending."""
        return self.model_copy(update={"sweep": SweepValues(values=tuple(rates))})

    @property
    @abstractmethod
    def trainer(self) -> Literal["model", "command"]:
        """What trains a trial."""

    @property
    @abstractmethod
    def steps_between_evaluations(self) -> int:
        """Updates between two evaluations on the validation data."""

    @property
    def model_change(self) -> Rewrite | None:
        """The change that every trial makes to a copy of the model first."""
        return None

    def own_settings(self) -> dict[str, Any]:
        """What its own training has of the settings that fixes change (`core.changes`), by name."""
        return {name: getattr(self, name, None) for name in SETTINGS}

    @abstractmethod
    def workload(self) -> dict[str, Any]:
        """What a worker needs to train a trial, as plain values."""

    @abstractmethod
    def optimizer_text(self) -> str:
        """The update rule, as the canonical JSON that trials carry."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything that decides a trial's numbers, dotted key -> plain value.

        `file:NAME` is the sha256 of each of the user's files that the spec names; what these import is not followed.
        Only a file's name and content count, so that neither moving the project's folder nor running the resolved spec
        of a study folder changes anything.

        Raises:
            SpecError: such a file cannot be read any more.
        """

    @abstractmethod
    def resolved(self, relative_to: Path) -> dict[str, Any]:
        """Every key with its value, defaults included; paths of the user's files hold from `relative_to`."""

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
        return commented(comment) + self.validated(document, self.folder).to_yaml(relative_to)

    @classmethod
    def validated(
        cls, document: Document, folder: Path, foreign: Callable[[str], str | None] = lambda key: None
    ) -> Self:
        """The spec that a document holds, whose relative files start from the folder.

        Args:
            document: with the keys.
            folder: absolute.
            foreign: what to say of a key of another kind of spec; None for any other key.

        Raises:
            SpecError: it is none; the message has a line for every fault.
        """
        try:
            spec = cls.model_validate(document.data, context={"folder": folder})
        except ValidationError as error:
            faults = faults_of(document, error.errors(include_url=False), cls._keys_at, foreign)
        else:
            faults = faults_of(document, (), cls._keys_at, foreign)
        if faults:
            raise refusal(faults)
        return spec

    @classmethod
    def _keys_at(cls, location: KeyPath) -> list[str]:
        """The keys of the block that a validation error's location lies in; a union's kind is part of it."""
        block: Any = cls
        if len(location) == 1:
            # the key that makes it a spec of another kind is worth a suggestion too
            return list(dict.fromkeys((*cls.model_fields, "command")))
        if location:
            annotation = cls.model_fields[str(location[0])].annotation
            members = [get_args(member) for member in get_args(annotation)]
            kinds = {member[1].tag: member[0] for member in members if len(member) > 1 and isinstance(member[1], Tag)}
            block = kinds.get(str(location[1])) or next(_blocks_in(annotation))
        for key in location[1:-1]:
            # a block in a block, such as the cluster of the engine; a union's kind is the name of no field
            inner = block.model_fields.get(str(key))
            block = block if inner is None else next(_blocks_in(inner.annotation), block)
        return list(block.model_fields)


def _blocks_in(annotation: Any) -> Iterator[type[Block]]:
    """The blocks that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield annotation
    for member in get_args(annotation):
        yield from _blocks_in(member)
