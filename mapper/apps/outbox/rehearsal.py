"""A rehearsal: what would become of events if they were accepted now, found out by accepting them and taking it back.

Knows that a transaction can be rolled back. Must not send, nor leave anything in the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from mapper.apps.outbox import Outbox
from mapper.delivery.ledger import accept as accepting
from mapper.delivery.values import Unread
from mapper.frozen import dataclass

#: Seconds. A worker of the same store waits meanwhile, and what it has under way must not become unknown by that.
LONGEST = 20.0

#: Events, some at a time.
Batches = Iterator[Sequence[bytes | Unread]]


@dataclass(slots=True)
class Rehearsal:
    """How many events there are, and how many of them would be sent.

    ``exact`` is false where there are too many to rehearse: those beyond count as if each were sent.
    """

    read: int = 0
    sent: int = 0
    exact: bool = True


class _TakenBackError(Exception):
    """Ends the transaction: nothing of it stays."""


def rehearse(
    outbox: Outbox, batches: Callable[[], Iterable[Sequence[bytes | Unread]]], seconds: float = LONGEST
) -> Rehearsal:
    """What would become of these events. ``batches`` gives them from the start, each time that it is called.

    Raises StoreError, and whatever reading them raises.
    """
    found, rest = Rehearsal(), iter(batches())

    def work(connection: Any) -> None:
        nonlocal found, rest
        found, rest = Rehearsal(), iter(batches())  # a database may ask for it once more
        _take(outbox, connection, rest, found, time.monotonic() + seconds)
        raise _TakenBackError

    with suppress(_TakenBackError):
        outbox.ledger.store.write(work)
    for batch in rest:
        found.exact = False
        found.read += len(batch)
        found.sent += len(batch)
    return found


def _take(outbox: Outbox, connection: Any, batches: Batches, found: Rehearsal, until: float) -> None:
    """Accept until the batches, or the time, are over."""
    ledger = outbox.ledger
    assert ledger.mapping is not None  # noqa: S101 - an outbox accepts
    for batch in batches:
        arrivals = [outbox.intake.arrival(one) for one in batch]
        taken = accepting.Batch(ledger.account, arrivals, ledger.mapping, ledger.policy, ledger.fingerprint)
        receipts = accepting.accept(connection, ledger.store, taken)
        found.read += len(batch)
        found.sent += sum(one.state in ("ready", "waiting") and not one.repeated for one in receipts)
        if time.monotonic() > until:
            return
