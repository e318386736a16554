"""The ledger against the limits of its database, taken in the same minutes; and the worker against a bare client.

    python benchmarks/delivery.py [--quick]

Knows what is compared with what, and how a ratio is taken. Must not know how a store or a limit works: the
``ledger_`` modules beside this one do.

Rates are by the wall clock here, because waiting for the disk is what they are about. Limit and ledger take turns
within a round, and a ratio is the median over the rounds: the disk and the neighbours are then the same for both.
What our process alone computes for an event is shown beside them. Where PostgreSQL is not installed, that is said and
the rest goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import driver
import ledger_client as client
import ledger_latency as latency
from ledger_limits import PostgresLimits, SqliteLimits
from ledger_rig import BATCH, Taken, Timed, by_verbs, by_worker, events, outbox, postgres, sqlite_store
from ledger_standing import filled
from postgres import Postgres

from mapper.apps.outbox import Outbox
from mapper.delivery.ledger import Ledger

T = TypeVar("T")

#: Threads that submit one event at a time.
_MANY = 32


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    ``rounds``, and in each so many ``events`` of ours, ``rows`` of a limit, ``commits`` of one row
    ``standing``  jobs in the small store and in the great one; ``moved`` of them are drained in a round
    ``waits``     events on an idle queue        ``posts``  requests in a round of the clients
    """

    rounds: int
    events: int
    rows: int
    commits: int
    standing: tuple[int, int]
    moved: int
    waits: int
    posts: int


WHOLE = Size(9, 2000, 5000, 400, (20_000, 1_000_000), 1500, 300, 1280)
QUICK = Size(2, 200, 500, 50, (500, 2000), 100, 8, 128)

#: One measurement; it takes its turn in every round.
Way = Callable[[], Taken]


class Rounds:
    """What some ways took, round by round."""

    def __init__(self, ways: dict[str, Way], rounds: int) -> None:
        self.taken: dict[str, list[Taken]] = {name: [] for name in ways}
        for turn in range(rounds + 1):
            for name in list(ways) if turn % 2 else reversed(ways):
                gc.collect()
                taken = ways[name]()
                if turn:  # the first warms up: plans, caches, connections
                    self.taken[name].append(taken)

    def ratio(self, one: str, other: str) -> float:
        """How many times the rate of ``other`` ``one`` has."""
        return statistics.median(b.wall / a.wall for a, b in zip(self.taken[one], self.taken[other], strict=True))

    def cpu_ratio(self, one: str, other: str) -> float:
        """The same for each second of this process's CPU."""
        return statistics.median(b.cpu / a.cpu for a, b in zip(self.taken[one], self.taken[other], strict=True))

    def rows(self) -> dict[str, dict[str, float]]:
        """Per way: events in a second, and microseconds of this process's CPU for one."""
        return {
            name: {
                "per_second": round(statistics.median(one.rate for one in taken)),
                "cpu_microseconds": round(statistics.median(one.cpu for one in taken) * 1e6, 1),
            }
            for name, taken in self.taken.items()
        }


# ------------------------------------------------------------------------------------------------- ways of the ledger


def _accepting(box: Outbox, count: int) -> Way:
    """Batches of 100, whole: bytes are read, mapped and taken in."""
    return lambda: _submitted(box, in_batches(events(count)), 1)


def _taking_in(box: Outbox, count: int) -> Way:
    """The same without reading and mapping, which are done off the clock: what the ledger itself does for an event."""

    def way() -> Taken:
        arrivals = [box.intake.arrival(call) for call in events(count)]
        drafts = {one.message: box.intake.draft(one, None) for one in arrivals}
        ready = Ledger(box.ledger.store, box.ledger.account, box.ledger.policy, lambda one, _: drafts[one.message])
        with Timed(count) as timed:
            taken = sum(receipt.state == "ready" for batch in in_batches(arrivals) for receipt in ready.accept(batch))
        assert taken == count, "every event is an order"
        return timed.taken

    return way


def _accepting_singly(box: Outbox, count: int) -> Way:
    """One event a call, by 32 threads: those that come while a commit is under way share the next."""
    return lambda: _submitted(box, [[one] for one in events(count)], _MANY)


