"""Bytes -> text, for every format that is text.

Whatever a log was written with (gzip, a byte order mark, UTF-16, GBK, CR or CRLF line ends, terminal colours), readers
see UTF-8 with `\\n` line ends. Text comes in blocks that end at a line's end, so that a log of any length is read in
bounded memory.
"""

from __future__ import annotations

import codecs
import io
import re
import stat
import sys
import zlib
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import BinaryIO

from lrdoctor.errors import LogError
from lrdoctor.logs.base import HEAD_BYTES, Source

BLOCK_BYTES = 4 * 1024 * 1024
"""Bytes that are read at a time: large against the cost of a call, small enough for a processor's cache, in which
pandas splits a megabyte nearly twice as fast as eight."""

FEWEST_LINES, LONGEST_HEAD = 8, 16 * 1024 * 1024
"""Lines that the head of a table has at least, however long they are, up to so many bytes: a log of ten thousand layers
has a header of half a megabyte, and nothing is known of a table of which no row is seen."""

LONGEST_LINE = 256 * 1024 * 1024
"""A line beyond this is no line of a log, and would only fill the memory."""

MOST_BYTES = 64 * 1024**3
"""What a compressed file may unpack to; a small file that unpacks to more is a trap."""

MOST_TIMES, SUSPECT_BYTES = 400, 64 * 1024**2
"""A packed file that unpacks to more than this many times its size, once it is beyond that size, is a trap, too: what
is written by a program packs ten- to a hundredfold, a run of one character a thousandfold."""

MOST_INPUT = 4 * 1024**3
"""What standard input may hold; it is kept in memory, since it cannot be read twice."""

GZIP = b"\x1f\x8b"
STANDARD_INPUT = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})

ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""Colours, cursor movements and window titles that a terminal would have swallowed."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

UTF16_SHARE = 0.8
"""Share of NUL bytes at every second place from which text is UTF-16: all of them for ASCII, hardly any otherwise."""

PAIRED = re.compile(rb"[\x80-\xff]{2,}")
PAIRED_SHARE = 0.8
"""Share of the bytes beyond ASCII that stand beside another one from which a text is GBK: Chinese characters are two
such bytes, mostly, while the accented letters of Latin-1 stand alone."""


def open_source(path: str | Path) -> Source:
    """The source at a path, or standard input for `-`, with its head read.

    Raises:
        LogError: there is no such file, it is empty or unreadable, or it is no regular file.
    """
    if str(path) in STANDARD_INPUT:
        return bytes_source(str(path), _standard_input())
    path = Path(path)
    try:
        _refuse_what_is_no_file(path)
        with path.open("rb") as file:
            head = _head(file)
    except (OSError, ValueError) as error:
        raise LogError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not head:
        raise LogError(f"{path}: is empty")
    return Source(str(path), path, head)


def bytes_source(name: str, content: bytes) -> Source:
    """A source that is already in memory; it stays packed when it is gzipped."""
    head = _head(io.BytesIO(content))
    if not head:
        raise LogError(f"{name}: is empty")
    return Source(name, None, head, content)


def _standard_input() -> bytes:
    held = io.BytesIO()
    while piece := sys.stdin.buffer.read(BLOCK_BYTES):
        held.write(piece)
        if held.tell() > MOST_INPUT:
            raise LogError(f"standard input holds more than {MOST_INPUT:,} bytes; write it to a file and name that")
    return held.getvalue()


def _head(file: BinaryIO) -> bytes:
    """The first `HEAD_BYTES` bytes, unpacked; more where these are hardly a line of a table."""
    head = _first(file, HEAD_BYTES)
    is_long = len(head) == HEAD_BYTES and head.count(b"\n") < FEWEST_LINES
    # binary files and JSON have lines of any length, and are told by their beginning
    if is_long and b"\0" not in head and not head.lstrip().startswith((b"{", b"[")):
        return _first(file, LONGEST_HEAD)
    return head


def _first(file: BinaryIO, n: int) -> bytes:
    """The first `n` bytes, unpacked."""
    file.seek(0)
    start = file.read(n)
    file.seek(0)
    if not start.startswith(GZIP):
        return start
    held = bytearray()
    for piece in _unpacked(file, HEAD_BYTES):
        held += piece
        if len(held) >= n:
            break
    return bytes(held[:n])


def head_text(source: Source) -> str:
    """The head as text, without its last line where that one is cut off by the head's end."""
    encoding = encoding_of(source.head)
    text = _clean(codecs.getincrementaldecoder(encoding)("replace").decode(source.head).encode("utf-8", "replace"))
    whole = len(source.head) < HEAD_BYTES or b"\n" not in text
    return (text if whole else text[: text.rindex(b"\n") + 1]).decode("utf-8", "replace")


