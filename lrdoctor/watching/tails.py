"""The whole text of a log that is appended to, however its file is rotated, truncated, rewritten or deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

HEAD = 4096
"""First bytes of a file that are compared at every poll: a file that begins otherwise has been written anew."""


class Tail:
    """Reads what is appended to a file, and keeps all that was ever in it.

    A file that shrinks, begins otherwise, or is another one of the same name is a new piece of the log. Where the new
    piece begins like the one before, the file was only written anew, and stands for it once it is as long; where it
    begins otherwise, it goes on after it. What lay in a file at the last poll and was appended before a truncation is
    lost; of one that was moved away the rest is still read.

    Args:
        path: of the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_there = False
        self._file: IO[bytes] | None = None
        self._pieces: list[bytearray] = []
        self.read_from: set[tuple[int, int]] = set()
        """Device and inode of every file that was read: one that was moved away lies beside it by another name."""

    @property
    def is_one_file(self) -> bool:
        """Whether the file as it lies there is the whole log."""
        return self.is_there and len(self._kept()) <= 1

    @property
    def content(self) -> bytes:
        """The log so far, from its beginning."""
        pieces = self._kept()
        ended = [piece if piece.endswith((b"\n", b"\r")) else piece + b"\n" for piece in pieces[:-1]]
        return b"".join([*ended, *pieces[-1:]])

    @property
    def whole_lines(self) -> bytes:
        """The log without a last line that is being written: half of a number is another number."""
        content = self.content
        return content[: 1 + max(content.rfind(b"\n"), content.rfind(b"\r"))]

    def poll(self) -> list[str]:
        """Reads what is new; says in a word each what happened to the file, nothing where it was appended to.

        Raises:
            OSError: the file is there and cannot be read.
        """
        said: list[str] = []
        try:
            new = self._path_is_new()
        except FileNotFoundError:
            if self.is_there:
                said.append("deleted")
                self._read()
                self._close()
            self.is_there = False
            return said
        if new and self._file is not None:
            self._read()  # the rest of the one that was moved away
            self._close()
            said.append("rotated")
        elif new and self._pieces:
            said.append("there again")
        if self._file is None:
            self._file = self.path.open("rb", buffering=0)
            self._pieces.append(bytearray())
            status = os.fstat(self._file.fileno())
            self.read_from.add((status.st_dev, status.st_ino))
        elif self._is_rewritten():
            said.append("truncated")
            self._file.seek(0)
            self._pieces.append(bytearray())
        self.is_there = True
        self._read()
        return said

    def close(self) -> None:
        """Lets go of the file."""
        self._close()

    def _path_is_new(self) -> bool:
        status = os.stat(self.path)
        if self._file is None:
            return True
        known = os.fstat(self._file.fileno())
        return (status.st_dev, status.st_ino) != (known.st_dev, known.st_ino)

    def _is_rewritten(self) -> bool:
        """Whether the open file no longer begins with what was read of it."""
        assert self._file is not None
        piece = self._pieces[-1]
        if os.fstat(self._file.fileno()).st_size < len(piece):
            return True
        at = self._file.tell()
        self._file.seek(0)
        head = self._file.read(min(HEAD, len(piece)))
        self._file.seek(at)
        return bytes(head or b"") != bytes(piece[:HEAD])

    def _read(self) -> None:
        if self._file is not None:
            while data := self._file.read(1 << 20):
                self._pieces[-1] += data

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _kept(self) -> list[bytearray]:
        """The pieces that are no earlier state of the one after them."""
        kept: list[bytearray] = []
        for piece in self._pieces:
            if kept and kept[-1][: len(piece)] == piece[: len(kept[-1])]:
                kept[-1] = max(kept[-1], piece, key=len)
            else:
                kept.append(piece)
        return kept
