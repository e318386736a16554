"""Looking: counts, lists and whole stories, without changing anything.

Knows how a person's filter becomes a condition. Must not move a job.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, ScalarSelect, Select, bindparam, func, select, text

from mapper.delivery.ledger import tables
from mapper.delivery.ledger.tables import MINE
from mapper.delivery.states import MEANINGS, State
from mapper.delivery.values import Act, Attempt, Filter, Row, Status, Story

_j, _t, _p, _c, _i = tables.job.c, tables.attempt.c, tables.paper.c, tables.act.c, tables.identity.c

COUNTS = select(_j.state, func.count()).where(_j.account == MINE).group_by(_j.state)
INTAKE = select(tables.intake).where(tables.intake.c.account == MINE)
GATE = select(tables.gate).where(tables.gate.c.account == MINE)
#: The one that has been in line longest: what is fresh last changed when it was accepted.
OLDEST = select(_j.accepted).where(_j.account == MINE, _j.state == bindparam("which")).order_by(_j.changed).limit(1)
NEXT = select(func.min(_j.due)).where(_j.account == MINE, text(tables.READY))
#: What the processes that accept, and those that send, have seen of the time.
CLOCKS = (
    select(tables.intake.c.clock)
    .where(tables.intake.c.account == MINE)
    .union_all(select(tables.gate.c.clock).where(tables.gate.c.account == MINE))
)
RECENT = select(func.count()).where(_j.account == MINE, _j.state == "delivered", _j.changed > bindparam("since"))
PAPER = select(_p.event, _p.target, _p.content).where(_p.account == MINE, _p.job == bindparam("job"))
ATTEMPTS = select(tables.attempt).where(_t.account == MINE, _t.job == bindparam("job")).order_by(_t.number)
ACTS = select(tables.act).where(_c.account == MINE, _c.job == bindparam("job")).order_by(_c.id)
#: So many jobs come from the database at once where many are listed.
_PAGE = 500


def status(connection: Connection, account: str, now: float) -> Status:
    """An account at one moment: one look, so that the counts add up."""
    mine = {"mine": account}
    counts = {row[0]: row[1] for row in connection.execute(COUNTS, mine)}
    intake = connection.execute(INTAKE, mine).one()
    gate = connection.execute(GATE, mine).one()
    oldest = [connection.execute(OLDEST, {**mine, "which": state}).scalar() for state in ("waiting", "ready")]
    return Status(
        account=account,
        now=now,
        counts={state: counts.get(state, 0) for state in MEANINGS},
        accepted=intake.accepted,
        repeated=intake.repeated,
        conflicting=intake.conflicting,
        oldest=min((moment for moment in oldest if moment is not None), default=None),
        due=connection.execute(NEXT, mine).scalar(),
        paused=gate.paused if gate.paused is not None and gate.paused > now else None,
        pause_reason=gate.because if gate.paused is not None and gate.paused > now else None,
        today=gate.today if gate.day == int(now // 86_400) else 0,
        recent=connection.execute(RECENT, {**mine, "since": now - 60}).scalar() or 0,
    )


def chosen(account: str, wanted: Filter, states: tuple[State, ...] = (), after: int = 0) -> Select[Any]:
    """The jobs that a person means, by number; those after one, of some states."""
    conditions = [_j.account == account]
    conditions += [_j.id > after] if after else []
    conditions += [_j.state.in_(states or wanted.states)] if states or wanted.states else []
    conditions += [_j.id.in_(wanted.jobs)] if wanted.jobs is not None else []
    conditions += [_j.message == wanted.message] if wanted.message is not None else []
    conditions += [_j.person == _numbered(account, wanted.person)] if wanted.person is not None else []
    conditions += [_j.because.contains(wanted.reason, autoescape=True)] if wanted.reason else []
    conditions += [_j.accepted >= wanted.after] if wanted.after is not None else []
    conditions += [_j.accepted < wanted.before] if wanted.before is not None else []
    return select(tables.job).where(*conditions).order_by(_j.id)


def _numbered(account: str, name: str) -> ScalarSelect[int]:
    """A person's number."""
    return select(_i.id).where(_i.account == account, _i.name == name).scalar_subquery()


def rows(connection: Connection, account: str, wanted: Filter, after: int = 0) -> list[Row]:
    """The jobs that a person means, by number: at most ``wanted.most``, or a page of them."""
    most = wanted.most if wanted.most is not None else _PAGE
    return [_row(row) for row in connection.execute(chosen(account, wanted, after=after).limit(most))]


def count(connection: Connection, account: str, wanted: Filter, states: tuple[State, ...] = ()) -> int:
    """How many jobs a person means."""
    inner = chosen(account, wanted, states).order_by(None).subquery()
    return connection.execute(select(func.count()).select_from(inner)).scalar_one()


def story(connection: Connection, account: str, number: int) -> Story | None:
    """One job, whole; None where there is none of that number."""
    asked: dict[str, Any] = {"mine": account, "job": number}
    found = connection.execute(select(tables.job).where(_j.account == account, _j.id == number)).one_or_none()
    if found is None:
        return None
    papers = connection.execute(PAPER, asked).one_or_none()
    return Story(
        row=_row(found),
        attempts=tuple(
            Attempt(r.number, r.started, r.ended, r.ending, r.status, r.because)
            for r in connection.execute(ATTEMPTS, asked)
        ),
        acts=tuple(acts(connection, account, number)),
        event=None if papers is None else bytes(papers.event),
        target=None if papers is None else papers.target,
        content=None if papers is None or papers.content is None else bytes(papers.content),
    )


def acts(connection: Connection, account: str, number: int) -> Iterator[Act]:
    """What people did to a job."""
    for row in connection.execute(ACTS, {"mine": account, "job": number}):
        yield Act(row.at, row.who, row.verb, row.job, row.was, row.became, row.why)


def _row(row: Any) -> Row:
    return Row(
        job=row.id,
        state=row.state,
        because=row.because,
        accepted=row.accepted,
        changed=row.changed,
        due=row.due,
        attempts=row.attempts,
        status=row.status,
        duplicates=row.duplicates,
        conflicts=row.conflicts,
        person=row.person,
        fingerprint=row.fingerprint,
    )