def lines(source: Source, left_out: LeftOut | None = None) -> Iterator[str]:
    """The lines of a source, without their ends."""
    for block in blocks(source, left_out):
        yield from block.decode("utf-8", "replace").removesuffix("\n").split("\n")


LeftOut = MutableMapping[str, str]
"""What was not read -> why; given to be written into."""


def blocks(source: Source, left_out: LeftOut | None = None) -> Iterator[bytes]:
    """The source as UTF-8 with `\\n` line ends, in blocks of whole lines; only the last may lack its line end.

    Args:
        left_out: gets an entry when the end of a packed file cannot be unpacked.

    Raises:
        LogError: the source cannot be read any more, or holds a line of more than `LONGEST_LINE` bytes.
    """
    held: list[bytes] = []
    size = 0
    for piece in _utf8(source, {} if left_out is None else left_out):
        piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in piece else piece
        cut = piece.rfind(b"\n") + 1
        if not cut:
            held.append(piece)
            size += len(piece)
            if size > LONGEST_LINE:
                raise LogError(f"{source.name}: a line of more than {LONGEST_LINE:,} bytes, this is no log")
            continue
        yield _without_codes(b"".join([*held, piece[:cut]]))
        held, size = [piece[cut:]] if cut < len(piece) else [], len(piece) - cut
    if rest := _without_codes(b"".join(held)):
        yield rest


def encoding_of(head: bytes) -> str:
    """The encoding of a text by its first bytes: its mark, NULs at every second place, or what decodes."""
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    pairs = len(head) // 2
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if pairs and head[offset : 2 * pairs : 2].count(0) >= UTF16_SHARE * pairs > 2 * head[1 - offset :: 2].count(0):
            return name
    if _decodes(head, "utf-8"):
        return "utf-8"
    return "gb18030" if _is_chinese(head) else "latin-1"


def _refuse_what_is_no_file(path: Path) -> None:
    """Opening a FIFO or a device would wait for ever."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise LogError(f"{path}: is a folder, expected a file; name the log files in it")
    if not stat.S_ISREG(mode):
        kind = "a FIFO" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise LogError(f"{path}: is {kind}, expected a file; pipe its content into `lrdoctor diagnose -`")


def _utf8(source: Source, left_out: LeftOut) -> Iterator[bytes]:
    """The unpacked source decoded to UTF-8; no piece ends between a CR and its LF."""
    encoding = encoding_of(source.head)
    if encoding == "utf-8":
        pieces = raw(source, left_out)
    else:
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        pieces = (decoder.decode(piece).encode("utf-8", "replace") for piece in raw(source, left_out))
    held = b""
    for piece in pieces:
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""
        yield piece[: len(piece) - len(held)]
    yield held


def raw(source: Source, left_out: LeftOut) -> Iterator[bytes]:
    """The bytes of a source, unpacked, in pieces.

    Raises:
        LogError: the file cannot be read any more.
    """
    try:
        with io.BytesIO(source.content or b"") if source.path is None else source.path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            if packed:
                yield from _unpacked(file, BLOCK_BYTES, left_out)
            else:
                while piece := file.read(BLOCK_BYTES):
                    yield piece
    except OSError as error:
        raise LogError(f"{source.name}: cannot be read: {error.strerror or error}") from None


def _unpacked(file: BinaryIO, block: int, left_out: LeftOut | None = None) -> Iterator[bytes]:
    """What a gzip file holds, up to where it is damaged or cut off: a log is packed while it grows, too."""
    size = 0
    while start := file.read(1):
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        data = start
        while not unpack.eof and (data or (data := file.read(64 * 1024))):
            try:
                piece = unpack.decompress(data, block)
            except zlib.error as error:
                if left_out is not None:
                    left_out["the rest of the packed file"] = f"damaged: {error}"
                return
            data = unpack.unconsumed_tail
            size += len(piece)
            most = min(MOST_BYTES, max(MOST_TIMES * file.tell(), SUSPECT_BYTES))
            if size > most:
                raise LogError(f"the packed file holds more than {most:,} bytes, this is no log")
            if piece:
                yield piece
        if not unpack.eof and left_out is not None:
            left_out["the rest of the packed file"] = "cut off"
        file.seek(-len(unpack.unused_data), io.SEEK_CUR)


def _clean(text: bytes) -> bytes:
    """The text without terminal codes, with `\\n` line ends."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _without_codes(text)


def _without_codes(text: bytes) -> bytes:
    return ANSI.sub(b"", text) if b"\x1b" in text else text


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(head)  # a character cut off by the head's end is no error
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(head: bytes) -> bool:
    beyond = sum(byte > 127 for byte in head)
    return _decodes(head, "gb18030") and sum(map(len, PAIRED.findall(head))) >= PAIRED_SHARE * beyond