def in_batches(some: Sequence[T]) -> list[Sequence[T]]:
    """A hundred at a time."""
    return [some[start : start + BATCH] for start in range(0, len(some), BATCH)]


def _submitted(box: Outbox, batches: Sequence[Sequence[bytes]], threads: int) -> Taken:
    shares = [batches[start::threads] for start in range(threads)]

    def submit(share: Sequence[Sequence[bytes]]) -> int:
        return sum(receipt.state == "ready" for batch in share for receipt in box.accept(batch))

    count = sum(map(len, batches))
    with ThreadPoolExecutor(threads) as pool, Timed(count) as timed:
        ready = sum(pool.map(submit, shares))
    assert ready == count, "every event is an order"
    return timed.taken


def _draining(box: Outbox, count: int, drain: Callable[[], int]) -> Way:
    """What is accepted off the clock is drained on it."""

    def way() -> Taken:
        box.accept(events(count))
        with Timed(count) as timed:
            sent = drain()
        assert sent == count, "each once"
        return timed.taken

    return way


def _moving(box: Outbox, count: int) -> Way:
    """Some of those that stand."""

    def way() -> Taken:
        with Timed(count) as timed:
            sent = by_verbs(box.ledger, count)
        assert sent == count, "more stand than are moved"
        return timed.taken

    return way


# ------------------------------------------------------------------------------------------------------- the parts


