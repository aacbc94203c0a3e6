"""What a command prints, kept in files of bounded size."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import IO

from lrdoctor.logs.statements import Finder

FIRST, LAST = 4 * 1024 * 1024, 1024 * 1024
"""Bytes kept of the beginning and of the end: hours of log lines, and the end of a command that prints without one."""

PIECE = 64 * 1024
LOOKED_AT = 16 * 1024
"""Bytes of an output's end in which its last words are looked for."""
SHOWN_LINES, SHOWN_LENGTH = 6, 600
"""Lines and characters of an output's end that a message shows."""


class Kept:
    """Reads a pipe to its end and writes a file of it, of which the middle is left out where it is too long.

    Args:
        pipe: what is printed; read in a thread of its own, so that the command never waits for its reader.
        path: of the file.
    """

    def __init__(self, pipe: IO[bytes], path: Path, first: int = FIRST, last: int = LAST) -> None:
        self._pipe, self._path, self._left, self._last = pipe, path, first, last
        self._end: deque[bytes] = deque()
        self._n_end = self._n_dropped = 0
        self._file = path.open("wb", buffering=0)
        self._thread = threading.Thread(target=self._read, name=f"output {path.name}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while piece := self._pipe.read1(PIECE):  # type: ignore[attr-defined]  # a buffered pipe has it
            head, rest = piece[: self._left], piece[self._left :]
            self._left -= len(head)
            if head:
                self._file.write(head)
            if rest:
                self._end.append(rest)
                self._n_end += len(rest)
            while self._n_end - len(self._end[0] if self._end else b"") > self._last:
                dropped = self._end.popleft()
                self._n_end -= len(dropped)
                self._n_dropped += len(dropped)

    def close(self, seconds: float) -> None:
        """Writes the end, once the pipe is read to its own or so many seconds have passed.

        A process that left the command's group may hold the pipe open for as long as it likes.
        """
        self._thread.join(seconds)
        with self._file:
            if self._n_dropped:
                self._file.write(f"\n[{self._n_dropped} bytes of output are left out here]\n".encode())
            for piece in list(self._end):
                self._file.write(piece)
        if not self._thread.is_alive():
            self._pipe.close()

    def end(self) -> str:
        """The end of what is in the file, as text."""
        with self._path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LOOKED_AT))
            return file.read().decode("utf-8", "replace").replace("\r", "\n")


def last_lines(text: str) -> str:
    """The last lines that say something, in one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-SHOWN_LINES:])[-SHOWN_LENGTH:]


def said_not_finite(text: str) -> str | None:
    """In words, that the text tells of a loss or gradient that is not finite; None where it does not."""
    finder = Finder()
    finder.add(text)
    found = (one.text for one in reversed(finder.found) if one.kind in ("died", "non_finite"))
    return next((f"the command said {text!r}" for text in found), None)
