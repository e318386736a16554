"""Settling: what the end of a try, or its silence, makes of a job, of those behind it, and of the account.

Knows how endings are written down; what they mean is ``mapper.delivery.verdict``. Must not send.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, or_, select, text, update

from mapper.delivery import failpoints, verdict
from mapper.delivery.ledger import line, tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.claim import GATE, day_of
from mapper.delivery.ledger.forget import SCRUB
from mapper.delivery.ledger.store import Store, spoken
from mapper.delivery.ledger.tables import MINE
from mapper.delivery.policy import Policy
from mapper.delivery.states import State, check
from mapper.delivery.values import Ending, Settled, Swept
from mapper.delivery.verdict import Move, Standing
from mapper.frozen import dataclass

_j, _g, _p = tables.job.c, tables.gate.c, tables.paper.c

#: So many one transaction sweeps.
AT_ONCE = 500


class _Job(NamedTuple):
    """What is read of a job whose try ended. A database's own rows answer slowly when they are asked by name."""

    id: int
    state: State
    person: int | None
    attempts: int
    failures: int
    lapses: int
    owner: str | None
    accepted: float
    started: float
    first_started: float | None
    forget: bool


_WHOLE = select(*(_j[name] for name in _Job._fields))
STANDING = _WHOLE.where(_j.account == MINE, among(_j.id)).order_by(_j.id).with_for_update()
_LAPSED = _WHOLE.where(_j.account == MINE, text(tables.LEASED))
#: Of others, and over; where one worker is all, whatever others had.
LAPSED = (
    _LAPSED.where(or_(_j.lease < bindparam("now"), _j.owner == bindparam("who")))
    .order_by(_j.lease)
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)
LEFT = _LAPSED.order_by(_j.lease).limit(AT_ONCE).with_for_update(skip_locked=True)
MOVE = (
    update(tables.job)
    .where(_j.account == MINE, among(_j.id))
    .values(
        **tables.BECOMES,
        because=bindparam("why"),
        status=bindparam("code"),
        due=bindparam("next"),
        failures=bindparam("failed"),
        lapses=bindparam("lapsed"),
        changed=bindparam("now"),
        owner=None,
        lease=None,
    )
)
FREE = update(tables.job).where(_j.account == MINE, among(_j.id)).values(owner=None, lease=None)
FORGET = delete(tables.paper).where(_p.account == MINE, among(_p.job))
PASSED = (
    update(tables.gate)
    .where(_g.account == MINE)
    .values(
        clock=bindparam("now"),
        paused=bindparam("until"),
        because=bindparam("why"),
        pauses=bindparam("count"),
        in_a_row=bindparam("row"),
        today=bindparam("number"),
    )
)
#: What surely printed nothing is not counted against the day's cap.
_NOTHING_PRINTED = frozenset({"rejected", "retry", "pause"})


def finish(
    connection: Connection, store: Store, account: str, policy: Policy, endings: Sequence[Ending]
) -> tuple[list[Settled], bool]:
    """Settle tries, inside one transaction; and whether something was forgotten, so that the store is to be scrubbed.

    An answer that comes after its lease had lapsed settles the doubt, where nobody began another try meanwhile.
    """
    gate = connection.execute(GATE, {"mine": account}).one()
    store.saw(gate.clock)
    now = store.now()
    some = sorted({ending.job for ending in endings})
    found = connection.execute(STANDING, {"mine": account, "some": some}).all()
    rows = {row.id: row for row in map(_Job._make, found)}
    moves: list[tuple[_Job, Ending, Move]] = []
    settled = []
    for ending in endings:
        row = rows.pop(ending.job, None)  # of an end that is told twice the first counts
        move = _of(row, ending, policy, now)
        if row is None or move is None:
            settled.append(Settled(ending.job, None))
            continue
        moves.append((row, ending, move))
        due = now + move.delay if move.state == "ready" else None
        settled.append(Settled(ending.job, move.state, due, now - row.accepted))
    forgot = _write(connection, store, account, moves, now)
    failpoints.passed("in_finish")
    after = _gate_after(gate, moves, policy, now)
    if after is not None:
        connection.execute(PASSED, {"mine": account, "now": now, **after})
    return settled, forgot


def _of(row: _Job | None, ending: Ending, policy: Policy, now: float) -> Move | None:
    """Where an ending takes its job; None where it is not of the job's last try, or that is settled already.

    The number of a try is its fence: only the worker that began it knows it.
    """
    if row is None or row.attempts != ending.attempt:
        return None
    standing = Standing(row.failures, row.lapses, now - (row.first_started or now), row.forget)
    move = verdict.of_ending(ending, standing, policy, random.random())  # noqa: S311 - not a secret
    # That it was taken, or refused, counts wherever it is by now: no release or replay may send a second one.
    late = row.state == "unknown" or (row.state in _ANSWERED_LATE and move.state in ("delivered", "rejected"))
    if row.state != "sending" and (not late or move.state == row.state):
        return None
    check(row.state, move.state)
    return move


_ANSWERED_LATE = frozenset({"ready", "waiting", "held", "dead"})


