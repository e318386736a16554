"""The outbox, for programs that embed it: accept events now, send each once, survive anything between.

Knows how a mapper, a ledger and a transport go together. Must not know what any of them does.

    outbox = mapper.Outbox(mapper.load("postcards.yaml"), store="mapper.db")
    outbox.accept(events)        # on disk when this returns
    outbox.drain()               # sends what is due; or outbox.run() in a process of its own

    target   where jobs are sent to        post   how one leaves        watching   who is told of it
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike, fspath
from typing import Any, Self
from weakref import WeakSet

from mapper.apps.outbox import target
from mapper.apps.outbox.post import Post
from mapper.apps.outbox.watching import Watchers
from mapper.delivery.gathering import Gathering
from mapper.delivery.intake import Intake, Known
from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.policy import Policy, of_plan
from mapper.delivery.values import Arrival, Receipt, Status, StoreError, Unread
from mapper.delivery.worker import Habits, Watcher, Worker
from mapper.frozen import dataclass
from mapper.pipeline import Mapper
from mapper.ports import Transport

__all__ = ["Habits", "Outbox", "Policy", "Receipt", "Sending", "Status", "StoreError", "Watcher", "Watchers", "of_plan"]

#: Where jobs are kept unless told otherwise.
STORE = "mapper.db"

#: One event: decoded JSON, or its text.
Event = Mapping[str, Any] | bytes | str | Unread


@dataclass(frozen=True, slots=True)
class Sending:
    """How an outbox sends.

    ``transport``  an object with ``async def send``, or an installed name
    ``url``        an address that stands in for the mapping's own: its scheme and host, and its path where it has one
    ``policy``     instead of what the mapping says (``of_plan`` and ``replace``)
    ``account``    whose jobs these are, where that is not to be told from the address (``account_of``)
    """

    transport: Transport | str = "http"
    url: str | None = None
    policy: Policy | None = None
    account: str | None = None
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
        store: str | PathLike[str] = STORE,
        *,
        settings: Mapping[str, Any] | None = None,
        sending: Sending | None = None,
        source: str = "",
        known: Known | None = None,
    ) -> None:
        if not isinstance(mapper, Mapper):
            raise TypeError(f"an outbox takes what mapper.load gives, not {type(mapper).__name__}")
        self.mapper = mapper
        self._sending = sending or Sending()
        fault = None if self._sending.url is None else target.wrong(self._sending.url)
        if fault is not None:
            raise ValueError(f"the url of Sending: {fault}")
        self._watcher = Watchers(self._sending.watcher)
        self._given = dict(settings or {})
        resolved = mapper.resolved(self._given)
        opened = open_store(fspath(store))
        self.intake = Intake(mapper, resolved, opened.secret, source, known)
        account = self._sending.account or account_of(mapper, self._sending.url)
        policy = self._sending.policy or of_plan(mapper.plan)
        self.ledger = Ledger(opened, account, policy, self.intake.draft, fingerprint(mapper))
        self._closed = False
        self._begin_anew()
        _living.add(self)

    def _begin_anew(self) -> None:
        """What a forked child begins with: its own locks, and none of its parent's work."""
        self._committing = threading.Lock()
        self._gathering: Gathering[Arrival, Receipt] = Gathering(self._commit)
        self._stopping = False
        self._works: dict[Worker, _Work] = {}

    # ------------------------------------------------------------------------------------------------------------- in

    def accept(self, events: Event | Iterable[Event]) -> list[Receipt]:
        """Take events in: one, or many at once. They are on disk, synced, when this returns; a receipt for each.

        All are taken or none. What was taken before is not taken again: calling this twice does no harm. Threads
        that call at the same time share a transaction. Never raises for what is in an event.
        Raises StoreError: nothing was taken then, or nobody can know; call again with the same events.
        """
        arrivals = [self.intake.arrival(one) for one in _several(events)]
        if not arrivals:
            return []
        receipts = self._gathering.put(arrivals)
        self._watcher.accepted(receipts)
        for worker in tuple(self._works):
            worker.wake()
        return receipts

    async def aaccept(self, events: Event | Iterable[Event]) -> list[Receipt]:
        """As ``accept``, without standing in the loop's way. If it is cancelled the events may have been taken."""
        return await asyncio.to_thread(self.accept, events)

    def _commit(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        with self._committing:
            self._refuse_closed()
            return self.ledger.accept(arrivals)

    # ------------------------------------------------------------------------------------------------------------ out

    def run(self) -> None:
        """Send what is due until ``stop`` is called from another thread or a signal.

        What is under way then has 25 seconds to end. Raises StoreBusyError where another worker has an SQLite store,
        and SettingsError where a secret is missing: nothing was sent then.
        """
        _on_a_loop(self.arun)

    async def arun(self) -> None:
        """As ``run``, on the running loop."""
        await self._work(until_empty=False, patience=0)

    def drain(self, patience: float = 60.0) -> Status:
        """Send until nothing is left that is due within ``patience`` seconds; how things stand then."""
        _on_a_loop(lambda: self._work(until_empty=True, patience=patience))
        return self.status()

    async def adrain(self, patience: float = 60.0) -> Status:
        """As ``drain``, on the running loop."""
        await self._work(until_empty=True, patience=patience)
        return await asyncio.to_thread(self.status)

    async def _work(self, *, until_empty: bool, patience: float) -> None:
        self._refuse_closed()
        transport, own = self._transport()
        post = Post(self.mapper.plan, transport, self._sending.url)
        worker = Worker(self.ledger, post, self._sending.habits, self._watcher)
        self._works[worker] = work = _Work()
        if self._stopping:  # it is looked at after the line above: a stop between the two reaches the worker itself
            worker.stop()
        try:
            await worker.run(until_empty=until_empty, patience=patience)
        finally:
            del self._works[worker]
            if not self._works:
                self._stopping = False
            work.over.set()
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
        """Start nothing more: ``run`` and ``drain`` end when what is under way has. From any thread, or a signal.

        Said before they begin, it ends the next one at once. After that they can be called again.
        """
        self._stopping = True
        for worker in tuple(self._works):
            worker.stop()

    # -------------------------------------------------------------------------------------------------- looking, end

    def status(self) -> Status:
        """How many jobs are in which state, and how the account stands. Raises StoreError."""
        self._refuse_closed()
        return self.ledger.status()

    def close(self) -> None:
        """Stop, wait for what is under way in other threads, and let go of the store. Again, it does nothing.

        What was accepted is safe without it. On a loop that works, ``await aclose()``.
        """
        if self._closed:
            return
        if any(work.thread == threading.get_ident() for work in tuple(self._works.values())):
            raise RuntimeError("this outbox works on this very thread: await aclose(), or stop() and let it end")
        self._end()
        with self._committing:
            self._closed = True
            self.ledger.close()

    def _end(self) -> None:
        """Stop, and wait for what is under way in other threads."""
        self.stop()
        for work in tuple(self._works.values()):
            if work.thread != threading.get_ident():
                work.over.wait(_PATIENCE)

    async def aclose(self) -> None:
        """As ``close``, without standing in the loop's way."""
        await asyncio.to_thread(self.close)

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError("this outbox is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        """Where it keeps its jobs; nothing of anybody."""
        return f"<Outbox of {self.ledger.account} in {self.ledger.store.name}>"


#: Seconds that ``close`` waits for a worker, which gives up what is under way before that.
_PATIENCE = 60.0


class _Work:
    """One worker's time: on which thread, and whether it is over."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.over = threading.Event()


#: What a child has to begin anew, before any thread of its own is there: a parent's locks may be locked for ever.
_living: WeakSet[Outbox] = WeakSet()


def _forked() -> None:
    for outbox in tuple(_living):
        outbox._begin_anew()  # noqa: SLF001 - a function of the class, but for its place


os.register_at_fork(after_in_child=_forked)


def _exiting() -> None:
    """At the end of the interpreter: a worker on a thread that nobody stopped ends as if somebody had."""
    for outbox in tuple(_living):
        outbox._end()  # noqa: SLF001 - as above


# `atexit` comes too late: by then Python waits for the threads, and their pools take nothing more.
getattr(threading, "_register_atexit", atexit.register)(_exiting)


def _several(events: Event | Iterable[Event]) -> Iterable[Event]:
    """The events, one by one."""
    if isinstance(events, bytes | str | Mapping | Unread):
        return (events,)
    if isinstance(events, bytearray | memoryview):
        return (bytes(events),)
    if not isinstance(events, Iterable):
        raise TypeError(f"an event is a dict, or its JSON as bytes or str, not {type(events).__name__}")
    return events


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
