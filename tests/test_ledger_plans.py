"""Every prepared statement finds its rows by an index, on both engines, in tables that are filled."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from deliveries import NOON, ONE, PLAIN, Desk, arrival, hashed
from sqlalchemy import Connection, Executable, String, event, insert, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.selectable import Select

from mapper.delivery import ledger, states
from mapper.delivery.ledger import looks, open_store, tables
from mapper.delivery.ledger.store import Store
from mapper.delivery.values import Filter

JOBS, ACCOUNT = 5000, "Inkwell"
#: Tables that hold one row for each job or person, so that to read them whole is what must not happen.
LARGE = ("job", "paper", "identity", "alias", "attempt")
#: Other names of the table of jobs in a statement.
ALSO = {"w": "job", "a": "job", "o": "job"}
#: What says nothing of single rows: all states of an account are counted, from an index alone; of accounts there are
#: few; whether there is any row at all is known from the first; and whoever has a store examined waits for it.
WHOLE = {
    *("looks.COUNTS", "overview.ACCOUNTS", "overview.PEOPLE"),
    *("people.ANY", "people.ALIASED_ANY", "people.FORGOTTEN_ANY"),
}


def prepared() -> dict[str, Executable]:
    """Each statement that a module of the ledger keeps, by module and name; one that is added tomorrow as well."""
    found = {}
    for part in pkgutil.iter_modules(ledger.__path__):
        module = importlib.import_module(f"{ledger.__name__}.{part.name}")
        for name, kept in vars(module).items():
            if not name.startswith("_") and isinstance(kept, Select | Update | Delete | Insert):
                found[f"{part.name}.{name}"] = kept
    return found


#: Two jobs that are ready: what is started was in front of its line.
READY = [200 + list(states.MEANINGS).index("ready"), 400 + list(states.MEANINGS).index("ready")]
#: What is asked for, of whichever name: one row among the many.
ASKED: dict[str, Any] = {
    "mine": ACCOUNT,
    "who": ONE,
    "before": NOON + 20,
    "since": NOON + JOBS + 990,
    "to": "held",
    "line": 0,
    "why": "because",
    "where": "there",
    "body": b"{}",
    "free": False,
    "print": "f",
    "order": hashed("k"),
}


def asked(name: str, statement: Any) -> dict[str, Any]:
    """Values for a statement's parameters."""
    compiled = statement.compile(dialect=sqlite.dialect())
    values = {key: ASKED.get(key, 77) for key, bound in compiled.binds.items() if bound.required}
    if "whose" in values and isinstance(compiled.binds["whose"].type, String):
        values["whose"] = hashed("p77")  # by name; else by number
    if "some" in values:
        values["some"] = READY if compiled.binds["some"].type.numbers else [hashed("p77"), hashed("p78")]
    if "which" in values and not name.startswith("settle"):
        values["which"] = "delivered"
    return values


class UndoneError(Exception):
    """What was run is not to stay."""


def plan_of(store: Store, statement: Any, values: dict[str, Any]) -> str:
    """How the engine runs a statement: in exactly the words that it is given, with the values bound as they are."""
    told: list[str] = []

    def look(connection: Connection) -> None:
        run: list[Any] = []

        def note(*given: Any) -> None:
            run.append(given[2:4])

        event.listen(connection, "before_cursor_execute", note)
        connection.execute(statement, values)
        event.remove(connection, "before_cursor_execute", note)
        sqlite_plan = connection.dialect.name == "sqlite"
        ((words, bound),) = run
        rows = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if sqlite_plan else ''}{words}", bound)
        told.extend(str(row[3 if sqlite_plan else 0]) for row in rows)
        raise UndoneError

    with suppress(UndoneError):
        store.write(look)
    return "\n".join(told)


def filled(store: Store) -> Store:
    """Some thousand jobs in all states, each of a person of its own or of one of few, and what goes with them."""
    desk = Desk(store, ACCOUNT, PLAIN)
    everyone = [f"p{n}" for n in range(JOBS)]
    arrivals = [arrival(f"m{n}", everyone[n - n % 3], once=f"k{n}", traits={"n": n}) for n in range(JOBS)]
    desk.ledger.accept(arrivals)
    desk.ledger.accept([arrival(f"j{n}", f"p{n}", anonymous=f"x{n}") for n in range(0, JOBS, 5)])
    desk.ledger.accept([arrival("mine", "zoe", anonymous="device")])
    store.write(_spread)
    return store


