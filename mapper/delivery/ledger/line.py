"""A person's line: only the oldest of the jobs that are waiting, ready or sending is more than waiting.

Knows how the next in line is found. Must not know why the one ahead has gone.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, exists, literal_column, select, text, update

from mapper.delivery.ledger import tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.tables import MINE

_j = tables.job.c
_first = tables.job.alias("w")
_ahead = tables.job.alias("a")

#: Those of some people who have somebody waiting.
IN_LINE = select(_j.person).distinct().where(_j.account == MINE, among(_j.person), text(tables.WAITING))
_NOBODY_AHEAD = ~exists(
    select(literal_column("1"))
    .select_from(_ahead)
    .where(_ahead.c.account == MINE, _ahead.c.person == bindparam("whose"), text(f"a.{tables.AHEAD}"))
)
PROMOTE = (
    update(tables.job)
    .where(
        _j.account == MINE,
        _j.id
        == select(_first.c.id)
        .where(_first.c.account == MINE, _first.c.person == bindparam("whose"), text(f"w.{tables.WAITING}"))
        .order_by(_first.c.id)
        .limit(1)
        .scalar_subquery(),
        _NOBODY_AHEAD,
    )
    .values(**tables.becomes("ready"), because=None)
)
#: Somebody waits and nobody is ahead: what a transaction left that nobody finished. It does not happen; it is mended.
STRANDED = (
    select(_first.c.person)
    .distinct()
    .where(_first.c.account == MINE, _first.c.state == "waiting")
    .where(
        ~exists(
            select(literal_column("1"))
            .select_from(_ahead)
            .where(
                _ahead.c.account == _first.c.account,
                _ahead.c.person == _first.c.person,
                text(f"a.{tables.AHEAD}"),
            )
        )
    )
    .limit(100)
)


def promote(connection: Connection, account: str, people: Iterable[int | None]) -> None:
    """Make the next job of each of these people ready, where there is one and nobody is ahead of it."""
    some = sorted({person for person in people if person is not None})
    if not some:
        return
    waiting = connection.execute(IN_LINE, {"mine": account, "some": some}).scalars().all()
    if waiting:
        connection.execute(PROMOTE, [{"mine": account, "whose": person} for person in sorted(waiting)])


def mend(connection: Connection, account: str) -> int:
    """Promote what is stranded; how many people it was."""
    people = connection.execute(STRANDED, {"mine": account}).scalars().all()
    promote(connection, account, people)
    return len(people)
