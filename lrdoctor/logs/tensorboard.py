"""TensorBoard event files, read without TensorFlow.

A file is a row of TFRecord frames: the length (8 bytes), its checksum, an event, the event's checksum. Scalars are
written in two ways, as a 32-bit number or as a tensor; both are read. A record with a wrong checksum is left out and
counted; a length with a wrong checksum ends the file, since nothing tells where the next record begins.

Several files in one folder are one run that was started again. They are read in the order of the times in their names,
and what the file says about a restart is done: a session that starts at step t takes back everything from t on, and
files older than format 2, which do not say so, take back what a smaller step follows. What other trainers write twice
after a resume stays in, in the order of writing.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import google_crc32c
import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Steps, Values
from lrdoctor.errors import LogError, NoLogError
from lrdoctor.logs._events import Found, Places, read_events
from lrdoctor.logs._whole import SparseColumns, whole
from lrdoctor.logs.base import Source, Table

NAME = "tensorboard"

HEADER = 12
FOOTER = 4
MASK_DELTA = np.uint32(0xA282EAD8)
"""What TFRecord adds to a checksum after turning it by 15 bits: the checksum of data that holds checksums is weak."""

LONGEST_CHECKED = 1 << 20
"""Bytes: no event of scalars is longer, and what is longer, images mostly, is not checked since it is not used."""

FIRST_EVENT = b"brain.Event:"
NAMED_TIME = re.compile(r"tfevents\.(\d+)")
SAYS_WHEN_IT_RESTARTS = 2
"""Format of event files from which on a restart is an event of its own."""

NEVER = np.iinfo(np.int64).max

NAMED_MOST = 20
"""Tags without scalars that are named one by one."""


@dataclass(frozen=True)
class Entries:
    """The entries of one tag, in the order of writing."""

    place: Places
    step: Steps
    value: Values

    def where(self, keep: npt.NDArray[np.bool_]) -> Entries:
        return self if bool(keep.all()) else Entries(self.place[keep], self.step[keep], self.value[keep])


def sniff(source: Source) -> bool:
    """Whether the file starts with a TFRecord frame, or with what TensorBoard's first event says."""
    head = source.head
    if FIRST_EVENT in head[: 4 * HEADER]:
        return True
    if len(head) < HEADER:
        return False
    (checksum,) = masked_crc32c(head, np.array([0]), np.array([8]))
    return int.from_bytes(head[8:HEADER], "little") == int(checksum)


def read(source: Source) -> Iterator[Table]:
    """The table of one event file: a column a tag, a row a step and write."""
    yield read_run([source])


def read_run(sources: Sequence[Source]) -> Table:
    """The table of the event files of one folder, which are one run.

    Raises:
        LogError: none of them holds a scalar.
    """
    found, first, version = Found(), 0, None
    left_out: dict[str, str] = {}
    for source in sorted(sources, key=_written):
        first = _read_file(source, first, found, left_out)
        version = found.version or version
    tags = _by_tag(found)
    if not tags:
        why = "; ".join(f"{what}: {reason}" for what, reason in left_out.items()) or "no event in it"
        error = NoLogError if found.others or not left_out else LogError
        raise error(f"{', '.join(s.name for s in sources)}: no scalar to be read ({why})")
    kept = {tag: _kept(entries, found, version) for tag, entries in tags.items()}
    n_purged = sum(tags[tag].step.size - kept[tag].step.size for tag in tags)
    if n_purged:
        left_out[f"{n_purged} values"] = "taken back by a restart at an earlier step"
    facts = {"restarts": tuple(step for _, step in sorted(found.session_starts))} if found.session_starts else {}
    return Table(name="", columns=_columns(kept), facts=facts, left_out=left_out)


def _written(source: Source) -> tuple[int, str]:
    """When the file was begun, by its name."""
    time = NAMED_TIME.search(source.name)
    return int(time[1]) if time else 0, source.name


