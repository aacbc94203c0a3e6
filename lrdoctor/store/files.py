"""Files that are whole or absent, the lock of a folder, and the system's errors in words."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lrdoctor.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

WHAT_TO_TRY = {
    "ENOSPC": "free some space, or pass an --out on another disk",
    "EDQUOT": "free some of your quota, or pass an --out on another disk",
    "EFBIG": "raise the limit on the size of files (ulimit -f), or pass an --out on another disk",
    "EROFS": "pass an --out on a disk that can be written",
    "EACCES": "pass an --out that you may write to",
    "EPERM": "pass an --out that you may write to",
    "EEXIST": "pass an --out that is a folder or does not exist yet",
    "ENOTDIR": "pass an --out whose parents are folders",
    "ENAMETOOLONG": "pass a shorter --out",
    "EMFILE": "raise the limit on open files (ulimit -n)",
}
"""By the system's name of the error."""


NO_NAME = re.compile(r'^\.+|[\x00-\x1f/\\:*?"<>|]')
"""What no system takes in a file's name, reads as another folder, or hides."""


def folder_name(name: str) -> str:
    """A study's name as the name of one folder: text that would lead elsewhere becomes "_".

    >>> folder_name("wide-resnet 28"), folder_name("../up"), folder_name("a/b: c"), folder_name("..")
    ('wide-resnet 28', '__up', 'a_b_ c', '_')
    """
    return NO_NAME.sub("_", name)


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turns an OSError into a StoreError that says what was being done to what, why not, and what to try."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        name = errno.errorcode.get(error.errno or 0, "")
        advice = WHAT_TO_TRY.get(name, "pass another --out")
        raise StoreError(f"cannot {doing} {path}: {reason}; {advice}") from error


def read_file(path: Path) -> bytes:
    """The content of a file of a study folder, which may be anybody's: what is endless or waits is not read.

    Raises:
        OSError: it cannot be read, or is a device or a pipe.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is a device or a pipe, and no file", str(path))
    return path.read_bytes()


def write_atomic(path: Path, data: bytes) -> None:
    """Puts `data` at `path` so that any reader, also after a power cut, finds the old content or the new.

    Raises:
        StoreError: the system refuses; the old content, if any, is untouched.
    """
    with explained("write", path):
        write_whole(path, [data])


def write_whole(path: Path, pieces: Iterable[bytes], mark: str = "") -> None:
    """Puts the pieces, one after the other, at `path`: whole, or not at all.

    Args:
        path: of the file.
        pieces: its content.
        mark: in the name of the file that is written before; the same one each time leaves nothing behind after a kill.

    Raises:
        OSError: the system refuses; the old content, if any, is untouched.
    """
    temporary = path.with_name(f".{path.name}{mark}.tmp")
    try:
        with suppress(FileNotFoundError):
            temporary.unlink()  # of a kill, or a link that somebody laid
        with open(temporary, "xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


OPEN_ALREADY = ("/dev/std", "/dev/fd/", "/proc/")
"""Names that begin so lead to what is open, a file that was deleted included."""


def write_output(path: Path, pieces: Iterable[str]) -> None:
    """Writes a file that a user named, whole or not at all, with its folder; a link to it and its mode stay.

    What is no file, such as a pipe or a device, is written to as it is, and so is what a process has open already.

    Raises:
        OSError: the system refuses; an old file is untouched.
    """
    encoded = (piece.encode() for piece in pieces)
    path.parent.mkdir(parents=True, exist_ok=True)
    if str(path).startswith(OPEN_ALREADY) or (path.exists() and not path.is_file()):
        with path.open("wb") as stream:
            stream.writelines(encoded)
        return
    path = Path(os.path.realpath(path))
    mode = path.stat().st_mode if path.exists() else None
    # two processes may be told to write the same file
    write_whole(path, encoded, f".{os.getpid()}")
    if mode is not None:
        path.chmod(stat.S_IMODE(mode))


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable; without it a power cut can undo a rename.

    Raises:
        OSError: the disk fails.
    """
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # some network file systems sync no folder; the file itself is safe
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


class FolderLock:
    """Keeps a second lrdoctor out of a folder; the system frees it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Takes the lock.

        Raises:
            StoreError: another process has it, or the folder cannot be written.
        """
        self.problem: str | None = None
        """Why the folder could not be locked at all, None when it is locked."""
        path = folder / ".lock"
        with explained("lock", path):
            if path.is_symlink():
                raise OSError(errno.ELOOP, "it is a link, and what it leads to would be overwritten")
            self._file = open(path, "a+", encoding="ascii", errors="replace")  # noqa: SIM115  # kept open
        try:
            self._take(folder)
        except BaseException:
            self._file.close()
            raise

    def _take(self, folder: Path) -> None:
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            owner = self._file.read().strip() or "unknown"
            raise StoreError(
                f"{folder} is in use by another lrdoctor, process {owner}; "
                "wait until it has ended, or pass another --out"
            ) from None
        except OSError as error:
            # clusters often mount their file systems without locks; refusing to run there would help nobody
            self.problem = f"{folder} cannot be locked ({error.strerror}): take care that no other lrdoctor runs in it"
        with explained("write", folder / ".lock"):
            self._file.truncate(0)
            self._file.write(f"{os.getpid()}\n")
            self._file.flush()

    def release(self) -> None:
        self._file.close()
