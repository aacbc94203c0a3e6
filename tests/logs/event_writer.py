"""TensorBoard event files as TensorFlow, PyTorch and tensorboardX write them, byte by byte and slowly."""

from __future__ import annotations

import struct


def crc32c(data):
    """CRC-32C bit by bit, from its definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(crc):
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(record):
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", masked(crc32c(length))) + record + struct.pack("<I", masked(crc32c(record)))


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def block(number, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field, value):
    return varint(field << 3) + varint(value)


def event(step, *parts, time=1.7e9):
    """An event; step 0 is not written, as in proto3."""
    head = b"\x09" + struct.pack("<d", time + step % 1000)
    return frame(head + (number(2, step) if step else b"") + b"".join(parts))


def version(text="brain.Event:2"):
    return frame(b"\x09" + struct.pack("<d", 1.7e9) + block(3, text))


def session_start(step):
    return event(step, block(7, number(1, 1)))


def summary(*values):
    return block(5, b"".join(block(1, value) for value in values))


def simple(tag, value):
    return block(1, tag) + b"\x15" + struct.pack("<f", value)


def tensor(tag, *parts):
    """A value held as a tensor, with the plug-in data that goes with it."""
    return block(1, tag) + block(8, b"".join(parts)) + block(9, block(1, block(1, "scalars")))


TENSORS = {
    "content f4": lambda v: (number(1, 1), block(2, b""), block(4, struct.pack("<f", v))),
    "content f8": lambda v: (number(1, 2), block(4, struct.pack("<d", v))),
    "content f2": lambda v: (number(1, 19), block(4, struct.pack("<e", v))),
    "content i8": lambda v: (number(1, 9), block(4, struct.pack("<q", int(v)))),
    "float_val packed": lambda v: (number(1, 1), block(5, struct.pack("<f", v))),
    "float_val": lambda v: (number(1, 1), b"\x2d" + struct.pack("<f", v)),
    "double_val packed": lambda v: (number(1, 2), block(6, struct.pack("<d", v))),
    "double_val": lambda v: (number(1, 2), b"\x31" + struct.pack("<d", v)),
    "int_val": lambda v: (number(1, 3), number(7, int(v))),
    "int64_val packed": lambda v: (number(1, 9), block(10, varint(int(v)))),
}
"""Ways to write one number as a tensor."""


def scalar(step, tag, value, way="simple"):
    """The event of one scalar."""
    return event(step, summary(simple(tag, value) if way == "simple" else tensor(tag, *TENSORS[way](value))))
