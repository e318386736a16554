"""Random kills: an accepting process and workers die again and again, at no particular moment, under load.

Knows who runs, and what has to be true when it is over. Must not know how the product keeps its promises.

Each victim is killed with SIGKILL and started again at once; every second worker has a rate to keep, so that what it
claims is started one after the other and not with the claim. Nothing is sent twice by itself (``unknown: hold``). When
the last one has died, a person looks up each unknown job in the receiver's list, and says what became of it. Then every
event that was acknowledged, and every person's in their order, has been taken exactly once.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from . import canaries, checker, journal, kills, programs
from .driver import Driver
from .events import Event, event
from .forks import ForkServer
from .receiver import Control
from .report import Options, Report, left_out

#: Seconds between two kills, at least and at most.
_BETWEEN: Final = (0.05, 0.5)
#: Threads that post, each for so many people; the sizes of their batches, and events per second of each.
_POSTERS, _PEOPLE, _BATCHES, _PACE = 2, 25, (1, 1, 2, 5, 20), 7.5
#: Senders of one worker.
_SLOTS: Final = 3
#: Seconds until a fresh event is delivered after the last fault.
_LIVELY: Final = 60.0
#: Seconds until the rest is.
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is run. ``store`` is a path or a URL; ``room`` a directory for it and the logs."""

    room: Path
    store: str
    seconds: float
    workers: int = 1
    lease: float = 1.0
    seed: int = 0
    product: str = "mapper"
    bug: str | None = None


@dataclass(slots=True)
class Outcome:
    """What happened: kills by role, how many were unknown then, and until a fresh event was delivered."""

    kills: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    lively: float = 0.0
    verdict: checker.Verdict | None = None
    faults: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        died = ", ".join(f"{count} of a {role}" for role, count in sorted(self.kills.items()))
        named = ("lost", "spurious", "corrupted", "duplicated", "stuck", "out of order", "leaked", "residue")
        return ", ".join(
            [
                f"{sum(self.kills.values())} kills ({died})",
                f"acked {self.verdict.acked if self.verdict else 0}",
                *(f"{name} {self.faults.get(name, 0)}" for name in named),
                f"{self.unknown} unknown until a person looked",
                f"a fresh event delivered in {self.lively:.1f} s",
            ]
        )


def on_both(options: Options) -> Report:
    """The part of ``all``: both engines at the same time, which is more of a load and half of the time."""
    rooms = [_made(options.room / engine) for engine in ("sqlite", "postgresql")]
    with ThreadPoolExecutor(2) as pool:
        told = [replace(options, room=room) for room in rooms]
        reports = list(pool.map(lambda run, each: run(each), (on_sqlite, on_postgresql), told))
    faults: Counter[str] = Counter()
    for report in reports:
        faults.update(report.faults)
    named = zip(("SQLite", "PostgreSQL"), reports, strict=True)
    return Report("; ".join(f"{engine}: {report.figures}" for engine, report in named), faults)


def on_sqlite(options: Options) -> Report:
    """One worker with three senders, on SQLite."""
    store = str(_made(options.room / "store") / "mapper.db")
    return _reported(Order(options.room, store, options.minutes * 60, seed=options.seed))


def on_postgresql(options: Options) -> Report:
    """Three workers with three senders each, on PostgreSQL."""
    if options.server is None:
        return left_out()
    store = options.server.new_database()
    try:
        return _reported(Order(options.room, store, options.minutes * 60, workers=3, seed=options.seed))
    finally:
        options.server.take_back(store)


def _reported(order: Order) -> Report:
    outcome = Mayhem(order).run()
    return Report(str(outcome), outcome.faults)


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


