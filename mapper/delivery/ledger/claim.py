"""Claiming and starting: which jobs a worker may send, and when; one transaction each.

Knows the gate that all workers of an account share: the rate, a pause, the day's cap. Must not send.

A claim is a lease on a job that stays ``ready``: a worker that dies with it costs nothing. A start makes it
``sending`` before its first byte leaves: a worker that dies with it leaves a job of which nobody knows. What may leave
at once is claimed and started in one transaction, where no answer of the store's can get lost on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, text, update

from mapper.delivery import failpoints
from mapper.delivery.ledger import line, tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.store import Store
from mapper.delivery.ledger.tables import MINE
from mapper.delivery.policy import IN_A_ROW, Policy
from mapper.delivery.values import Claim, Claimed
from mapper.frozen import dataclass, replace

_j, _g, _p = tables.job.c, tables.gate.c, tables.paper.c

#: So many are held in one go where a cap is reached, so that one transaction stays short.
_HELD_AT_ONCE = 500

GATE = select(tables.gate).where(_g.account == MINE).with_for_update()
_DUE = select(_j.id, _j.attempts, _j.person).where(_j.account == MINE, text(tables.READY), _j.due <= bindparam("now"))
_IN_ORDER = (_j.due, _j.id)
DUE = _DUE.order_by(*_IN_ORDER).limit(bindparam("most")).with_for_update(skip_locked=True)
#: Where a cap is reached: those that a person released, and those that nobody did.
RELEASED = _DUE.where(_j.released).order_by(*_IN_ORDER).limit(bindparam("most")).with_for_update(skip_locked=True)
SURPLUS = _DUE.where(~_j.released).order_by(*_IN_ORDER).limit(bindparam("most")).with_for_update(skip_locked=True)
NEXT = select(func.min(_j.due)).where(_j.account == MINE, text(tables.READY))
#: Where one at a time is tried, somebody's try.
UNDER_WAY = select(_j.id).where(_j.account == MINE, text(tables.LEASED)).limit(1)
LEASE = (
    update(tables.job).where(_j.account == MINE, among(_j.id)).values(owner=bindparam("who"), lease=bindparam("until"))
)
HOLD = (
    update(tables.job)
    .where(_j.account == MINE, among(_j.id))
    .values(**tables.becomes("held"), because=bindparam("why"), changed=bindparam("now"))
)
DROP = (
    update(tables.job)
    .where(_j.account == MINE, among(_j.id))
    .values(**tables.becomes("dead"), because="its content is gone", changed=bindparam("now"), owner=None, lease=None)
)
PAPERS = select(_p.job, _p.target, _p.content).where(_p.account == MINE, among(_p.job))
PASSED = update(tables.gate).where(_g.account == MINE).values(free=bindparam("until"), clock=bindparam("now"))
OWN = (
    select(_j.id, _j.attempts, _j.released, _j.state, _j.lease)
    .where(_j.account == MINE, among(_j.id), _j.owner == bindparam("who"))
    .order_by(_j.id)
    .with_for_update()
)
START = (
    update(tables.job)
    .where(_j.account == MINE, among(_j.id))
    .values(
        state="sending",  # which was in front of its line, and still is
        owner=bindparam("who"),
        attempts=_j.attempts + 1,
        started=bindparam("now"),
        first_started=func.coalesce(_j.first_started, bindparam("now")),
        changed=bindparam("now"),
        lease=bindparam("until"),
    )
)
COUNT = (
    update(tables.gate)
    .where(_g.account == MINE)
    .values(day=bindparam("date"), today=bindparam("number"), free=bindparam("until"), clock=bindparam("now"))
)
GIVE_BACK = (
    update(tables.job)
    .where(_j.account == MINE, among(_j.id), _j.owner == bindparam("who"), text(tables.UNSENT))
    .values(owner=None, lease=None)
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker asks for.

    ``most``     at most so many jobs: its free slots
    ``ahead``    seconds from now within which each of them may leave
    ``run_left`` how many this run may still start; None is no limit
    ``start``    whether it sends at once what may leave at once
    """

    who: str
    most: int
    ahead: float = 0.25
    run_left: int | None = None
    start: bool = False


