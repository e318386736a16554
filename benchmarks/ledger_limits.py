"""The limits that the ledger is measured against: rows put into one plain table by the driver, and nothing else.

Knows how a database is used at its barest. Must not use the product. A row is 600 bytes and a number; each commit is
synced, with the settings that the ledger itself demands.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger_rig import BATCH, ROW, Taken, Timed

#: Makes some rows durable, in one transaction.
Limit = Callable[[int], None]
_TABLE = "CREATE TABLE plain (id {key}, k TEXT NOT NULL, b {bytes} NOT NULL)"
_ROW = os.urandom(ROW)


class SqliteLimits:
    """A WAL file with synchronous=FULL."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        assert self._database.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",), "as the ledger has it"
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(_TABLE.format(key="INTEGER PRIMARY KEY", bytes="BLOB"))

    def inserts(self, rows: int, batch: int = BATCH) -> Taken:
        """So many rows, a batch a commit."""
        with Timed(rows) as timed:
            for _ in range(rows // batch):
                self._database.execute("BEGIN")
                self._database.executemany("INSERT INTO plain (k, b) VALUES (?, ?)", [("k", _ROW)] * batch)
                self._database.execute("COMMIT")
        return timed.taken

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


class PostgresLimits:
    """One connection to a server that syncs each commit."""

    def __init__(self, url: str) -> None:
        import psycopg  # noqa: PLC0415 - whoever has no PostgreSQL need not have it either

        self._database: Any = psycopg.connect(url, autocommit=True)
        self._database.execute(_TABLE.format(key="BIGSERIAL PRIMARY KEY", bytes="BYTEA"))

    def singles(self, rows: int) -> Taken:
        """So many rows, each a statement and a commit."""
        with Timed(rows) as timed:
            for _ in range(rows):
                self._database.execute("INSERT INTO plain (k, b) VALUES (%s, %s)", ("k", _ROW))
        return timed.taken

    def pipelined(self, rows: int) -> Taken:
        """A batch a commit, by ``executemany``: psycopg sends all statements before it reads an answer."""

        def insert(cursor: Any) -> None:
            cursor.executemany("INSERT INTO plain (k, b) VALUES (%s, %s)", [("k", _ROW)] * BATCH)

        return self._batches(rows, insert)

    def one_by_one(self, rows: int) -> Taken:
        """A batch a commit, a statement and an answer for each row."""

        def insert(cursor: Any) -> None:
            for _ in range(BATCH):
                cursor.execute("INSERT INTO plain (k, b) VALUES (%s, %s)", ("k", _ROW))

        return self._batches(rows, insert)

    def _batches(self, rows: int, insert: Callable[[Any], None]) -> Taken:
        with Timed(rows) as timed:
            for _ in range(rows // BATCH):
                with self._database.transaction(), self._database.cursor() as cursor:
                    insert(cursor)
        return timed.taken

    def close(self) -> None:
        """Let go of the connection."""
        self._database.close()
