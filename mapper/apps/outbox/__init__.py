"""The outbox, for programs that embed it: accept events now, send each once, survive anything between.

Knows how a mapper, a ledger and a transport go together. Must not know what any of them does.

    outbox = mapper.Outbox(mapper.load("postcards.yaml"), store="mapper.db")
    outbox.accept(events)        # on disk when this returns
    outbox.drain()               # sends what is due; or outbox.run() in a process of its own

    target   where jobs are sent to        post   how one leaves        watchers   who is told of it
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from mapper.apps.outbox.post import Post
from mapper.delivery.gathering import Gathering
from mapper.delivery.intake import Intake, Known
from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.policy import Policy, of_plan
from mapper.delivery.values import Arrival, Receipt, Status
from mapper.delivery.worker import Habits, Watcher, Worker
from mapper.frozen import dataclass
from mapper.pipeline import Mapper
from mapper.ports import Transport

__all__ = ["Habits", "Outbox", "Policy", "Receipt", "Sending", "Status", "Watcher", "of_plan"]

#: Where jobs are kept unless told otherwise.
STORE = "mapper.db"

#: One event: decoded JSON, or its text.
Event = Mapping[str, Any] | bytes | str


@dataclass(frozen=True, slots=True)
class Sending:
    """How an outbox sends.

    ``transport``  an object with ``async def send``, or an installed name
    ``url``        an address that stands in for the mapping's own: its scheme and host, and its path where it has one
    ``policy``     instead of what the mapping says (``of_plan`` and ``replace``)
    """

    transport: Transport | str = "http"
    url: str | None = None
    policy: Policy | None = None
    habits: Habits | None = None
    watcher: Watcher | None = None


class Outbox:
    """Events in, each sent once. Safe in threads, in event loops and after a fork.

    ``store``     a path, or ``sqlite:///PATH``, ``postgresql://USER@HOST/DATABASE``
    ``settings``  over the environment's, by name
    ``source``    which of your sources the events are from: a userId means somebody within one source only
    ``known``     what is known of a decoded event's person besides what the store knows

    Raises StoreError where the store cannot be used, SettingsError where a required setting is missing.
    """

    def __init__(  # noqa: PLR0913 - an embedder's options, by name
        self,
        mapper: Mapper,
        store: str = STORE,
        *,
        settings: Mapping[str, Any] | None = None,
        sending: Sending | None = None,
        source: str = "",
        known: Known | None = None,
    ) -> None:
        self.mapper = mapper
        self._sending = sending or Sending()
        self._given = dict(settings or {})
        resolved = mapper.resolved(self._given)
        self._stopping = threading.Event()
        self._worker: Worker | None = None
        opened = open_store(store)
        self.intake = Intake(mapper, resolved, opened.secret, source, known)
        account = account_of(mapper, self._sending.url)
        policy = self._sending.policy or of_plan(mapper.plan)
        self.ledger = Ledger(opened, account, policy, self.intake.draft, fingerprint(mapper))
        self._gather()

    def _gather(self) -> None:
        self._pid = os.getpid()
        self._gathering: Gathering[Arrival, Receipt] = Gathering(self.ledger.accept)

    # ------------------------------------------------------------------------------------------------------------- in

    def accept(self, events: Event | Iterable[Event]) -> list[Receipt]:
        """Take events in: one, or many at once. They are on disk, synced, when this returns; a receipt for each.

        All are taken or none. What was taken before is not taken again: calling this twice does no harm. Threads
        that call at the same time share a transaction. Never raises for what is in an event.
        Raises StoreError: nothing was taken then, or nobody can know; call again with the same events.
        """
        several = [events] if isinstance(events, bytes | str | Mapping) else events
        arrivals = [self.intake.arrival(one) for one in several]
        if self._pid != os.getpid():  # the locks of a parent's threads may be locked for ever
            self._gather()
        return self._gathering.put(arrivals) if arrivals else []

    async def aaccept(self, events: Event | Iterable[Event]) -> list[Receipt]:
        """As ``accept``, without standing in the loop's way."""
        return await asyncio.to_thread(self.accept, events)

    # ------------------------------------------------------------------------------------------------------------ out

    def run(self) -> None:
        """Send what is due until ``stop`` is called from another thread or a signal.

        What is under way then has 25 seconds to end. Raises StoreBusyError where another worker has an SQLite store.
        """
        _on_a_loop(self.arun)

    async def arun(self) -> None:
        """As ``run``, on the running loop."""
        await self._work(until_empty=False, patience=0)

    def drain(self, patience: float = 60.0) -> Status:
        """Send until nothing is left that is due within ``patience`` seconds; how things stand then."""
        _on_a_loop(lambda: self.adrain(patience))
        return self.status()

    async def adrain(self, patience: float = 60.0) -> Status:
        """As ``drain``, on the running loop."""
        await self._work(until_empty=True, patience=patience)
        return await asyncio.to_thread(self.status)

    async def _work(self, *, until_empty: bool, patience: float) -> None:
        transport, own = self._transport()
        plan = self.mapper.plan
        post = Post(plan, transport, self._sending.url)
        self._worker = Worker(self.ledger, post, self._sending.habits, self._sending.watcher)
        if self._stopping.is_set():
            self._worker.stop()
        try:
            await self._worker.run(until_empty=until_empty, patience=patience)
        finally:
            close = getattr(transport, "aclose", None) if own else None
            if close is not None:
                await close()

    def _transport(self) -> tuple[Transport | str, bool]:
        """The way out, and whether it is ours to close."""
        chosen = self._sending.transport
        if chosen == "http":
            from mapper.transports.http import Http  # noqa: PLC0415 - who only accepts needs no HTTP

            return Http(self.mapper.secrets(self._given)), True
        if isinstance(chosen, str):
            from mapper import plugins  # noqa: PLC0415 - as above

            return plugins.transport(chosen, self.mapper.secrets(self._given)), True
        return chosen, False

    def stop(self) -> None:
        """Start nothing more: ``run`` and ``drain`` end when what is under way has. From any thread, or a signal."""
        self._stopping.set()
        if self._worker is not None:
            self._worker.stop()

    # -------------------------------------------------------------------------------------------------------- looking

    def status(self) -> Status:
        """How many jobs are in which state, and how the account stands."""
        return self.ledger.status()

    def close(self) -> None:
        """Let go of the store."""
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        """Where it keeps its jobs; nothing of anybody."""
        return f"<Outbox of {self.ledger.account} in {self.ledger.store.name}>"


def account_of(mapper: Mapper, url: str | None) -> str:
    """The account whose jobs these are: what was sent to another address than the mapping's own was not sent to it."""
    return mapper.destination if url is None else f"{mapper.destination} at {url}"


def fingerprint(mapper: Mapper) -> str:
    """Which mapping made a job: a hash of its text."""
    return hashlib.blake2b(mapper.text.encode(), digest_size=8).hexdigest()


def _on_a_loop(work: Callable[[], Any]) -> None:
    """Run on a private loop; inside a running one, in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work())
        return
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()
