"""The bytes of a source that has to be read as a whole, and columns of which only some rows were logged."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from lrdoctor.core.curve import Values
from lrdoctor.errors import LogError
from lrdoctor.logs.base import Column, Source

Rows = npt.NDArray[np.int64]

GZIP = b"\x1f\x8b"
PIECE = 1 << 20
"""Compressed bytes that are unpacked at a time."""


def whole(source: Source) -> tuple[bytes, str | None]:
    """The source's content, unpacked when it is gzipped, and why its end is missing when it is.

    Raises:
        LogError: the file cannot be read.
    """
    try:
        raw = source.content if source.content is not None else _of_file(source)
    except OSError as error:
        raise LogError(f"{source.name}: cannot be read: {error.strerror or error}") from None
    return _unpacked(raw) if raw.startswith(GZIP) else (raw, None)


def _of_file(source: Source) -> bytes:
    if source.path is None:
        raise LogError(f"{source.name}: neither a path nor any content")
    return source.path.read_bytes()


def _unpacked(raw: bytes) -> tuple[bytes, str | None]:
    """What can be unpacked: a file cut off in the middle still gives what came before."""
    pieces = []
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for at in range(0, len(raw), PIECE):
            piece = raw[at : at + PIECE]
            while piece:
                pieces.append(unpack.decompress(piece))
                piece = unpack.unused_data
                if unpack.eof and piece:  # gzip files may be appended to each other
                    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                elif not unpack.eof:
                    break
    except zlib.error as error:
        return b"".join(pieces), f"the gzip stream is damaged ({error})"
    return b"".join(pieces), None if unpack.eof else "the gzip stream is cut off"


class SparseColumns(Mapping[str, Column]):
    """Columns made when they are asked for, from the rows that have an entry.

    A log of a thousand quantities that were each logged once would fill a thousand columns of a thousand rows.

    Args:
        n_rows: rows of the table.
        entries: name -> the rows with an entry, ascending, and their values.
    """

    def __init__(self, n_rows: int, entries: Mapping[str, tuple[Rows, Values]]) -> None:
        self._n_rows = n_rows
        self._entries = entries

    def __getitem__(self, name: str) -> Column:
        rows, values = self._entries[name]
        value = np.full(self._n_rows, np.nan)
        logged = np.zeros(self._n_rows, dtype=np.bool_)
        value[rows] = values
        logged[rows] = True
        return Column(value, logged)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
