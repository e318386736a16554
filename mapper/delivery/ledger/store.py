"""What the ledger asks of a database: transactions, a clock, and the few things in which databases differ.

Knows the seam. Must not know a table's rows, nor which databases there are beyond their addresses' schemes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from mapper.delivery.values import StoreError

T = TypeVar("T")


class Store(Protocol):
    """A database with the ledger's tables in it. Safe in threads and after a fork.

    ``name``      what it is, for people: ``SQLite 3.40.1, mapper.db``
    ``secret``    the key of the hashes
    """

    name: str
    secret: bytes

    def write(self, work: Callable[[Connection], T]) -> T:
        """One transaction, durable when this returns. ``work`` may be called again where the database says so.

        Raises StoreError; nothing was written then, or nobody can know, and repeating it does no harm.
        """

    def read(self, work: Callable[[Connection], T]) -> T:
        """Look without changing anything. Raises StoreError."""

    def now(self) -> float:
        """The store's clock: seconds since 1970, UTC. It does not run backwards."""

    def saw(self, moment: float) -> None:
        """A moment that the store has seen already, by whoever's clock."""

    def insert(self, table: Table) -> Any:
        """An INSERT with ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""

    def add(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """Add rows that all have the same columns, by the fastest way."""

    def put(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """As ``add``; a row whose primary key is there already replaces that one."""

    def version(self) -> int | None:
        """A number that is another one after each write, by whomever; None where only a look can tell.

        Raises StoreError where it is not the same store any more.
        """

    def grown(self, jobs: int) -> None:
        """So many jobs are in it: where the database plans by the sizes of its tables, it may look at them now."""

    def worker(self, account: str | None = None) -> AbstractContextManager[Callable[[], None]]:
        """Be a worker, for an account. Raises StoreBusyError where there is one already and one is all.

        What it gives is called before jobs are taken. Raises StoreBusyError where another is the one worker by now,
        StoreError where it is not the same store any more.
        """

    @property
    def alone(self) -> bool:
        """Whether a worker is the only one: whatever another one had under way has lapsed."""

    def scrub(self) -> None:
        """Take what was deleted out of the files, as far as this database can."""

    def check(self) -> Iterable[str]:
        """What is wrong with the store's settings or sums, in words; nothing where all is well."""

    def explain(self, statement: Any, parameters: Mapping[str, Any]) -> str:
        """How the database runs a statement, in its own words."""

    def close(self) -> None:
        """Let go of it."""


#: Characters of a reason that are kept.
_LONGEST_REASON = 500


def spoken(words: str | None) -> str | None:
    """Words that any database can keep: a destination, or a person, may have said anything."""
    if words is None:
        return None
    return words[:_LONGEST_REASON].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _place(where: str, url: URL) -> str:
    """Which server and database an address names, for people; empty where it is not certain what is a password in it.

    What is said after ``?`` may be one, too, and is not repeated; nor is the user.
    """
    if where.count("@") > 1 or not url.database:
        return ""
    if not url.host or url.query.keys() & {"host", "hostaddr", "port", "service"}:
        return url.database
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port or os.environ.get('PGPORT') or 5432}/{url.database}"


def open_store(where: str) -> Store:
    """The store at a path, or at an address: ``sqlite:///mapper.db``, ``postgresql://user@host/database``.

    Its tables are made where there are none. Raises StoreError.
    """
    if "://" not in where:
        where = f"sqlite:///{where}"
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        raise StoreError("a store is a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        from mapper.delivery.ledger.sqlite import SqliteStore  # noqa: PLC0415 - one of the two is loaded

        return SqliteStore(url.database or "")
    if backend in ("postgresql", "postgres"):
        from mapper.delivery.ledger.postgres import PostgresStore  # noqa: PLC0415 - as above

        return PostgresStore(url, _place(where, url))
    raise StoreError(f"there is no store for {backend}: a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE")