class Mayhem:
    """One run of it."""

    def __init__(self, order: Order) -> None:
        self.outcome = Outcome()
        self._order = order
        self._chance = random.Random(order.seed)  # noqa: S311 - to be repeated, not to be secret
        self._options: dict[str, Any] = {
            "product": order.product,
            "store": order.store,
            "mapping": str(programs.HERE / "mapping.yaml"),
            "lease": order.lease,
            "slots": _SLOTS,
            "bug": order.bug,
        }
        self._paced = {**self._options, "mapping": programs.mapping(order.room, [programs.PACED])}
        self._running: dict[str, int] = {}
        self._posted: list[list[Event]] = [[] for _ in range(_POSTERS)]
        self._over = threading.Event()
        self._broken: list[str] = []
        self._forks: ForkServer
        self._driver: Driver

    def run(self) -> Outcome:
        """All of it. Raises OSError or RuntimeError where a process does not answer."""
        room, control = self._order.room, self._order.room / "control.json"
        Control(default="late").write(control)
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(programs.receiver(room / "receiver.log", control))
            forks = ForkServer(self._order.product, {"FAULTS_URL": url}, room / "noise.txt")
            self._forks = stack.enter_context(forks)
            self._driver = Driver(room / "driver.log", forks.port)
            stack.callback(self._driver.close)
            for name in ("service", *(f"worker {number + 1}" for number in range(self._order.workers))):
                self._start(name)
            with self._posting():
                self._kill_until(time.monotonic() + self._order.seconds)
            self._await_life()
            unknown = self._resolve()
            ledger = self._driver.look("/ledger")
            for pid in self._running.values():
                forks.stop(pid)
            self._judge(ledger, unknown)
            self._forget()
        self._note("leaked", len(canaries.leaks(room / "noise.txt", room / "ledger.txt")))
        return self.outcome

    # ----------------------------------------------------------------------------------------------------- the faults

    def _start(self, name: str) -> None:
        options = self._paced if sum(self.outcome.kills.values()) % 2 else self._options
        self._running[name] = self._forks.spawn(name.partition(" ")[0], **options)

    def _kill_until(self, end: float) -> None:
        while time.monotonic() < end and not self._broken:
            time.sleep(self._chance.uniform(*_BETWEEN))
            name = self._chance.choice(sorted(self._running))
            pid = self._running[name]
            self._forks.kill(pid)
            worked = name.startswith("worker")
            self._driver.killed("at random", pid, opens=worked)
            self.outcome.kills["worker" if worked else "service"] += 1
            self._note("died by themselves", int(self._forks.wait(pid) != kills.SIGKILLED))
            self._start(name)

    @contextlib.contextmanager
    def _posting(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._post, args=(number,)) for number in range(_POSTERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
        self._note("never acknowledged", len(self._broken))

    def _post(self, poster: int) -> None:
        """Post batches until told to end; each person's events in their order, a millisecond apart."""
        chance = random.Random(f"{self._order.seed} {poster}")  # noqa: S311 - as above
        first = datetime.now(UTC) - timedelta(days=1)
        mine = self._posted[poster]
        while not self._over.is_set():
            batch = []
            for _ in range(chance.choice(_BATCHES)):
                moment = first + timedelta(milliseconds=len(mine))
                at = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                mine.append(event(f"poster{poster}", len(mine), at=at, users=_PEOPLE))
                batch.append(mine[-1])
            try:
                self._driver.deliver(*batch)
            except TimeoutError as error:
                self._broken.append(str(error))
                return
            self._over.wait(len(batch) / _PACE)

    # ------------------------------------------------------------------------------------------------------- the end

    def _await_life(self) -> None:
        """The liveness probe: a fresh event is delivered soon after the last fault."""
        started = time.monotonic()
        fresh = event("fresh", 1)
        self._driver.deliver(fresh)
        arrived = self._wait(_LIVELY, lambda: any(line["event"] == fresh.id for line in self._requests()))
        self.outcome.lively = time.monotonic() - started
        self._note("not lively", int(not arrived))

    def _resolve(self) -> set[int]:
        """Wait for the rest; then say of each unknown job what the receiver knows of it. Those jobs."""
        self._settle()
        jobs = {line["job"]: line["event"] for line in self._lines("driver.log") if line["kind"] == "acked"}
        unknown = {row["job"] for row in self._driver.look("/ledger") if row["state"] == "unknown"}
        self.outcome.unknown = len(unknown)
        self._note("unknown without a kill", max(0, len(unknown) - self.outcome.kills["worker"] * _SLOTS))
        taken = {line["event"] for line in self._requests() if line["complete"]}
        self._driver.resolve("deliver", [job for job in unknown if jobs.get(job) in taken])
        self._driver.resolve("resend", [job for job in unknown if jobs.get(job) not in taken])
        self._settle()
        return unknown

    def _settle(self) -> None:
        def settled() -> bool:
            counts = self._driver.look("/status")[0]["counts"]
            return not any(counts.get(state) for state in checker.UNFINISHED)

        self._wait(_PATIENCE, settled)

    def _judge(self, ledger: list[checker.Line], unknown: set[int]) -> None:
        (self._order.room / "ledger.txt").write_text("\n".join(map(str, ledger)), "utf-8")
        driver = self._lines("driver.log")
        verdict = checker.judge(driver, self._lines("receiver.log"), ledger)
        self.outcome.verdict = verdict
        self.outcome.faults.update(verdict.faults)
        self._note("duplicated", len(verdict.duplicated_inside) + len(verdict.duplicated_outside))
        states = checker.states_of(driver, ledger)
        self._note("misplaced", sum(state != "delivered" for state in states.values()))
        held = {line["event"] for line in driver if line["kind"] == "acked" and line["job"] in unknown}
        self._note("out of order", self._disorder(held))
        if not self._order.store.startswith("postgresql:"):
            with contextlib.closing(sqlite3.connect(self._order.store)) as database:
                self._note("corrupt", int(database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]))

    def _disorder(self, held: set[str]) -> int:
        """How many were taken before an earlier one of the same person; what was unknown holds nobody up."""
        moments: dict[str, float] = {}
        for line in self._requests():
            if line["complete"]:
                moments.setdefault(line["event"], line["mono"])
        found = 0
        last: dict[str, float] = {}
        for each in (one for mine in self._posted for one in mine if one.id in moments and one.id not in held):
            found += moments[each.id] < last.get(each.user_id, 0.0)
            last[each.user_id] = moments[each.id]
        return found

    def _forget(self) -> None:
        """Erase everybody. Then no canary is left in the store at all."""
        if self._order.product != "mapper":
            return
        people = {one.user_id for mine in self._posted for one in mine} | {event("fresh", 1).user_id}
        ended = self._forks.wait(self._forks.spawn("forget", **self._options, users=sorted(people)), 120)
        left = kills.dumped(self._order.store, self._order.room / "dump")
        self._note("residue", int(ended != 0) + len(canaries.leaks(*left)))

    # ---------------------------------------------------------------------------------------------------------- looks

    def _note(self, fault: str, count: int) -> None:
        if count:
            self.outcome.faults[fault] = self.outcome.faults.get(fault, 0) + count

    def _lines(self, name: str) -> list[checker.Line]:
        return journal.read(self._order.room / name)

    def _requests(self) -> list[checker.Line]:
        return [line for line in self._lines("receiver.log") if line["kind"] == "request"]

    def _wait(self, seconds: float, true: Callable[[], bool]) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if true():
                return True
            time.sleep(0.05)
        return False
