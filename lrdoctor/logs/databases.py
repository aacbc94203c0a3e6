"""SQLite databases, opened so that nothing is ever written to them or beside them."""

from __future__ import annotations

import sqlite3
from urllib.parse import quote

from lrdoctor.logs._decode import whole_bytes
from lrdoctor.logs.base import Source

MAGIC = b"SQLite format 3\x00"


def opened(source: Source) -> sqlite3.Connection:
    """The database; what a running program has not yet moved into its file is read, too.

    Raises:
        sqlite3.Error, OSError: it cannot be opened.
    """
    if source.path is None:
        database = sqlite3.connect(":memory:")
        database.deserialize(whole_bytes(source))
    else:
        path = source.path.absolute()
        waiting = path.with_name(f"{path.name}-wal")
        # a reader of a database in WAL mode makes files beside it unless it is told that nobody writes
        how = "mode=ro" if waiting.is_file() and waiting.stat().st_size else "mode=ro&immutable=1"
        database = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return database


def columns_of(database: sqlite3.Connection, table: str) -> set[str]:
    """The names of a table's columns, none where there is no such table."""
    known = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    return {str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")} if known else set()