def _ours(kept: ExitStack, new_store: Callable[[str], str], size: Size) -> dict[str, Way]:
    """What the ledger does, each in a store of its own, so that none pays for what another left there.

    The stores in which events are taken in grow round by round, to some 20,000 jobs.
    """
    taking, mapping, single, draining = (
        kept.enter_context(outbox(new_store(name))) for name in ("taking", "mapping", "single", "draining")
    )
    ledger = draining.ledger
    return {
        "accept, batches of 100": _taking_in(taking, size.events),
        "the same, read and mapped": _accepting(mapping, size.events),
        "accept, 32 threads, 1 each": _accepting_singly(single, size.events // 2),
        "drain, worker": _draining(draining, size.events, lambda: by_worker(ledger)),
        "drain, worker of 100": _draining(draining, size.events, lambda: by_worker(ledger, BATCH)),
        "drain, batches of 100": _draining(draining, size.events, lambda: by_verbs(ledger, size.events)),
    }


def on_sqlite(size: Size, report: Report) -> None:
    """Accepting and draining against raw inserts into a file of the same kind on the same disk."""
    with ExitStack() as kept:
        limit = kept.enter_context(closing(SqliteLimits(Path(sqlite_store("raw")))))
        ways = {
            "limit: batches of 100": lambda: limit.inserts(size.rows),
            "limit: commits of 1": lambda: limit.inserts(size.commits, 1),
        }
        rounds = Rounds(ways | _ours(kept, sqlite_store, size), size.rounds)
    hundred, one = "limit: batches of 100", "limit: commits of 1"
    report.take("sqlite", rounds)
    report.ratios |= {
        "sqlite_accept_100": rounds.ratio("accept, batches of 100", hundred),
        "sqlite_accept_100_mapped": rounds.ratio("the same, read and mapped", hundred),
        "sqlite_group_commit": rounds.ratio("accept, 32 threads, 1 each", one),
        "sqlite_drain": rounds.ratio("drain, batches of 100", hundred),
        "sqlite_drain_worker": rounds.ratio("drain, worker", hundred),
    }


def on_postgres(size: Size, report: Report, server: Postgres) -> None:
    """The same against PostgreSQL. There are two limits: psycopg's pipeline, and a statement at a time."""
    with ExitStack() as kept:
        limit = kept.enter_context(closing(PostgresLimits(server.new_database())))
        ways = {
            "limit: executemany of 100": lambda: limit.pipelined(size.rows),
            "limit: 100 INSERTs a commit": lambda: limit.one_by_one(size.rows // 2),
            "limit: commits of 1": lambda: limit.singles(size.commits),
        }
        rounds = Rounds(ways | _ours(kept, lambda _: server.new_database(), size), size.rounds)
    report.take("postgres", rounds)
    report.ratios |= {
        "postgres_accept_100": rounds.ratio("accept, batches of 100", "limit: 100 INSERTs a commit"),
        "postgres_accept_100_pipelined": rounds.ratio("accept, batches of 100", "limit: executemany of 100"),
        "postgres_accept_100_mapped": rounds.ratio("the same, read and mapped", "limit: 100 INSERTs a commit"),
        "postgres_drain": rounds.ratio("drain, batches of 100", "limit: commits of 1"),
        "postgres_drain_worker": rounds.ratio("drain, worker", "limit: commits of 1"),
    }


def standing(size: Size, report: Report, name: str, stores: Sequence[str], *, shuffled: bool = False) -> None:
    """Draining where many jobs stand, against where few do."""
    few, many = size.standing
    with filled(stores[0], few, shuffled=shuffled) as small, filled(stores[1], many, shuffled=shuffled) as great:
        names = f"{few:,} standing", f"{many:,} standing"
        ways = dict(zip(names, (_moving(small, size.moved), _moving(great, size.moved)), strict=True))
        rounds = Rounds(ways, max(1, size.rounds - 1))
    report.take(f"standing_{name}", rounds)
    report.ratios[f"standing_{name}"] = rounds.ratio(names[1], names[0])


def _idle(size: Size, report: Report) -> None:
    """How long an event waits where nothing else does."""
    found = {}
    for name, worker in (("beside", latency.beside), ("elsewhere", latency.elsewhere)):
        with worker(sqlite_store(name)) as accept:
            waited = latency.waits(accept, size.waits)
        found[name] = {f"p{round(part * 100)}": latency.percentile(waited, part) * 1e3 for part in (0.5, 0.9, 0.99)}
    report.figures["accept_to_send_ms"] = found
    report.ratios["accept_to_send_p99_ms"] = found["beside"]["p99"]
    report.ratios["accept_to_send_elsewhere_p99_ms"] = found["elsewhere"]["p99"]


def _against_client(size: Size, report: Report) -> None:
    """The CPU of a whole delivery against that of posting the same bytes."""
    store = sqlite_store("client")
    with client.accepting() as url:
        ways = {
            "bare httpx clients": lambda: asyncio.run(client.bare(url, size.posts)),
            "worker and Http": lambda: asyncio.run(client.delivered(store, url, size.posts)),
        }
        rounds = Rounds(ways, max(1, size.rounds - 2))
    report.take("client", rounds)
    report.ratios["worker_vs_bare_client"] = rounds.cpu_ratio("worker and Http", "bare httpx clients")


class Report:
    """What was found: ratios by name, and tables."""

    def __init__(self) -> None:
        self.ratios: dict[str, float] = {}
        self.figures: dict[str, Any] = {}

    def take(self, name: str, rounds: Rounds) -> None:
        """Keep and print a table."""
        self.figures[name] = rows = rounds.rows()
        print(f"\n{name:34}{'a second':>12}{'us of CPU':>12}")
        for way, row in rows.items():
            print(f"  {way:32}{row['per_second']:12,.0f}{row['cpu_microseconds']:12.1f}", flush=True)


def report(*, quick: bool = False) -> Report:
    """Everything."""
    size = QUICK if quick else WHOLE
    found = Report()
    _idle(size, found)
    on_sqlite(size, found)
    _against_client(size, found)
    standing(size, found, "sqlite", [sqlite_store("few"), sqlite_store("many")])
    standing(size, found, "sqlite_shuffled", [sqlite_store("few-back"), sqlite_store("many-back")], shuffled=True)
    try:
        with postgres() as server:
            on_postgres(size, found, server)
            standing(size, found, "postgres", [server.new_database(), server.new_database()])
    except driver.CannotRunError as error:
        print(f"\nPostgreSQL: {error}")
    for name, waited in found.figures["accept_to_send_ms"].items():
        print(f"\naccept to send on an idle queue, worker {name}: {_in_words(waited)}")
    if not quick:
        driver.keep("delivery", found.figures | {"ratios": found.ratios})
    return found


def _in_words(waited: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f} ms" for name, value in waited.items())


def ratios(quick: bool = False) -> dict[str, float]:  # noqa: FBT001, FBT002 - the parts of the benchmark share this shape
    """All of them, by name."""
    return report(quick=quick).ratios


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="some seconds, for a look")
    print(json.dumps({name: round(value, 3) for name, value in ratios(parser.parse_args().quick).items()}, indent=1))


if __name__ == "__main__":
    main()
