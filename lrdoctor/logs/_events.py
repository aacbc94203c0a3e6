"""TensorBoard events: the scalars in the records of an event file, without TensorFlow and without its schema.

A file repeats few layouts: per tag, the bytes of one event differ from those of the next in the time, the step and
the value alone. So one record of a kind is parsed field by field, which tells where these lie, and every record of the
same length whose other bytes are the same is read at those places, all at once. What is left goes field by field.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Steps, Values
from lrdoctor.logs._tensor import Number, scalar_of
from lrdoctor.logs._wire import BYTES, FIXED32, FIXED64, VARINT, Damaged, Field, fields, signed, text

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Span = tuple[int, int]

LAYOUTS_AT_ONCE = 64
"""Layouts tried on a group of records; what fits none of them goes field by field."""

FEW = 4
"""Records of one length below which field by field is faster."""

AT_ONCE = 1 << 22
"""Bytes laid out side by side at a time."""

SESSION_START = 1
OTHER_CONTENT = {4: "an image", 5: "a histogram", 6: "an audio clip"}
"""Fields of Summary.Value that hold no scalar."""


@dataclass(frozen=True)
class Event:
    """One event, and where in its record the parts lie that change from event to event."""

    step: int
    step_at: Span | None
    """None for step 0, which is not written."""
    time_at: Span | None
    scalars: tuple[tuple[str, Number], ...]
    others: tuple[tuple[str, str], ...]
    """Tags without a scalar, and what they hold."""
    starts_session: bool
    version: str | None


@dataclass
class Found:
    """What the records of one file hold; `place` is the number of the record."""

    scalars: dict[str, list[tuple[Places, Steps, Values]]] = field(default_factory=dict)
    session_starts: list[tuple[int, int]] = field(default_factory=list)
    """(place, step)."""
    others: Counter[tuple[str, str]] = field(default_factory=Counter)
    damaged: list[int] = field(default_factory=list)
    """Records that are no event."""
    version: str | None = None


def parse_event(data: bytes, start: int, end: int) -> Event:
    """The event in data[start:end].

    Raises:
        Damaged: the bytes are no event.
    """
    step, step_at, time_at, version, starts = 0, None, None, None, False
    scalars: list[tuple[str, Number]] = []
    others: list[tuple[str, str]] = []
    for part in fields(data, start, end):
        span = (part.start - start, part.end - start)
        match part.number, part.wire:
            case 1, w if w == FIXED64:
                time_at = span
            case 2, w if w == VARINT:
                step, step_at = signed(part.value), span
            case 3, w if w == BYTES:
                version = text(data, part)
            case 5, w if w == BYTES:
                for tag, value in _summary(data, part, start):
                    if isinstance(value, Number):
                        scalars.append((tag, value))
                    else:
                        others.append((tag, value))
            case 7, w if w == BYTES:
                starts = any(f.number == 1 and f.value == SESSION_START for f in fields(data, part.start, part.end))
    return Event(step, step_at, time_at, tuple(scalars), tuple(others), starts, version)


def _summary(data: bytes, summary: Field, origin: int) -> Iterator[tuple[str, Number | str]]:
    """Tag and scalar, or what the tag holds instead, of each value."""
    for part in fields(data, summary.start, summary.end):
        if part.number == 1 and part.wire == BYTES:
            yield _value(data, part, origin)


def _value(data: bytes, value: Field, origin: int) -> tuple[str, Number | str]:
    tag = ""
    found: Number | str = "no value"
    for part in fields(data, value.start, value.end):
        if part.number == 1 and part.wire == BYTES:
            tag = text(data, part)
        elif part.number == 2 and part.wire == FIXED32:
            found = Number(struct.unpack_from("<f", data, part.start)[0], part.start - origin, "<f4")
        elif part.number == 8 and part.wire == BYTES:
            found = scalar_of(data, part, origin)
        elif part.number in OTHER_CONTENT and part.wire == BYTES:
            found = OTHER_CONTENT[part.number]
    return tag, found


def read_events(data: bytes, start: Places, length: Places, found: Found) -> None:
    """Puts what the records data[start : start + length] hold into `found`, in any order."""
    array = np.frombuffer(data, dtype=np.uint8)
    order = np.argsort(length, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(length[order])) + 1):
        size = int(length[group[0]]) if group.size else 0
        rows = max(1, AT_ONCE // max(size, 1))
        for at in range(0, group.size, rows):
            _read_group(data, array, start, size, group[at : at + rows], found)


def _read_group(data: bytes, array: Bytes, start: Places, size: int, places: Places, found: Found) -> None:
    """Reads records of one length, those at `places`."""
    tries = LAYOUTS_AT_ONCE if places.size >= FEW else 0
    matrix = array[start[places][:, None] + np.arange(size)] if tries else np.zeros((0, size), dtype=np.uint8)
    while tries and places.size:
        tries -= 1
        begin = int(start[places[0]])
        try:
            event = parse_event(data, begin, begin + size)
        except Damaged:
            found.damaged.append(int(places[0]))
            places, matrix = places[1:], matrix[1:]
            continue
        same = _same_layout(matrix, event)
        _take(matrix[same], places[same], event, found)
        places, matrix = places[~same], matrix[~same]
    for place in places:
        begin = int(start[place])
        try:
            event = parse_event(data, begin, begin + size)
        except Damaged:
            found.damaged.append(int(place))
        else:
            _take_one(int(place), event, found)


def _same_layout(matrix: Bytes, event: Event) -> npt.NDArray[np.bool_]:
    """Which rows differ from the first, which is the event's, in time, step and values alone."""
    same = matrix == matrix[0]
    for span in (event.time_at, *(n.span for _, n in event.scalars)):
        if span is not None:
            same[:, span[0] : span[1]] = True
    if event.step_at is not None:
        first, end = event.step_at
        # a number goes on while the highest bit is set
        same[:, first : end - 1] = matrix[:, first : end - 1] > 127
        same[:, end - 1] = matrix[:, end - 1] < 128
    fits: npt.NDArray[np.bool_] = same.all(axis=1)
    return fits


def _take(rows: Bytes, places: Places, event: Event, found: Found) -> None:
    steps = _steps(rows, event.step_at)
    for tag, number in event.scalars:
        first, end = number.span or (0, 0)
        if end:
            values = np.ascontiguousarray(rows[:, first:end]).view(number.kind)[:, 0].astype(np.float64)
        else:
            values = np.full(places.size, number.value)
        found.scalars.setdefault(tag, []).append((places, steps, values))
    _take_others(places.size, event, found)
    if event.starts_session:
        found.session_starts.extend(zip(places.tolist(), steps.tolist(), strict=True))


def _take_one(place: int, event: Event, found: Found) -> None:
    for tag, number in event.scalars:
        entry = (np.array([place]), np.array([event.step]), np.array([number.value]))
        found.scalars.setdefault(tag, []).append(entry)
    _take_others(1, event, found)
    if event.starts_session:
        found.session_starts.append((place, event.step))


def _take_others(n: int, event: Event, found: Found) -> None:
    for other in event.others:
        found.others[other] += n
    found.version = event.version or found.version


def _steps(rows: Bytes, at: Span | None) -> Steps:
    """The steps of all rows, whose numbers have the same count of bytes."""
    if at is None:
        return np.zeros(len(rows), dtype=np.int64)
    step = np.zeros(len(rows), dtype=np.uint64)
    for i, column in enumerate(rows[:, at[0] : at[1]].T):
        step |= (column & 127).astype(np.uint64) << np.uint64(7 * i)
    return step.view(np.int64)
