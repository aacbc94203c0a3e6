"""A look at the spec's model, in a worker: this process never imports torch."""

from __future__ import annotations

from typing import cast

from lrdoctor.core.architecture import Inspection
from lrdoctor.engines.base import Engine
from lrdoctor.examine.laboratory import answer
from lrdoctor.examine.trainers import open_engine
from lrdoctor.spec import Spec


def open_inspector(spec: Spec, engine: str = "local") -> Engine:
    """An engine of one worker that can look at the spec's model; a context manager, as every engine.

    Args:
        spec: with the model and the data.
        engine: name in `ENGINES`.
    """
    return open_engine(spec, jobs=1, engine=engine)


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
