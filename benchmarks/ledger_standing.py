"""Stores in which many jobs stand, made in seconds: the first job is accepted, the others are copies of it.

Knows the tables and the two databases' ways to make rows and indexes. Must not know what is measured.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ledger_rig import event, outbox

from mapper.apps.outbox import Outbox
from mapper.delivery.ledger import tables

#: What differs from copy to copy: each is somebody else's, and due after the one before it. ``c`` is the first.
_OWN = {
    "id": "n.i",
    "job": "n.i",
    "message": "{hash}",
    "digest": "{hash}",
    "person": "{person}",
    "due": "c.due + n.i / 1e6",
}
#: Numbers of people: as they came; or each number under 1,000,003, which is a prime, once, and none beside the next.
_PEOPLE = {False: "n.i", True: "n.i * 611953 % 1000003"}
_SQLITE = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
_HASHES = {"sqlite": "lower(hex(randomblob(12)))", "postgresql": "left(md5(random()::text || n.i), 24)"}
_SERIES = {"sqlite": "n", "postgresql": "generate_series(2, {count}) AS n(i)"}
_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'job'",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'job' AND indexname <> 'job_pkey'",
}


def filled(store: str, count: int, *, shuffled: bool = False) -> Outbox:
    """An outbox with so many jobs that are due, each of another person; its people's traits are not there.

    ``shuffled``: they are people who were known before, and order in another order than they were first heard of in.

    Rows come first and indexes afterwards, as when a copy is restored. The bytes of all events and requests are those
    of the first; hashes are random, as the real ones. PostgreSQL gets its statistics at once, which its autovacuum
    makes within minutes; SQLite gets none, since nothing in the product makes any.
    """
    with outbox(store) as first:
        first.accept(event(10**11))
    with _connected(store) as connection:
        database = "sqlite" if isinstance(connection, sqlite3.Connection) else "postgresql"
        indexes = connection.execute(_INDEXES[database]).fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        for table in (tables.job, tables.paper):
            connection.execute(_copying(database, table, count, _PEOPLE[shuffled]))
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute(f"UPDATE intake SET last_job = {count}, accepted = {count}")  # noqa: S608 - our own number
        for last in ("ANALYZE", "CHECKPOINT") if database == "postgresql" else ("PRAGMA wal_checkpoint(TRUNCATE)",):
            connection.execute(last)
    return outbox(store)


def _copying(database: str, table: Any, count: int, person: str) -> str:
    """The statement that fills a table with copies of its first row."""
    names = [column.name for column in table.columns]
    values = ", ".join(_OWN.get(name, f'c."{name}"').format(hash=_HASHES[database], person=person) for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    series = _SERIES[database].format(count=count)
    with_n = _SQLITE.format(count=count) if database == "sqlite" else ""
    return f'{with_n}INSERT INTO "{table.name}" ({columns}) SELECT {values} FROM "{table.name}" AS c, {series}'  # noqa: S608 - names and numbers of ours


@contextmanager
def _connected(store: str) -> Iterator[Any]:
    """A connection of this program's own, which commits each statement and does not wait for the disk."""
    if not store.startswith("postgresql:"):
        with closing(sqlite3.connect(store.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            yield connection
        return
    import psycopg  # noqa: PLC0415 - whoever has no PostgreSQL need not have it either

    with psycopg.connect(store, autocommit=True) as connected:
        connected.execute("SET synchronous_commit = off")
        connected.execute("SET maintenance_work_mem = '256MB'")
        yield connected