def claim(connection: Connection, store: Store, account: str, policy: Policy, wish: Wish) -> Claimed:
    """Lease jobs that are due, inside one transaction. None while the account is paused."""
    gate = connection.execute(GATE, {"mine": account}).one()
    store.saw(gate.clock)
    now = store.now()
    if gate.paused is not None and gate.paused > now:
        return Claimed(again=gate.paused, paused=gate.paused, because=gate.because)
    first = _first_slot(gate.free, now, policy, wish)
    slots = _slots(first, now, policy, wish)
    if slots == 0:
        return Claimed(again=first - wish.ahead)
    trying = gate.in_a_row >= IN_A_ROW
    if trying and connection.execute(UNDER_WAY, {"mine": account}).first() is not None:
        return Claimed(again=now + wish.ahead)
    most = 1 if trying else min(slots, wish.most)
    left = _cap_left(gate, now, policy)
    if left is not None and left <= 0:
        held = _hold_surplus(connection, account, now, f"cap: {policy.cap_day:,} a day is reached")
    elif wish.run_left is not None and wish.run_left <= 0:
        held = _hold_surplus(connection, account, now, f"cap: {policy.cap_run:,} a run is reached")
    else:
        held = None
    if held:
        return Claimed(again=now, held=held)
    bounds = [bound for bound in (most, *((left, wish.run_left) if held is None else ())) if bound is not None]
    asked = {"mine": account, "now": now, "most": min(bounds)}
    rows = connection.execute(DUE if held is None else RELEASED, asked).all()
    if not rows:
        return Claimed(again=connection.execute(NEXT, {"mine": account}).scalar())
    found = _Found(rows, gate, now, first, first + (len(rows) - 1) * policy.gap)
    return _taken(connection, account, policy, replace(wish, start=wish.start and store.alone), found)


def _first_slot(free: float, now: float, policy: Policy, wish: Wish) -> float:
    """The moment at which the next request may leave.

    What is further away than any slot that was ever given out comes of a clock that ran ahead, or of a rate that was
    slower: it is not waited for.
    """
    if policy.rate is None:
        return now
    return now + policy.gap if free > now + wish.ahead + policy.gap + _LONGEST_SLOT else max(free, now)


#: Seconds. No worker takes slots further ahead.
_LONGEST_SLOT = 5.0


def _slots(first: float, now: float, policy: Policy, wish: Wish) -> int:
    """How many may leave within the time that the worker asks for."""
    if policy.rate is None:
        return wish.most
    return max(0, math.floor((now + wish.ahead - first) / policy.gap) + 1)


def _cap_left(gate: Any, now: float, policy: Policy) -> int | None:
    if policy.cap_day is None:
        return None
    return policy.cap_day - (gate.today if gate.day == day_of(now) else 0)


