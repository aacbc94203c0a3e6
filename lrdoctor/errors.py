"""Every error lrdoctor raises on purpose.

A message names the file or key, what was found, what was expected and what to try. Libraries raise;
only `lrdoctor.cli.exit_codes` turns an error into an exit code. Anything that is not one of these is a bug.

`UnstableError` and `InconclusiveError` are no such faults: they are what `Report.check` makes a test fail with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.core.report import Report


class LrdoctorError(Exception):
    """Root of the errors a user can act on; exit code 2, "could not judge"."""


class SpecError(LrdoctorError):
    """The spec, or an option given with it, cannot be used; the message lists every fault found."""


class LogError(LrdoctorError):
    """A log cannot be read, or holds nothing that can be judged."""


class NoLogError(LogError):
    """The file is no training log: of no known format, or without a training loss.

    Of a file that the user named it is an error like any other; below a directory such files are expected.
    """

    def __init__(self, message: str, kind: str = "files without a training loss") -> None:
        super().__init__(message)
        self.kind = kind
        """What a count of such files is called."""


class WorkloadError(LrdoctorError):
    """The user's model, data, loss or step hook cannot be built, or fails before training starts."""


class EngineError(LrdoctorError):
    """Trials cannot be run: no worker process starts, or they keep dying."""


class StoreError(LrdoctorError):
    """The study folder cannot be read or written, or belongs to another spec."""


class BudgetSpent(LrdoctorError):
    """The next trials need more training steps than the user allows; none of them was begun."""


class BudgetEnded(BudgetSpent):
    """The next trials do not fit into what `--budget` leaves; none of them was begun."""


class Interrupted(LrdoctorError):
    """The user pressed Ctrl-C; what was finished is saved and resumes; exit code 130."""


class CheckError(AssertionError):
    """A report did not pass `Report.check`; the message is the report on one screen."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report
        """What was judged, with all findings."""


class UnstableError(CheckError):
    """An instability was found; the command would have exited with 1."""


class InconclusiveError(CheckError):
    """Something could not be judged, which never counts as passed; the command would have exited with 2."""