def _spread(connection: Any) -> None:
    """Give each job a state, as they stand after some months: most are over; with what each state has besides."""
    names = list(states.MEANINGS)
    ended = "', '".join(states.TERMINAL)
    for n, state in enumerate(names):
        some = f"id % 200 = {n}" if state != "delivered" else f"id % 200 >= {len(names)} OR id % 200 = {n}"
        place = tables.place(state)
        connection.execute(text(f"UPDATE job SET state = '{state}', line = {place} WHERE {some}"))  # noqa: S608 - our own words
    connection.execute(text("UPDATE job SET lease = 9, owner = 'w' WHERE state = 'sending'"))
    connection.execute(text("UPDATE job SET changed = changed + id, due = due + id"))
    connection.execute(text(f"UPDATE job SET attempts = 1, started = 1 WHERE state IN ('{ended}')"))  # noqa: S608 - as above
    numbers = connection.execute(text("SELECT id FROM job WHERE attempts > 0")).scalars().all()
    row = {"account": ACCOUNT, "number": 1, "started": 1.0, "ended": 2.0, "ending": "delivered"}
    connection.execute(insert(tables.attempt), [{**row, "job": n} for n in numbers])
    notes = {"account": ACCOUNT, "at": 1.0, "who": "eve", "verb": "hold"}
    connection.execute(insert(tables.act), [{**notes, "job": n} for n in numbers])
    gone = {"account": ACCOUNT, "at": 1.0, "for_good": False}
    connection.execute(insert(tables.forgotten), [{**gone, "person": hashed(f"gone{n}")} for n in range(2000)])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A filled store of each engine. SQLite has no statistics unless asked for them; PostgreSQL makes its own."""
    if request.param == "sqlite":
        where = f"sqlite:///{tmp_path_factory.mktemp('plans')}/mapper.db"
    else:
        where = request.getfixturevalue("postgres").new_database()
    store = filled(open_store(where))
    if request.param == "postgresql":
        store.write(lambda c: c.execute(text("ANALYZE")))
    yield store
    store.close()


def whole_reads(plan: str) -> list[str]:
    """The lines of a plan that read a large table without an index of ours, in either engine's words."""
    return [
        line
        for line in plan.splitlines()
        if (found := re.search(r"(?:Seq Scan on|SCAN) (\w+)(?: (\w+))?(.*)", line))
        and ALSO.get(found[1], found[1]) in LARGE
        and "USING" not in line
    ]


def indexes(plan: str) -> set[str]:
    """The indexes that a plan names."""
    return set(re.findall(r"\b((?:job|act|alias|paper|identity|attempt|forgotten|intake|gate)_\w+)\b", plan)) | set(
        re.findall(r"sqlite_autoindex_\w+|PRIMARY KEY", plan)
    )


#: These hold few jobs, whatever the table holds: to walk through one is to look at each that is meant.
PARTIAL = ("job_ready", "job_leased")
#: Columns that say which job, or whose: few rows have the same. Parameters that are asked for by them.
NAMING = {"id", "job", "message", "person", "name", "anonymous", "once"}
NAMES = {"some", "whose", "was", "job", "what"}

#: How the engines tell of a look into an index: SQLite with the columns behind it, PostgreSQL in the next line, if any.
_SQLITE = re.compile(
    r"\b(?:SCAN|SEARCH) \w+ USING(?: COVERING)? INDEX (?:sqlite_autoindex_)?(\w+)(?: \((.*)\))?$", re.MULTILINE
)
_POSTGRESQL = re.compile(r"Index (?:Only )?Scan(?: Backward)? (?:using|on) (\w+).*(?:\n +Index Cond: (.*))?")


def accesses(plan: str) -> list[tuple[str, set[str]]]:
    """The indexes of large tables that a plan goes by, each with the columns by which it finds its place there."""
    found = [(name, set(re.findall(r"(\w+)[=<>]", by or ""))) for name, by in _SQLITE.findall(plan)]
    for name, by in _POSTGRESQL.findall(plan):
        found.append((name, set(re.findall(r"\((\w+)\)?(?:::\w+)? [=<>]", by or ""))))
    return [(name, columns) for name, columns in found if name.split("_")[0] in {*LARGE, "act"}]


def whole_walks(plan: str) -> list[str]:
    """The indexes through the whole of which a plan walks, or through all that an account has in it."""
    return [name for name, columns in accesses(plan) if columns <= {"account"} and name not in PARTIAL]


def detours(plan: str) -> list[str]:
    """The indexes in which a plan looks for what many jobs share, such as their state."""
    return [name for name, columns in accesses(plan) if not columns & NAMING]


