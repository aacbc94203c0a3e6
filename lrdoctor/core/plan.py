"""What a procedure would run, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlannedStage:
    """Trials that are run together."""

    part: str
    """What they are for: the sweep, the probe, or the name of a fix."""
    name: str
    trials: int
    reused: int
    """Of these, finished before, or planned in an earlier stage."""
    steps: int
    """Training steps of the others, all at full length."""
    evaluations: int
    """Of the others, on the validation data."""
    seconds: float
    """From the first trial's begin to the last one's end."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What the whole costs up to a point: a fix that suffices ends the procedure."""

    name: str
    trials: int
    """To be trained for this part."""
    steps: int
    """To be trained for this part."""
    steps_so_far: int
    """With all parts before it."""
    seconds_so_far: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The stages of a procedure in an assumed workload, and their cost."""

    stages: tuple[PlannedStage, ...]
    jobs: int
    """Trials that run side by side."""
    seconds_per_step: float
    """Of one trial, its evaluations on the usual schedule included."""
    start_up: float
    """Seconds until the first trial trains."""
    assumptions: tuple[str, ...]
    """What the figures rest on, a sentence each."""
    worst_steps: int
    """Steps where no trial may be left out, as for a verdict that stays open."""

    @property
    def trials(self) -> int:
        """Trials to train, and controls to run before them."""
        return sum(stage.trials - stage.reused for stage in self.stages)

    @property
    def reused(self) -> int:
        return sum(stage.reused for stage in self.stages)

    @property
    def steps(self) -> int:
        """Steps of training and of the controls, at most."""
        return sum(stage.steps for stage in self.stages)

    @property
    def evaluations(self) -> int:
        return sum(stage.evaluations for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Estimated, from the start to the end of the last trial; 0 when nothing is to be trained."""
        return self.start_up + sum(stage.seconds for stage in self.stages) if self.trials else 0.0

    def parts(self) -> Iterator[Part]:
        """The parts in their order, with the cost so far."""
        steps, seconds = 0, self.start_up if self.trials else 0.0
        for name in dict.fromkeys(stage.part for stage in self.stages):
            of = [stage for stage in self.stages if stage.part == name]
            own = sum(stage.steps for stage in of)
            steps += own
            seconds += sum(stage.seconds for stage in of)
            yield Part(
                name=name,
                trials=sum(stage.trials - stage.reused for stage in of),
                steps=own,
                steps_so_far=steps,
                seconds_so_far=seconds,
            )
