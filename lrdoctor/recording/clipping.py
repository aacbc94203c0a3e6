"""The script's own clipping calls since the last update: which norms they returned, of which parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lrdoctor.recording.norms import Value

Key = tuple[int, int, int]
Choice = tuple[list[int], list[Any]]
MOST_CHOICES = 64
"""Choices that are remembered; a script whose calls differ from update to update would keep more and more of them."""


@dataclass(eq=False)
class Call:
    """One call.

    Args:
        parameters: that it was given.
        norm: the 2-norm of their gradients before.
        is_limited: whether the call already obeyed the `clip_norm` of the recording.
    """

    parameters: Sequence[Any]
    norm: Value
    is_limited: bool

    @property
    def key(self) -> Key:
        """Tells calls for the same parameters, from update to update."""
        parameters = self.parameters
        return (len(parameters), id(parameters[0]), id(parameters[-1])) if parameters else (0, 0, 0)


@dataclass(eq=False)
class Calls:
    """Those since the last update, in order."""

    made: list[Call] = field(default_factory=list)
    _choices: dict[tuple[int, tuple[Key, ...]], Choice] = field(default_factory=dict)

    def add(self, call: Call) -> None:
        """Keeps the call; an earlier one for the same parameters, as in every backward of an accumulation, is over."""
        key = call.key
        self.made = [other for other in self.made if other.key != key]
        self.made.append(call)

    def of(self, owner: int, parameters: Sequence[Any]) -> tuple[list[Call], list[Any]]:
        """The calls whose norms together are that of an optimizer's gradients, and its parameters that no call had.

        Args:
            owner: number of the optimizer.
            parameters: the optimizer's.
        """
        key = owner, tuple(call.key for call in self.made)
        if key not in self._choices:
            if len(self._choices) >= MOST_CHOICES:
                self._choices.clear()
            self._choices[key] = self._choose(parameters)
        chosen, left = self._choices[key]
        return [self.made[k] for k in chosen], left

    def _choose(self, parameters: Sequence[Any]) -> Choice:
        """Of calls that overlap the later one counts."""
        own, seen = {id(p) for p in parameters}, set[int]()
        chosen: list[int] = []
        for k in reversed(range(len(self.made))):
            given = {id(p) for p in self.made[k].parameters}
            if given & own and not given & seen:
                chosen.append(k)
                seen |= given
        return chosen, [p for p in parameters if id(p) not in seen]
