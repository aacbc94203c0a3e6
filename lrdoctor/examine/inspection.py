"""A look at the spec's model, in a worker: this process never imports torch."""

from __future__ import annotations

from typing import Any, cast

from lrdoctor.core.architecture import Inspection
from lrdoctor.engines import ENGINES
from lrdoctor.engines.base import Engine, Failed, Finished, Task
from lrdoctor.engines.entry import load
from lrdoctor.errors import EngineError
from lrdoctor.spec import Spec

ENTRY = "lrdoctor.inspector:open_session"
"""What runs in the worker."""

PRELOAD = ("torch", "lrdoctor.inspector")
"""Imported once before the worker is forked."""


def open_inspector(spec: Spec) -> Any:
    """An engine of one worker that can look at the spec's model; a context manager, as every engine."""
    return load(ENGINES["local"])(ENTRY, spec.workload(), jobs=1, preload=PRELOAD)


def inspect(engine: Engine, seed: int, sharpness: bool) -> Inspection:
    """What one batch shows of the model that trials of this seed would train.

    Args:
        engine: as `open_inspector` gives it.
        seed: of the initial weights and the batch.
        sharpness: whether to measure that too, at the cost of some fifty passes.

    Raises:
        EngineError: the worker died of it.
        WorkloadError: the workload cannot be built or run.
    """
    for event in engine.run([Task("inspect", {"seed": seed, "sharpness": sharpness}, seed)]):
        if isinstance(event, Finished):
            return cast(Inspection, event.result)
        if isinstance(event, Failed):
            raise EngineError(f"the look at the model ended: {event.reason}")
    raise AssertionError("an engine ends every task")
