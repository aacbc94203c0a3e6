"""One log that is followed: its runs as they grow, with a judge for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError, NoLogError
from lrdoctor.logs import hf_trainer, read_bytes, read_event_files, read_log
from lrdoctor.logs.gather import gathered
from lrdoctor.logs.readers import OF_BINARIES
from lrdoctor.logs.text import open_source
from lrdoctor.streaming.events import StreamEvent
from lrdoctor.streaming.judging import GrowingRun
from lrdoctor.watching.tails import Tail

GZIP = b"\x1f\x8b"
Mark = tuple[tuple[str, int, int, int], ...]
"""Path, inode, size and time of each file of a log: as long as it is the same nothing was written."""


class FollowedLog:
    """Reads a log anew, whole, when it has grown, and judges its runs as they grow.

    Args:
        paths: of the log: one file or folder, or TensorBoard's event files of one folder.
        format: the name of the reader; None to find it by the content.
        columns: as for `read_log`.
        objective: as for `gather`.
        alpha: the risk of a false alarm of a run.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        format: str | None,  # noqa: A002
        columns: Mapping[str, str] | None,
        objective: str | None,
        alpha: float,
    ) -> None:
        self.paths, self.runs = tuple(paths), list[Run]()
        self.error: str | None = None
        """Why it could not be read at the last try."""
        self._format, self._columns, self._objective, self._alpha = format, columns, objective, alpha
        self._judges: list[GrowingRun] = []
        self._tail = Tail(self.paths[0]) if len(self.paths) == 1 else None
        self._mark: Mark = ()

    @property
    def name(self) -> str:
        return str(self.paths[0] if len(self.paths) == 1 else self.paths[0].parent)

    @property
    def verdicts(self) -> list[tuple[Run, str]]:
        """The runs with the verdict on each."""
        return [(run, judge.verdict) for run, judge in zip(self.runs, self._judges, strict=False)]

    @property
    def read_from(self) -> set[tuple[int, int]]:
        """Device and inode of every file whose lines are in it."""
        return self._tail.read_from if self._tail is not None else set()

    @property
    def is_as_it_lies(self) -> bool:
        """Whether reading its files anew gives all of it."""
        return self._tail.is_one_file if self._tail is not None else all(path.exists() for path in self.paths)

    def poll(self, paths: Sequence[Path]) -> tuple[list[StreamEvent], list[str]]:
        """Reads it if it has grown.

        Args:
            paths: of the log by now; event files are added to a folder.

        Returns:
            what changed of the verdict, and what happened to its file, in words.
        """
        self.paths = tuple(paths)
        mark = _mark(self.paths)
        if mark == self._mark:
            return [], []
        self._mark = mark
        said: list[str] = []
        try:
            if self._tail is not None and self.paths[0].is_dir():
                self._tail = None
            if self._tail is not None:
                said = self._tail.poll()
            self._read(is_over=False)
        except OSError as error:
            self.error = error.strerror or str(error)
        return self._grown(), [f"{self.name}: {word}" for word in said]

    def finish(self) -> list[StreamEvent]:
        """Reads it for the last time, a last line without an end too, and judges it as `diagnose` does."""
        try:
            if self._tail is not None:
                self._tail.poll()
            self._read(is_over=True)
        except OSError as error:
            self.error = error.strerror or str(error)
        finally:
            if self._tail is not None:
                self._tail.close()
        events = self._grown()
        for judge, run in zip(self._judges, self.runs, strict=False):
            events += judge.finish(run)
        return events

    def _grown(self) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for k, run in enumerate(self.runs):
            if k == len(self._judges):
                self._judges.append(GrowingRun(run.name, self._alpha))
            events += self._judges[k].grow(run)
        return events

    def _read(self, *, is_over: bool) -> None:
        """Reads the runs; what cannot be read (yet) leaves those that there are."""
        try:
            found = self._runs(is_over)
        except NoLogError as error:
            self.error = None if self.runs else str(error)
        except LogError as error:
            self.error = str(error)
        else:
            self.error = None
            self.runs = list(gathered(found, self._objective).runs)

    def _runs(self, is_over: bool) -> list[Run]:
        if len(self.paths) > 1:
            return read_event_files(self.paths, self._columns)
        path = self.paths[0]
        if self._tail is not None and self._tail.is_there and _is_one_document(path):
            self._tail.close()
            self._tail = None
        if self._tail is None:
            return read_log(path, format=self._format, columns=self._columns)
        text = self._tail.content if is_over else self._tail.whole_lines
        return read_bytes(str(path), text, format=self._format, columns=self._columns)


def _is_one_document(path: Path) -> bool:
    """Whether a file is written anew as a whole, or in parts that are no lines."""
    source = open_source(path)
    with path.open("rb") as file:
        is_packed = file.read(len(GZIP)) == GZIP
    return is_packed or any(reader.sniff(source) for reader in (*OF_BINARIES, hf_trainer))


def _mark(paths: Sequence[Path]) -> Mark:
    found = []
    for path in paths:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for file in files:
            try:
                status = file.stat()
            except OSError:
                found.append((str(file), -1, -1, -1))
            else:
                found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