def _read_file(source: Source, first: int, found: Found, left_out: dict[str, str]) -> int:
    """Reads one file into `found`, its records counted from `first`; returns the count after it."""
    data, missing = whole(source)
    if missing:
        left_out[f"{source.name}, the end"] = missing
    start, length, end = frames(data)
    if end:
        left_out[f"{source.name}, the end"] = end
    good = _checked(data, start, length)
    here = Found(scalars={}, session_starts=[], others=found.others, damaged=[])
    read_events(data, start[good], length[good], here)
    places = first + good
    for tag, pieces in here.scalars.items():
        found.scalars.setdefault(tag, []).extend((places[p], step, value) for p, step, value in pieces)
    found.session_starts.extend((int(places[p]), step) for p, step in here.session_starts)
    found.version = here.version
    n_bad = start.size - good.size + len(here.damaged)
    if n_bad:
        bad = np.concatenate([np.setdiff1d(np.arange(start.size), good), good[np.array(here.damaged, dtype=np.int64)]])
        left_out[f"{source.name}, {n_bad} of {start.size} records"] = (
            f"damaged, the first at byte {int(start[bad.min()]) - HEADER}"
        )
    _name_others(here, left_out)
    return first + int(start.size)


def _name_others(found: Found, left_out: dict[str, str]) -> None:
    """Says of the tags without scalars what they hold."""
    for (tag, what), n in sorted(found.others.items())[:NAMED_MOST]:
        left_out[tag] = f"{what}, not a scalar ({n} entries)"
    if len(found.others) > NAMED_MOST:
        left_out[f"{len(found.others) - NAMED_MOST} other tags"] = "not scalars"


def frames(data: bytes) -> tuple[Places, Places, str | None]:
    """Where the records lie (start, length), and why the file ended early, None when it did not.

    The lengths are followed first and all checked at once afterwards; nothing is taken from behind a wrong one.
    """
    begins, lengths = array("q"), array("q")
    at, size, unpack = 0, len(data), struct.Struct("<Q").unpack_from
    while at + HEADER <= size:
        (length,) = unpack(data, at)
        if length > size - at - HEADER - FOOTER:
            break
        begins.append(at)
        lengths.append(length)
        at += length + HEADER + FOOTER
    last = np.array([at] if at + HEADER <= size else [], dtype=np.int64)
    header = np.concatenate([np.frombuffer(begins, dtype=np.int64), last])
    # most records have one of a few lengths, so that few checksums of them are to be worked out
    stated, which = np.unique(_stored(data, header, "<u8"), return_inverse=True)
    right = masked_crc32c(stated.tobytes(), 8 * np.arange(stated.size), np.full(stated.size, 8))[which]
    wrong = np.flatnonzero(_stored(data, header + 8, "<u4") != right)
    n = int(wrong[0]) if wrong.size else len(begins)
    end = None
    if wrong.size:
        end = f"the length at byte {int(header[n])} is broken, so {size - int(header[n])} bytes were not read"
    elif at < size:
        end = f"cut off in the middle of a record: {size - at} bytes from byte {at} on"
    return header[:n] + HEADER, np.frombuffer(lengths, dtype=np.int64)[:n], end


def masked_crc32c(data: bytes, start: Places, length: Places) -> npt.NDArray[np.uint32]:
    """uint32[n]: the masked CRC-32C of each piece data[start : start + length], as TFRecord files store it."""
    pieces = zip(start.tolist(), (start + length).tolist(), strict=True)
    crc = np.fromiter((google_crc32c.value(data[begin:end]) for begin, end in pieces), np.uint32, count=start.size)
    masked: npt.NDArray[np.uint32] = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + MASK_DELTA
    return masked


