"""Keras 3 on torch: `model.fit(..., callbacks=[LrdoctorCallback(on_unstable="stop")])`."""

from __future__ import annotations

from os import PathLike
from typing import Any

from lrdoctor.api import Objective
from lrdoctor.errors import LrdoctorError
from lrdoctor.integrations.listening import Listening, Told
from lrdoctor.integrations.live import OnUnstable

try:
    import keras
except ImportError as error:
    raise ImportError(f"lrdoctor.integrations.keras needs Keras 3: {error}; pip install keras") from error


class LrdoctorCallback(keras.callbacks.Callback, Told):  # type: ignore[misc,unused-ignore]
    """Records every update: the loss of its batch, where Keras logs running means, and the norm before clipping.

    Args:
        folder: for steps.csv and recording.json; None for `lrdoctor_out/<name>-<time>`.
        name: of the training.
        on_unstable: "warn" prints a line on standard error once the training is unstable; "stop" prints it and ends the
            training; a callable gets the `StreamEvent`.
        alpha: the share of healthy trainings that may be taken for unstable, over the whole training.
        objective: whether a rise of the loss is a failure: "auto", "minimized", "reinforcement" or "adversarial".

    Raises:
        LrdoctorError: Keras runs on another backend than torch.
    """

    def __init__(
        self,
        folder: str | PathLike[str] | None = None,
        *,
        name: str = "training",
        on_unstable: OnUnstable = "warn",
        alpha: float = 0.01,
        objective: Objective = "auto",
    ) -> None:
        super().__init__()
        if (backend := keras.backend.backend()) != "torch":
            raise LrdoctorError(f"Keras runs on {backend}, and only its torch backend is recorded: KERAS_BACKEND=torch")
        self.listening = Listening(folder, name, on_unstable, alpha, objective)

    def on_train_begin(self, logs: Any = None) -> None:
        self.listening.start(keras=True)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.listening.live.agree()
        if self.listening.live.should_stop:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs and "val_loss" in logs:
            self.listening.evaluated(logs["val_loss"])

    def on_train_end(self, logs: Any = None) -> None:
        self.listening.finish()
