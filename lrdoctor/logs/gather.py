"""Paths -> runs: files, directories and standard input, each log read once, each run under a name of its own.

A log that cannot be read does not keep the others from being judged: it is listed with the reason. What the user named
must be a log; of a directory the files that are none are passed over and counted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lrdoctor.core.run import Run
from lrdoctor.errors import LogError, NoLogError
from lrdoctor.logs import read_event_files, read_log
from lrdoctor.logs.text import STANDARD_INPUT

TENSORBOARD, EVENT_FILE = "tensorboard", "tfevents"
"""The reader of TensorBoard's files, and what their names hold; TensorBoard itself knows them by it."""
GIVEN = "given by --objective"
TWICE = "logs given twice"


@dataclass(frozen=True)
class Unread:
    """A log that could not be read, or that holds nothing to judge."""

    source: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What the paths led to."""

    runs: tuple[Run, ...] = ()
    """In the order of the paths, under names that differ from each other."""
    unread: tuple[Unread, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """Files and folders that were not judged, counted by reason."""
    no_logs: tuple[Unread, ...] = ()
    """Those of them that were opened and found to be no log."""


def gather(
    paths: Iterable[str | Path],
    *,
    format: str | None = None,  # noqa: A002  # as the option is called
    columns: Mapping[str, str] | None = None,
    objective: str | None = None,
) -> Gathered:
    """The runs of all logs at the paths, all in memory; arguments and errors as of `reading`."""
    found = reading(paths, format=format, columns=columns, objective=objective)
    # what could not be read is known once all runs have been
    runs = tuple(found.runs)
    return Gathered(
        runs=runs,
        unread=tuple(found.unread),
        passed_over=dict(found.passed_over),
        no_logs=tuple(found.no_logs),
    )


def reading(
    paths: Iterable[str | Path],
    *,
    format: str | None = None,  # noqa: A002  # as the option is called
    columns: Mapping[str, str] | None = None,
    objective: str | None = None,
) -> Reading:
    """The logs at the paths, each of which is read when its runs are asked for.

    Args:
        paths: files, directories, and `-` for standard input.
        format: the name of the reader to use for all of them; None to find it by the content.
        columns: what to read from which column, as in `read_log`.
        objective: what is known of the objective: minimized, reinforcement or adversarial; None for nothing.

    Raises:
        LogError: standard input is given twice, or there is no reader of that name.
    """
    given_paths = [str(path) for path in paths]
    if sum(path in STANDARD_INPUT for path in given_paths) > 1:
        raise LogError("- is given twice, but standard input can be read only once; give it once")
    if format is not None:
        from lrdoctor.logs.readers import reader_named

        reader_named(format)
    return Reading(given_paths, format, columns, objective)


def gathered(runs: Iterable[Run], objective: str | None) -> Gathered:
    """The runs under names that differ from each other, with what is known of their objective."""
    return Gathered(runs=tuple(_named_apart(with_objective(runs, objective))))


def with_objective(runs: Iterable[Run], objective: str | None) -> Iterator[Run]:
    """The runs with what the user said of their objective, None for nothing."""
    given = {} if objective is None else {"objective": objective, "objective_reason": GIVEN}
    return (replace(run, provenance={**run.provenance, **given}) for run in runs)


class Reading:
    """Logs that are read one after the other, so that the curves of one alone are in memory. `unread`, `passed_over`,
    `no_logs` are those of `Gathered`, and whole once all runs were taken."""

    def __init__(
        self,
        paths: Sequence[str],
        format: str | None,  # noqa: A002
        columns: Mapping[str, str] | None,
        objective: str | None,
    ) -> None:
        self.paths, self.format, self.columns, self.objective = paths, format, columns, objective
        self.unread: list[Unread] = []
        self.passed_over: Counter[str] = Counter()
        self.no_logs: list[Unread] = []
        self.seen: set[tuple[int, int]] = set()

    @property
    def runs(self) -> Iterator[Run]:
        """In the order of the paths, under names that differ from each other; to be taken once."""
        return _named_apart(with_objective(self._read_all(), self.objective))

    def _read_all(self) -> Iterator[Run]:
        for path in dict.fromkeys(self.paths):
            try:
                yield from self._at(path)
            except LogError as error:
                self.unread.append(_unread(path, error))
        if again := len(self.paths) - len(set(self.paths)):
            self.passed_over[TWICE] += again

    def _at(self, path: str) -> Iterator[Run]:
        """The runs of a file, of standard input, or of all that lies below a directory."""
        if path not in STANDARD_INPUT and os.path.isdir(path):
            yield from self._below(Path(path))
        elif path in STANDARD_INPUT or self._is_new(Path(path)):
            yield from read_log(path, format=self.format, columns=self.columns)

    def _below(self, directory: Path) -> Iterator[Run]:
        """Raises a LogError when it cannot be listed, or holds no log."""
        from lrdoctor.logs.directories import sources_below

        passed_over: Counter[str] = Counter()
        n_runs, n_before = 0, len(self.unread) + self.passed_over[TWICE]
        for paths in one_log_each(sources_below(directory, passed_over), self.format):
            new = [path for path in paths if self._is_new(path)]
            try:
                runs = self._read(new) if new else []
                n_runs += len(runs)
                yield from runs
            except NoLogError as error:
                passed_over[error.kind] += len(new)
                self.no_logs.append(_unread(str(new[0]), error))
            except LogError as error:
                self.unread.append(_unread(str(new[0]), error))
        self.passed_over += passed_over
        if not n_runs and len(self.unread) + self.passed_over[TWICE] == n_before:
            looked = ", ".join(f"{n} x {reason}" for reason, n in sorted(passed_over.items()))
            raise LogError(f"{directory}: no training log below it; found {looked or 'an empty directory'}")

    def _read(self, paths: Sequence[Path]) -> list[Run]:
        if len(paths) > 1:
            return read_event_files(paths, self.columns)
        return read_log(paths[0], format=self.format, columns=self.columns)

    def _is_new(self, path: Path) -> bool:
        """Whether the file was not read before, under this name or another; what is not there is new."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            return True
        identity = (status.st_dev, status.st_ino)
        if identity in self.seen:
            self.passed_over[TWICE] += 1
            return False
        self.seen.add(identity)
        return True


