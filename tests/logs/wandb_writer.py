"""W&B run files, byte by byte: leveldb blocks around protocol buffers."""

from __future__ import annotations

import json
import struct
import zlib

from event_writer import block, number

HEADER = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
BLOCK = 32 * 1024


def item(key, value, nested=False, raw=False):
    """One entry of a history row; `raw` writes the value's text as it is."""
    names = b"".join(block(2, part) for part in key.split(".")) if nested else block(1, key)
    return block(1, names + block(16, value if raw else json.dumps(value)))


def row(values, step=None, **kw):
    """A history record."""
    items = b"".join(item(key, value, **kw) for key, value in values.items())
    return number(1, 7) + block(2, items + (block(2, number(1, step)) if step is not None else b""))


OTHER = number(1, 3) + block(17, block(1, "run-id"))
"""A record that is no history."""


KINDS = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}
"""(first of its record, last of its record) -> type of the chunk."""


def chunk(kind, content):
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + content), len(content), kind) + content


def file_of(records, header=HEADER):
    """The file that holds the records, split over blocks where they do not fit."""
    out = bytearray(header)
    for record in records:
        first = True
        while True:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += bytes(room)
                continue
            part, record = record[: room - 7], record[room - 7 :]
            out += chunk(
                {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[first, not record], part
            )
            first = False
            if not record:
                break
    return bytes(out)
