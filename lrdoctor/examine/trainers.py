"""What trains a trial: one entry for each kind of spec, and what each of them answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, NotRequired, Protocol, TypedDict, cast

from lrdoctor.core.run import Status
from lrdoctor.engines import ENGINES
from lrdoctor.engines.base import Engine
from lrdoctor.engines.entry import load
from lrdoctor.errors import EngineError
from lrdoctor.spec import Spec


class Checked(TypedDict):
    """Answer to a payload of kind `check`: what the workload is, found out before any trial."""

    n_parameters: int
    has_validation: bool
    notes: list[str]
    """What the user should know before any trial, as sentences."""
    facts: dict[str, Any]
    """What tells later whether data and code are still the same, as plain values."""
    n_loss_parameters: NotRequired[int]


class Ended(TypedDict):
    """Answer to a payload of kind `trial`, whose rows were emitted."""

    status: Status
    reason: str | None
    facts: dict[str, Any]
    """What is known of the trial beside its curves, as plain values."""
    evaluations: NotRequired[dict[int, float]]
    """Validation loss by step, where it became known after the rows."""
    notes: NotRequired[list[str]]
    """What the user should know, as sentences; each is said once."""


class Trainer(Protocol):
    """A session (`engines.base.Session`) that trains the trials of a spec.

    Its payloads are mappings with a `kind`, each with a `seed` of its own or in its trial:

    - trial: `trial` (the fields of a Trial), `untrained` (the highest level that its untrained weights show, or None),
      `own_learning_rate` (what the control told under this name among its facts, or None),
      `folder` (where files may be put that are kept with the trial, absent where nothing is saved). Emits rows, answers
      `Ended`. A control (`Trial.control`) passes the batches of its seed through weights that stay as they are.
    - check: `trial` (a typical one). May emit sentences, answers `Checked`.
    - inspect: `rewrite`, `sharpness`. Answers an Inspection.
    - possible: answers a Possible.
    """

    def describe(self) -> Mapping[str, Any]: ...

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any: ...


@dataclass(frozen=True)
class Entry:
    """How the trainer of a kind of spec is opened."""

    opener: str
    """ "module:function"; a name, so that this process never imports what trains (nor torch)."""
    preload: tuple[str, ...]
    """Imported once before the workers are forked: importing torch takes seconds, and what torch itself imports when an
    optimizer makes its first update (`torch._dynamo`) as long again."""


TRAINERS: Mapping[Literal["model", "command"], Entry] = {
    "model": Entry("lrdoctor.worker:open_session", ("torch", "torch._dynamo", "lrdoctor.worker")),
    "command": Entry("lrdoctor.commands.session:open_session", ("lrdoctor.commands.session",)),
}
"""By `Spec.trainer`."""


def open_engine(
    spec: Spec,
    jobs: int | None,
    engine: str | None = None,
    study: str | None = None,
    trial_seconds: float | None = None,
) -> Engine:
    """The engine that trains the spec's trials; a context manager.

    Args:
        spec: with the workload, and with where its trials run.
        jobs: the number of workers; None for the spec's, and where it has none, for one a core, or one a visible
            accelerator.
        engine: name in `ENGINES`, for another one than the spec's.
        study: names the study, where other invocations may take its trials over.
        trial_seconds: how long a trial may take; None for any time.

    Raises:
        EngineError: the engine is not installed, or cannot run so.
    """
    entry = TRAINERS[spec.trainer]
    if engine is not None and engine != spec.engine.name:
        return cast(
            Engine, load(ENGINES[engine].maker)(entry.opener, spec.workload(), jobs=jobs, preload=entry.preload)
        )
    name, kind = spec.engine.name, ENGINES[spec.engine.name]
    if kind.needs and find_spec(kind.needs) is None:
        raise EngineError(f"engine: {name} is not installed; try `pip install 'lrdoctor[{name}]'`")
    where = spec.engine.where()
    if trial_seconds is not None:
        if not kind.ends_trials:
            raise EngineError(
                f"--trial-timeout: found with engine: {name}, expected with local worker processes; the "
                "cluster's own limits end trials there"
            )
        where |= {"task_seconds": trial_seconds}
    if kind.spans_machines:
        where |= {"folder": str(spec.code_folder), "study": study}
    return cast(
        Engine,
        load(kind.maker)(entry.opener, spec.workload(), jobs=jobs or spec.engine.jobs, preload=entry.preload, **where),
    )
