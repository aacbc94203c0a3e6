"""A look at the spec's model, in a worker: this process never imports torch."""

from __future__ import annotations

from typing import Any, cast

from lrdoctor.core.architecture import Inspection
from lrdoctor.engines import ENGINES
from lrdoctor.engines.base import Engine
from lrdoctor.engines.entry import load
from lrdoctor.examine.laboratory import ENTRY, PRELOAD, answer
from lrdoctor.spec import Spec


def open_inspector(spec: Spec, engine: str = "local") -> Any:
    """An engine of one worker that can look at the spec's model; a context manager, as every engine.

    Args:
        spec: with the model and the data.
        engine: name in `ENGINES`.
    """
    return load(ENGINES[engine])(ENTRY, spec.workload(), jobs=1, preload=PRELOAD)


def inspect(engine: Engine, seed: int, sharpness: bool, rewrite: str | None = None) -> Inspection:
    """What one batch shows of the model that trials of this seed would train.

    Args:
        engine: as `open_inspector` gives it.
        seed: of the initial weights and the batch.
        sharpness: whether to measure that too, at the cost of some fifty passes.

        rewrite: the change that trials make to it first; None for none.

    Raises:
        EngineError: the worker died of it.
        WorkloadError: the workload cannot be built or run.
    """
    payload = {"kind": "inspect", "seed": seed, "rewrite": rewrite, "sharpness": sharpness}
    return cast(Inspection, answer(engine, payload, "the look at the model"))
