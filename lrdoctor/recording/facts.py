"""recording.json: what was seen of the training besides its curves."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

from lrdoctor.recording.settings import FACTS, Recording

if TYPE_CHECKING:
    from lrdoctor.recording.recorder import Recorder
    from lrdoctor.recording.watched import Watched

FRAMEWORKS = (
    ("lightning", ("lightning.", "pytorch_lightning.", "lightning_fabric.")),
    ("hf", ("transformers.trainer", "trl.")),
    ("keras", ("keras.",)),
    ("torchtitan", ("torchtitan.",)),
    ("megatron", ("megatron.",)),
    ("fairseq", ("fairseq.", "fairseq_cli.")),
    ("accelerate", ("accelerate.",)),
)
"""By the modules that call the first update, the outermost framework first."""
SCRIPTS = (
    ("nanogpt", "", ("learning_rate", "warmup_iters", "lr_decay_iters", "grad_clip")),
    ("timm", "args", ("lr", "warmup_epochs", "sched", "clip_grad")),
)
"""Training scripts that people copy into their own projects, by settings that they have together: global variables, or
attributes of the local variable that is named."""
REINFORCEMENT = (
    "gymnasium",
    "gym",
    "pettingzoo",
    "dm_env",
    "stable_baselines3",
    "torchrl",
    "tianshou",
    "skrl",
    "rsl_rl",
)
"""Modules that a training has imported which learns from what it does itself: environments, and libraries of agents."""
POLICIES = re.compile(r"trl\..*\b(grpo|ppo|rloo|reinforce|online_dpo|xpo|nash_md)_trainer\.")
"""Trainers of TRL that learn from answers of the model itself, by the modules that call the first update."""
MOST_UNFINISHED = 20
"""Losses since the last update that are kept."""
MOST_SETTINGS = 8
"""Different settings of the script's clipping that are listed."""


def rank() -> tuple[int, int]:
    """The rank of this process and the number of all, 0 and 1 where it trains alone."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    n = int(os.environ.get("WORLD_SIZE") or 1)
    if "RANK" in os.environ or n == 1:
        return int(os.environ.get("RANK") or 0), n
    # the processes that Lightning starts have no other number before the group is there
    node, local = (int(os.environ.get(name) or 0) for name in ("NODE_RANK", "LOCAL_RANK"))
    return node * int(os.environ.get("LOCAL_WORLD_SIZE") or n) + local, n


@dataclass
class Facts:
    """Collected while the training runs."""

    settings: Recording
    framework: str = "none"
    world_size: int = 1
    n_optimizers: int = 0
    clipping: list[dict[str, Any]] = field(default_factory=list)
    """Settings of the script's own clipping, each once."""
    scaler: dict[str, Any] | None = None
    backwards: dict[int, int] = field(default_factory=dict)
    """Backward passes of an update -> updates."""
    notes: list[str] = field(default_factory=list)
    reinforcement: str = ""
    """The module by which the training is told to be reinforcement learning; empty for none."""
    adversarial: bool = False
    """Whether the loss of one optimizer went through the parameters of another one that has a loss of its own."""
    ended: str | None = None
    """None while it runs, and where it was killed; else `max_updates`, `non_finite` or `script`."""
    exception: str | None = None
    failure: str | None = None
    """Why recording was given up."""

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def saw_update(self, n_backwards: int) -> None:
        self.backwards[n_backwards] = self.backwards.get(n_backwards, 0) + 1

    def saw_clipping(self, **settings: Any) -> None:
        """The script clips, with these settings."""
        if settings not in self.clipping and len(self.clipping) < MOST_SETTINGS:
            self.clipping.append(settings)

    def begin(self, frame: FrameType) -> None:
        """Finds the framework by who is calling."""
        callers = list(_modules(frame))
        found = (name for name, starts in FRAMEWORKS if any(caller.startswith(starts) for caller in callers))
        self.framework = next(found, None) or _script(frame) or ("raw" if self.n_optimizers else "none")
        policies = (caller.rstrip(".") for caller in callers if POLICIES.match(caller))
        self.reinforcement = next(policies, "") or next((name for name in REINFORCEMENT if name in sys.modules), "")

    def died_of(self) -> None:
        """Keeps the exception that ended the script, which Python has printed by now."""
        if self.ended is None:
            self.ended = "script"
        error = getattr(sys, "last_value", None)
        if error is not None and not isinstance(error, SystemExit):
            self.exception = f"{type(error).__name__}: {error}"[:500]

    def write(self, recorder: Recorder) -> None:
        """Puts recording.json in the place of the one before, whole."""
        path = os.path.join(self.settings.directory, FACTS)
        temporary = f"{path}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(_plain(self._document(recorder)), file, indent=1, allow_nan=False)
        os.replace(temporary, path)

    def _document(self, recorder: Recorder) -> dict[str, Any]:
        import torch

        watched = {id(w.series): w for w in recorder.order if w.series is not None}
        usual = max(self.backwards, key=self.backwards.__getitem__, default=None)
        return {
            "schema_version": 1,
            "settings": asdict(self.settings),
            "pid": os.getpid(),
            "framework": self.framework,
            "python": sys.version.split()[0],
            "torch": str(torch.__version__),
            "world_size": self.world_size,
            "rank": recorder.rank,
            "optimizers": [_optimizer(watched[id(series)], series) for series in recorder.series],
            "clipping": self.clipping,
            "scaler": self.scaler,
            "backwards_per_update": usual,
            "backwards_vary": len(self.backwards) > 1,
            "reinforcement": self.reinforcement,
            "adversarial": self.adversarial,
            "unfinished": _unfinished(recorder),
            "n_backwards": recorder.n_backwards,
            "notes": self.notes,
            "ended": self.ended,
            "exception": self.exception,
            "failure": self.failure,
        }


def _script(frame: FrameType | None) -> str | None:
    """Which of `SCRIPTS` calls; None for another one."""
    while frame is not None:
        for name, holder, settings in SCRIPTS:
            found = frame.f_locals.get(holder) if holder else None
            of = getattr(found, "__dict__", {}) if holder else frame.f_globals
            if all(setting in of for setting in settings):
                return name
        frame = frame.f_back
    return None


def _modules(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield f"{frame.f_globals.get('__name__', '')}."
        frame = frame.f_back


def _optimizer(watched: Watched, series: Any) -> dict[str, Any]:
    return {
        "file": os.path.basename(series.path),
        "name": watched.name,
        "learning_rate": watched.default,
        "reference_learning_rate": watched.reference,
        "highest_learning_rate": watched.highest,
        "group_learning_rates": watched.peaks,
        "group": watched.group,
        "n_parameters": sum(p.numel() for p in watched.parameters),
        "n_rows": series.n_rows,
        "n_updates": series.n_updates,
        "n_skipped": series.n_skipped,
        "skipped_steps": list(series.skipped),
    }


def _unfinished(recorder: Recorder) -> dict[str, Any]:
    """Loss and norm since the last update, of one that was not made."""
    if recorder._updated or not recorder.losses:
        return {}
    losses, calls = recorder.losses[-MOST_UNFINISHED:], recorder.calls.made[-MOST_UNFINISHED:]
    return {"losses": [float(value) for value in losses], "norms": [float(call.norm) for call in calls]}


def _plain(value: Any) -> Any:
    """Without numbers that are not finite, which JSON does not have: nan as null, infinity as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
