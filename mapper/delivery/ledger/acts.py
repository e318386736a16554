"""What a person does to jobs: hold, release, resolve, drop, replay. Each act leaves a row that is never changed.

Knows which acts there are and from which states. Must not decide anything for the person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, insert, select, text, update

from mapper.delivery.ledger import line, looks, tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.store import spoken
from mapper.delivery.ledger.tables import MINE
from mapper.delivery.states import State, check
from mapper.delivery.values import Draft, Filter
from mapper.frozen import dataclass, field

Verb = Literal["hold", "release", "deliver", "resend", "drop", "replay"]

#: From which states each verb takes a job, and where to. "line" is ``ready``, or ``waiting`` behind an earlier job.
FROM: dict[Verb, tuple[State, ...]] = {
    "hold": ("waiting", "ready"),
    "release": ("held",),
    "deliver": ("unknown",),
    "resend": ("unknown",),
    "drop": ("waiting", "ready", "held", "unknown"),
    "replay": ("rejected", "dead", "suppressed", "invalid", "skipped"),
}
_TO: dict[Verb, Literal["held", "delivered", "dead", "line"]] = {
    "hold": "held",
    "release": "line",
    "deliver": "delivered",
    "resend": "line",
    "drop": "dead",
    "replay": "line",
}
_BECAUSE: dict[Verb, str | None] = {
    "hold": "held by a person",
    "deliver": "a person found that it was taken",
    "drop": "dropped by a person",
    "release": None,
    "resend": None,
    "replay": None,
}

_j = tables.job.c
MOVE = (
    update(tables.job)
    .where(_j.account == MINE, _j.id == bindparam("job"))
    .values(
        **tables.BECOMES,
        because=bindparam("why"),
        changed=bindparam("now"),
        due=bindparam("next"),
        failures=bindparam("failed"),
        lapses=bindparam("lapsed"),
        first_started=bindparam("first"),
        released=bindparam("free"),
        owner=None,
        lease=None,
    )
)
REMAP = (
    update(tables.paper)
    .where(tables.paper.c.account == MINE, tables.paper.c.job == bindparam("what"))
    .values(target=bindparam("where"), content=bindparam("body"))
)
RENEW = (
    update(tables.job)
    .where(_j.account == MINE, _j.id == bindparam("what"))
    .values(fingerprint=bindparam("print"), once=bindparam("order"), because=bindparam("why"))
)

#: Jobs of one order, and one job by its number.
SAME_KEY = select(_j.id, _j.happened, _j.state).where(
    _j.account == MINE, _j.once == bindparam("order"), text(tables.ORDERED)
)
NUMBERED = select(_j.id, _j.happened, _j.state).where(_j.account == MINE, _j.id == bindparam("job"))
ROW = select(tables.job).where(_j.account == MINE, _j.id == bindparam("job"))
#: Whether a job's request is there.
SENDABLE = select(tables.paper.c.job).where(
    tables.paper.c.account == MINE, tables.paper.c.job == bindparam("job"), tables.paper.c.content.is_not(None)
)
#: A job in one of these was taken, or may have been, or may yet be: the same order beside it is a second card. Of
#: several jobs of an order the first of these is told.
_COUNTS: tuple[State, ...] = ("delivered", "unknown", "sending", "held", "ready", "waiting")
_EARLIER = re.compile(r"once_per: the same order as job ([0-9]+)", re.ASCII)
_PAGE = 500

BECAME = select(_j.id, _j.state).where(_j.account == MINE, among(_j.id))

#: How many jobs ``once_per`` keeps, by state and reason, and by the state of the other job of their order (``Repeat``).
Kept = Counter[tuple[State, str | None, State | None]]
#: Maps the event of a job again, with what is known of its person now; or says why it cannot.
Again = Callable[[bytes, Connection], Draft | str]


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person does: the verb, to which jobs, who and why. ``again`` maps the events of a replay anew.

    ``fingerprint``  of the mapping that ``again`` maps with
    ``within``       seconds of the mapping's ``once_per``; None where no mapping is at hand to say them
    ``twice``        whether a replay takes also what is the same order as another that was taken or may have been
    """

    verb: Verb
    chosen: Filter
    who: str
    why: str | None = None
    again: Again | None = field(default=None, repr=False)
    fingerprint: str = ""
    within: float | None = None
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """The order that a job would repeat: another ``job`` of it, and its state; None where the same act moves that."""

    job: int
    state: State | None


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did: how many jobs it moved, and why it left others, with their numbers.

    ``repeats`` are those that it left because of ``once_per``, ``left`` all others. ``last`` is the number of the last
    job that it looked at, ``seen`` how many it looked at.
    """

    moved: int = 0
    left: tuple[tuple[int, str], ...] = ()
    last: int = 0
    seen: int = 0
    repeats: tuple[tuple[int, Repeat], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of the jobs one transaction looks at: so many, after the job of this number."""

    after: int
    most: int


