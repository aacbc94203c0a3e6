"""CRC-32C (Castagnoli) of many pieces of a file at once.

The checksum without its first and last inversion is linear over GF(2): the checksum of a piece is the exclusive or of
what its bytes would give alone, each followed by as many zero bytes as it has bytes after it. So the bytes of many
pieces, laid side by side as the rows of a matrix, are looked up column by column; rows are joined two by two, the left
one moved past the right one by another linear map. Zeros to the left of a piece change nothing, which is what rows
are filled up with.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]

POLYNOMIAL = 0x82F63B78
"""Castagnoli's, bits reversed."""

WIDTH = 64
"""Bytes a row: most scalar events fill one row, and a longer row would be mostly filling."""

AT_ONCE = 1 << 20
"""Bytes laid out at a time, so that the matrix stays in the cache of the processor."""

FIRST = 4
"""Bytes that the inversion at the start falls on."""

MASK_DELTA = np.uint32(0xA282EAD8)


@cache
def byte_table() -> Words:
    """uint32[256]: the checksum of each byte alone."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


@cache
def _places() -> Words:
    """uint32[WIDTH, 256]: the checksum of each byte at each place of a row."""
    table = byte_table()
    rows = [table]
    for _ in range(WIDTH - 1):
        rows.append(table[rows[-1] & 255] ^ (rows[-1] >> 8))
    return np.stack(rows[::-1])


@cache
def _shift(level: int) -> Words:
    """uint32[4, 256]: by byte of a checksum, what becomes of it after 2^level rows of zeros."""
    if level:
        half = _shift(level - 1)
        return _moved(_moved(_unit_words(), half), half)
    moved = _unit_words()
    for _ in range(WIDTH):
        moved = byte_table()[moved & 255] ^ (moved >> 8)
    return moved


def _unit_words() -> Words:
    """uint32[4, 256]: each byte in each place of a word."""
    shifts = np.array([[0], [8], [16], [24]], dtype=np.uint32)
    words: Words = np.left_shift(np.arange(256, dtype=np.uint32), shifts).astype(np.uint32)
    return words


def _moved(words: Words, shift: Words) -> Words:
    moved: Words = shift[0][words & 255]
    for i in range(1, 4):
        moved = moved ^ shift[i][(words >> 8 * i) & 255]
    return moved


def masked_crc32c(data: Bytes, start: Places, length: Places) -> Words:
    """uint32[n]: the masked CRC-32C of each piece data[start : start + length], as TFRecord files store it."""
    crc = np.zeros(start.size, dtype=np.uint32)
    short = length < FIRST
    for i in np.flatnonzero(short):
        crc[i] = _one_by_one(data[start[i] : start[i] + length[i]])
    levels = np.ceil(np.log2(np.maximum(1, -(-length // WIDTH)))).astype(np.int64)
    for level in np.unique(levels[~short]):
        here = np.flatnonzero((levels == level) & ~short)
        step = max(1, AT_ONCE // (WIDTH << int(level)))
        for at in range(0, here.size, step):
            part = here[at : at + step]
            crc[part] = _joined(_laid_out(data, start[part], length[part], int(level)))
    crc = ~crc
    masked: Words = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + MASK_DELTA
    return masked


def _one_by_one(piece: Bytes) -> int:
    """The checksum before the last inversion, byte after byte."""
    crc = 0xFFFFFFFF
    for byte in piece:
        crc = int(byte_table()[(crc ^ int(byte)) & 255]) ^ (crc >> 8)
    return crc


def _laid_out(data: Bytes, start: Places, length: Places, level: int) -> Bytes:
    """uint8[n, 2^level x width]: the pieces at the right end of their rows, zeros before, the first bytes inverted."""
    # all pieces of one level may be shorter than a row, as the length fields are
    width = int(length.max()) if level == 0 else WIDTH << level
    column = np.arange(width) - (width - length[:, None])
    bytes_ = data[np.maximum(start[:, None] + column, 0)]
    bytes_[column < 0] = 0
    bytes_[(column >= 0) & (column < FIRST)] ^= 255
    return bytes_


def _joined(rows: Bytes) -> Words:
    """uint32[n]: the checksums of the rows of a matrix that is a power of two times WIDTH wide, or narrower."""
    n, width = rows.shape
    pieces = np.ascontiguousarray(rows.reshape(-1, min(width, WIDTH)).T)
    table = _places()[WIDTH - pieces.shape[0] :]
    of_row = np.zeros(pieces.shape[1], dtype=np.uint32)
    for column, place in zip(pieces, table, strict=True):
        of_row ^= place[column]
    crc: Words = of_row.reshape(n, -1)
    level = 0
    while crc.size > n:
        crc = _moved(crc[:, 0::2], _shift(level)) ^ crc[:, 1::2]
        level += 1
    joined: Words = crc[:, 0]
    return joined