def test_there_are_statements() -> None:
    """They are found where they are kept, so that what is not seen here is not there."""
    found = prepared()
    assert len(found) > 35
    assert {"claim.DUE", "accept.KNOWN", "settle.LAPSED", "line.STRANDED", "forget.OLD", "looks.RECENT"} <= set(found)


def test_every_statement_finds_its_rows_by_an_index(store: Store) -> None:
    """No plan reads a table of many rows whole; each names what it goes by: who is asked for, where somebody is."""
    wrong = {}
    for name, statement in prepared().items():
        if isinstance(statement, Insert) or name in WHOLE:
            continue
        values = asked(name, statement)
        plan = plan_of(store, statement, values)
        large = {table.name for table in _tables_of(statement)} & {*LARGE, "act", "w"}
        if whole_reads(plan) or whole_walks(plan) or (large and not indexes(plan)):
            wrong[name] = plan
        if NAMES & values.keys() and detours(plan):
            wrong[name] = plan
    assert list(wrong) == [], wrong


def _tables_of(statement: Any) -> list[Any]:
    """The tables that a statement reads or changes."""
    changed = [statement.table] if isinstance(statement, Update | Delete) else []
    return changed + (list(statement.columns_clause_froms) if isinstance(statement, Select) else [])


#: The index that what is asked all the time has to go by: by another it would be some thousand times slower.
BY = {
    "claim.DUE": "job_ready",
    "claim.NEXT": "job_ready",
    "looks.NEXT": "job_ready",
    "accept.KNOWN": "job_message",
    "accept.AHEAD": "job_person",
    "line.IN_LINE": "job_person",
    "line.PROMOTE": "job_person",
    "accept.ORDERED": "job_once",
    "acts.SAME_KEY": "job_once",
    "settle.LAPSED": "job_leased",
    "settle.LEFT": "job_leased",
    "looks.OLDEST": "job_state",
    "looks.RECENT": "job_state",
    "forget.OLD": "job_state",
    "forget.JOBS": "job_person",
    "people.ALIASED": "alias_person",
    "forget.BEHIND": "alias_person",
}


def test_what_is_asked_all_the_time_goes_by_its_own_index(store: Store) -> None:
    """The one that was made for it."""
    found = prepared()
    plans = {name: plan_of(store, found[name], asked(name, found[name])) for name in BY}
    assert {name: plan for name, plan in plans.items() if BY[name] not in indexes(plan)} == {}


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(states=("held", "unknown")),
        Filter(jobs=(7, 8)),
        Filter(message=hashed("m77")),
        Filter(person=hashed("p77")),
    ],
    ids=["states", "jobs", "message", "person"],
)
def test_what_a_person_asks_for_is_found_by_an_index(chosen: Filter, store: Store) -> None:
    """Statements that are made when they are asked for."""
    statement = looks.chosen(ACCOUNT, chosen)
    plan = plan_of(store, statement, {})
    assert whole_reads(plan) == whole_walks(plan) == [], plan


#: What must not be, and the check that has to see it.
WRONG: dict[str, tuple[str, Any]] = {
    "no index": ("SELECT 1 FROM job WHERE digest = 'x'", lambda plan: whole_reads(plan) or whole_walks(plan)),
    "all of an account": (
        "SELECT max(id) FROM job WHERE account = 'Inkwell' AND owner = 'x'",
        lambda plan: whole_reads(plan) or whole_walks(plan),
    ),
    "all of a state, for one person": (
        "SELECT id FROM job WHERE account = 'Inkwell' AND state IN ('ready', 'sending') AND person || '' = 'x'",
        detours,
    ),
    "all that are due, for one job": (
        "SELECT id FROM job WHERE account = 'Inkwell' AND state = 'ready' AND owner IS NULL AND due < 1 AND id + 0 = 7",
        detours,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_walk_would_be_seen(case: str, store: Store) -> None:
    """The checks can fail, on both engines."""
    statement, seen = WRONG[case]
    plan = plan_of(store, text(statement), {})
    assert seen(plan), plan


def test_the_checks_see_all_accesses(store: Store) -> None:
    """In the words of either engine: nothing of a plan is passed over for its form."""
    found = prepared()
    promote = plan_of(store, found["line.PROMOTE"], asked("line.PROMOTE", found["line.PROMOTE"]))
    assert [sorted(columns) for name, columns in accesses(promote) if name == "job_person"] == [
        ["account", "line", "person"]
    ] * 2
    assert len(accesses(promote)) == 3
    assert len(accesses(plan_of(store, found["accept.KNOWN"], asked("accept.KNOWN", found["accept.KNOWN"])))) == 1
