"""A process of somebody else that is asked to end, and watched until it has."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress

from lrdoctor.errors import LrdoctorError


class WatchedProcess:
    """The process of a number, and no later one that gets the same number where the system can tell (Linux).

    Args:
        pid: its number.

    Raises:
        LrdoctorError: there is no such process, or it is somebody else's.
    """

    def __init__(self, pid: int) -> None:
        self._pid, self._was_asked = pid, False
        self._handle: int | None = None
        try:
            os.kill(pid, 0)
            if hasattr(os, "pidfd_open"):
                self._handle = os.pidfd_open(pid)
        except (ProcessLookupError, OverflowError) as error:
            raise LrdoctorError(f"--stop-pid {pid}: there is no such process; give that of the training") from error
        except PermissionError as error:
            raise LrdoctorError(f"--stop-pid {pid}: is somebody else's process, which cannot be ended") from error
        except OSError:  # a system that has the call and not the feature
            self._handle = None

    def is_alive(self) -> bool:
        if self._handle is not None:
            # readable as soon as it has ended, whether or not somebody has asked for its exit code
            return not select.select([self._handle], [], [], 0)[0]
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True

    def ask_to_end(self) -> bool:
        """Sends SIGTERM, once; whether it was sent."""
        if self._was_asked or not self.is_alive():
            return False
        self._was_asked = True
        with suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGTERM)
            else:
                os.kill(self._pid, signal.SIGTERM)
            return True
        return False
