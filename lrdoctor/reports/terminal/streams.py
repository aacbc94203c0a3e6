"""Standard streams whose reader may go away, or was never there. Imports no rich: every command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from lrdoctor.errors import LrdoctorError


def open_missing() -> None:
    """Gives a process that was started without standard streams (`>&-`) ones that lead nowhere.

    Done first of all and in this order: a file takes the lowest free number, so whatever were opened next would be
    taken for the missing stream, by worker processes too.
    """
    for name, mode in {"stdin": "r", "stdout": "w", "stderr": "w"}.items():
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115  # kept open
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def discard(stream: TextIO) -> None:
    """Lets everything that is written from now on, and what is still buffered, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def written(stream: TextIO) -> Iterator[None]:
    """Flushes on the way out; that nobody reads the stream any more (`| head`) is no error.

    Raises:
        LrdoctorError: the system refuses to write, a full disk for one.
    """
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        discard(stream)
    except OSError as error:
        discard(stream)
        raise LrdoctorError(f"the output cannot be written: {error.strerror}; write it to another place") from error
