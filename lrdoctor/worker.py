"""What runs in the workers: the one place where the user's workload, its training and the recorder meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lrdoctor.architecture import LossOf, Model, RewritePlan, apply, look, planned, rewrite, sharpness
from lrdoctor.core.architecture import Architecture, Inspection, Sharpness
from lrdoctor.core.rewriting import REWRITES, Possible, Rewrite, Rewriting
from lrdoctor.errors import LrdoctorError, WorkloadError
from lrdoctor.store import attempts
from lrdoctor.training.importing import blame, is_of_user
from lrdoctor.training.interpreter import Interpreter, set_otherwise
from lrdoctor.training.randomness import seed_all
from lrdoctor.training.session import TrainingSession
from lrdoctor.training.session import open_session as open_training
from lrdoctor.training.workload import backward


class Fresh(NamedTuple):
    """A model of its own, as a trial would train it, with its first batch."""

    model: Model
    batch: Any
    loss_of: LossOf


class Rewriter:
    """Changes the models of trials: the first one of a seed is recorded for it, the others are changed likewise.

    Args:
        folder: which files are named from.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plans: dict[tuple[Rewrite, int], RewritePlan] = {}

    def __call__(self, model: Model, batch: Any, loss_of: LossOf, name: Rewrite, seed: int) -> None:
        """Changes a fresh model in place.

        Raises:
            WorkloadError: the change can be made nowhere in it.
        """
        if (name, seed) in self._plans:
            apply(self._plans[name, seed], model)
            return
        plan = planned(model, batch, loss_of, name, self._folder)
        found = plan.rewriting
        if not found.is_made:
            why = found.failure or "; ".join(dict.fromkeys(f"{r.where}: {r.why}" for r in found.refused))
            raise WorkloadError(f"rewrite: {name} can be made nowhere in the model: {why}")
        self._plans[name, seed] = plan


def open_session(context: Mapping[str, Any], worker: int) -> WorkerSession:
    """The engine's entry point; see `training.session.open_session`."""
    return WorkerSession(open_training(context, worker, Rewriter(Path(context["folder"]))))


class WorkerSession:
    """One worker's workload, trained and looked at; see `engines.base.Session`."""

    def __init__(self, training: TrainingSession) -> None:
        self.training = training
        self.workload = training.workload
        self.interpreter = Interpreter()

    def describe(self) -> Mapping[str, Any]:
        return self.training.describe()

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        """Does what the payload's `kind` says: `trial` and `check` (see `TrainingSession`), `inspect` or `possible`.

        Raises:
            WorkloadError: the workload fails, without the recorder too, or has taken its process apart.
        """
        gone: tuple[str, ...] = ()
        is_done = False
        try:
            try:
                done = self._done(payload, emit, stopped)
                is_done = True
                return done
            finally:
                # before the name of any exception is looked up: builtins may be gone
                if not is_done:
                    gone = self.interpreter.repair()
        except LrdoctorError as error:
            if gone and isinstance(error, WorkloadError):
                raise WorkloadError(f"{error}; {taken_apart(gone)}") from error
            raise
        except Exception as error:
            if is_of_user(error) and not gone:
                raise WorkloadError(f"the workload raised {blame(error)}") from error
            changed = gone or set_otherwise(error)
            if not changed:
                raise
            raise WorkloadError(f"training raised {blame(_first(error))}; {taken_apart(changed)}") from error

    def _done(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        if payload["kind"] == "inspect":
            return self.inspect(payload["seed"], payload["rewrite"], payload["sharpness"])
        if payload["kind"] == "possible":
            return self.possible(payload["seed"])
        if payload["kind"] == "trial":
            return attempts.train(
                payload, emit, lambda given, write: self.training.run(given, write, stopped), self.describe()
            )
        return self.training.run(payload, emit, stopped)

    def inspect(self, seed: int, change: Rewrite | None, with_sharpness: bool) -> Inspection:
        """Looks at the model of a seed, changed as trials would change it."""
        n_parameters = self._try(seed, change)
        model, failure = self._look(seed, change)
        top, why = self._sharpness(seed, change) if with_sharpness else (None, "")
        return Inspection(model=model, failure=failure, sharpness=top, sharpness_failure=why, n_parameters=n_parameters)

    def possible(self, seed: int) -> Possible:
        """Tries every rewrite on a model of its own."""
        self._try(seed, None)
        model, failure = self._look(seed, None)
        if model is None:
            return Possible(model=None, failure=failure)
        # without residual adds there is nothing to change
        names = REWRITES if model.sites else ()
        return Possible(model=model, rewritings={name: self._rewriting(seed, name) for name in names})

    def _rewriting(self, seed: int, name: Rewrite) -> Rewriting:
        try:
            return rewrite(*self._fresh(seed, None), name, Path(self.workload.folder))
        except Exception as error:
            return Rewriting(name=name, edits=(), refused=(), n_sites=0, after=None, failure=_told(error))

    def _try(self, seed: int, change: Rewrite | None) -> int:
        """One pass without the recorder, so that what fails under it and not here is the recorder's fault.

        Returns:
            trainable numbers of the model.
        """
        model, batch, loss_of = self._fresh(seed, change)
        backward(loss_of(model, batch))
        return sum(p.numel() for p in model.parameters() if p.requires_grad)

    def _look(self, seed: int, change: Rewrite | None) -> tuple[Architecture | None, str]:
        try:
            return look(*self._fresh(seed, change), Path(self.workload.folder)), ""
        except Exception as error:
            return None, f"could not run the model under the recorder: {_told(error)}"

    def _sharpness(self, seed: int, change: Rewrite | None) -> tuple[Sharpness | None, str]:
        try:
            return sharpness(*self._fresh(seed, change)), ""
        except Exception as error:
            return None, f"no second derivative could be taken: {_told(error)}"

    def _fresh(self, seed: int, change: Rewrite | None) -> Fresh:
        batches, model = self.workload.batches(seed).train, self.workload.model(seed)
        if change is not None:
            self.workload.rewrite(model, change, seed)
        batch = next(iter(batches))
        seed_all(seed)
        return Fresh(model, batch, self.workload.loss_of(self.workload.loss()))


def taken_apart(changed: Sequence[str]) -> str:
    """What the user's code has done to its process, in words."""
    return f"the workload's own code has changed what everything in its process needs: {'; '.join(changed)}"


def _first(error: BaseException) -> BaseException:
    """Of the errors that led to this one the last that came through the user's code; itself where none did."""
    at: BaseException | None = error
    while at is not None:
        if is_of_user(at):
            return at
        at = at.__cause__ or at.__context__
    return error


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, WorkloadError) else blame(error)