def day_of(moment: float) -> int:
    """The number of a day, UTC, since 1970."""
    return int(moment // 86_400)


@dataclass(frozen=True, slots=True)
class _Found:
    """Jobs that were found, the gate, when that was, and when the first and the last of them may leave."""

    rows: Sequence[Any]
    gate: Any
    now: float
    first: float
    last: float


def _taken(connection: Connection, account: str, policy: Policy, wish: Wish, found: _Found) -> Claimed:
    """Lease what was found; or start it, where it is asked for and all of it may leave at once."""
    some = [row.id for row in found.rows]
    found_papers = connection.execute(PAPERS, {"mine": account, "some": some}).all()
    papers = {job: (target, bytes(content)) for job, target, content in found_papers}
    if len(papers) < len(some):
        _drop(connection, account, [row for row in found.rows if row.id not in papers], found.now)
    started = wish.start and found.last <= found.now
    until = found.last + (policy.lease if started else policy.claim_lease)
    free = found.last + policy.gap if policy.rate is not None else found.gate.free
    asked = {"mine": account, "some": list(papers), "who": wish.who, "until": until}
    failpoints.passed("in_claim")
    if started:
        failpoints.passed("after_claim")
        failpoints.passed("before_start")
        connection.execute(START, {**asked, "now": found.now})
        _count(connection, account, _Count(found.gate, found.now, len(papers), free))
    else:
        connection.execute(LEASE, asked)
        if policy.rate is not None:
            connection.execute(PASSED, {"mine": account, "until": free, "now": found.now})
    claims = [
        Claim(job, attempts + 1, found.first + n * policy.gap, *papers[job], started)
        for n, (job, attempts, _) in enumerate(found.rows)
        if job in papers
    ]
    return Claimed(tuple(claims), again=found.now)


def _drop(connection: Connection, account: str, without: Sequence[Any], now: float) -> None:
    """Give up jobs whose content is gone: nothing could be sent of them, ever."""
    connection.execute(DROP, {"mine": account, "some": [row.id for row in without], "now": now})
    line.promote(connection, account, (row.person for row in without))


@dataclass(frozen=True, slots=True)
class _Count:
    """So many ``more`` were started, at ``now``; and from when on the next one may be, as the gate is to say."""

    gate: Any
    now: float
    more: int
    free: float


def _count(connection: Connection, account: str, count: _Count) -> None:
    """Count what was started against the day's cap."""
    today = count.gate.today if count.gate.day == day_of(count.now) else 0
    passed = {"date": day_of(count.now), "number": today + count.more, "until": count.free, "now": count.now}
    connection.execute(COUNT, {"mine": account, **passed})


def _hold_surplus(connection: Connection, account: str, now: float, why: str) -> int:
    """Hold what is due beyond a cap, until a person releases it; how many. What a person released is not held again."""
    surplus = connection.execute(SURPLUS, {"mine": account, "now": now, "most": _HELD_AT_ONCE}).all()
    if surplus:
        found = {"mine": account, "some": [row.id for row in surplus]}
        connection.execute(HOLD, {**found, "why": why, "now": now})
        line.promote(connection, account, (row.person for row in surplus))
    return len(surplus)


def start(connection: Connection, store: Store, account: str, policy: Policy, wish: Starts) -> frozenset[int]:
    """Make claimed jobs ``sending``; the numbers of those that may leave now. The others are given back.

    A job does not start whose lease was lost meanwhile, nor while the account is paused, nor beyond the day's cap.
    """
    gate = connection.execute(GATE, {"mine": account}).one()
    store.saw(gate.clock)
    now = store.now()
    own = connection.execute(OWN, {"mine": account, "some": sorted(wish.jobs), "who": wish.who}).all()
    # This runs again where its commit was not heard of: what it had started then is started.
    already = {row.id for row in own if row.state == "sending"} if wish.again else set()
    own = [row for row in own if row.state == "ready"]
    paused = gate.paused is not None and gate.paused > now
    started = [] if paused else _within_cap(own, _cap_left(gate, now, policy))
    back = sorted(wish.jobs - already - set(started))
    if back:
        connection.execute(GIVE_BACK, {"mine": account, "some": back, "who": wish.who})
    if started:
        asked = {"mine": account, "some": started, "who": wish.who}
        connection.execute(START, {**asked, "now": now, "until": now + policy.lease})
        free = _after_late(gate.free, now, policy, [row for row in own if row.id in started])
        _count(connection, account, _Count(gate, now, len(started), free))
    return frozenset(already.union(started))


def _after_late(free: float, now: float, policy: Policy, started: Sequence[Any]) -> float:
    """From when on the next request may leave.

    A start that is late takes a slot from those that come after it: its own is past, and what it adds to a window
    another must not. A lease says which slot it had.
    """
    late = sum(now - (row.lease - policy.claim_lease) > policy.margin for row in started)
    return max(free, now) + late * policy.gap if late else free


@dataclass(frozen=True, slots=True)
class Starts:
    """Jobs that a worker claimed and is about to send; ``again`` where this may have been committed already."""

    who: str
    jobs: frozenset[int]
    again: bool = False


def _within_cap(own: Sequence[Any], left: int | None) -> list[int]:
    """The jobs that may leave: those that a person released whatever the cap says."""
    started = []
    for row in own:
        if row.released or left is None or left > 0:
            started.append(row.id)
            left = None if left is None else left - 1
    return started


def give_back(connection: Connection, account: str, wish: Starts) -> None:
    """Give claimed jobs back that will not be started."""
    connection.execute(GIVE_BACK, {"mine": account, "some": sorted(wish.jobs), "who": wish.who})
