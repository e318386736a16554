"""A worker at work: it sends until it is told to stop, and what is worth a line is logged on stderr.

Knows which lines those are. Must not decide about a job, nor say anything of anybody.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

from mapper.apps.cli import stores
from mapper.apps.cli.app import say
from mapper.apps.cli.interrupts import Interrupts
from mapper.apps.cli.sending import sums
from mapper.apps.cli.sending.asking import typed, where
from mapper.apps.cli.sending.draining import Gauge, Labour
from mapper.apps.outbox import Outbox, Sending, Status, of_plan
from mapper.delivery import pace
from mapper.delivery.ledger import turns
from mapper.delivery.states import State
from mapper.delivery.values import StoreBusyError, StoreError, Swept
from mapper.frozen import dataclass, field, replace
from mapper.pipeline import Mapper

#: Seconds between two lines that say how it goes.
_EVERY = 60.0
#: And where it always is the same.
_AT_LEAST_EVERY = 3600.0
#: The same trouble is told once in so many seconds.
_ONCE_IN = 60.0
#: What becomes of a job and waits for somebody, or was in vain.
_WORTH_SAYING: tuple[State, ...] = ("unknown", "held", "rejected", "dead")


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do. ``url`` stands in for the mapping's own address; ``settings`` over the environment's."""

    mapper: Mapper
    store: str
    url: str | None
    rate: tuple[int, int] | None
    settings: dict[str, Any] = field(default_factory=dict, repr=False)


def work(job: Job, *, asked: bool) -> bool:
    """Work until stopped; false where nobody agreed to it. Raises StoreError, StoreBusyError, SettingsError."""
    _refuse_second(job.store)
    log = Log()
    policy = replace(of_plan(job.mapper.plan), rate=job.rate)
    sending = Sending(url=job.url, policy=policy, watcher=log)
    outbox = Outbox(job.mapper, job.store, settings=job.settings, sending=sending)
    there = where(job.mapper, job.settings, job.url)
    _tell_of_others(outbox)
    if not asked and not _agreed(outbox, there, pace.spell(job.rate)):
        outbox.close()
        return False
    log.hello = f"sending to {there}, {pace.spell(job.rate)}, from {outbox.ledger.store.name}"
    _until_stopped(outbox, log, job)
    outbox.close()  # a worker that a second signal left at work has the store until the process ends, which is now
    return True


def _refuse_second(store: str) -> None:
    """Raise StoreBusyError where another process is the store's worker: before anybody is asked anything."""
    other = stores.holder_of(store)
    if other is not None:
        raise StoreBusyError(turns.refusal(other))


def _tell_of_others(outbox: Outbox) -> None:
    """Say so where this worker has nothing to do, and what waits is another account's: perhaps --to is missing."""
    own, store = outbox.status(), outbox.ledger.store
    others = [] if own.accepted else stores.accounts(store, None)
    for account in others:
        left = _left(stores.ledger(store, account).status())
        if left:
            say(f"This worker sends for {own.account}, for which nothing was ever accepted in this store.")
            say(f"{sums.many(left, 'job')} to be sent for {account}: a worker with the same -m and --to does that.")


def _agreed(outbox: Outbox, there: str, rate: str) -> bool:
    """Whether the person says yes."""
    say(f"{sums.many(_left(outbox.status()), 'job')} waiting to be sent to {there},")
    say(f"and what is accepted later, {rate}. Each may be printed and cost money.")
    if typed("Type yes to go on: ").lower() == "yes":
        return True
    say("Nothing was sent.")
    return False


