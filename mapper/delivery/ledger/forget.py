"""Forgetting a person: all that is theirs goes, and a keyed hash stays, so that a late call does not bring it back.

Knows in which tables something of a person is. Must not know who it is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from mapper.delivery import failpoints
from mapper.delivery.ledger import line, tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.store import Store, spoken
from mapper.delivery.ledger.tables import MINE
from mapper.frozen import dataclass

_j, _p, _i, _a = tables.job.c, tables.paper.c, tables.identity.c, tables.alias.c

#: Whoever accepts meanwhile waits, and then knows of it.
TURN = select(tables.intake.c.last_job).where(tables.intake.c.account == MINE).with_for_update()
BEHIND = select(_a.anonymous).where(_a.account == MINE, _a.person == bindparam("whose"))
JOBS = select(_j.id, _j.state).where(_j.account == MINE, among(_j.person)).order_by(_j.id).with_for_update()
ERASE = (
    update(tables.job)
    .where(_j.account == MINE, among(_j.id))
    .values(
        **tables.becomes("erased"),
        because="the person was forgotten",
        changed=bindparam("now"),
        due=None,
        owner=None,
        lease=None,
    )
)
#: Under way: it ends first, and what it sent is forgotten then.
LATER = update(tables.job).where(_j.account == MINE, among(_j.id)).values(forget=True)
PAPERS = delete(tables.paper).where(_p.account == MINE, among(_p.job))
#: Who it was keeps a number, so that a later call of theirs is in line behind what is under way.
NUMBERS = select(_i.id).where(_i.account == MINE, among(_i.name))
TRAITS = update(tables.identity).where(_i.account == MINE, among(_i.name), _i.traits.is_not(None)).values(traits=None)
ALIASES = delete(tables.alias).where(_a.account == MINE, among(_a.anonymous))
SCRUB = update(tables.store).values(scrub=True)

TO_SCRUB = select(tables.store.c.scrub)

#: Database drivers take a limited number of values at once.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """Who is to be forgotten: the hash of a userId or anonymousId. ``for_good``: later calls are not taken either."""

    person: str
    who: str
    why: str | None = None
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The receipt: what was found and is gone. ``under_way`` jobs are forgotten when they have ended.

    ``scrubbed`` is False where bytes are left: of what is under way, until it has ended; or all, where somebody reads
    the files just now, until a worker looks or the store is opened next.
    """

    at: float
    erased: int
    papers: int
    identities: int
    under_way: int
    scrubbed: bool = True


def forget(connection: Connection, store: Store, account: str, wish: Wish) -> Forgotten:
    """Forget a person, inside one transaction. The files have to be scrubbed after it (``Store.scrub``)."""
    mine: dict[str, Any] = {"mine": account}
    connection.execute(TURN, mine)
    now = store.now()
    names = [wish.person, *connection.execute(BEHIND, {**mine, "whose": wish.person}).scalars()]
    for name in names:
        row = {"account": account, "person": name, "at": now, "for_good": wish.for_good}
        connection.execute(_remembered(store.insert(tables.forgotten).values(**row), now))
    numbers = list(connection.execute(NUMBERS, {**mine, "some": names}).scalars())
    jobs = connection.execute(JOBS, {**mine, "some": numbers}).all()
    under_way = [job.id for job in jobs if job.state == "sending"]
    stopped = [job.id for job in jobs if job.state in ("waiting", "ready", "held", "unknown")]
    papers = 0
    for some in _slices([job.id for job in jobs if job.state != "sending"]):
        papers += connection.execute(PAPERS, {**mine, "some": some}).rowcount
    for some in _slices(stopped):
        connection.execute(ERASE, {**mine, "some": some, "now": now})
    for some in _slices(under_way):
        connection.execute(LATER, {**mine, "some": some})
    identities = connection.execute(TRAITS, {**mine, "some": names}).rowcount
    connection.execute(ALIASES, {**mine, "some": names})
    connection.execute(SCRUB)
    line.promote(connection, account, numbers)
    counted = f"{len(stopped)} stopped, {papers} contents, {identities} identities, {len(under_way)} under way"
    note = {
        "account": account,
        "at": now,
        "who": spoken(wish.who),
        "verb": "forget",
        "became": counted,
        "why": spoken(wish.why),
    }
    connection.execute(insert(tables.act), note)
    failpoints.passed("in_forget")
    return Forgotten(now, len(stopped), papers, identities, len(under_way))


def _remembered(tombstone: Any, now: float) -> Any:
    """The statement that puts a tombstone down. Whoever was forgotten for good stays so."""
    return tombstone.on_conflict_do_update(
        index_elements=[tables.forgotten.c.account, tables.forgotten.c.person],
        set_={"at": now, "for_good": or_(tombstone.excluded.for_good, tables.forgotten.c.for_good)},
    )


def _slices(numbers: list[int]) -> list[list[int]]:
    return [numbers[n : n + _AT_ONCE] for n in range(0, len(numbers), _AT_ONCE)]


_DONE = ("delivered", "rejected", "dead", "invalid", "skipped", "suppressed")
#: Jobs that ended long ago and still have their content.
OLD = (
    select(_j.id)
    .join(tables.paper, (_p.account == _j.account) & (_p.job == _j.id))
    .where(_j.account == MINE, _j.state == bindparam("which"), _j.changed < bindparam("before"))
    .limit(_AT_ONCE)
)


def prune(connection: Connection, account: str, before: float) -> int:
    """Take the contents of some jobs away that ended before a moment; how many. That they were sent is remembered."""
    gone = 0
    for state in _DONE:
        asked = {"mine": account, "which": state, "before": before}
        some = list(connection.execute(OLD, asked).scalars())
        if some:
            gone += connection.execute(PAPERS, {"mine": account, "some": some}).rowcount
    return gone