def _stored(data: bytes, at: Places, kind: Literal["<u4", "<u8"]) -> npt.NDArray[np.unsignedinteger]:
    """[n]: the little-endian numbers of 4 or 8 bytes that lie at the places."""
    bytes_ = np.frombuffer(data, dtype=np.uint8)[at[:, None] + np.arange(int(kind[-1]))]
    return np.ascontiguousarray(bytes_).view(kind)[:, 0]


def _checked(data: bytes, start: Places, length: Places) -> Places:
    """Numbers of the records whose checksum is right."""
    good = np.ones(start.size, dtype=np.bool_)
    checked = length <= LONGEST_CHECKED
    computed = masked_crc32c(data, start[checked], length[checked])
    good[checked] = computed == _stored(data, (start + length)[checked], "<u4")
    return np.flatnonzero(good)


def _by_tag(found: Found) -> dict[str, Entries]:
    """The pieces of each tag put together in the order of writing."""
    tags = {}
    for tag, pieces in found.scalars.items():
        place, step, value = (np.concatenate(part) for part in zip(*pieces, strict=True))
        order = np.argsort(place, kind="stable")
        tags[tag] = Entries(place[order], step[order], value[order])
    return dict(sorted(tags.items(), key=lambda item: int(item[1].place[0])))


def _kept(entries: Entries, found: Found, version: str | None) -> Entries:
    """What restarts did not take back."""
    if _format(version) >= SAYS_WHEN_IT_RESTARTS:
        starts = np.array(sorted(found.session_starts), dtype=np.int64).reshape(-1, 2)
        if not starts.size:
            return entries
        lowest = _lowest_to_come(starts[:, 1])
        return entries.where(entries.step < lowest[np.searchsorted(starts[:, 0], entries.place, side="right")])
    back = np.concatenate([[False], entries.step[1:] < entries.step[:-1]])
    lowest = _lowest_to_come(np.where(back, entries.step, NEVER))[1:]
    return entries.where(entries.step < lowest)


def _format(version: str | None) -> int:
    number = (version or "").rpartition(":")[2]
    return int(number) if number.isdecimal() and number.isascii() and len(number) < 9 else 0


def _lowest_to_come(steps: Steps) -> Steps:
    """int64[n + 1]: the lowest of steps[i:], NEVER for none."""
    return np.concatenate([np.minimum.accumulate(steps[::-1])[::-1], np.array([NEVER])])


def _columns(tags: dict[str, Entries]) -> SparseColumns:
    """Puts the entries of one step and write into one row.

    A tag's entries are told apart by how often its step went back before them (a resume) and by how often the same
    step was written before in a row (micro-batches); tags agree in this when they are written together.
    """
    keys = [np.stack([_resumes(e.step), e.step, _repeats(e.step)]) for e in tags.values()]
    every = np.concatenate(keys, axis=1)
    order = np.lexsort(every[::-1])
    new = np.ones(order.size, dtype=np.bool_)
    new[1:] = (np.diff(every[:, order], axis=1) != 0).any(axis=0)
    row = np.empty(order.size, dtype=np.int64)
    row[order] = np.cumsum(new) - 1
    n_rows = int(new.sum())
    step = every[1, order[new]].astype(np.float64)
    entries = {"step": (np.arange(n_rows), step)}
    rows = np.split(row, np.cumsum([e.step.size for e in tags.values()])[:-1])
    for (tag, e), of_tag in zip(tags.items(), rows, strict=True):
        entries[tag if tag not in entries else f"{tag} (tag)"] = (of_tag, e.value)
    return SparseColumns(n_rows, entries)


def _resumes(step: Steps) -> Steps:
    return np.concatenate([[0], np.cumsum(step[1:] < step[:-1])]).astype(np.int64)[: step.size]


def _repeats(step: Steps) -> Steps:
    """For each entry, how many entries of the same step stand right before it."""
    index = np.arange(step.size)
    changed = np.ones(step.size, dtype=np.bool_)
    changed[1:] = step[1:] != step[:-1]
    return index - np.maximum.accumulate(np.where(changed, index, 0))