def one_log_each(paths: Iterable[Path], format: str | None) -> Iterator[list[Path]]:  # noqa: A002
    """The paths one by one, TensorBoard's event files of one folder together where the first of them stands."""
    if format not in (None, TENSORBOARD):
        yield from ([path] for path in paths)
        return
    found = list(paths)
    together: dict[Path, list[Path]] = {}
    for path in found:
        if EVENT_FILE in path.name:
            together.setdefault(path.parent, []).append(path)
    for path in found:
        if EVENT_FILE not in path.name:
            yield [path]
        elif path.parent in together:
            yield together.pop(path.parent)


def _unread(path: str, error: LogError) -> Unread:
    """The message, without the path that stands beside it anyway."""
    return Unread(_shown(path), str(error).removeprefix(f"{path}: "))


def _named_apart(runs: Iterable[Run]) -> Iterator[Run]:
    """The runs under the path of their log, with what tells the runs of one log apart behind it."""
    taken: set[str] = set()
    last: Counter[str] = Counter()
    for run in runs:
        of_source = run.name == run.source or run.name.startswith(f"{run.source}#")
        plain = name = _shown(run.name if of_source else f"{run.source}#{run.name}")
        # counted on from the last one of that name: a file may hold thousands of runs that have none of their own
        k = last[plain]
        while name in taken:
            k += 1
            name = f"{plain} ({k + 1})"
        last[plain] = k
        taken.add(name)
        yield replace(run, name=name)


def _shown(path: str) -> str:
    """The path from here where it lies below here, else as it was given."""
    here = os.path.join(os.getcwd(), "")
    return path.removeprefix(here) or path
