"""How the tables are made, and how those of an older version become the next one's.

Knows what changed between two versions. Must not know which version a store has.

A step runs in the transaction that also writes the new version down, so that half of it is none of it; and nobody else
writes meanwhile: what came between two statements would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    FromClause,
    Index,
    MetaData,
    Select,
    Table,
    cast,
    column,
    func,
    insert,
    null,
    select,
    table,
    union_all,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from mapper.delivery.ledger import tables


def make(connection: Connection) -> None:
    """Make the tables and their indexes."""
    for one in tables.metadata.sorted_tables:
        connection.execute(CreateTable(one))
        _make_indexes(connection, one)


def _make_indexes(connection: Connection, of: Table) -> None:
    """Make a table's indexes; the partial indexes last, because of equals SQLite takes the youngest.

    ``create_all`` makes a table's indexes in the order of a set: in each process another.
    """
    for index in sorted(of.indexes, key=_place):
        connection.execute(CreateIndex(index))


def _place(index: Index) -> tuple[bool, str]:
    return index.dialect_options["sqlite"]["where"] is not None, str(index.name)


# --------------------------------------------------------------------------------------------------------------- 1 -> 2

# Version 2's tables are those of today. Whoever writes the step from 2 to 3 copies them here first, as they are then.

#: What version 1 called a person, a call or an order has 32 characters. The names of version 2 are the first of them.
_LENGTH = 24


def _before(of: Table, *names: str) -> FromClause:
    """One of version 1's tables: these columns of it."""
    return table(of.name, *(column(name) for name in names))


_job = _before(tables.job, *(one.name for one in tables.job.columns))
_identity = _before(tables.identity, "account", "person", "traits")
_intake = _before(tables.intake, "account", "last_job", "clock", "accepted", "repeated", "conflicting")


def shorten_names(connection: Connection) -> None:
    """From 1 to 2: a person has a number, by which the jobs say whose they are; and all names are shorter."""
    _renew(connection, tables.identity, _people())
    _renew(connection, tables.job, _jobs())
    _renew(connection, tables.intake, _intakes())
    for of, names in ((tables.alias, ("anonymous", "person", "message")), (tables.forgotten, ("person",))):
        connection.execute(update(of).values({name: _short(of.c[name]) for name in names}))
    if connection.dialect.name == "sqlite":
        # The log is nearly as long as the store now, and holds what was dropped: it is emptied when this is done.
        # PostgreSQL removes a dropped table's files at once; to scrub it would be to write all other tables anew.
        connection.execute(update(tables.store).values(scrub=True))


def _short(name: Any) -> Any:
    return func.substr(name, 1, _LENGTH)


def _people() -> Select[Any]:
    """Everybody who has a job or traits, numbered within an account by their first job; those without one last.

    So the numbers are near each other where the jobs are.
    """
    job, identity = _job.c, _identity.c
    heard = union_all(
        select(job.account, job.person, job.id).where(job.person.is_not(None)),
        select(identity.account, identity.person, cast(null(), BigInteger)),
    ).subquery()
    first = func.min(heard.c.id)
    number = func.row_number().over(partition_by=heard.c.account, order_by=(first.is_(None), first, heard.c.person))
    people = select(heard.c.account, heard.c.person, number.label("id")).group_by(heard.c.account, heard.c.person)
    each = people.subquery()
    theirs = _identity.c.traits
    same = (_identity.c.account == each.c.account) & (_identity.c.person == each.c.person)
    joined = each.outerjoin(_identity, same)
    return select(each.c.account, each.c.id, _short(each.c.person).label("name"), theirs).select_from(joined)


def _jobs() -> Select[Any]:
    """The jobs, with the numbers of their people."""
    person = tables.identity.c
    now = {name: _short(_job.c[name]) for name in ("message", "digest", "once")} | {"person": person.id}
    same = (person.account == _job.c.account) & (person.name == _short(_job.c.person))
    columns = [now.get(one.name, one).label(one.name) for one in _job.columns]
    return select(*columns).select_from(_job.outerjoin(tables.identity, same))


def _intakes() -> Select[Any]:
    """The accounts, with the last number that was given in each."""
    person = tables.identity.c
    last = select(person.account, func.max(person.id).label("id")).group_by(person.account).subquery()
    joined = _intake.outerjoin(last, last.c.account == _intake.c.account)
    return select(*_intake.columns, func.coalesce(last.c.id, 0).label("last_person")).select_from(joined)


def _renew(connection: Connection, new: Table, rows: Select[Any]) -> None:
    """Put a table into another one's place: with these rows, which are read from what was there until now.

    They wait in a third table meanwhile: one that is only renamed keeps the names of its indexes, and in PostgreSQL
    that of its key, which the new one is to have. Each index is made when its table is full, sorted and in one go.
    """
    waiting = Table(f"{new.name}_waiting", MetaData(), *(Column(one.name, one.type) for one in new.columns))
    connection.execute(CreateTable(waiting))
    _fill(connection, waiting, rows)
    connection.execute(DropTable(new))
    connection.execute(CreateTable(new))
    _fill(connection, new, select(waiting))
    _make_indexes(connection, new)
    connection.execute(DropTable(waiting))


def _fill(connection: Connection, to: Table, rows: Select[Any]) -> None:
    names: Iterable[str] = rows.selected_columns.keys()
    connection.execute(insert(to).from_select(list(names), rows))
