"""Bytes to text, and text to numbers, for the readers of structured and console logs.

Everything that these readers need from `logs.text` passes through this file, so that it can be changed in one place.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Sequence

import numpy as np

from lrdoctor.core.curve import Values
from lrdoctor.errors import LogError
from lrdoctor.logs.base import Marks, Source

GZIP = b"\x1f\x8b"
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
FALLBACK = "gb18030"
"""Tried where UTF-8 fails; every byte that it cannot read either becomes a replacement character."""
MISSING = frozenset({"", "none", "null", "n/a", "na", "-", "--"})
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "%": 1.0}
MSVC_NAMES = {"1.#qnan": np.nan, "1.#ind": np.nan, "nan(ind)": np.nan, "nan(snan)": np.nan, "1.#inf": np.inf}

_ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,16}[A-Za-z]")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_WRAPPED = re.compile(r"(?:tensor|array|np\.float\d\d|DeviceArray)\(\[?\s*([^\s,()\[\]]{1,64})")


def whole_bytes(source: Source) -> bytes:
    """The content of the source, decompressed.

    Raises:
        LogError: the file cannot be read.
    """
    try:
        raw = source.content if source.path is None else source.path.read_bytes()
    except OSError as error:
        raise LogError(f"{source.name}: cannot be read: {error.strerror or error}") from error
    raw = raw or b""
    return _decompressed(raw) if raw.startswith(GZIP) else raw


def _decompressed(raw: bytes) -> bytes:
    """As much as can be had of a gzip file, which may be cut short."""
    parts = []
    while raw.startswith(GZIP):
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(raw))
        except zlib.error:
            break
        raw = member.unused_data
    return b"".join(parts)


def whole_text(source: Source) -> str:
    """The text of the source: line ends as `\\n`, colour codes removed."""
    return plain(decoded(whole_bytes(source)))


def head_text(source: Source) -> str:
    """The text of the source's first bytes, in which the last line may be cut; never raises."""
    return plain(decoded(source.head))


def decoded(raw: bytes) -> str:
    """The bytes as text, by their byte order mark, or else as UTF-8 or a Chinese encoding."""
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace")
    try:
        # a cut in the middle of a character is no sign of another encoding
        return codecs.getincrementaldecoder("utf-8")().decode(raw)
    except UnicodeDecodeError:
        return raw.decode(FALLBACK, "replace")


def plain(text: str) -> str:
    """The text without colour codes; a carriage return, as progress bars write it, ends a line."""
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def number(token: object) -> float | None:
    """The number that a token stands for, None when it stands for none."""
    if isinstance(token, int | float):
        return float(token)
    text = str(token).strip().strip("'\"").strip()
    try:
        return float(text)
    except ValueError:
        return _odd_number(text)


def _odd_number(text: str) -> float | None:
    if wrapped := _WRAPPED.match(text):
        return number(wrapped[1])
    if (named := MSVC_NAMES.get(text.lower().lstrip("+-"))) is not None:
        return -named if text.startswith("-") else named
    if _THOUSANDS.fullmatch(text):
        return float(text.replace(",", ""))
    if text[-1:] in SUFFIXES and text[:1] in "+-.0123456789":
        scaled = number(text[:-1]) if text[-2:-1] not in SUFFIXES else None
        return None if scaled is None else scaled * SUFFIXES[text[-1]]
    return None


def numbers(tokens: Sequence[object]) -> tuple[Values, Marks, int | None]:
    """Tokens as numbers.

    Returns:
        float64[n]; bool[n], whether the token is a number; and the index of the first token that is neither a number
        nor a word for nothing, None when there is no such token.
    """
    try:
        value = np.array(tokens, dtype=np.float64)
        return value, np.ones(value.size, dtype=bool), None
    except (ValueError, TypeError):
        found = [number(token) for token in tokens]
    marks = np.array([one is not None for one in found], dtype=bool)
    value = np.array([np.nan if one is None else one for one in found], dtype=np.float64)
    wrong = (i for i in np.flatnonzero(~marks).tolist() if str(tokens[i]).strip().lower() not in MISSING)
    return value, marks, next(wrong, None)
