"""A run: the raw curves of one training, made by lrdoctor or read from a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from lrdoctor.core.curve import EMPTY, Curve

if TYPE_CHECKING:
    from lrdoctor.core.trial import Trial

Status = Literal["completed", "diverged", "failed", "truncated"]
"""completed: every step ran. diverged: stopped at a non-finite loss or gradient. truncated: stopped early for
the recorded reason. failed: an error or a signal ended it, so its curves say nothing about stability."""

CURVES = ("learning_rate", "train_loss", "grad_norm", "val_loss")
"""The columns of steps.csv, after `step`, in order."""

TRAINER_FILTER = "logging_nan_inf_filter"
"""The option of the Hugging Face Trainer that a note of its logs names."""

FRAMEWORKS = {
    "raw": "a loop of its own",
    "hf": "the Hugging Face Trainer",
    "lightning": "Lightning",
    "accelerate": "Accelerate",
    "keras": "Keras",
    "torchtitan": "torchtitan",
    "megatron": "Megatron-LM",
    "fairseq": "fairseq",
    "nanogpt": "nanoGPT's script",
    "timm": "timm's script",
    "none": "a loop without an optimizer object",
}
"""What a recording calls the framework that trained, in words."""


@dataclass(frozen=True)
class Run:
    """Raw curves, NaN kept, with where they come from and how the training ended."""

    name: str
    source: str
    """File or folder that holds the curves."""
    curves: Mapping[str, Curve]
    status: Status = "completed"
    exit_reason: str | None = None
    """Why a run that is not `completed` ended."""
    trial: Trial | None = None
    control: Curve | None = None
    """What the untrained weights lose on the same batches, step by step; None where nobody knows, as of logs."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What is known of how the values were made: averaged, smoothed, sampled, resumed at, ..."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "curves", MappingProxyType(dict(self.curves)))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    def curve(self, name: str) -> Curve:
        """The curve of that name, the empty curve when it was not measured."""
        return self.curves.get(name, EMPTY)

    @property
    def counts_updates(self) -> bool:
        """Whether the steps are optimizer updates, and not samples, epochs or rows of a file."""
        return bool(self.provenance.get("x", "step") == "step")

    @property
    def has_trainer_filter(self) -> bool:
        """Whether the log is one of the Hugging Face Trainer, which leaves losses that are not finite out of its means;
        Megatron-LM leaves them out too, and has no such option."""
        return any(TRAINER_FILTER in str(note) for note in self.provenance.get("notes") or ())

    @property
    def train_loss(self) -> Curve:
        return self.curve("train_loss")

    @property
    def val_loss(self) -> Curve:
        return self.curve("val_loss")

    @property
    def grad_norm(self) -> Curve:
        return self.curve("grad_norm")


def trials_of(runs: Iterable[Run]) -> Iterator[tuple[Trial, Run]]:
    """The runs that lrdoctor trained, each with its trial; logs are passed over."""
    for run in runs:
        if run.trial is not None:
            yield run.trial, run


def trial_of(run: Run) -> Trial:
    """The trial of a run that lrdoctor trained.

    Raises:
        ValueError: the run was read from a log.
    """
    if run.trial is None:
        raise ValueError(f"{run.name}: found a log, expected a trial")
    return run.trial
