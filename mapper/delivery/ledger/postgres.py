"""The ledger in PostgreSQL: connections that survive a restart of the server, its clock, and COPY.

Knows PostgreSQL and psycopg. Must not know what is stored.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    insert,
    inspect,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mapper.delivery import failpoints
from mapper.delivery.ledger import postgres_words, tables, versions
from mapper.delivery.ledger.clock import SteadyClock
from mapper.delivery.ledger.watchdog import Watchdog
from mapper.delivery.values import StoreError

T = TypeVar("T")

#: Seconds. A server that was restarted is back by then; whoever has more patience calls again.
PATIENCE = 20.0
#: Seconds that a transaction may take. Each takes milliseconds.
_DEADLINE = 15.0
_PATIENCE_TO_OPEN = 5.0
#: From so many rows on COPY is faster than INSERT.
_COPY_FROM = 20
#: Seconds after which the server is asked for its time again: after a failover it is another machine's.
_CLOCK_FOR = 10.0
#: What comes of many transactions at once, and of a server that goes away: the same again may succeed.
_AGAIN = ("40001", "40P01", "57P01", "57P02", "57P03", "53300")
#: Any number, but the same in every process that prepares a store. This one is "mapper" in ASCII.
_TAKE_TURNS = text(f"SELECT pg_advisory_xact_lock({0x6D6170706572})")
_left_alone: list[object] = []


class PostgresStore:
    """A PostgreSQL database. Raises StoreError, which begins with the ``place``: which server and database it is."""

    def __init__(self, url: URL, place: str = "") -> None:
        self._place = place
        self._url = url.set(drivername="postgresql+psycopg")
        self._clock = SteadyClock()
        self._asked = float("-inf")
        self._looked_at = _FEW // _GROWN
        self._opening = threading.Lock()
        self._open()
        try:
            self.secret = self._prepare()
            version = self.read(lambda connection: connection.execute(text("SHOW server_version")).scalar_one())
        except BaseException:
            self.close()
            raise
        self.name = f"PostgreSQL {str(version).split(maxsplit=1)[0]}, {url.host or 'local'}/{url.database}"

    def _open(self) -> None:
        self._engine = _engine(self._url)
        self._watchdog = Watchdog(_DEADLINE)
        self._pid = os.getpid()  # last: until then another thread of a forked child waits

    def _prepare(self) -> bytes:
        """The key of the hashes of a store that has the present version. Raises StoreError.

        A person waits for this one: what is away now is soon said.
        """
        if self._patiently(versions.is_older, _PATIENCE_TO_OPEN):
            return self._patiently(self._brought_forward, _PATIENCE_TO_OPEN, deadline=float("inf"))
        return self._patiently(self._prepared, _PATIENCE_TO_OPEN)

    def _brought_forward(self, connection: Connection) -> bytes:
        """Bring an older store to the present version: alone, and for as long as it takes."""
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(_TAKE_TURNS)
        there = tables.metadata.tables.keys() & set(inspect(connection).get_table_names())
        # What somebody wrote between two statements of a step would be lost with the table that it was written to. But
        # who wants to know the version is to be told.
        some = ", ".join(sorted(there - {tables.store.name}))
        connection.execute(text(f"LOCK TABLE {some} IN ACCESS EXCLUSIVE MODE"))
        secret = self._prepared(connection)
        # Autovacuum would do so within a minute or two; until then the plans were bad ones (see ``grown``).
        connection.execute(text(f"ANALYZE {', '.join(table.name for table in _LARGE)}"))
        return secret

    def _prepared(self, connection: Connection) -> bytes:
        connection.execute(_TAKE_TURNS)
        if connection.execute(text("SHOW fsync")).scalar() != "on":
            raise StoreError("this server runs with fsync = off: it would lose what it takes; turn it on")
        return versions.prepare(connection, self.now())

    # -------------------------------------------------------------------------------------------------- transactions

    def write(self, work: Callable[[Connection], T]) -> T:
        """One transaction; again where the server was away or two of them stood in each other's way."""
        return self._patiently(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Look."""
        return self._patiently(work)

    def _patiently(
        self, work: Callable[[Connection], T], patience: float = PATIENCE, deadline: float | None = None
    ) -> T:
        """Run a transaction until it is done or patience ends. Raises StoreError.

        ``deadline``  seconds that it may take, where they are others than usual
        """
        until, pause = time.monotonic() + patience, 0.02
        while True:
            try:
                with self._said_where(), self._transaction(deadline) as connection:
                    return work(connection)
            except _AgainError as error:
                if time.monotonic() + pause > until:
                    raise self._is_away(patience, error) from None
            time.sleep(pause * (0.5 + random.random()))  # noqa: S311 - not a secret
            pause = min(pause * 2, 1.0)

    @contextmanager
    def _said_where(self) -> Iterator[None]:
        """Say in front of what could not be done which database it was, as an SQLite store names its file."""
        try:
            yield
        except StoreError as error:
            raise self._error(str(error)) from None

    def _error(self, words: str) -> StoreError:
        return StoreError(f"{self._place}: {words}" if self._place else words)

    def _is_away(self, patience: float, last: _AgainError) -> StoreError:
        return self._error(f"the database is away, for {patience:g} seconds now: {last}")

    @contextmanager
    def _transaction(self, deadline: float | None = None) -> Iterator[Connection]:
        """One transaction, with an end to the patience for each answer; its commit included."""
        with _told(), self._own().connect() as connection:
            driver: Any = connection.connection.driver_connection
            with self._watchdog.watching(driver.fileno(), deadline), connection.begin():
                yield connection

    def _own(self) -> Engine:
        """The engine; after a fork one of this process's own."""
        if self._pid != os.getpid():
            with self._opening:
                if self._pid != os.getpid():
                    _left_alone.append(self._engine)
                    self._open()
        return self._engine

    def now(self) -> float:
        """The server's clock, so that machines with different ones agree."""
        if time.monotonic() - self._asked > _CLOCK_FOR:
            self._asked = time.monotonic()
            try:
                with self._transaction() as connection:
                    before = time.monotonic()
                    said = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8")).scalar_one()
                    self._clock.set(float(said), (before + time.monotonic()) / 2)
            except (_AgainError, StoreError):
                self._asked = float("-inf")  # the last one goes on; the transaction that asked will say what is wrong
        return self._clock.now()

    def saw(self, moment: float) -> None:
        """Nothing: there is one clock."""

    # --------------------------------------------------------------------------------------------------- differences

    def insert(self, table: Table) -> Any:
        """PostgreSQL's INSERT."""
        return postgres_insert(table)

    def add(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """Add rows: by COPY, where there are many."""
        if len(rows) < _COPY_FROM:
            if rows:
                connection.execute(insert(table), rows)
            return
        names = list(rows[0])
        driver: Any = connection.connection.driver_connection
        columns = ", ".join(f'"{name}"' for name in names)
        with (
            driver.cursor() as cursor,
            cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN (FORMAT BINARY)') as copy,
        ):
            copy.set_types([_TYPES[str(table.c[name].type)] for name in names])
            for row in rows:
                copy.write_row(tuple(row.values()))

    def put(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """Add or replace rows: one statement, a list for each column."""
        if not rows:
            return
        names = list(rows[0])
        columns = ", ".join(f'"{name}"' for name in names)
        lists = ", ".join(f"%s::{_TYPES[str(table.c[name].type)]}[]" for name in names)
        key = ", ".join(f'"{column.name}"' for column in table.primary_key)
        fresh = ", ".join(f'"{n}" = excluded."{n}"' for n in names if not table.c[n].primary_key)
        statement = f'INSERT INTO "{table.name}" ({columns}) SELECT * FROM unnest({lists}) ON CONFLICT ({key})'  # noqa: S608 - names of ours
        values = tuple([row[name] for row in rows] for name in names)
        connection.exec_driver_sql(f"{statement} DO UPDATE SET {fresh}", values)

    def version(self) -> int | None:
        """A look is the only way to tell."""
        return None

    def grown(self, jobs: int) -> None:
        """Have the tables looked at while they grow.

        The server does so itself, once a minute. Until then its plans are for empty tables: by the state, in which all
        jobs are, instead of the person.
        """
        if jobs < self._looked_at * _GROWN:
            return
        self._looked_at = jobs
        with suppress(StoreError, _AgainError), _told(), self._own().connect() as connection:
            raw: Any = connection.connection.driver_connection
            driver = connection.execution_options(isolation_level="AUTOCOMMIT")
            # What was accepted is stored: its sender waits neither for a server that hangs nor for somebody's VACUUM.
            with self._watchdog.watching(raw.fileno()):
                if driver.execute(KNOWN_SIZE).scalar_one() * _GROWN <= jobs:
                    some = ", ".join(table.name for table in _LARGE)
                    driver.execute(text(f"ANALYZE (SKIP_LOCKED) {some}"))

    def worker(self, account: str | None = None) -> AbstractContextManager[Callable[[], None]]:
        """Be one of any number of workers."""
        del account  # nobody needs to know for whom
        return nullcontext(lambda: None)

    @property
    def alone(self) -> bool:
        """It is not."""
        return False

    def scrub(self) -> None:
        """Write the tables anew without what was deleted. Its log and its copies are the database's own affair.

        Raises StoreError. What somebody deletes meanwhile stays to be scrubbed: the row that says so is another then.
        """
        failpoints.passed("in_checkpoint")
        try:
            with (
                self._said_where(),
                _told(),
                self._own().connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
            ):
                wrote: ColumnElement[str] = literal_column("xmin::text")  # which transaction wrote the row
                before = connection.execute(select(wrote).select_from(tables.store)).scalar_one()
                connection.execute(text("SET statement_timeout = 0"))  # a large table takes minutes
                try:
                    for table in _LARGE:
                        connection.execute(text(f'VACUUM FULL "{table.name}"'))
                finally:
                    connection.execute(text("RESET statement_timeout"))
                connection.execute(update(tables.store).where(wrote == before).values(scrub=False))
        except _AgainError:
            raise self._error("the database was away while the tables were written anew") from None

    def check(self) -> Iterable[str]:
        """What is wrong with the server's settings."""

        def look(connection: Connection) -> list[str]:
            due = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
            said = {name: str(connection.execute(text(f"SHOW {name}")).scalar()) for name in due}
            return [f"{name} is {said[name]} and should be {due[name]}" for name in due if said[name] == "off"]

        return self.read(look)

    def explain(self, statement: Any, parameters: Mapping[str, Any]) -> str:
        """PostgreSQL's query plan."""

        def look(connection: Connection) -> str:
            compiled = statement.compile(self._engine, compile_kwargs={"render_postcompile": True})
            bound = {**compiled.params, **parameters}
            rows = connection.exec_driver_sql(f"EXPLAIN {compiled}", {name: bound[name] for name in compiled.params})
            return "\n".join(row[0] for row in rows)

        return self.read(look)

    def close(self) -> None:
        """Close the connections."""
        if self._pid == os.getpid():
            self._engine.dispose()


#: What has a row for each job or person.
_LARGE = (tables.paper, tables.identity, tables.alias, tables.job, tables.attempt)
#: With so many jobs the tables are looked at for the first time, and again when there are so many times as many.
_FEW, _GROWN = 400, 4
#: The rows that the server believes to be there; -1 where it never looked.
KNOWN_SIZE = text("SELECT reltuples FROM pg_class WHERE oid = 'job'::regclass")

#: The columns' types as COPY wants them named.
_TYPES = {
    "VARCHAR": "varchar",
    "TEXT": "text",
    "BIGINT": "int8",
    "INTEGER": "int4",
    "DOUBLE": "float8",
    "DOUBLE PRECISION": "float8",
    "BOOLEAN": "bool",
    "BLOB": "bytea",
    "BYTEA": "bytea",
}


def _engine(url: URL) -> Engine:
    """Connections that notice a server that is gone: a black hole, too, ends within some seconds."""
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=False,  # the transaction itself is tried again
        pool_size=4,
        max_overflow=8,
        pool_timeout=PATIENCE,
        connect_args={
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "options": "-c statement_timeout=60000 -c lock_timeout=30000 -c idle_in_transaction_session_timeout=10000",
            "application_name": "mapper",
        },
    )


class _AgainError(Exception):
    """The same transaction may succeed when it is run again. It says what to do where it does not."""


@contextmanager
def _told() -> Iterator[None]:
    """Say what the database could not do in our words: an exception of its own may quote what was to be stored."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        refused = None if state else postgres_words.refused(str(error.orig))
        if refused is not None:
            raise StoreError(refused) from None
        if error.connection_invalidated or state in _AGAIN or state.startswith("08") or _gone(error):
            raise _AgainError(postgres_words.away(state, str(error.orig))) from None
        raise StoreError(_WORDS.get(state[:2], f"the database refused: SQLSTATE {state or 'none'}")) from None
    except PoolTimeout:
        raise StoreError("no connection to the database came free: more threads use it than it takes at once") from None
    except SQLAlchemyError as error:
        raise StoreError(f"the database failed: {type(error).__name__}") from None


def _gone(error: DBAPIError) -> bool:
    """Whether there is no server, or no connection to it any more: psycopg has no state for that."""
    import psycopg  # noqa: PLC0415 - whoever has an SQLite store has no psycopg

    return isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError) and not error.orig.sqlstate


_WORDS = {
    "53": "the database's disk or memory is full: nothing more was taken; make room and go on",
    "28": "the database refuses this user or password; mend the address",
    "3D": "there is no such database; make it (createdb), or mend the address",
    "42": "the database's tables are not those of a store, or this user may not make or use them; give the store a"
    " database of its own, which its user owns",
    "55": "somebody else has the database's tables, to copy them or to bring them to a newer version: try again",
    "25": "the database cannot be written: is it a standby? Name the primary",
}
