"""All logs at the paths that are followed, from the first look to the report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lrdoctor.assess import report_of_logs
from lrdoctor.core.report import Report, Verdict
from lrdoctor.core.run import Run
from lrdoctor.errors import LogError
from lrdoctor.logs.directories import sources_below
from lrdoctor.logs.gather import Gathered, Unread, gather, one_log_each
from lrdoctor.logs.readers import reader_named
from lrdoctor.logs.text import STANDARD_INPUT
from lrdoctor.streaming.events import StreamEvent
from lrdoctor.watching.logs import FollowedLog

SHARE = 0.05
"""Part of the time that reading may take: logs are read whole, and one of a million rows takes a second or so. When a
log is read decides only how soon its points are seen: looks are at fixed numbers of points."""


class Session:
    """Follows files and directories; new logs below a directory are followed from when they are seen.

    Args:
        paths: files that may not be there yet, and directories.
        format: the name of the reader; None to find it by the content.
        columns: as for `read_log`.
        objective: as for `gather`.
        alpha: the risk of a false alarm of a run.
        on_event: called with each event.
        say: prints what happens to files.
        clock: seconds.

    Raises:
        LogError: a path is standard input, which cannot be followed, or there is no reader of that name.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        format: str | None = None,  # noqa: A002  # as the option is called
        columns: Mapping[str, str] | None = None,
        objective: str | None = None,
        alpha: float = 0.01,
        on_event: Callable[[StreamEvent], object] = lambda event: None,
        say: Callable[[str], object] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if set(paths) & set(STANDARD_INPUT):
            raise LogError("-: found standard input, expected files or directories; `lrdoctor diagnose -` reads it")
        if format is not None:
            reader_named(format)
        self._paths = list(dict.fromkeys(paths))
        self._format, self._columns, self._objective, self._alpha = format, columns, objective, alpha
        self._on_event, self._say, self._clock = on_event, say, clock
        self._logs: dict[str, FollowedLog] = {}
        self._not_before = 0.0
        self._said: set[str] = set()

    @property
    def runs(self) -> list[tuple[Run, str]]:
        """Every run so far, with the verdict on it."""
        return [one for log in self._logs.values() for one in log.verdicts]

    @property
    def verdict(self) -> Verdict:
        """The worst so far; inconclusive where there is no run."""
        ranked: tuple[Verdict, ...] = ("unstable", "inconclusive", "stable")
        found = {verdict for _, verdict in self.runs}
        return next((verdict for verdict in ranked if verdict in found), "inconclusive")

    def poll(self) -> list[StreamEvent]:
        """Reads what has grown, unless the last reading took so long that it is too soon."""
        began = self._clock()
        if began < self._not_before:
            return []
        events: list[StreamEvent] = []
        for key, paths in self._found().items():
            log = self._logs.get(key)
            if log is None:
                log = self._logs[key] = FollowedLog(
                    paths,
                    format=self._format,
                    columns=self._columns,
                    objective=self._objective,
                    alpha=self._alpha,
                )
            new, said = log.poll(paths)
            for words in said:
                self._say(words)
            self._tell(new)
            events += new
        ended = self._clock()
        self._not_before = ended + (ended - began) * (1 / SHARE - 1)
        return events

    def finish(self) -> Report:
        """The report of all logs, as `diagnose` gives it of them; of a log that was rotated, of all its pieces."""
        self._not_before = 0.0
        self.poll()
        for log in self._logs.values():
            self._tell(log.finish())
        if all(log.is_as_it_lies for log in self._logs.values()):
            # the files themselves, by the same way as diagnose
            found = gather(self._paths, format=self._format, columns=self._columns, objective=self._objective)
        else:
            named = set(self._paths)
            unread = [
                Unread(log.name, (log.error or "it was never there").removeprefix(f"{log.name}: "))
                for log in self._logs.values()
                if not log.runs and log.name in named
            ]
            found = Gathered(runs=tuple(run for log in self._logs.values() for run in log.runs), unread=tuple(unread))
        return report_of_logs(found, "watch", alpha=self._alpha)

    def _found(self) -> dict[str, list[Path]]:
        """Key of each log -> its paths: those that there are by now, and those that there were."""
        found = {key: list(log.paths) for key, log in self._logs.items()}
        known = {identity for log in self._logs.values() for identity in log.read_from}
        for path in map(Path, self._paths):
            if not path.is_dir():
                found.setdefault(str(path), [path])
                continue
            try:
                for paths in one_log_each(sources_below(path, Counter()), self._format):
                    key = str(paths[0] if len(paths) == 1 else paths[0].parent)
                    # a log that was rotated lies there under another name, and is part of the one that goes on
                    if key in found or len(paths) > 1 or _identity(paths[0]) not in known:
                        found[key] = paths
            except LogError as error:
                if str(error) not in self._said:
                    self._said.add(str(error))
                    self._say(str(error))
        return found

    def _tell(self, events: Sequence[StreamEvent]) -> None:
        for event in events:
            self._on_event(event)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
