from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lrdoctor.errors import StoreError
from lrdoctor.store.files import FolderLock, explained, folder_name, read_file, sync_folder, write_atomic, write_output


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("wide-resnet 28", "wide-resnet 28"),
        ("ü ☃.v2", "ü ☃.v2"),
        ("a/b", "a_b"),
        ("/tmp/elsewhere", "_tmp_elsewhere"),
        ("../up", "__up"),
        ("..\\up", "__up"),
        (".hidden", "_hidden"),
        (".", "_"),
        ("..", "_"),
        ("a\x00b\nc", "a_b_c"),
        ("c: d?", "c_ d_"),
    ],
)
def test_a_name_never_leads_out_of_the_folder_above(tmp_path, name, folder):
    assert folder_name(name) == folder
    assert (tmp_path / folder_name(name)).resolve().parent == tmp_path


def refuse(code):
    def refusing(*_, **__):
        raise OSError(code, os.strerror(code))

    return refusing


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EROFS, "Read-only file system; pass an --out on a disk that can be written"),
        (errno.EACCES, "Permission denied; pass an --out that you may write to"),
        (errno.ENOTDIR, "Not a directory; pass an --out whose parents are folders"),
        (errno.ENAMETOOLONG, "File name too long; pass a shorter --out"),
        (errno.EIO, "Input/output error; pass another --out"),
    ],
)
def test_an_error_says_what_where_why_and_what_to_try(tmp_path, code, advice):
    with pytest.raises(StoreError) as caught, explained("write", tmp_path):
        refuse(code)()
    assert str(caught.value).startswith(f"cannot write {tmp_path}: {advice}")


def test_an_error_without_a_number_is_explained_too(tmp_path):
    with pytest.raises(StoreError, match="odd; pass another --out"), explained("write", tmp_path):
        raise OSError("odd")


@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch, call, error):
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(call, fail)
    with pytest.raises((StoreError, KeyboardInterrupt)):
        write_atomic(path, b"new")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"file": b"old"}


def test_a_write_replaces_whole_files(tmp_path):
    path = tmp_path / "file"
    for data in (b"old and long", b"new", b""):
        write_atomic(path, data)
        assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"file": data}


def test_no_link_that_somebody_laid_leads_a_write_elsewhere(tmp_path):
    mine, out = tmp_path / "mine", tmp_path / "out"
    mine.write_text("mine")
    out.mkdir()
    for name in (".file.tmp", ".lock"):
        (out / name).symlink_to(mine)
    write_atomic(out / "file", b"new")
    with pytest.raises(StoreError, match=r"cannot lock .*it is a link"):
        FolderLock(out)
    assert (mine.read_text(), (out / "file").read_text()) == ("mine", "new")


@pytest.mark.parametrize("lay", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "endless"])
def test_what_waits_or_has_no_end_is_not_read(tmp_path, lay):
    lay(tmp_path / "steps.csv")
    with pytest.raises(OSError, match="it is a device or a pipe"):
        read_file(tmp_path / "steps.csv")


def test_only_a_file_system_that_cannot_sync_folders_is_forgiven(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", refuse(errno.EINVAL))
    sync_folder(tmp_path)
    monkeypatch.setattr("os.fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        sync_folder(tmp_path)


def test_a_file_system_without_locks_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("lrdoctor.store.files.fcntl.flock", refuse(errno.ENOLCK))
    lock = FolderLock(tmp_path)
    assert str(tmp_path) in lock.problem
    assert "cannot be locked" in lock.problem
    lock.release()


def test_the_lock_excludes_and_is_released(tmp_path):
    first = FolderLock(tmp_path)
    assert first.problem is None
    with pytest.raises(StoreError, match=f"process {os.getpid()};"):
        FolderLock(tmp_path)
    first.release()
    FolderLock(tmp_path).release()


def broken_off():
    yield "new "
    raise OSError(errno.ENOSPC, "full")


def test_an_output_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "made" / "report.html"
    with pytest.raises(OSError, match="full"):
        write_output(path, broken_off())
    assert list(path.parent.iterdir()) == []
    write_output(path, ["old\n", "ü"])
    with pytest.raises(OSError, match="full"):
        write_output(path, broken_off())
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == {"report.html": "old\nü".encode()}


def test_an_output_keeps_its_link_and_its_mode(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    write_output(tmp_path / "link", ["new"])
    assert (tmp_path / "link").readlink() == Path("real")
    assert (tmp_path / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_an_output_goes_into_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_text)
        write_output(tmp_path / "pipe", ["a", "b"])
        assert read.result() == "ab"
    assert (tmp_path / "pipe").is_fifo()


def test_an_output_goes_into_what_is_open_though_its_name_is_gone(tmp_path):
    with open(tmp_path / "gone", "w+b") as file:
        (tmp_path / "gone").unlink()
        write_output(Path(f"/dev/fd/{file.fileno()}"), ["ab"])
        assert file.read() == b"ab"
    assert list(tmp_path.iterdir()) == []
