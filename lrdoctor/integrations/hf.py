"""The Trainer of transformers: `Trainer(..., callbacks=[LrdoctorCallback(on_unstable="stop")])`; of TRL as well."""

from __future__ import annotations

from os import PathLike
from typing import Any

from lrdoctor.api import Objective
from lrdoctor.integrations.listening import Listening, Told
from lrdoctor.integrations.live import OnUnstable

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise ImportError(f"lrdoctor.integrations.hf needs transformers: {error}; pip install transformers") from error

EVALUATED = "eval_loss"


class LrdoctorCallback(TrainerCallback, Told):  # type: ignore[misc,unused-ignore]
    """Records every update of a Trainer: its loss as backwarded, the norm before clipping, the rate.

    The Trainer clips before its callbacks see the gradients, and with `logging_nan_inf_filter` logs a loss that is nan
    as 0; here the norm is what the clipping returned, and nan is nan.

    Args:
        folder: for steps.csv and recording.json; None for `lrdoctor_out/<name>-<time>`.
        name: of the training.
        on_unstable: "warn" prints a line on standard error once the training is unstable; "stop" prints it and ends the
            training; a callable gets the `StreamEvent`.
        alpha: the share of healthy trainings that may be taken for unstable, over the whole training.
        objective: whether a rise of the loss is a failure: "auto", "minimized", "reinforcement" or "adversarial".
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
        self.listening = Listening(folder, name, on_unstable, alpha, objective)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.listening.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.listening.live.agree()
        if self.listening.live.should_stop:
            control.should_training_stop = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        metrics = kwargs.get("metrics") or {}
        if EVALUATED in metrics:
            self.listening.evaluated(metrics[EVALUATED])

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.listening.finish()
