"""What is drawn of a model: the layers and residual adds from input to output, equal blocks folded into one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lrdoctor.core.architecture import Scale, Site
from lrdoctor.core.sections import Model

SUM = "sum"
"""The operation of a residual add in `Model.chain`."""
LONGEST_PERIOD = 24
"""Steps of a block that is looked for again behind itself; longer ones are drawn as often as they are there."""
FIRST_STEPS, LAST_STEPS = 32, 16
"""Steps that are drawn at the beginning and the end of a model that is too long to be drawn in full."""
NUMBER = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True)
class Layer:
    """A layer with weights outside the branches, or those that stand in its place in every folded block."""

    operation: str
    modules: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Add:
    """A residual add, or those that stand in its place in every folded block."""

    modules: tuple[str, ...]
    where: str = ""
    """file:line; empty in a report that does not tell which site the add is."""
    ends_with: str = "unknown"
    """The last operation of the branch."""
    scales: tuple[float | None, ...] = (None,)
    """||f(x)|| / ||x|| of each."""
    has_norm_after: bool = False
    is_gated: bool = False
    is_zero: bool = False
    is_dead: bool = False
    is_probable: bool = False
    is_projected: bool = False
    projection: Layer | None = None
    """The layer on the skip, where the chain shows it."""


Step = Layer | Add


@dataclass(frozen=True)
class Segment:
    """Steps that follow one another, so many times."""

    steps: tuple[Step, ...]
    times: int = 1

    @property
    def n_steps(self) -> int:
        return self.times * len(self.steps)


@dataclass(frozen=True)
class Chain:
    """What is drawn, from input to output."""

    first: tuple[Segment, ...]
    n_left_out: int = 0
    """Steps between the first and the last segments that are not drawn."""
    last: tuple[Segment, ...] = ()
    unknown: int = 0
    """Operations that were not seen."""
    inside: int = 0
    """Residual adds inside the branches of others, which are not on the chain."""

    @property
    def steps(self) -> Iterator[Step]:
        """Those that are drawn."""
        for segment in (*self.first, *self.last):
            yield from segment.steps


def chain(model: Model) -> Chain:
    """What to draw of `Report.architecture`."""
    segments = folded(list(_steps(model)))
    first = segments
    last: tuple[Segment, ...] = ()
    if sum(len(segment.steps) for segment in segments) > FIRST_STEPS + LAST_STEPS:
        first = _taken(segments, FIRST_STEPS)
        last = _taken(segments[: len(first) - 1 : -1], LAST_STEPS)[::-1]
    left_out = segments[len(first) : len(segments) - len(last)]
    on_chain = sum(scale.operation == SUM for scale in model.chain)
    return Chain(
        first,
        sum(segment.n_steps for segment in left_out),
        last,
        model.unknown_operations or 0,
        max(len(model.sites) - on_chain, 0),
    )


def _taken(segments: Sequence[Segment], most: int) -> tuple[Segment, ...]:
    """The first segments, up to `most` steps, and at least one segment."""
    taken, n = list[Segment](), 0
    for segment in segments:
        n += len(segment.steps)
        if taken and n > most:
            break
        taken.append(segment)
    return tuple(taken)


def _steps(model: Model) -> Iterator[Step]:
    """The chain in order; the layer in front of a sum with a projection is on its skip."""
    waiting: Layer | None = None
    for scale in model.chain:
        add = _add(scale, model.sites) if scale.operation == SUM else None
        if add is not None and add.is_projected and waiting is not None:
            add, waiting = replace(add, projection=waiting), None
        if waiting is not None:
            yield waiting
        waiting = Layer(scale.operation, (scale.module,)) if add is None else None
        if add is not None:
            yield add
    if waiting is not None:
        yield waiting


def _add(scale: Scale, sites: Sequence[Site]) -> Add:
    """The sum; in a report that does not tell which site it is, little is known of it."""
    site = sites[scale.site] if scale.site is not None and 0 <= scale.site < len(sites) else None
    if site is None:
        return Add(modules=(scale.module,))
    return Add(
        modules=(scale.module,),
        where=site.where,
        ends_with=site.last_operation,
        scales=(site.branch_scale,),
        has_norm_after=site.post_norm,
        is_gated=site.gate is not None,
        is_zero=site.is_zero,
        is_dead=site.is_dead,
        is_probable=site.is_probable,
        is_projected=site.skip == "projection",
    )


def folded(steps: Sequence[Step]) -> tuple[Segment, ...]:
    """The steps, those that repeat the ones before them as one segment.

    From each place on, the repetition that covers most steps is taken, of these the one of the shortest block.
    """
    number: dict[Step, int] = {}
    kinds = [number.setdefault(_kind(step), len(number)) for step in steps]
    segments, i = list[Segment](), 0
    while i < len(steps):
        period, times = _repetition(kinds, i)
        block = [steps[j : j + period] for j in range(i, i + period * times, period)]
        segments.append(Segment(tuple(_merged(same) for same in zip(*block, strict=True)), times))
        i += period * times
    return tuple(segments)


def _repetition(kinds: Sequence[int], start: int) -> tuple[int, int]:
    """The length of the block that begins here, and how often it stands here."""
    best = (1, 1)
    for period in range(1, min(LONGEST_PERIOD, (len(kinds) - start) // 2) + 1):
        times = 1
        block = kinds[start : start + period]
        while kinds[start + times * period : start + (times + 1) * period] == block:
            times += 1
        if times > 1 and period * times > best[0] * best[1]:
            best = (period, times)
    return best


def _kind(step: Step) -> Step:
    """What steps of one kind share: all but the numbers in their modules' names and their scales."""
    modules = tuple(NUMBER.sub("#", name) for name in step.modules)
    if isinstance(step, Layer):
        return Layer(step.operation, modules)
    projection = _kind(step.projection) if step.projection is not None else None
    assert not isinstance(projection, Add)
    return replace(step, modules=modules, scales=(), projection=projection)


def _merged(same: Sequence[Step]) -> Step:
    """One step for those of one kind."""
    first = same[0]
    modules = tuple(dict.fromkeys(name for step in same for name in step.modules))
    if isinstance(first, Layer):
        return Layer(first.operation, modules)
    adds = [step for step in same if isinstance(step, Add)]
    projections = [add.projection for add in adds if add.projection is not None]
    return replace(
        first,
        modules=modules,
        scales=tuple(scale for add in adds for scale in add.scales),
        projection=Layer(projections[0].operation, _names(projections)) if projections else None,
    )


def _names(layers: Iterable[Layer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for layer in layers for name in layer.modules))
