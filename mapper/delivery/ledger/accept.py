"""Accepting: one transaction takes a batch of events in, each once, mapped with what is known of its person.

Knows the order of the steps inside that transaction. Must not know the mapping, which is handed in, nor how a
transaction is made durable. A later event never changes an earlier job.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select, text, update

from mapper.delivery import failpoints
from mapper.delivery.ledger import tables
from mapper.delivery.ledger.among import among
from mapper.delivery.ledger.people import People
from mapper.delivery.ledger.store import Store
from mapper.delivery.ledger.tables import MINE
from mapper.delivery.policy import Policy
from mapper.delivery.states import State
from mapper.delivery.values import Arrival, Draft, Receipt
from mapper.errors import MapperError
from mapper.frozen import dataclass, field, replace
from mapper.identity import Identity, Stamp

#: Maps an event with what is known of its person.
Mapping = Callable[[Arrival, Identity | None], Draft]

_j, _n = tables.job.c, tables.intake.c

TURN = select(_n.last_job, _n.last_person, _n.clock).where(_n.account == MINE).with_for_update()
COUNT = (
    update(tables.intake)
    .where(_n.account == MINE)
    .values(
        last_job=bindparam("last"),
        last_person=bindparam("person"),
        accepted=_n.accepted + bindparam("fresh"),
        repeated=_n.repeated + bindparam("same"),
        conflicting=_n.conflicting + bindparam("conflict"),
        clock=bindparam("now"),
    )
)
KNOWN = select(_j.id, _j.message, _j.digest, _j.state, _j.because).where(_j.account == MINE, among(_j.message))
#: Locked, so that the one ahead cannot end unseen: whoever ends it looks for those behind it afterwards.
AHEAD = (
    select(_j.person)
    .where(_j.account == MINE, among(_j.person), text(tables.AHEAD))
    .order_by(_j.id)
    .with_for_update(read=True)
)
ORDERED = select(_j.id, _j.once, _j.happened, _j.state).where(_j.account == MINE, among(_j.once), text(tables.ORDERED))
REPEATED = (
    update(tables.job)
    .where(_j.account == MINE, _j.id == bindparam("job"))
    .values(duplicates=_j.duplicates + bindparam("same"), conflicts=_j.conflicts + bindparam("conflict"))
)
JOINED = (
    update(tables.job)
    .where(_j.account == MINE, _j.person == bindparam("was"), _j.line > 0)
    .values(person=bindparam("became"))
)
#: Of a person's jobs that are ready and nobody's yet, those that are not the oldest.
BEHIND = (
    update(tables.job)
    .where(_j.account == MINE, _j.person == bindparam("whose"), text(tables.AHEAD), _j.lease.is_(None))
    .where(
        _j.id
        > select(func.min(literal_column("o.id")))
        .select_from(tables.job.alias("o"))
        .where(text("o.account = :mine AND o.person = :whose AND o.line = 1"))
        .scalar_subquery()
    )
    .values(**tables.becomes("waiting"))
)

#: An order in one of these was not taken by anybody: the same order again is no second one.
_NOT_TAKEN: frozenset[State] = frozenset({"rejected", "dead", "invalid", "skipped", "suppressed", "erased"})


@dataclass(frozen=True, slots=True)
class Batch:
    """What is accepted together, and by what."""

    account: str
    arrivals: Sequence[Arrival] = field(repr=False)
    mapping: Mapping = field(repr=False)
    policy: Policy
    fingerprint: str


def accept(connection: Connection, store: Store, batch: Batch) -> list[Receipt]:
    """Take a batch in, inside one transaction; a receipt for each arrival, in their order."""
    mine = {"mine": batch.account}
    last, person, clock = connection.execute(TURN, mine).one()
    store.saw(clock)
    now = store.now()
    messages = sorted({one.message for one in batch.arrivals})
    known = {r.message: r for r in connection.execute(KNOWN, {**mine, "some": messages})}
    fresh, receipts = _sorted_out(batch, known, last)
    failpoints.passed("in_accept")
    if fresh:
        fresh = [(index, number, received(one, now)) for index, number, one in fresh]
        made, person = _Making(connection, store, batch, now).jobs(fresh, person)
        for index, row in zip((index for index, _, _ in fresh), made, strict=True):
            receipts[index] = Receipt(row["id"], row["state"], row["because"])
    repeats = Counter(one.repeated for one in receipts.values() if one.repeated)
    _note_repeats(connection, mine, receipts)
    counts = {"fresh": len(fresh), "same": repeats["same"], "conflict": repeats["conflict"]}
    connection.execute(COUNT, {**mine, **counts, "last": last + len(fresh), "person": person, "now": now})
    firsts = {receipt.job: receipt for receipt in receipts.values() if not receipt.repeated}
    return [_pointed(receipts[index], firsts) for index in range(len(batch.arrivals))]


_Fresh = list[tuple[int, int, Arrival]]


def _sorted_out(batch: Batch, known: dict[str, Any], last: int) -> tuple[_Fresh, dict[int, Receipt]]:
    """The arrivals that are new, with their place and number; and the receipts of the others.

    A repeat of one in this same batch gets a receipt that points to the number of the first.
    """
    fresh: _Fresh = []
    receipts: dict[int, Receipt] = {}
    here: dict[str, tuple[int, str]] = {}
    for index, one in enumerate(batch.arrivals):
        row = known.get(one.message)
        if row is not None:
            receipts[index] = Receipt(
                row.id, row.state, row.because, "same" if row.digest == one.digest else "conflict"
            )
        elif one.message in here:
            number, digest = here[one.message]
            receipts[index] = Receipt(number, "ready", None, "same" if digest == one.digest else "conflict")
        else:
            last += 1
            here[one.message] = (last, one.digest)
            fresh.append((index, last, one))
    return fresh, receipts


def _pointed(receipt: Receipt, firsts: dict[int, Receipt]) -> Receipt:
    """The receipt; that of a repeat in the same batch with the state of its first."""
    first = firsts.get(receipt.job) if receipt.repeated else None
    return receipt if first is None else Receipt(first.job, first.state, first.because, receipt.repeated)


def _note_repeats(connection: Connection, mine: dict[str, Any], receipts: dict[int, Receipt]) -> None:
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for receipt in receipts.values():
        if receipt.repeated:
            counted[receipt.job][receipt.repeated] += 1
    rows = [{**mine, "job": job, "same": c["same"], "conflict": c["conflict"]} for job, c in sorted(counted.items())]
    if rows:
        connection.execute(REPEATED, rows)


def received(one: Arrival, now: float) -> Arrival:
    """A call, made no later than now: a clock that runs ahead must not freeze what is known of a person for years."""
    latest = int(now * 1e9)
    if one.stamp is None or one.said is None or one.stamp.time <= latest:
        return one
    late = one.stamp.time - latest
    said = [[time - late, message, traits] for time, message, traits in one.said]
    return replace(one, stamp=Stamp(latest, one.stamp.message_id), said=said)


class _Making:
    """The making of a batch's jobs: who they are of, what the mapping makes of them, and in which state they begin."""

    def __init__(self, connection: Connection, store: Store, batch: Batch, now: float) -> None:
        self._connection = connection
        self._store = store
        self._batch = batch
        self._now = now
        self._mine = {"mine": batch.account}

    def jobs(self, fresh: _Fresh, last: int) -> tuple[list[dict[str, Any]], int]:
        """The rows of the new jobs, written down, in their order; and the last person's number, given ``last``."""
        people = People(self._connection, self._batch.account, [one for _, _, one in fresh], last)
        drafts: list[Draft | None] = []
        for _, _, one in fresh:
            if people.forgets(one):
                drafts.append(None)
                continue
            drafts.append(self._drafted(one, people.identity(one)))
            people.learn(one)
        owners = [people.number(one) for _, _, one in fresh]
        self._rejoin(people)
        pairs = zip(owners, drafts, strict=True)
        ahead = self._ahead({p for p, draft in pairs if p and draft and draft.state == "ready"})
        orders = self._orders({draft.once for draft in drafts if draft and draft.once})
        rows = []
        for (_, number, one), draft, owner in zip(fresh, drafts, owners, strict=True):
            row = self._row(number, one, draft, owner)
            self._decide(row, draft, ahead, orders)
            row["line"] = tables.place(row["state"])
            rows.append(row)
        self._write(rows, fresh, drafts)
        return rows, people.keep(self._store)

    def _drafted(self, one: Arrival, known: Identity | None) -> Draft:
        """What the mapping makes of an event. A mistake of ours keeps no event from being taken."""
        try:
            return self._batch.mapping(one, known)
        except MapperError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            return Draft("invalid", f"mapping it failed with {type(error).__name__}: a mistake in mapper itself")

    def _rejoin(self, people: People) -> None:
        """Jobs of an anonymous visitor who turned out to be somebody stand in that person's line from now on."""
        for was, became in people.rejoined():
            moved = self._connection.execute(JOINED, {**self._mine, "was": was, "became": became})
            if moved.rowcount:
                self._connection.execute(BEHIND, {**self._mine, "whose": became})

    def _ahead(self, people: set[int]) -> set[int]:
        if not people:
            return set()
        return {r.person for r in self._connection.execute(AHEAD, {**self._mine, "some": sorted(people)})}

    def _orders(self, keys: set[str]) -> defaultdict[str, list[tuple[float, int]]]:
        """The orders with these keys that may have been taken: when they happened, and their jobs."""
        taken: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        if keys:
            for row in self._connection.execute(ORDERED, {**self._mine, "some": sorted(keys)}):
                if row.state not in _NOT_TAKEN:
                    taken[row.once].append((row.happened, row.id))
        return taken

    def _row(self, number: int, one: Arrival, draft: Draft | None, owner: int | None) -> dict[str, Any]:
        return {
            "account": self._batch.account,
            "id": number,
            "state": "erased" if draft is None else draft.state,
            "line": 0,
            "because": "the person was forgotten" if draft is None else draft.because,
            "message": one.message,
            "digest": one.digest,
            "person": owner,
            "once": None if draft is None else draft.once,
            "fingerprint": self._batch.fingerprint,
            "happened": self._happened(one),
            "accepted": self._now,
            "changed": self._now,
            "due": None,
        }

    def _happened(self, one: Arrival) -> float:
        """When a call was made, never later than now; now, where it does not say."""
        said = one.stamp.time / 1e9 if one.stamp is not None else self._now
        return min(said, self._now) if said > 0 else self._now

    def _decide(
        self, row: dict[str, Any], draft: Draft | None, ahead: set[int], orders: dict[str, list[tuple[float, int]]]
    ) -> None:
        """The state in which a job begins, where it is one that makes a request."""
        if draft is None or draft.state != "ready":
            return
        because = self._stale(row) or self._again(row, draft, orders)
        if because is not None:
            row["state"], row["because"] = "suppressed", because
            return
        if draft.once is not None:
            orders[draft.once].append((row["happened"], row["id"]))
        row["due"] = self._now
        if row["person"] is not None and row["person"] in ahead:
            row["state"], row["because"] = "waiting", None
        elif row["person"] is not None:
            ahead.add(row["person"])

    def _stale(self, row: dict[str, Any]) -> str | None:
        limit = self._batch.policy.stale_after
        if limit is None or self._now - row["happened"] <= limit:
            return None
        return f"stale: it happened more than {spell(limit)} ago"

    def _again(self, row: dict[str, Any], draft: Draft, orders: dict[str, list[tuple[float, int]]]) -> str | None:
        """Why a job is the same order as an earlier one.

        The events' own times count, so that a file of a month that is sent in a minute loses none.
        """
        if draft.once is None:
            return None
        for happened, number in orders[draft.once]:
            if abs(happened - row["happened"]) < self._batch.policy.within:
                return f"once_per: the same order as job {number}"
        return None

    def _write(self, rows: list[dict[str, Any]], fresh: _Fresh, drafts: list[Draft | None]) -> None:
        self._store.add(self._connection, tables.job, rows)
        papers = [
            {
                "account": self._batch.account,
                "job": number,
                "event": one.raw,
                "target": draft.target,
                "content": draft.content,
            }
            for (_, number, one), draft in zip(fresh, drafts, strict=True)
            if draft is not None
        ]
        self._store.add(self._connection, tables.paper, papers)


def spell(seconds: float) -> str:
    """A length of time in its greatest whole unit."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} seconds"