def _write(
    connection: Connection, store: Store, account: str, moves: list[tuple[_Job, Ending, Move]], now: float
) -> bool:
    """Write down where jobs went; whether something was forgotten with that."""
    if not moves:
        return False
    alike: defaultdict[tuple[tuple[str, Any], ...], list[int]] = defaultdict(list)
    for row, ending, move in moves:
        alike[tuple(_moved(move, now, ending.status).items())].append(row.id)
    for values, some in alike.items():  # most of them ended in the same way
        connection.execute(MOVE, {"mine": account, "some": some, "now": now, **dict(values)})
    late = [row for row, _, _ in moves if row.state != "sending"]
    if late:  # such an answer replaces what was written of the silence before it
        connection.execute(ATTEMPT_GONE, [{"mine": account, "what": row.id, "which": row.attempts} for row in late])
    store.add(connection, tables.attempt, [_tried(account, row, ending, now) for row, ending, _ in moves])
    return _after(connection, account, moves)


def _tried(account: str, row: _Job, ending: Ending, now: float) -> dict[str, Any]:
    return {
        "account": account,
        "job": row.id,
        "number": row.attempts,
        "owner": row.owner,
        "started": row.started,
        "ended": now,
        "ending": ending.ending,
        "status": ending.status,
        "because": spoken(ending.because),
    }


_t = tables.attempt.c
ATTEMPT_GONE = delete(tables.attempt).where(
    _t.account == MINE, _t.job == bindparam("what"), _t.number == bindparam("which")
)


def _moved(move: Move, now: float, status: int | None) -> dict[str, Any]:
    return {
        "to": move.state,
        "line": tables.place(move.state),
        "why": spoken(move.because),
        "code": status,
        "next": now + move.delay if move.state == "ready" else None,
        "failed": move.failures,
        "lapsed": move.lapses,
    }


def _after(connection: Connection, account: str, moves: Sequence[tuple[_Job, Ending, Move]]) -> bool:
    """Those behind come forward; what was to be forgotten goes. Whether there was any such thing."""
    gone = [row.id for row, _, _ in moves if row.forget]
    if gone:
        connection.execute(FORGET, {"mine": account, "some": gone})
        connection.execute(SCRUB)  # its bytes are there until the files are scrubbed, whoever does that
    line.promote(connection, account, (row.person for row, _, move in moves if move.state != "ready"))
    return bool(gone)


def _gate_after(
    gate: Any, moves: Sequence[tuple[_Job, Ending, Move]], policy: Policy, now: float
) -> dict[str, Any] | None:
    """What endings mean for the account: a pause, the end of one, and what counts against the day's cap.

    None where all stays as it is.
    """
    paused, why, pauses, in_a_row = gate.paused, gate.because, gate.pauses, gate.in_a_row
    begun = False
    for row, ending, _ in moves:
        if ending.ending in ("delivered", "rejected"):
            pauses = in_a_row = 0
            continue
        in_a_row += 0 if ending.account else 1
        # Nothing starts while a pause is on: what started before its end was under way when it began. It does not make
        # it a second one, and waits no longer than that one did.
        same = gate.paused is not None and row.started < gate.paused
        pause = verdict.pause(ending, max(0, pauses - same), in_a_row, policy)
        if pause is not None:
            until = now + pause.seconds
            paused, why = (until, pause.because) if paused is None or until > paused else (paused, why)
            begun = begun or not same
    if begun:
        pauses += 1
    # Each day has its own count: what was started yesterday was never in today's.
    unprinted = sum(e.ending in _NOTHING_PRINTED and day_of(row.started) == gate.day for row, e, _ in moves)
    today = max(0, gate.today - unprinted)
    if paused is not None and paused <= now:
        paused = why = None
    changed = (paused, why, pauses, in_a_row, today)
    if changed == (gate.paused, gate.because, gate.pauses, gate.in_a_row, gate.today):
        return None
    return dict(zip(("until", "why", "count", "row", "number"), changed, strict=True))


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Who sweeps, and which jobs it has under way: those are left to it. None is whatever is its own.

    ``lines``  whether to look at everybody who waits, which takes a second or two where a million do
    """

    who: str
    under_way: frozenset[int] | None = None
    lines: bool = True

    def leaves(self, row: _Job) -> bool:
        """Whether a job is its own and under way. What is its own and is not, it lost: an answer of the store's did."""
        return row.owner == self.who and (self.under_way is None or row.id in self.under_way)


def sweep(connection: Connection, store: Store, account: str, policy: Policy, sweeper: Sweeper) -> tuple[Swept, bool]:
    """What time does, inside one transaction: lapsed claims are free again, lapsed tries are settled as silence.

    And whether something was forgotten, so that the store is to be scrubbed.
    """
    now = store.now()
    asked: dict[str, Any] = {"mine": account}
    leased = connection.execute(
        *((LEFT, asked) if store.alone else (LAPSED, {**asked, "now": now, "who": sweeper.who}))
    ).all()
    found = [row for row in map(_Job._make, leased) if not sweeper.leaves(row)]
    claims = [row.id for row in found if row.state != "sending"]
    if claims:
        connection.execute(FREE, {"mine": account, "some": claims})
    moves = [(row, _silence(row), _lapse(row, policy, now)) for row in found if row.state == "sending"]
    for row, _, move in moves:
        check(row.state, move.state)
    forgot = _write(connection, store, account, moves, now)
    if sweeper.lines:
        line.mend(connection, account)
    ends = [move.state for _, _, move in moves]
    return Swept(len(claims), ends.count("unknown"), ends.count("ready"), ends.count("dead")), forgot


def _lapse(row: _Job, policy: Policy, now: float) -> Move:
    standing = Standing(row.failures, row.lapses, now - (row.first_started or now), row.forget)
    return verdict.of_lapse(standing, policy, random.random())  # noqa: S311 - not a secret


def _silence(row: _Job) -> Ending:
    return Ending(row.id, row.attempts, "unknown", "its worker never said how it ended")
