"""Files that are no text, told by their first bytes: what each is, and how the numbers in it become a log.

Opened as text they would give a few losses out of many, in any order: a database stores rows in pages, an archive
files one after another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lrdoctor.errors import NoLogError
from lrdoctor.logs.base import Source
from lrdoctor.logs.text import head_text

KIND = "binary files"


@dataclass(frozen=True)
class Signature:
    """How a kind of file begins."""

    start: bytes
    what: str
    do: str
    at: int = 0
    """Where in the file."""


EXPORT = "write the training loss in it as CSV or JSON lines and name that"
UNPACK = "unpack it and name the log in it"
TENSORS = "it holds weights or arrays; name the log that was written beside it"

SIGNATURES = (
    Signature(b"SQLite format 3\x00", "an SQLite database", "known are those of MLflow and Trackio; " + EXPORT),
    Signature(b"PK\x03\x04", "a zip archive (also .npz, .pt and .xlsx)", UNPACK),
    Signature(b"PK\x05\x06", "an empty zip archive", UNPACK),
    Signature(b"ustar", "a tar archive", UNPACK, at=257),
    Signature(b"BZh", "packed with bzip2", UNPACK),
    Signature(b"\xfd7zXZ\x00", "packed with xz", UNPACK),
    Signature(b"\x28\xb5\x2f\xfd", "packed with zstandard", UNPACK),
    Signature(b"\x04\x22\x4d\x18", "packed with lz4", UNPACK),
    Signature(b"7z\xbc\xaf\x27\x1c", "a 7-zip archive", UNPACK),
    Signature(b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    Signature(b"\x1f\x9d", "packed with compress", UNPACK),
    Signature(b"PAR1", "a Parquet file", "pandas.read_parquet(path).to_csv(...) makes a log of it"),
    Signature(b"ARROW1", "an Arrow file", "pandas.read_feather(path).to_csv(...) makes a log of it"),
    Signature(b"FEA1", "a Feather file", "pandas.read_feather(path).to_csv(...) makes a log of it"),
    Signature(b"\xff\xff\xff\xff", "an Arrow stream, or binary data", EXPORT),
    Signature(b"ORC", "an ORC file", "pandas.read_orc(path).to_csv(...) makes a log of it"),
    Signature(b"Obj\x01", "an Avro file", EXPORT),
    Signature(b"\x89HDF\r\n\x1a\n", "an HDF5 file", EXPORT),
    Signature(b"CDF\x01", "a netCDF file", EXPORT),
    Signature(b"CDF\x02", "a netCDF file", EXPORT),
    Signature(b"\x93NUMPY", "a NumPy array", "numpy.savetxt('loss.csv', numpy.load(path)) makes a log of one column"),
    Signature(b"MATLAB 5.0 MAT-file", "a MATLAB file", EXPORT),
    Signature(b"GGUF", "a model in GGUF", TENSORS),
    Signature(b"%PDF-", "a PDF", "name the log that it was made from"),
    Signature(b"\x89PNG\r\n\x1a\n", "a picture", "name the log that it was made from"),
    Signature(b"\xff\xd8\xff", "a picture", "name the log that it was made from"),
    Signature(b"GIF8", "a picture", "name the log that it was made from"),
    Signature(b"RIFF", "a sound, film or picture", "name the log that was written beside it"),
    Signature(b"\x7fELF", "a program", "name the log that was written beside it"),
    Signature(b"MZ\x90\x00", "a program", "name the log that was written beside it"),
    Signature(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", EXPORT),
)

PICKLE = re.compile(rb"\x80[\x02-\x05](?:\x95.{8}|[\x8a-\x8f(\]}cXU\x58])", re.DOTALL)
SAFETENSORS = re.compile(rb"[\s\S]{8}\{\"(?:__metadata__|[\w.]{1,200})\":\s?\{")
NOT_TEXT = bytes({*range(0x09), *range(0x0E, 0x1B), *range(0x1C, 0x1F), 0x7F})
"""Control characters that no program prints; a hole of NULs that a crash left is cut out before it is asked."""
HOLE = re.compile(rb"\x00{16,}")
MOST_CONTROL = 0.02
"""Share of a text's characters that may be control characters; in binary files a tenth and more are."""


def refuse(source: Source) -> None:
    """Raises a NoLogError when the source is no text."""
    head = source.head
    for signature in SIGNATURES:
        if head.startswith(signature.start, signature.at):
            raise _refusal(source, signature.what, signature.do)
    if PICKLE.match(head):
        raise _refusal(source, "a Python pickle, which is never opened since it may run code", EXPORT)
    if SAFETENSORS.match(head) and head[6:8] == b"\x00\x00":
        raise _refusal(source, "a safetensors file", TENSORS)
    text = head_text(source).encode("utf-8", "replace")
    text = HOLE.sub(b"", text) if b"\x00" in text else text
    if (n := len(text) - len(text.translate(None, NOT_TEXT))) > MOST_CONTROL * len(text):
        share = f"{n / len(text):.0%}" if text else "all"
        raise _refusal(source, f"no text ({share} of its first characters are control characters)", EXPORT)


def _refusal(source: Source, what: str, do: str) -> NoLogError:
    return NoLogError(f"{source.name}: is {what}, expected a log; {do}", KIND)
