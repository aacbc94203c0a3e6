"""Protocol buffers as they lie in a file: numbered fields, with no schema at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: how a field's value is laid out."""

FIXED_SIZE = {FIXED64: 8, FIXED32: 4}

LONGEST_VARINT = 10
"""Bytes: 64 bits in groups of 7."""

ALL_64_BITS = (1 << 64) - 1


class Damaged(ValueError):
    """The bytes are no message; the reader of the file counts it and goes on."""


class Field(NamedTuple):
    """One field of a message; `start` and `end` are where its value lies, without tag and length."""

    number: int
    wire: int
    start: int
    end: int
    value: int
    """Of a varint, as an unsigned number of 64 bits; 0 for the other wire types."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The variable-length number at `at`, and where it ends.

    Raises:
        Damaged: it does not end before `end`, or is longer than any number of 64 bits.
    """
    value = 0
    for i, byte in enumerate(data[at : min(end, at + LONGEST_VARINT)]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value & ALL_64_BITS, at + i + 1
    raise Damaged(f"a number without an end at byte {at}")


def signed(value: int) -> int:
    """The two's complement of 64 bits."""
    return value - (1 << 64) if value >> 63 else value


def fields(data: bytes, at: int, end: int) -> Iterator[Field]:
    """The fields of the message in data[at:end], in the order in which they were written.

    Raises:
        Damaged: they do not fill the message exactly.
    """
    while at < end:
        key, at = varint(data, at, end)
        number, wire = key >> 3, key & 7
        start, value = at, 0
        if wire == VARINT:
            value, stop = varint(data, at, end)
        elif wire == BYTES:
            length, start = varint(data, at, end)
            stop = start + length
        elif wire in FIXED_SIZE:
            stop = at + FIXED_SIZE[wire]
        else:
            raise Damaged(f"wire type {wire} at byte {at}")
        if stop > end:
            raise Damaged(f"field {number} at byte {at} is longer than its message")
        yield Field(number, wire, start, stop, value)
        at = stop


def text(data: bytes, field: Field) -> str:
    """The field's bytes as text; what is not UTF-8 is replaced."""
    return data[field.start : field.end].decode("utf-8", "replace")
