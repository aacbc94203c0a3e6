"""What runs in the worker of an inspection: the one place where the user's workload and the recorder meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lrdoctor.architecture import LossOf, Model, Scalar, look, sharpness
from lrdoctor.core.architecture import Architecture, Inspection, Sharpness
from lrdoctor.errors import WorkloadError
from lrdoctor.training.importing import blame
from lrdoctor.training.randomness import seed_all
from lrdoctor.training.session import TrainingSession
from lrdoctor.training.session import open_session as open_training
from lrdoctor.training.workload import backward, checked_loss


class Fresh(NamedTuple):
    """A model of its own, as a trial would train it, with its first batch."""

    model: Model
    batch: Any
    loss_of: LossOf


def open_session(context: Mapping[str, Any], worker: int) -> InspectionSession:
    """The engine's entry point; see `training.session.open_session`."""
    return InspectionSession(open_training(context, worker))


class InspectionSession:
    """One worker's workload, looked at; see `engines.base.Session`."""

    def __init__(self, training: TrainingSession) -> None:
        self.training = training
        self.workload = training.workload

    def describe(self) -> Mapping[str, Any]:
        return self.training.describe()

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Inspection:
        """Looks at the model of a seed.

        Args:
            payload: `seed`, and whether the `sharpness` is wanted.
            emit, stopped: not used.

        Raises:
            WorkloadError: the workload fails without the recorder too.
        """
        seed = payload["seed"]
        n_parameters = self._try(seed)
        model, failure = self._look(seed)
        top, why = self._sharpness(seed) if payload["sharpness"] else (None, "")
        return Inspection(model=model, failure=failure, sharpness=top, sharpness_failure=why, n_parameters=n_parameters)

    def _try(self, seed: int) -> int:
        """One pass without the recorder, so that what fails under it and not here is the recorder's fault.

        Returns:
            trainable numbers of the model.
        """
        model, batch, loss_of = self._fresh(seed)
        backward(loss_of(model, batch))
        return sum(p.numel() for p in model.parameters() if p.requires_grad)

    def _look(self, seed: int) -> tuple[Architecture | None, str]:
        try:
            return look(*self._fresh(seed), Path(self.workload.folder)), ""
        except Exception as error:
            return None, f"could not run the model under the recorder: {_told(error)}"

    def _sharpness(self, seed: int) -> tuple[Sharpness | None, str]:
        try:
            return sharpness(*self._fresh(seed)), ""
        except Exception as error:
            return None, f"no second derivative could be taken: {_told(error)}"

    def _fresh(self, seed: int) -> Fresh:
        batches, model, loss_fn = self.workload.batches(seed).train, self.workload.model(seed), self.workload.loss()

        def loss_of(model: Model, batch: Any) -> Scalar:
            return checked_loss(self.workload, model, batch, loss_fn)

        batch = next(iter(batches))
        seed_all(seed)
        return Fresh(model, batch, loss_of)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, WorkloadError) else blame(error)
