"""Overviews of a store: its accounts, how the last minute went, what a person's act would move, who works.

Knows how such questions are asked of the tables. Must not change anything, nor say anything in words.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Integer, bindparam, case, cast, exists, func, select, text

from mapper.delivery.ledger import looks, tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.people import People
from mapper.delivery.ledger.store import Store
from mapper.delivery.ledger.tables import MINE
from mapper.delivery.states import State
from mapper.delivery.values import Arrival, Filter
from mapper.frozen import dataclass

_j, _p, _t, _f, _i = tables.job.c, tables.paper.c, tables.attempt.c, tables.forgotten.c, tables.identity.c

ACCOUNTS = select(tables.intake.c.account).order_by(tables.intake.c.account)
VERSION = select(tables.store.c.version)
#: How many people there are, how many numbers they have, and the highest of these.
PEOPLE = select(func.count(), func.count(_i.id.distinct()), func.coalesce(func.max(_i.id), 0)).where(_i.account == MINE)
#: Jobs that were delivered, by how many seconds ago.
PULSE = (
    select(cast(bindparam("now") - _j.changed, Integer).label("ago"), func.count())
    .where(_j.account == MINE, _j.state == "delivered", _j.changed > bindparam("since"))
    .group_by("ago")
)
OWNERS = (
    select(_j.owner).distinct().where(_j.account == MINE, text(tables.LEASED), _j.lease > bindparam("now"))
).order_by(_j.owner)
#: What was begun, and of which nobody said in time how it ended.
LAPSED = select(func.count()).where(
    _j.account == MINE, text(tables.LEASED), _j.lease < bindparam("now"), _j.state == "sending"
)
FORGOTTEN = (
    select(_f.at, _f.for_good).where(_f.account == MINE, among(_f.person)).order_by(_f.for_good.desc(), _f.at.desc())
)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs have one state and reason.

    ``busy``      a worker has them just now          ``tried``     one try of theirs began, at least
    ``doubtful``  a try of theirs ended unknown: they may have been taken
    ``sendable``  their request is there
    """

    state: State
    because: str | None
    number: int
    busy: int
    tried: int
    doubtful: int
    sendable: int


def accounts(store: Store) -> list[str]:
    """The names of all accounts of a store. Raises StoreError."""
    return store.read(lambda connection: list(connection.execute(ACCOUNTS).scalars()))


def version(store: Store) -> int:
    """Which version the tables have. Raises StoreError."""
    return store.read(lambda connection: int(connection.execute(VERSION).scalar_one()))


def tally(connection: Connection, account: str, wanted: Filter, states: tuple[State, ...] = ()) -> list[Tally]:
    """The jobs that a person means, counted by state and reason; the most frequent first."""
    chosen = looks.chosen(account, wanted, states)
    meant = (chosen if wanted.most is None else chosen.limit(wanted.most)).subquery()
    doubtful = exists().where(_t.account == meant.c.account, _t.job == meant.c.id, _t.ending == "unknown")
    sendable = exists().where(_p.account == meant.c.account, _p.job == meant.c.id, _p.content.is_not(None))
    flags = (meant.c.owner.is_not(None), meant.c.attempts > 0, doubtful, sendable)
    marks = [case((flag, 1), else_=0).label(f"flag{number}") for number, flag in enumerate(flags)]
    each = select(meant.c.state, meant.c.because, *marks).subquery()
    number, sums = func.count(), (func.sum(each.c[mark.name]) for mark in marks)
    rows = connection.execute(
        select(each.c.state, each.c.because, number, *sums)
        .group_by(each.c.state, each.c.because)
        .order_by(number.desc(), each.c.state, each.c.because)
    )
    return [Tally(*row) for row in rows]


def misnumbered(connection: Connection, account: str) -> int:
    """How many people have not a number of their own: the jobs of some would be taken for those of others."""
    people, numbers, highest = connection.execute(PEOPLE, {"mine": account}).one()
    given = connection.execute(looks.INTAKE, {"mine": account}).one().last_person
    return int(people) - int(numbers) + max(0, int(highest) - int(given))


def pulse(connection: Connection, account: str, now: float, seconds: int) -> tuple[int, ...]:
    """How many jobs were delivered in each of the last seconds, the earliest first."""
    counts = dict.fromkeys(range(seconds), 0)
    for ago, number in connection.execute(PULSE, {"mine": account, "now": now, "since": now - seconds}):
        counts[min(max(ago, 0), seconds - 1)] += number
    return tuple(counts[ago] for ago in reversed(range(seconds)))


def owners(connection: Connection, account: str, now: float) -> tuple[str, ...]:
    """The workers that have jobs just now."""
    return tuple(connection.execute(OWNERS, {"mine": account, "now": now}).scalars())


def lapsed(connection: Connection, account: str, now: float) -> int:
    """How many jobs are ``sending`` with a lease that is over, as the database has it."""
    return int(connection.execute(LAPSED, {"mine": account, "now": now}).scalar_one())


def clock(connection: Connection, account: str) -> float:
    """The latest moment that an account has seen."""
    mine = {"mine": account}
    return max(float(connection.execute(each, mine).one().clock) for each in (looks.INTAKE, looks.GATE))


def whose(connection: Connection, account: str, arrival: Arrival) -> str | None:
    """The hash of the person whose call it is: of an anonymous one who turned out to be somebody, that one's."""
    return People(connection, account, [arrival]).of(arrival)


def forgotten(connection: Connection, account: str, names: Collection[str]) -> tuple[float, bool] | None:
    """When somebody was forgotten, and whether for good; None for who was not."""
    row = connection.execute(FORGOTTEN, {"mine": account, "some": sorted(names)}).first()
    return None if row is None else (row.at, row.for_good)