class Log(Gauge):
    """What a worker says while it works: told on its thread, written on another, without anything of anybody."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._told: dict[str, float] = {}
        self._until: float | None = None
        self._ailing = False
        #: What is said first, once it has the store.
        self.hello: str | None = None

    def begin(self, store: str) -> None:
        """Say the first line, if this process is the store's worker by now: whoever reads it may rely on that."""
        if self.hello is None or (stores.path_of(store) is not None and not _is_ours(store)):
            return
        self.put(self.hello)
        self.hello = None

    def put(self, words: str) -> None:
        """Say something, with the moment before it."""
        self._lines.put(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}  {words}")

    def told(self) -> str:
        """How many were delivered, and how many ended so that somebody should know."""
        said = [f"{self.moves['delivered']:,} delivered"]
        return ", ".join(said + [f"{self.moves[state]:,} {state}" for state in _WORTH_SAYING if self.moves[state]])

    def lines(self) -> Iterator[str]:
        """What is to be written."""
        while True:
            try:
                yield self._lines.get_nowait()
            except Empty:
                return

    def paused(self, until: float, because: str | None) -> None:
        """The account sends nothing for a while."""
        moment = datetime.fromtimestamp(until, UTC)
        self._until = until
        self.put(f"paused until {moment:%H:%M:%S}Z: {because or 'no reason is known'}")

    def trouble(self, error: StoreError) -> None:
        """The store cannot be used just now."""
        words, now = str(error), time.monotonic()
        if now - self._told.get(words, float("-inf")) >= _ONCE_IN:
            self._told[words] = now
            self._ailing = True
            self.put(f"trouble with the store, trying again: {words}")

    def recovered(self) -> None:
        """It can be used again: said where the trouble was."""
        if self._ailing:
            self._ailing = False
            self.put("the store works again")

    def swept(self, swept: Swept) -> None:
        """What an earlier worker left under way."""
        if swept.unknown:
            self.put(f"{sums.many(swept.unknown, 'job')} unknown: a worker never said how they ended")
        if swept.dead:
            self.put(f"{sums.many(swept.dead, 'job')} dead: several workers never said how they ended")

    def claimed(self, count: int, held: int) -> None:
        """A cap, and the end of a pause."""
        super().claimed(count, held)
        if held:
            self.put(f"{sums.many(held, 'job')} held beyond a cap")
        if count and self._until is not None:
            self._until = None
            self.put("goes on")


class News:
    """When it is said how it goes: each minute while something changes, else once an hour, to show that it lives."""

    def __init__(self, now: float) -> None:
        self._looked = self._said = now
        self._words = ""
        self.delivered = 0

    def due(self, now: float) -> bool:
        """Whether to look how it goes."""
        return now - self._looked >= _EVERY

    def told(self, log: Log, words: str, now: float) -> None:
        """Say so, unless it is what was said last, and that within the hour."""
        self._looked, self.delivered = now, log.moves["delivered"]
        if words != self._words or now - self._said >= _AT_LEAST_EVERY:
            self._words, self._said = words, now
            log.put(words)


def _is_ours(store: str) -> bool:
    """Whether the worker of an SQLite store is this process."""
    worker = stores.holder_of(store)
    return worker is not None and worker.process == str(os.getpid())


def _until_stopped(outbox: Outbox, log: Log, job: Job) -> None:
    """Work until stopped, and say what is worth saying. Raises StoreBusyError, StoreError."""

    def stop() -> None:
        log.put("stopping: what is under way is waited for, 25 seconds at most")
        outbox.stop()

    begun = time.monotonic()
    news = News(begun)

    def look() -> None:
        log.begin(job.store)
        if news.due(time.monotonic()):
            delivered = log.moves["delivered"] - news.delivered
            news.told(log, _summary(outbox, delivered, job.rate), time.monotonic())
        _write(log)

    interrupts = Interrupts(stop)
    with interrupts:
        try:
            Labour(outbox.run, outbox.stop).watched(interrupts, look)
        finally:
            if interrupts.count:
                log.put(f"stopped: {log.told()} in {sums.lasting(time.monotonic() - begun)}")
            _write(log)


def _write(log: Log) -> None:
    for line in log.lines():
        say(line)
    if sys.stderr is not None:
        sys.stderr.flush()


def _summary(outbox: Outbox, delivered: int, rate: tuple[int, int] | None) -> str:
    """How it goes, on one line."""
    try:
        status = outbox.status()
    except StoreError as error:
        return f"how it goes cannot be said: {error}"
    left = _left(status)
    said = [f"{delivered:,} delivered in the last minute", f"{left:,} left"]
    if left and rate is not None:
        said.append(f"about {sums.lasting(pace.seconds_for(left, rate))} to go")
    if status.oldest is not None:
        said.append(f"the oldest accepted {sums.lasting(status.now - status.oldest)} ago")
    said += [f"{status.counts[state]:,} {state}" for state in _WORTH_SAYING if status.counts[state]]
    return ", ".join(said)


def _left(status: Status) -> int:
    return sum(status.counts[state] for state in ("waiting", "ready", "sending"))
