"""Lightning: `Trainer(callbacks=[LrdoctorCallback(on_unstable="stop")])`, of either package."""

from __future__ import annotations

from os import PathLike
from typing import Any

from lrdoctor.api import Objective
from lrdoctor.integrations.listening import Listening, Told
from lrdoctor.integrations.live import OnUnstable

try:
    from lightning.pytorch import Callback
except ImportError:
    try:
        from pytorch_lightning import Callback
    except ImportError as error:
        raise ImportError(f"lrdoctor.integrations.lightning needs Lightning: {error}; pip install lightning") from error


class LrdoctorCallback(Callback, Told):  # type: ignore[misc,unused-ignore]
    """Records every update of a Trainer, whose backward and clipping happen inside of the optimizer's closure.

    Args:
        folder: for steps.csv and recording.json; None for `lrdoctor_out/<name>-<time>`.
        name: of the training.
        on_unstable: "warn" prints a line on standard error once the training is unstable; "stop" prints it and ends the
            training; a callable gets the `StreamEvent`.
        alpha: the share of healthy trainings that may be taken for unstable, over the whole training.
        objective: whether a rise of the loss is a failure: "auto", "minimized", "reinforcement" or "adversarial".
        monitor: the logged metric that is the validation loss.
    """

    def __init__(
        self,
        folder: str | PathLike[str] | None = None,
        *,
        name: str = "training",
        on_unstable: OnUnstable = "warn",
        alpha: float = 0.01,
        objective: Objective = "auto",
        monitor: str = "val_loss",
    ) -> None:
        super().__init__()
        self.listening = Listening(folder, name, on_unstable, alpha, objective)
        self.monitor = monitor

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.listening.start()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.listening.live.agree()
        if self.listening.live.should_stop:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        value = trainer.callback_metrics.get(self.monitor)
        if value is not None and not trainer.sanity_checking:
            self.listening.evaluated(value)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.listening.finish()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self.listening.live.listener.facts.exception = f"{type(exception).__name__}: {exception}"[:500]
        self.listening.finish()
