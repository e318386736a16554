"""What the measurements of delivery share: events, stores, an outbox that sends nowhere, ways to drain it.

Knows the outbox, the worker, the ledger's verbs and the tests' private PostgreSQL. Must not know what is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import driver

import mapper
from mapper.apps.outbox import Habits, Outbox, Sending, of_plan
from mapper.delivery.ledger import Ledger, Wish
from mapper.delivery.values import Claim, Ending
from mapper.delivery.worker import Worker
from mapper.frozen import replace
from mapper.outcome import Reply
from mapper.ports import Transport
from mapper.request import Request

sys.path.insert(0, str(driver.ROOT / "tests"))
from postgres import Postgres, installed

SETTINGS = {"api_key": "key-of-the-benchmark"}
#: So many go into one transaction, and are claimed at once by the bare verbs.
BATCH = 100
#: What a worker has under way at once where nobody says otherwise.
SLOTS = Habits().slots
#: Bytes of a row of the raw limits; an event is about as long.
ROW = 600

#: What PostgreSQL has where nobody set anything. The tests' server is smaller, and these come after its own lines.
_AS_IT_COMES = "\nshared_buffers = 128MB\nmax_wal_size = 1GB\n"


# ----------------------------------------------------------------------------------------------------------- events


def event(number: int) -> bytes:
    """An order of a person of its own, under a messageId of its own: about 600 bytes."""
    traits = {
        "template_id": "T-2026-11",
        "firstName": "Augusta Ada",
        "lastName": f"King-Noel {number}",
        "email": f"ada.king-noel.{number}@example.com",
        "address": {
            "street": f"{number % 9999} Analytical Row",
            "city": "Springfield",
            "state": "IL",
            "postalCode": "62704",
            "country": "US",
        },
        "phone": "+1 217 555 0143",
        "plan": "premium",
        "loyalty_tier": "gold",
        "orders_total": number * 17 % 1000,
        "favourite_shop": "Springfield, Main Street",
    }
    call = {
        "type": "identify",
        "messageId": f"segment-{number:012}-5f0c2a",
        "userId": f"user-{number:012}",
        "timestamp": "2026-11-20T08:30:00.000Z",
        "context": {"library": {"name": "analytics.js", "version": "2.11.1"}, "ip": "203.0.113.7"},
        "traits": traits,
    }
    return json.dumps(call, separators=(",", ":")).encode()


_numbers = itertools.count()


def events(count: int) -> list[bytes]:
    """So many that nobody has seen before in this run."""
    return [event(number) for number in itertools.islice(_numbers, count)]


# ----------------------------------------------------------------------------------------------------------- stores


def sqlite_store(name: str) -> str:
    """The path of a new SQLite store, on the disk of this checkout. It goes when the benchmark ends."""
    return str(driver.workshop() / f"{name}.db")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this run's own, set as it comes. Raises CannotRunError where none is installed."""
    programs = installed()
    if programs is None:
        raise driver.CannotRunError("PostgreSQL is not installed: no initdb on the PATH, nor where Debian puts it")
    with Postgres(programs) as server:
        with (server.directory / "data" / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_AS_IT_COMES)
        server.restart()
        yield server


class Nowhere:
    """A transport that takes everything at once. It is no limit of anything."""

    async def send(self, _: Request) -> Reply:
        """Take it."""
        return Reply(202)


def outbox(store: str, transport: Transport | None = None, url: str | None = None, slots: int = SLOTS) -> Outbox:
    """An outbox of the shipped mapping without a rate and an age: what is measured is the ledger."""
    cards = mapper.load("inkit", environ={})
    policy = replace(of_plan(cards.plan), rate=None, stale_after=None)
    sending = Sending(transport=transport or Nowhere(), url=url, policy=policy, habits=Habits(slots=slots))
    return Outbox(cards, store, settings=SETTINGS, sending=sending)


# ---------------------------------------------------------------------------------------------------------- draining


@dataclass(frozen=True, slots=True)
class Taken:
    """What one measurement took, for one event: seconds by the clock, and of this process's CPUs."""

    wall: float
    cpu: float
    count: int

    @property
    def rate(self) -> float:
        """Events in a second."""
        return 1 / self.wall


class Timed:
    """Times a block: ``with Timed(100) as timed: ...``, then ``timed.taken``."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.taken = Taken(0, 0, count)

    def __enter__(self) -> Timed:  # noqa: PYI034 - no class is derived from it
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = time.perf_counter() - self._start[0], time.process_time() - self._start[1]
        self.taken = Taken(wall / self._count, cpu / self._count, self._count)


async def _delivered(claim: Claim) -> Ending:
    return Ending(claim.job, claim.attempt, "delivered", "", 202)


def by_worker(ledger: Ledger, slots: int = SLOTS) -> int:
    """Drain with the real worker, whose post takes no time; how many were sent."""
    sent = 0

    async def post(claim: Claim) -> Ending:
        nonlocal sent
        sent += 1
        return await _delivered(claim)

    worker = Worker(ledger, post, Habits(slots=slots))
    asyncio.run(worker.run(until_empty=True, patience=0))
    return sent


def by_verbs(ledger: Ledger, most: int) -> int:
    """Drain at most so many by claim, start and finish alone, a batch at a time; how many it were."""
    sent = 0
    while sent < most:
        claims = ledger.claim(Wish("bench", min(BATCH, most - sent), start=True)).claims
        if not claims:
            break
        if not claims[0].started:
            started = ledger.start("bench", frozenset(claim.job for claim in claims))
            assert len(started) == len(claims), "nothing keeps them from starting"
        ledger.finish([Ending(claim.job, claim.attempt, "delivered", "", 202) for claim in claims])
        sent += len(claims)
    return sent
