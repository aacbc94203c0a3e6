"""Every error lrdoctor raises on purpose.

A message names the file or key, what was found, what was expected and what to try. Libraries raise;
only `lrdoctor.cli` turns an error into an exit code. Anything that is not one of these is a bug.
"""


class LrdoctorError(Exception):
    """Root of the errors a user can act on; exit code 2, "could not judge"."""


class SpecError(LrdoctorError):
    """The spec, or an option given with it, cannot be used; the message lists every fault found."""


class LogError(LrdoctorError):
    """A log cannot be read, or holds nothing that can be judged."""


class WorkloadError(LrdoctorError):
    """The user's model, data, loss or step hook cannot be built, or fails before training starts."""


class EngineError(LrdoctorError):
    """Trials cannot be run: no worker process starts, or they keep dying."""


class StoreError(LrdoctorError):
    """The study folder cannot be read or written, or belongs to another spec."""


class Interrupted(LrdoctorError):
    """The user pressed Ctrl-C; what was finished is saved and resumes; exit code 130."""
