"""What becomes of each event of a run: sent once, held back, or not sent, and when sending stops.

Knows the order of the decisions about one event. Must not know a file's format, a transport or a clock:
what it needs of the world is handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mapper.apps.sending.guards import CONFLICT, Calls, Orders
from mapper.apps.sending.records import UNDELIVERED, Fate, Record
from mapper.delivery import pace
from mapper.delivery.pace import Pace
from mapper.outcome import Outcome
from mapper.plan import Plan
from mapper.readers.events import Event
from mapper.request import Request

#: So many requests in a row that were not taken, or of which nobody knows, and sending stops: the destination is
#: down, and each further request would be one more postcard that nobody can account for.
IN_A_ROW = 10
#: Seconds. A destination that asks to wait longer than this stops the run.
LONGEST_WAIT = 60.0

_FATE_OF: Mapping[str, Fate] = {
    "delivered": "delivered",
    "rejected": "rejected",
    "retry": "retry",
    "unknown": "unknown",
    "pause": "paused",
}


@dataclass(frozen=True, slots=True)
class World:
    """What a run needs of the world.

    ``post``  sends one request and says how it ended
    ``now``   a moment in seconds, from any start, that never runs backwards
    ``wait``  waits so many seconds, or less when sending is stopped meanwhile
    ``date``  what the calendar says, for a Retry-After that is a date
    """

    post: Callable[[Request], Outcome]
    now: Callable[[], float]
    wait: Callable[[float], None]
    date: Callable[[], datetime] = lambda: datetime.now(UTC)


class Rehearsal:
    """A world in which every request is delivered at once and time passes by waiting: what a run would do.

    ``now`` afterwards is how long it would take, in seconds.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def world(self) -> World:
        """This world, for a run."""
        return World(lambda _: Outcome("delivered", ""), lambda: self.seconds, self._pass)

    def _pass(self, seconds: float) -> None:
        self.seconds += seconds


class Run:
    """One run. ``take`` each event in the order of the files.

    ``rate``  requests and the seconds that they are spread over, or None
    ``most``  how many requests it may send, or None

    Requests leave one after the other, so the calls of one person stay in their order. Nothing is sent a second
    time: what a destination did not take is counted, and kept by whoever keeps the records.
    """

    def __init__(
        self,
        plan: Plan,
        settings: Mapping[str, Any],
        world: World,
        *,
        rate: tuple[int, int] | None = None,
        most: int | None = None,
    ) -> None:
        self.counts: Counter[Fate] = Counter()
        self.stopped: str | None = None
        self._world = world
        self._pace: Pace = pace.of_rate(rate)
        self._most = most
        self._sent = 0
        self._in_a_row = 0
        self._calls = Calls()
        self._orders = Orders(plan, settings)

    @property
    def read(self) -> int:
        """How many events were taken: the sum over all fates."""
        return sum(self.counts.values())

    @property
    def undelivered(self) -> int:
        """How many events should have been delivered and were not."""
        return sum(self.counts[fate] for fate in UNDELIVERED)

    @property
    def conflicts(self) -> int:
        """How many calls came with the messageId of an earlier one and another content."""
        return self.counts["conflicting"]

    @property
    def unguarded(self) -> int:
        """How many orders ``once_per`` did not guard, because a part of their key is empty."""
        return self._orders.unguarded

    def stop(self, reason: str) -> None:
        """Send nothing more. The first reason stays."""
        self.stopped = self.stopped or reason

    def take(self, event: Event) -> Record:
        """Decide about one event, and send it where it is due. Raises SettingsError, before anything was sent."""
        record = self._decided(event)
        self.counts[record.fate] += 1
        return record

    def _decided(self, event: Event) -> Record:
        result = event.result
        if result.request is None:
            fate: Fate = "skipped" if result.status == "skipped" else "invalid"
            return Record(event, fate, result.because or _codes(event))
        repeats = self._calls.repeats(event.decoded, result.request)
        if repeats is not None:
            return Record(event, "conflicting" if repeats == CONFLICT else "duplicate", repeats)
        key = self._orders.key(event.decoded, result)
        if self._orders.taken(key, self._world.now()):
            return Record(event, "duplicate", "the same order again: once_per")
        record = self._sent_or_not(event, result.request)
        if record.fate != "rejected":  # after a refusal another try is no second postcard
            self._orders.take(key, self._world.now())
        return record

    def _sent_or_not(self, event: Event, request: Request) -> Record:
        if self._most is not None and self._sent >= self._most:
            return Record(event, "held", f"one run sends at most {self._most}")
        self._wait_for_turn()
        if self.stopped is not None:
            return Record(event, "unsent", f"sending stopped: {self.stopped}")
        self._sent += 1
        self._pace = self._pace.left(self._world.now())
        outcome = self._world.post(request)
        self._learn(outcome)
        return Record(event, _FATE_OF[outcome.ending], outcome.message, outcome)

    def _wait_for_turn(self) -> None:
        """Wait until the next request may leave, or until sending is stopped."""
        while self.stopped is None and (seconds := self._pace.wait(self._world.now())) > 0:
            self._world.wait(seconds)

    def _learn(self, outcome: Outcome) -> None:
        """What one outcome means for the rest of the run."""
        if outcome.ending == "pause":
            self.stop(outcome.message)
        open_ended = outcome.ending in ("retry", "unknown")
        self._in_a_row = self._in_a_row + 1 if open_ended else 0
        if self._in_a_row >= IN_A_ROW:
            self.stop(f"{IN_A_ROW} requests in a row were not answered for good")
        seconds = pace.retry_after(outcome.retry_after, self._world.date()) if open_ended else None
        if seconds is not None and seconds > LONGEST_WAIT:
            self.stop(f"the destination asks to wait {seconds:.0f} seconds")
        elif seconds is not None:
            self._pace = self._pace.held(self._world.now(), seconds)


def _codes(event: Event) -> str:
    """Why an event is invalid: codes and fields."""
    return ", ".join(f"{p.code} {p.field}" if p.field else p.code for p in event.result.problems)
