"""The way out of ``send`` and ``worker``: an outbox at work on a thread of its own, while this one listens and tells.

Knows threads, and what a worker says while it works. Must not decide about a job, nor know the files.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from threading import Event, Thread

from mapper.apps.cli.interrupts import Interrupts
from mapper.apps.outbox import Outbox, Status, StoreError, Watcher
from mapper.delivery.states import State
from mapper.delivery.values import Ending, Settled

#: Seconds over which the speed is taken.
_SPAN = 10.0
#: Seconds between two looks at the signals.
_STEP = 0.1


class Gauge(Watcher):
    """What a worker did, counted. It is told on the worker's thread, and read on another."""

    def __init__(self) -> None:
        #: Tries by the state in which they left their job; ``ready`` is a retry.
        self.moves: Counter[State] = Counter()
        #: Why the key or the account was refused; None where it was not.
        self.refused: str | None = None
        self._moments: deque[float] = deque()

    def settled(self, ending: Ending, settled: Settled) -> None:
        """A try ended."""
        if settled.state is None:
            return
        self.moves[settled.state] += 1
        self._moments.append(time.monotonic())
        if ending.ending == "pause":
            self.refused = ending.because

    def claimed(self, count: int, held: int) -> None:
        """Some were held beyond a cap."""
        del count
        self.moves["held"] += held

    @property
    def done(self) -> int:
        """How many jobs wait no more."""
        return sum(number for state, number in dict(self.moves).items() if state != "ready")

    def speed(self) -> float:
        """Tries that ended, a second, over the last ten."""
        now = time.monotonic()
        while self._moments and self._moments[0] < now - _SPAN:
            self._moments.popleft()
        span = now - self._moments[0] if self._moments else 0.0
        return len(self._moments) / span if span > 1 else 0.0


class Labour(Thread):
    """An outbox that works on a thread which does not keep the process from ending: what it leaves is in the ledger.

    ``stop``  asks it to end when what is under way has
    """

    def __init__(self, work: Callable[[], object], stop: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="outbox")
        self._work = work
        self._stop_it = stop
        self._over = Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Work."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            self._error = error
        finally:
            self._over.set()

    def watched(self, interrupts: Interrupts, look: Callable[[], None]) -> None:
        """Start it and wait until it ends, looking every now and then. Raises what it raised.

        Where looking fails (nobody reads any more what is said) it is asked to end, and waited for all the same: what
        is under way must not become a doubt for that. Raises Stopped on the second Ctrl-C, and leaves it at work.
        """
        self.start()
        with interrupts.breakable():
            try:
                while not self._over.wait(_STEP):
                    look()
            except Exception:
                self._stop_it()
                while not self._over.wait(_STEP):
                    pass
                raise
        if self._error is not None:
            raise self._error


class Backlog:
    """How many jobs wait, between two looks at the store: those become rarer, the longer they take.

    Raises StoreError where the first look fails.
    """

    def __init__(self, outbox: Outbox, gauge: Gauge) -> None:
        self._outbox = outbox
        self._gauge = gauge
        self._away: str | None = None
        self._look()

    def look(self) -> None:
        """Look at the store. What it shows is for a person: where it is away for a moment, the last look counts."""
        try:
            self._look()
            self._away = None
        except StoreError as error:
            self._away = str(error)
            self._next = time.monotonic() + 1.0

    def _look(self) -> None:
        before, done = time.monotonic(), self._gauge.done
        self.status: Status = self._outbox.status()
        self._done = done
        now = time.monotonic()
        self._next = now + max(1.0, 20 * (now - before))

    @property
    def late(self) -> bool:
        """Whether it is time for another look."""
        return time.monotonic() > self._next

    @property
    def left(self) -> int:
        """Jobs that wait or are under way."""
        waiting = sum(self.status.counts[state] for state in ("waiting", "ready", "sending"))
        return max(0, waiting - (self._gauge.done - self._done))

    def words(self, gap: float) -> str:
        """How it goes, on one line. ``gap`` is the seconds between two requests at the rate."""
        said = [f"{self._gauge.moves['delivered']:,} delivered"]
        others = self._gauge.done - self._gauge.moves["delivered"]
        said += [f"{others:,} not"] if others else []
        speed, left = self._gauge.speed(), self.left
        paused = self.status.paused
        if paused is not None:
            said.append(
                f"{left:,} left, paused for {max(0, paused - self.status.now):.0f} s: {self.status.pause_reason}"
            )
            return ", ".join(said)
        said.append(f"{left:,} left")
        if self._away is not None:
            said.append(f"trying again: {self._away}")
        elif speed:
            said.append(f"{speed:.1f} a second, {clock(max(left * gap, left / speed))} to go")
        return ", ".join(said)


def clock(seconds: float) -> str:
    """A duration as clocks show it: 0:07, 12:30, 1:02:03."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
