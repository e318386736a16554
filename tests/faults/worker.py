"""A driver program: the sending process, which runs an Outbox until it is asked to end.

Knows how an Outbox is made and asked, for both driver programs: this is the one file that names modules of the product.
Must not judge. ``options`` of a child::

    product     mapper, or standin, which proves the rig
    store       the store's path or URL
    mapping     the mapping's file; its receiver's address is in FAULTS_URL
    lease       seconds after which what was begun counts as lapsed
    failpoint   NAME or NAME:N of a point at which this process kills itself
    bug         of standin only: a mistake for the rig to find
"""

from __future__ import annotations

import dataclasses
import importlib
import signal
import socket
from collections.abc import Sequence
from typing import Any, Final, Protocol

#: The modules that are imported before the first fork.
PRODUCTS: Final = {
    "mapper": (
        "mapper.pipeline",
        "mapper.apps.outbox",
        "mapper.transports.http",
        "mapper.delivery.failpoints",
        "mapper.delivery.ledger.sqlite",
        "anyio._backends._asyncio",  # this and the next are what httpx leaves for its first request
        "httpcore",
    ),
    "standin": (f"{__name__.rpartition('.')[0]}.standin",),
}
#: Seconds between two looks for what has lapsed, and until a job is tried again, as a part of the lease.
_PART: Final = 0.2
#: More rows than any test has.
_ALL: Final = 10_000_000


class Box(Protocol):
    """What the rig asks of a product."""

    def accept(self, events: Sequence[bytes]) -> Sequence[Any]:
        """Take events; receipts with ``job``, ``state`` and ``repeated``."""

    def run(self) -> None:
        """Send until stopped."""

    def stop(self) -> None:
        """Let ``run`` end; from a signal."""

    def forget(self, user: str) -> None:
        """Erase a person."""

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""

    def rows(self) -> Sequence[Any]:
        """Every job, with ``job``, ``state`` and ``attempts``."""

    def close(self) -> None:
        """Let go of the store."""


def outbox(options: dict[str, Any]) -> Box:
    """An outbox on the store, with its failpoint armed."""
    if options["product"] == "standin":
        stand_in: Box = importlib.import_module(PRODUCTS["standin"][0]).Outbox(options)
        return stand_in
    return _Mapper(options)


class _Mapper:
    """The product."""

    def __init__(self, options: dict[str, Any]) -> None:
        importlib.import_module("mapper.delivery.failpoints").arm(options.get("failpoint"))
        made = importlib.import_module("mapper.apps.outbox")
        mapper = importlib.import_module("mapper.pipeline").load(options["mapping"])
        lease = options["lease"]
        policy = made.of_plan(mapper.plan)
        schedule = dataclasses.replace(policy.schedule, steps=(lease * _PART,))
        policy = dataclasses.replace(policy, lease=lease, schedule=schedule)
        sending = made.Sending(policy=policy, habits=made.Habits(sweep=lease * _PART))
        self._outbox = made.Outbox(mapper, options["store"], sending=sending)
        self.accept = self._outbox.accept
        self.run = self._outbox.run
        self.stop = self._outbox.stop
        self.close = self._outbox.close

    def forget(self, user: str) -> None:
        wish = importlib.import_module("mapper.delivery.ledger.forget").Wish
        self._outbox.ledger.forget(wish(self._outbox.intake.person(user), "the fault tests"))

    def counts(self) -> dict[str, int]:
        return dict(self._outbox.status().counts)

    def rows(self) -> Sequence[Any]:
        wanted = importlib.import_module("mapper.delivery.values").Filter(most=_ALL)
        found: Sequence[Any] = self._outbox.ledger.rows(wanted)
        return found


def run(options: dict[str, Any], _listener: socket.socket) -> int:
    """Send until SIGTERM; the exit code."""
    box = outbox(options)
    signal.signal(signal.SIGTERM, lambda *_: box.stop())
    try:
        box.run()
    finally:
        box.close()
    return 0
