"""What an outbox does, as lines of the standard library's logging.

Knows which line each event becomes, and how loud. Must not write a value of anybody: a job is its number.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from mapper.delivery.states import State
from mapper.delivery.values import Ending, Receipt, Settled, StoreError, Swept
from mapper.delivery.worker import Watcher

#: How loud a try's end is. What a person has to look at is a warning; the daily business is not.
_LOUD: dict[State | None, int] = {
    "unknown": logging.WARNING,
    "rejected": logging.WARNING,
    "dead": logging.WARNING,
    "ready": logging.INFO,
}


class Logs(Watcher):
    """Writes to a logger, ``mapper.outbox`` unless told otherwise. It sets up none: where lines go is the host's.

    ``ERROR``    the store cannot be used
    ``WARNING``  a pause, what is held, unknown, rejected or dead; that the store can be used again
    ``INFO``     a try that was not taken and is made again
    ``DEBUG``    what was accepted and delivered
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._log = logger or logging.getLogger("mapper.outbox")

    def accepted(self, receipts: Sequence[Receipt]) -> None:
        """How many, by state."""
        if self._log.isEnabledFor(logging.DEBUG):
            counted = Counter(receipt.repeated or receipt.state for receipt in receipts)
            self._log.debug("accepted: %s", ", ".join(f"{n} {what}" for what, n in sorted(counted.items())))

    def claimed(self, count: int, held: int) -> None:
        """What is beyond a cap."""
        del count
        if held:
            self._log.warning("%d held: a cap is reached; they wait for a person to release them", held)

    def settled(self, ending: Ending, settled: Settled) -> None:
        """How a try ended."""
        level = _LOUD.get(settled.state, logging.DEBUG)
        state = settled.state or "settled before"
        self._log.log(level, "job %d, try %d: %s: %s", ending.job, ending.attempt, state, ending.because)

    def swept(self, swept: Swept) -> None:
        """What a worker left that is gone."""
        told = (swept.unknown, swept.again, swept.dead, swept.freed)
        self._log.warning("a worker is gone: %d unknown, %d sent again, %d dead, %d not begun", *told)

    def paused(self, until: float, because: str | None) -> None:
        """Until when, and why."""
        moment = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
        self._log.warning("paused until %s: %s", moment, because)

    def trouble(self, error: StoreError) -> None:
        """In the ledger's own words, which quote nothing."""
        self._log.error("the store cannot be used: %s", error)

    def recovered(self) -> None:
        """As loud as what a person does about it: it is over."""
        self._log.warning("the store can be used again")