class Orders:
    """The orders that were taken or may have been, by their ``once_per`` key: what a replay is compared with.

    Without the seconds of ``once_per``, what it once kept back is compared with all jobs of its key, and nothing else
    is compared: a second card for nothing is worse than a question.
    """

    def __init__(self, account: str, deed: Deed) -> None:
        self._account = account
        self._within = deed.within
        self._off = deed.twice or deed.verb != "replay"
        self._known: dict[str, dict[int, tuple[float, State | None]]] = {}

    def same(self, connection: Connection, row: Any, once: str | None) -> Repeat | None:
        """The order that a job would repeat under this key; None where there is none."""
        if self._off or once is None:
            return None
        earlier = _EARLIER.fullmatch(row.because or "") if once == row.once else None
        taken = dict(self._of(connection, once))
        if earlier is not None:
            taken |= self._counting(connection.execute(NUMBERED, {"mine": self._account, "job": int(earlier[1])}))
        found = [
            Repeat(number, state)
            for number, (happened, state) in taken.items()
            if number != row.id
            and (
                (earlier is not None and number == int(earlier[1]))
                or self._near(row, happened, kept_back=earlier is not None)
            )
        ]
        return min(found, key=_gravest, default=None)

    def of(self, connection: Connection, job: int, once: str | None) -> Repeat | None:
        """As ``same`` for a job by its number; where it would repeat none, it counts as one from now on."""
        if self._off or once is None:
            return None
        row = connection.execute(ROW, {"mine": self._account, "job": job}).one()
        return _ordered(connection, row, once, self)

    def goes(self, connection: Connection, row: Any, once: str | None) -> None:
        """Note that a job goes into line: what is looked at after it may be the same order."""
        if not self._off and once is not None:
            self._of(connection, once)[row.id] = (row.happened, None)

    def _near(self, row: Any, happened: float, *, kept_back: bool) -> bool:
        return kept_back if self._within is None else abs(row.happened - happened) < self._within

    def _of(self, connection: Connection, once: str) -> dict[int, tuple[float, State | None]]:
        if once not in self._known:
            found = connection.execute(SAME_KEY, {"mine": self._account, "order": once})
            self._known[once] = self._counting(found)
        return self._known[once]

    @staticmethod
    def _counting(rows: Any) -> dict[int, tuple[float, State | None]]:
        return {row.id: (row.happened, row.state) for row in rows if row.state in _COUNTS}


def _gravest(one: Repeat) -> tuple[int, int]:
    """What is told of several jobs of one order: one that was taken, rather than one that is still to be sent."""
    return len(_COUNTS) if one.state is None else _COUNTS.index(one.state), one.job


def kept(connection: Connection, account: str, deed: Deed) -> Kept:
    """How many jobs a replay would leave because of ``once_per``, without changing any."""
    left: Kept = Counter()
    orders = Orders(account, deed)
    for row in _all(connection, account, deed):
        if row.owner is not None or row.once is None:
            continue
        if connection.execute(SENDABLE, {"mine": account, "job": row.id}).first() is None:
            continue
        repeats = _ordered(connection, row, row.once, orders)
        if repeats is not None:
            left[row.state, row.because, repeats.state] += 1
    return left


def _all(connection: Connection, account: str, deed: Deed) -> Iterator[Any]:
    """The jobs that a deed means, a page at a time."""
    after, rest = 0, deed.chosen.most
    while rest is None or rest > 0:
        size = _PAGE if rest is None else min(rest, _PAGE)
        rows = connection.execute(looks.chosen(account, deed.chosen, meant(deed), after).limit(size)).all()
        yield from rows
        if len(rows) < size:
            return
        after, rest = rows[-1].id, None if rest is None else rest - size


def act(connection: Connection, account: str, deed: Deed, now: float, span: Span) -> Done:
    """Do a deed to some of the jobs that it means, inside one transaction."""
    allowed = meant(deed)
    if not allowed:
        return Done()
    wanted = looks.chosen(account, deed.chosen, allowed, span.after).limit(span.most).with_for_update()
    rows = connection.execute(wanted).all()
    orders = Orders(account, deed)
    moves = [_move(connection, account, deed, (row, orders), now) for row in rows]
    every = list(zip(rows, moves, strict=True))
    left = tuple((row.id, move) for row, move in every if isinstance(move, str))
    repeats = tuple((row.id, move) for row, move in every if isinstance(move, Repeat))
    made = [(row, move) for row, move in every if isinstance(move, dict)]
    if made:
        connection.execute(MOVE, [move for _, move in made])
    line.promote(connection, account, (row.person for row in rows))
    _note(connection, account, deed, made, now)
    return Done(len(made), left, rows[-1].id if rows else 0, len(rows), repeats)


