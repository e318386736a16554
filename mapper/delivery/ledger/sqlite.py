"""The ledger in one SQLite file: the settings that make a commit durable, turns, and the file's modes.

Knows SQLite. Must not know what is stored.

WAL with synchronous=FULL: over 7,800 power cuts of the real system calls none lost a commit; with NORMAL 4,501 of
6,736 did (docs/testing.md). Both are read back, and anything else is refused.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Table, create_engine, event, text, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.pool import StaticPool

from mapper.delivery import failpoints
from mapper.delivery.ledger import tables, turns, versions
from mapper.delivery.ledger.clock import SteadyClock
from mapper.delivery.ledger.glance import Glance
from mapper.delivery.ledger.sqlite_words import FullError, told
from mapper.delivery.values import StoreError

T = TypeVar("T")

#: The last two cost memory and disk, not safety: a checkpoint writes each page once, however often it changed before.
_SETTINGS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "fullfsync=ON",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "wal_autocheckpoint=4000",
    "cache_size=-32000",
)
#: Milliseconds that SQLite itself waits for a lock of a program that does not take turns with us.
_BUSY = 10_000


class SqliteStore:
    """An SQLite file. Its directory has to be there. Raises StoreError."""

    def __init__(self, path: str) -> None:
        if path in ("", ":memory:"):
            raise StoreError("a store that outlives the process is a file: sqlite:///PATH")
        if path.startswith("file:"):
            raise StoreError("a store is named by its path, or as sqlite:///PATH; not by a file: address")
        self.path = turns.real(Path(path))
        self.name = f"SQLite {sqlite3.sqlite_version}, {path}"
        self._clock = SteadyClock()
        self._tight = False
        #: Which file it is. Whoever has it has its key, too, so that another one at that path is none of theirs.
        self._file: tuple[int, int] | None = None
        self.begin_anew()
        self._open()
        _living.add(self)

    # ------------------------------------------------------------------------------------------------------- opening

    def _open(self) -> None:
        if self._file is not None:
            self._refuse_another()
        try:
            with told():
                _refuse_strangers(self.path)
        except StoreError as error:
            raise StoreError(f"{self.path.name}: {error}") from None
        turns.made(self.path)
        self._turns = turns.Turns(self._beside("turn"))
        self._writer = self._engine("BEGIN IMMEDIATE")
        self._reader = self._engine("BEGIN")
        try:
            with told(), self._turns.turn(), self._writer.begin() as connection:
                self.secret = versions.prepare(connection, self.now())
                self._refuse_less(connection)
                self._file = turns.identity(self.path)
        except BaseException:
            self._disposed()
            self._turns.close()
            raise
        self._ready = True  # last: until then other threads wait
        if self._to_scrub():
            self.scrub()

    def _beside(self, name: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{name}")

    def _engine(self, begin: str) -> Engine:
        """An engine with one connection, for all threads: whoever uses it holds a lock."""
        engine = create_engine("sqlite+pysqlite://", creator=self._connect, poolclass=StaticPool, hide_parameters=True)

        @event.listens_for(engine, "begin")
        def _(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY / 1000, check_same_thread=False, isolation_level=None)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _refuse_less(self, connection: Connection) -> None:
        """Raise StoreError where a commit would not be durable."""
        wrong = list(self._wrong_settings(connection))
        if wrong:
            raise StoreError(f"this store would not keep what it takes: {'; '.join(wrong)}")

    def _wrong_settings(self, connection: Connection) -> Iterator[str]:
        for name, due in (("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1)):
            found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            if found != due:
                yield f"{name} is {found} and has to be {due}"

    # -------------------------------------------------------------------------------------------------- transactions

    def write(self, work: Callable[[Connection], T]) -> T:
        """One transaction, synced when this returns. Raises StoreError."""
        self._own()
        if not self._tight:
            try:
                return self._written(work)
            except FullError:
                self._tight = True
        # What room there is goes to the file first: the log, whose changes then need not be kept, would eat it all.
        self.checkpoint()
        self._tight = False
        return self._written(work)

    def _written(self, work: Callable[[Connection], T]) -> T:
        with told(), self._turns.turn():
            self._refuse_another()
            with self._writer.begin() as connection:
                return work(connection)

    def _refuse_another(self) -> None:
        """Raise GoneError where the path is another file's by now, or none's: what went into this one would be lost."""
        if turns.identity(self.path) != self._file:
            raise turns.GoneError(
                f"{self.path.name} was removed or replaced while it was in use: start again, with what is there now"
            )

    def read(self, work: Callable[[Connection], T]) -> T:
        """Look at the last commit. Raises StoreError."""
        self._own()
        with told(), self._looking:
            if not self._ready:
                raise StoreError("the store was closed by another thread")
            with self._reader.begin() as connection:
                return work(connection)

    def _own(self) -> None:
        """Open it, where it is not: after a fork, or a close."""
        if self._pid != os.getpid():
            raise StoreError("this process was forked while the store was in use: open it after the fork")
        if not self._ready:
            with self._opening:
                if not self._ready:
                    self._open()
        self._refuse_another()

    # ------------------------------------------------------------------------------------------------------ forking

    def let_go(self) -> bool:
        """Before a fork: wait for those who use it, and close its connections. Whether that was possible."""
        with ExitStack() as kept:
            for lock in (self._opening, self._turns.threads, self._looking, self._glance.lock):
                if not lock.acquire(timeout=turns.PATIENCE):
                    return False
                kept.callback(lock.release)
            if self._ready:
                with ExitStack() as turn:
                    with suppress(StoreError):
                        turn.enter_context(self._turns.turn())
                    self._disposed()
            self._kept = kept.pop_all()
        return True

    def go_on(self) -> None:
        """After a fork, in the parent: connections are made when they are needed."""
        self._kept.close()

    def begin_anew(self) -> None:
        """After a fork, in the child: nothing of the parent's is used."""
        self._pid = os.getpid()
        self._ready = False
        self._glance = Glance(self.path)
        self._opening = threading.Lock()
        self._looking = threading.RLock()
        self._kept = ExitStack()

    def _disposed(self) -> None:
        self._writer.dispose()  # SQLite leaves the log alone where the file is another's by now
        self._reader.dispose()
        self._glance.close()

    def now(self) -> float:
        """The store's clock."""
        return self._clock.now()

    def saw(self, moment: float) -> None:
        """A moment that is in the file."""
        self._clock.saw(moment)

    # --------------------------------------------------------------------------------------------------- differences

    def insert(self, table: Table) -> Any:
        """SQLite's INSERT."""
        return sqlite_insert(table)

    def add(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """Add rows."""
        self._many(connection, "INSERT", table, rows)

    def put(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        """Add or replace rows."""
        self._many(connection, "INSERT OR REPLACE", table, rows)

    def _many(self, connection: Connection, verb: str, table: Table, rows: list[dict[str, Any]]) -> None:
        """Straight to the driver: there is nothing to convert.

        Many rows a statement: the driver lets go of the interpreter's lock at each, and beside a busy thread it is
        5 ms until it has it back.
        """
        start = 0
        for size in _ROWS_AT_ONCE:
            while len(rows) - start >= size:
                some = rows[start : start + size]
                values = tuple(chain.from_iterable(row.values() for row in some))
                connection.exec_driver_sql(_insert(verb, table.name, tuple(some[0]), size), values)
                start += size
        if start < len(rows):
            few = [tuple(row.values()) for row in rows[start:]]
            connection.exec_driver_sql(_insert(verb, table.name, tuple(rows[0]), 1), few)

    def version(self) -> int | None:
        """By which a state of the file is known; None where it cannot be told without waiting."""
        self._own()
        return self._glance.version()

    def grown(self, jobs: int) -> None:
        """Nothing: without statistics each statement has one plan, in a store of ten jobs and of ten million."""

    @contextmanager
    def worker(self, account: str | None = None) -> Iterator[Callable[[], None]]:
        """Be the file's one worker; who asks is told for which account."""
        with turns.only_worker(self._beside("worker"), account) as still:

            def look() -> None:
                self._refuse_another()
                still()

            yield look

    @property
    def alone(self) -> bool:
        """It is."""
        return True

    # ------------------------------------------------------------------------------------------------------ scrubbing

    def _to_scrub(self) -> bool:
        return bool(self.read(lambda connection: connection.execute(text("SELECT scrub FROM store")).scalar()))

    def scrub(self) -> None:
        """Overwrite what was deleted: it is zeroed in the file (secure_delete), and the log is emptied.

        Raises StoreError where a reader keeps the log; it is tried again when the store is opened next.
        """
        self._own()
        with told(), self._turns.turn(), self._looking:
            self.checkpoint()
            with self._writer.begin() as connection:
                connection.execute(update(tables.store).values(scrub=False))
            self.checkpoint()

    def checkpoint(self) -> None:
        """Bring the log into the file and empty it. Raises StoreError."""
        failpoints.passed("in_checkpoint")
        with self._turns.turn():
            raw = self._writer.raw_connection()
            try:
                with told():
                    busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                raw.close()
        if busy:
            raise StoreError("the log cannot be emptied while another program reads the store; try again")

    # --------------------------------------------------------------------------------------------------------- others

    def check(self) -> Iterable[str]:
        """What is wrong with the settings or the file."""

        def look(connection: Connection) -> list[str]:
            wrong = list(self._wrong_settings(connection))
            found = connection.exec_driver_sql("PRAGMA quick_check").scalar()
            return wrong if found == "ok" else [*wrong, "the file is damaged: restore a copy"]

        wrong = self.read(look)
        return [*wrong, *(f"others can read {one.name}: chmod 600" for one in turns.loose(self.path))]

    def explain(self, statement: Any, parameters: Mapping[str, Any]) -> str:
        """SQLite's query plan."""
        compiled = statement.compile(self._reader, compile_kwargs={"render_postcompile": True})

        def look(connection: Connection) -> str:
            bound = tuple({**compiled.params, **parameters}[name] for name in compiled.positiontup)
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", bound)
            return "\n".join(str(row[3]) for row in rows)

        return self.read(look)

    def close(self) -> None:
        """Close the connections; the last one to leave empties the log, so it has the turn meanwhile.

        Closing again does nothing; whoever goes on opens it anew.
        """
        with self._opening:  # nobody opens it anew before it is closed
            if not self._ready:
                return
            with self._turns.turn(), self._looking, self._glance.lock:
                self._ready = False
                self._disposed()
                self._turns.close()  # within the turn: who waits for it is told


#: Rows that go into one statement. SQLite before 3.32 takes 999 values at once.
_ROWS_AT_ONCE = (64, 8)


@cache
def _insert(verb: str, table: str, columns: tuple[str, ...], rows: int) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" * len(columns))
    return f'{verb} INTO "{table}" ({names}) VALUES {", ".join([f"({marks})"] * rows)}'


#: The stores of this process. SQLite's connections must not be carried across a fork, and not only because two
#: processes would use them: SQLite keeps account of its process's locks, and a child that inherits that account opens
#: new connections in the belief to have locks that are its parent's. The log into which it then writes is taken away
#: by the next process that leaves as the last.
_living: WeakSet[SqliteStore] = WeakSet()
_let_go: list[SqliteStore] = []


def _before_fork() -> None:
    _let_go[:] = [store for store in tuple(_living) if store.let_go()]


def _after_fork() -> None:
    while _let_go:
        _let_go.pop().go_on()


def _in_child() -> None:
    while _let_go:
        _let_go.pop().begin_anew()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


def _refuse_strangers(path: Path) -> None:
    """Raise StoreError where a file is there and no store of ours: before a byte of it, or its mode, is changed."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY / 1000)) as connection:
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        versions.refuse_others(there, alone=True)
        if there:
            versions.refuse_newer(connection.execute("SELECT version FROM store").fetchone()[0])
