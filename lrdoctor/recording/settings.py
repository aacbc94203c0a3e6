"""What is asked of a recording, on its way from the process that starts a command into the one that trains."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

VARIABLE = "LRDOCTOR_RECORDING"
"""The environment variable that holds a recording's settings as JSON; without it nothing is recorded."""
PYTHONPATH = "PYTHONPATH"
HOOK = Path(__file__).parent / "hook"
"""The folder whose sitecustomize.py every Python process of the command runs at its start."""

STOPPED, DIVERGED = 79, 78
"""Exit codes of a training that the recording ended: at `max_updates`, and at a value that is not finite. Both above
those that shells, Python and sysexits.h use. A launcher such as torchrun has an exit code of its own: there the key
`ended` of recording.json tells."""

STEPS, FACTS, EVALUATIONS, HOOKED = "steps.csv", "recording.json", "evaluations.csv", ".hooked"
"""Files of a recording's folder: the curves, what was seen of the training, what `lrdoctor.log` was told, and the empty
mark of a Python process that the hook reached."""
IMPORTS = "imports.json"
"""What the recorded process had imported and how it had changed its environment, for processes that are prepared
likewise; see `recording.imports`."""
UNRECORDED = "unrecorded.txt"
"""Where processes that train beside the recorded one say so, a line each."""
COLUMNS = ("step", "learning_rate", "train_loss", "grad_norm", "val_loss")
"""Of steps.csv, as trials have them."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What to record, and how the training is changed; by default not at all.

    An update is a step of an optimizer that changes parameters: what a loss scaler skips is none. It is counted from 0,
    for each optimizer apart.
    """

    directory: str
    """Existing folder for the files."""
    learning_rate: float | None = None
    """Wanted peak rate: the rate of every parameter group is multiplied by this over the own default of the optimizer
    that steps first (over the `max_lr` of its groups where the script's schedule has set one), so that several
    optimizers, and later ones for the same parameters, keep their ratio; None leaves the rates alone."""
    own_learning_rate: float | None = None
    """The highest rate that the script sets, against which the rates are held where it is above that default: schedules
    that rise from the default, or from 0, name their peak nowhere."""
    post_warmup_constant: bool = False
    """Whether the rates stay at their peak after the warmup, whatever the script's schedule says."""
    warmup_steps: int = 0
    """Updates of a ramp on top of the script's rates: update t has t / warmup_steps of them, as in trials of a spec.
    The script's own schedule is not held up meanwhile."""
    clip_norm: float | None = None
    """Lowers the max_norm of the script's own clipping; where it has none, gradients are clipped before the update."""
    seed: int | None = None
    """Added to every seed that the script sets in torch, random and numpy, 1000 times; None leaves them alone."""
    unseeded: int | None = None
    """Seed, times 1000, of what the script draws from torch, random and numpy and seeds nowhere; None leaves it to
    chance."""
    max_updates: int | None = None
    """Updates of the first optimizer after which the process ends, with exit code `STOPPED`."""
    stop_non_finite: bool = False
    """Whether the process ends, with exit code `DIVERGED`, at the first update with a loss or norm that is not finite.
    """
    tells_imports: bool = False
    """Whether what the process has imported is written, at the first update, to the file `IMPORTS`."""
    is_asleep: bool = False
    """Whether the recording begins only with `patches.wake`, in a process that was forked from this one."""
    sync_every: int = 32
    """Updates whose values stay on an accelerator before they are read in one go, so that it does not wait for the
    processor at every update."""

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment in which a command is recorded.

        Args:
            base: the one that the command would have without it.
        """
        before = base.get(PYTHONPATH)
        path = str(HOOK) if not before else f"{HOOK}{os.pathsep}{before}"
        return {**base, PYTHONPATH: path, VARIABLE: json.dumps(asdict(self), allow_nan=False)}

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Recording | None:
        """The settings that an environment holds, None where it holds none.

        Raises:
            ValueError: they are no settings of this version.
        """
        text = environment.get(VARIABLE)
        if not text:
            return None
        given = json.loads(text)
        unknown = set(given) - {of.name for of in fields(cls)}
        if unknown:
            raise ValueError(f"{VARIABLE}: unknown keys {', '.join(sorted(unknown))}; it is of another version")
        return cls(**given)

    @property
    def steers(self) -> bool:
        """Whether the training is another one than the script's own."""
        return bool(
            self.learning_rate is not None
            or self.post_warmup_constant
            or self.warmup_steps
            or self.clip_norm is not None
            or self.seed is not None
            or self.unseeded is not None
        )
