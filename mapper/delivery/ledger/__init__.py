"""The ledger: what was accepted, in one SQL database, under verbs of ours.

Knows which transaction each verb is. Must not know an event's content, a mapping or a way out.

    accept   events in, each once            claim, start, finish   jobs out, each once
    sweep    what time does                  act                    what a person does, written down
    forget   a person, wholly                status, rows, story    looking

    store sqlite postgres turns clock glance     the database        tables   what is in it
    versions migrations                          which tables it has, and how older ones become these
    sqlite_words postgres_words watchdog among   its mishaps, its silence, its lists
    line people                                  who is next, who is who
    looks overview acts                          what people see, and do
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from mapper.delivery import failpoints
from mapper.delivery.ledger import accept as accepting
from mapper.delivery.ledger import acts, claim, forget, looks, settle, tables
from mapper.delivery.ledger.acts import Deed, Done
from mapper.delivery.ledger.claim import Starts, Wish
from mapper.delivery.ledger.forget import Forgotten
from mapper.delivery.ledger.people import People
from mapper.delivery.ledger.store import Store, open_store
from mapper.delivery.policy import Policy
from mapper.delivery.values import (
    Arrival,
    Claimed,
    Ending,
    Filter,
    Receipt,
    Row,
    Settled,
    Status,
    StoreError,
    Story,
    Swept,
)
from mapper.frozen import replace
from mapper.identity import Identity

__all__ = ["Deed", "Done", "Forgotten", "Ledger", "Wish", "open_ledger", "open_store"]

#: So many jobs one transaction of a person's act moves, so that sending goes on meanwhile.
_ACTS_AT_ONCE = 500
#: Seconds until it is tried again to scrub the files where somebody was in the way: each time may take ten.
_SCRUB_AGAIN = 60.0


class Ledger:
    """One account in one store: its jobs, its people, its pace. Safe in threads and after a fork.

    ``account``  a destination's name, usually; two accounts of one store know nothing of each other
    ``mapping``  what is made of an event and what is known of its person
    ``policy``   how its jobs are kept and sent
    """

    def __init__(
        self,
        store: Store,
        account: str,
        policy: Policy,
        mapping: accepting.Mapping | None = None,
        fingerprint: str = "",
    ) -> None:
        self.store = store
        self.account = account
        self.policy = policy
        self.mapping = mapping
        self.fingerprint = fingerprint
        self._scrub_again = 0.0
        store.write(self._begin)

    def _begin(self, connection: Connection) -> None:
        """The account's two rows, where they are not there yet."""
        now = self.store.now()
        for table, fresh in (
            (
                tables.intake,
                {"last_job": 0, "last_person": 0, "clock": now, "accepted": 0, "repeated": 0, "conflicting": 0},
            ),
            (tables.gate, {"clock": now, "free": 0.0, "pauses": 0, "in_a_row": 0, "day": 0, "today": 0}),
        ):
            row = self.store.insert(table).values(account=self.account, **fresh)
            connection.execute(row.on_conflict_do_nothing())

    # ------------------------------------------------------------------------------------------------------------- in

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Take events in, all or none of them; on disk, synced, when this returns. Raises StoreError, SettingsError."""
        if not arrivals:
            return []
        assert self.mapping is not None  # noqa: S101 - who only looks does not accept
        batch = accepting.Batch(self.account, arrivals, self.mapping, self.policy, self.fingerprint)
        receipts = self.store.write(lambda connection: accepting.accept(connection, self.store, batch))
        failpoints.passed("after_accept")
        self.store.grown(max(receipt.job for receipt in receipts))
        return receipts

    # ------------------------------------------------------------------------------------------------------------ out

    def worker(self) -> AbstractContextManager[Callable[[], None]]:
        """Be a worker of this store. Raises StoreBusyError; so does what it gives (``Store.worker``)."""
        return self.store.worker(self.account)

    def claim(self, wish: Wish) -> Claimed:
        """Lease jobs that are due. Raises StoreError."""
        claimed = self.store.write(lambda c: claim.claim(c, self.store, self.account, self.policy, wish))
        started = any(claim.started for claim in claimed.claims)
        failpoints.passed("after_start" if started else "after_claim")
        return claimed

    def due(self) -> float | None:
        """The moment at which the next job that nobody has is due; a cheap look. None where there is none."""

        def look(connection: Connection) -> float | None:
            for clock in connection.execute(looks.CLOCKS, {"mine": self.account}).scalars():
                self.store.saw(clock)
            due: float | None = connection.execute(looks.NEXT, {"mine": self.account}).scalar()
            return due

        return self.store.read(look)

    def start(self, who: str, jobs: frozenset[int]) -> frozenset[int]:
        """Make claimed jobs ``sending``; those that may leave. The others are given back."""
        wishes = iter([Starts(who, jobs)])

        def work(connection: Connection) -> frozenset[int]:
            wish = next(wishes, Starts(who, jobs, again=True))
            return claim.start(connection, self.store, self.account, self.policy, wish)

        failpoints.passed("before_start")
        started = self.store.write(work)
        failpoints.passed("after_start")
        return started

    def give_back(self, who: str, jobs: frozenset[int]) -> None:
        """Give claimed jobs back that will not be started."""
        if jobs:
            self.store.write(lambda c: claim.give_back(c, self.account, Starts(who, jobs)))

    def finish(self, endings: Sequence[Ending]) -> list[Settled]:
        """Settle tries that ended."""
        settled, forgot = self.store.write(lambda c: settle.finish(c, self.store, self.account, self.policy, endings))
        failpoints.passed("after_finish")
        if forgot:
            self._scrubbed()
        return settled

    def sweep(self, who: str, under_way: frozenset[int] | None = None, *, lines: bool = True) -> Swept:
        """What time does: lapsed leases, what ``who`` has and is not ``under_way``, and people whose line got stuck.

        What was forgotten and could not be taken out of the files then is taken out now.
        """
        swept, sweeper = Swept(), settle.Sweeper(who, under_way, lines)
        while True:
            more, _ = self.store.write(lambda c: settle.sweep(c, self.store, self.account, self.policy, sweeper))
            swept = Swept(*(a + b for a, b in zip(_numbers(swept), _numbers(more), strict=True)))
            if sum(_numbers(more)) < settle.AT_ONCE:
                break
        if time.monotonic() >= self._scrub_again and self.store.read(lambda c: c.execute(forget.TO_SCRUB).scalar()):
            self._scrubbed()
        return swept

    # --------------------------------------------------------------------------------------------------------- people

    def act(self, deed: Deed) -> Done:
        """Do what a person decided, to all jobs that are meant, some hundreds at a time."""
        moved, last = 0, 0
        left: list[tuple[int, str]] = []
        repeats: list[tuple[int, acts.Repeat]] = []
        rest = deed.chosen.most
        while rest is None or rest > 0:
            span = acts.Span(last, _ACTS_AT_ONCE if rest is None else min(rest, _ACTS_AT_ONCE))
            part = self._one_act(deed, span)
            moved, last = moved + part.moved, part.last
            left.extend(part.left)
            repeats.extend(part.repeats)
            if part.seen < span.most:
                break
            rest = None if rest is None else rest - part.seen
        return Done(moved, tuple(left), last, moved + len(left) + len(repeats), tuple(repeats))

    def _one_act(self, deed: Deed, span: acts.Span) -> Done:
        return self.store.write(lambda c: acts.act(c, self.account, deed, self.store.now(), span))

    def resume(self, who: str, why: str | None = None) -> bool:
        """End a pause; whether there was one."""
        return self.store.write(lambda c: acts.resume(c, self.account, who, why, self.store.now()))

    def forget(self, wish: forget.Wish) -> Forgotten:
        """Forget a person, and take what was theirs out of the files. Raises StoreError.

        Where the files cannot be scrubbed at once, or something is under way, the receipt says so: what is left goes
        when that has ended, at a worker's next look, or when the store is opened next.
        """
        receipt = self.store.write(lambda c: forget.forget(c, self.store, self.account, wish))
        failpoints.passed("after_forget")
        scrubbed = self._scrubbed()
        return replace(receipt, scrubbed=scrubbed and not receipt.under_way)

    def _scrubbed(self) -> bool:
        """Take what was deleted out of the files; whether that was possible. Else the store knows that it is to do."""
        try:
            self.store.scrub()
        except StoreError:
            self._scrub_again = time.monotonic() + _SCRUB_AGAIN
            return False
        return True

    def prune(self, older: float) -> int:
        """Take the contents of jobs away that ended more than so many seconds ago; how many."""
        gone = 0
        while True:
            part = self.store.write(lambda c: forget.prune(c, self.account, self.store.now() - older))
            gone += part
            if part == 0:
                return gone

    def known(self, arrival: Arrival) -> Identity | None:
        """What is known of a person."""
        return self.store.read(lambda c: People(c, self.account, [arrival]).identity(arrival))

    # -------------------------------------------------------------------------------------------------------- looking

    def status(self) -> Status:
        """The account at this moment."""
        return self.store.read(lambda c: looks.status(c, self.account, self.store.now()))

    def rows(self, wanted: Filter, after: int = 0) -> list[Row]:
        """Jobs, by number: a page of them, after one."""
        return self.store.read(lambda c: looks.rows(c, self.account, wanted, after))

    def count(self, wanted: Filter) -> int:
        """How many jobs are meant."""
        return self.store.read(lambda c: looks.count(c, self.account, wanted))

    def story(self, job: int) -> Story | None:
        """One job, whole."""
        return self.store.read(lambda c: looks.story(c, self.account, job))

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


def _numbers(swept: Swept) -> tuple[int, int, int, int]:
    return swept.freed, swept.unknown, swept.again, swept.dead


def open_ledger(where: str, account: str, policy: Policy) -> Ledger:
    """The ledger of an account at a path or address. Raises StoreError."""
    return Ledger(open_store(where), account, policy)