def meant(deed: Deed) -> tuple[State, ...]:
    """The states from which a deed takes jobs, of those that the person means."""
    return tuple(state for state in FROM[deed.verb] if not deed.chosen.states or state in deed.chosen.states)


def _move(
    connection: Connection, account: str, deed: Deed, one: tuple[Any, Orders], now: float
) -> dict[str, Any] | str | Repeat:
    """Where a job goes; or why it stays: in words, or the order that it would repeat."""
    row, orders = one
    if row.owner is not None:
        return "a worker has it just now"
    to, because = _TO[deed.verb], deed.why if deed.verb == "hold" and deed.why else _BECAUSE[deed.verb]
    state: State = to if to != "line" else "waiting" if row.person is not None else "ready"
    if deed.verb == "replay":
        drawn = _drawn(connection, account, deed, row, orders)
        if isinstance(drawn, str | Repeat):
            return drawn
        if drawn is not None and drawn.state != "ready":
            state, because = drawn.state, drawn.because
    if state == row.state:
        return "it is as it was"
    check(row.state, state)
    anew = deed.verb == "replay"
    return {
        "mine": account,
        "job": row.id,
        "to": state,
        "line": tables.place(state),
        "why": spoken(because),
        "now": now,
        "next": now if to == "line" and state in ("ready", "waiting") else None,
        "failed": 0 if anew else row.failures,
        "lapsed": 0 if anew else row.lapses,
        "first": None if anew else row.first_started,
        "free": deed.verb == "release" or row.released,
    }


def _drawn(connection: Connection, account: str, deed: Deed, row: Any, orders: Orders) -> Draft | Repeat | str | None:
    """What a replayed job is to send: as it is stored (None), or mapped anew; or why it stays, as in ``_move``."""
    papers = connection.execute(looks.PAPER, {"mine": account, "job": row.id}).one_or_none()
    if papers is None:
        return "its content is gone: forgotten, or past its time"
    if deed.again is None:
        if papers.content is None:
            return "it never made a request: replay it with --remap"
        return _ordered(connection, row, row.once, orders)
    if row.attempts:
        return "it was tried already, so its content stays as it is: replay it without --remap"
    draft = deed.again(bytes(papers.event), connection)
    if isinstance(draft, str):
        return draft
    repeats = _ordered(connection, row, draft.once, orders) if draft.state == "ready" else None
    if repeats is not None:
        return repeats
    mine = {"mine": account, "what": row.id}
    connection.execute(REMAP, {**mine, "where": draft.target, "body": draft.content})
    connection.execute(RENEW, {**mine, "print": deed.fingerprint, "order": draft.once, "why": draft.because})
    return draft


def _ordered(connection: Connection, row: Any, once: str | None, orders: Orders) -> Repeat | None:
    """The order that a job would repeat; where there is none it counts as one from now on."""
    repeats = orders.same(connection, row, once)
    if repeats is None:
        orders.goes(connection, row, once)
    return repeats


def _note(connection: Connection, account: str, deed: Deed, made: Sequence[tuple[Any, Any]], now: float) -> None:
    """The rows that say who did it, and what became of each job: the next of a person may have become ready at once."""
    if not made:
        return
    found = connection.execute(BECAME, {"mine": account, "some": [row.id for row, _ in made]})
    became = {row.id: row.state for row in found}
    said = {"account": account, "at": now, "who": spoken(deed.who), "verb": deed.verb, "why": spoken(deed.why)}
    notes = [{**said, "job": row.id, "was": row.state, "became": became[row.id]} for row, _ in made]
    connection.execute(insert(tables.act), notes)


GATE_OPEN = (
    update(tables.gate).where(tables.gate.c.account == MINE).values(paused=None, because=None, pauses=0, in_a_row=0)
)


def resume(connection: Connection, account: str, who: str, why: str | None, now: float) -> bool:
    """End the account's pause; whether there was one."""
    was = connection.execute(looks.GATE, {"mine": account}).one().paused
    connection.execute(GATE_OPEN, {"mine": account})
    if was is not None:
        note = {
            "account": account,
            "at": now,
            "who": who,
            "verb": "resume",
            "was": "paused",
            "became": "open",
            "why": why,
        }
        connection.execute(insert(tables.act), note)
    return was is not None
