"""The one number in a TensorProto, the second way in which TensorBoard scalars are written."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lrdoctor.logs._wire import BYTES, VARINT, Field, fields, signed, varint


@dataclass(frozen=True)
class Number:
    """A scalar, and where its bytes lie when they have a fixed size."""

    value: float
    at: int
    """From the start of the record."""
    kind: str
    """numpy's name of how it lies there, "" when it has no fixed size."""

    @property
    def span(self) -> tuple[int, int] | None:
        return (self.at, self.at + SIZES[self.kind]) if self.kind else None


SIZES = {"<f2": 2, "<f4": 4, "<f8": 8, "<i1": 1, "<i2": 2, "<i4": 4, "<i8": 8, "<u1": 1, "<u2": 2, "<u4": 4, "<u8": 8}

KINDS = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "<u1", 5: "<i2", 6: "<i1", 9: "<i8", 17: "<u2", 19: "<f2", 22: "<u4", 23: "<u8",
}  # fmt: skip
"""DataType -> how a number of it lies in tensor_content."""

STRUCT = {"<f2": "e", "<f4": "f", "<f8": "d", "<i1": "b", "<i2": "h", "<i4": "i", "<i8": "q", "<u1": "B", "<u2": "H",
          "<u4": "I", "<u8": "Q"}  # fmt: skip

STRING = 7

TYPE, CONTENT = 1, 4
FLOAT_VALUES = {5: "<f4", 6: "<f8"}
SIGNED_VALUES = (7, 10)
"""int_val and int64_val."""
UNSIGNED_VALUES = (11, 16, 17)
"""bool_val, uint32_val and uint64_val."""
STRING_VALUES = 8


def scalar_of(data: bytes, tensor: Field, origin: int) -> Number | str:
    """The tensor's only number, or what it holds instead.

    Args:
        data: the file.
        tensor: where the tensor lies in it.
        origin: where the record begins.

    Raises:
        Damaged: the bytes are no tensor.
    """
    dtype, found, strings = 0, [], 0
    for part in fields(data, tensor.start, tensor.end):
        if part.number == TYPE and part.wire == VARINT:
            dtype = part.value
        elif part.number == CONTENT and part.wire == BYTES and dtype in KINDS:
            found.append((part, KINDS[dtype]))
        elif part.number in FLOAT_VALUES:
            found.append((part, FLOAT_VALUES[part.number]))
        elif part.number in (*SIGNED_VALUES, *UNSIGNED_VALUES):
            found.append((part, ""))
        strings += part.number == STRING_VALUES
    if strings or dtype == STRING:
        return "text"
    if not found:
        return f"a tensor of type {dtype}"
    if len(found) > 1:
        return "a tensor of several numbers"
    return _whole_number(data, found[0][0]) if not found[0][1] else _fixed(data, *found[0], origin)


def _fixed(data: bytes, part: Field, kind: str, origin: int) -> Number | str:
    if part.end - part.start != SIZES[kind]:
        return "a tensor of several numbers" if part.end > part.start else "an empty tensor"
    (value,) = struct.unpack_from("<" + STRUCT[kind], data, part.start)
    return Number(float(value), part.start - origin, kind)


def _whole_number(data: bytes, part: Field) -> Number | str:
    value = part.value
    if part.wire == BYTES:
        if part.start == part.end:
            return "an empty tensor"
        value, end = varint(data, part.start, part.end)
        if end != part.end:
            return "a tensor of several numbers"
    return Number(float(signed(value) if part.number in SIGNED_VALUES else value), 0, "")
