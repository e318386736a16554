"""The worker: it claims what is due, sends each when its time comes, and writes down how it ended.

Knows the order: claimed, started (committed), sent, settled. Must not know SQL, HTTP or a mapping: the ledger and a
way to send are handed in. It runs on an event loop; the ledger is asked on one thread beside it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from mapper.delivery import failpoints
from mapper.delivery.clerk import Clerk
from mapper.delivery.ledger import Ledger, Wish
from mapper.delivery.ledger.turns import GoneError
from mapper.delivery.values import Claim, Claimed, Ending, Receipt, Settled, StoreError, Swept
from mapper.frozen import dataclass

T = TypeVar("T")

#: Sends one claim, and says how it ended. It must not raise; what it raises is taken for an end that nobody knows.
Post = Callable[[Claim], Awaitable[Ending]]


@dataclass(frozen=True, slots=True)
class Habits:
    """How a worker works, in seconds.

    ``slots``   sends under way at once
    ``idle``    between two looks where nothing is to be done
    ``sweep``   between two looks for what has lapsed
    ``drain``   for what is under way, when it is told to stop; then that is given up, and nobody knows
    ``ahead``   how far ahead of its time a job is claimed
    """

    slots: int = 64
    idle: float = 0.02
    sweep: float = 15.0
    drain: float = 25.0
    ahead: float = 0.25


class Watcher:
    """What somebody who watches is told. Each method may be overridden; none may be slow, nor raise.

    No argument holds anything of anybody, but for a claim's ``target`` and ``content``.
    """

    def accepted(self, receipts: Sequence[Receipt]) -> None:
        """Events were taken in; told by whoever accepts, on that thread."""

    def claimed(self, count: int, held: int) -> None:
        """So many jobs were claimed, and so many held beyond a cap."""

    def begun(self, claim: Claim) -> None:
        """A try begins, in a task of its own: it is written down, and no byte has left."""

    def ended(self, claim: Claim, ending: Ending) -> None:
        """A try has ended, in the same task; it is not yet written down."""

    def settled(self, ending: Ending, settled: Settled) -> None:
        """How a try ended is written down."""

    def swept(self, swept: Swept) -> None:
        """Something had lapsed: a worker is gone, and never said how what it had under way ended."""

    def paused(self, until: float, because: str | None) -> None:
        """The account sends nothing until then; once for each pause, whoever began it."""

    def trouble(self, error: StoreError) -> None:
        """The store could not be used; the worker tries again."""

    def recovered(self) -> None:
        """The store can be used again, after trouble."""


class Worker:
    """One worker of one account.

    ``stop`` and ``wake`` may be called from any thread, or from a signal.
    """

    def __init__(
        self, ledger: Ledger, post: Post, habits: Habits | None = None, watcher: Watcher | None = None
    ) -> None:
        self._ledger = ledger
        self._post = post
        self._habits = habits or Habits()
        self._watcher = watcher or Watcher()
        #: New at each start, so that nobody takes this worker's jobs for those of an earlier one.
        self.who = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stopping = False  # no Event: a second signal inside its `set` would wait for the first for ever
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = asyncio.Event()
        self._paused: float | None = None
        self._troubled = False
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._clerk: Clerk | None = None
        #: How many were claimed and not given back.
        self._claimed = 0
        #: Whether the last claim gave something: then the next is made without a look.
        self._more = False
        #: The version of the store at which it was looked at, and when the next job was due then.
        self._seen: int | None = None
        self._due: float | None = None
        #: Before this moment nothing is claimed.
        self._quiet = 0.0

    def stop(self) -> None:
        """Start nothing more, and end when what is under way has ended."""
        self._stopping = True
        self.wake()

    def wake(self) -> None:
        """Look now whether something is due, where it has nothing to do."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._bell.set)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping

    async def run(self, *, until_empty: bool = False, patience: float = 60.0) -> None:
        """Work until told to stop; or until nothing is left that is due within ``patience`` seconds.

        Raises StoreBusyError where another worker has the store, and StoreError where its file is another by now.
        """
        with ThreadPoolExecutor(1, "ledger") as thread, self._ledger.worker() as still:
            self._loop = asyncio.get_running_loop()
            self._clerk = Clerk(self._ledger, self.who, thread)
            clerk = asyncio.create_task(self._clerk.run())
            try:
                await self._work(still, until_empty=until_empty, patience=patience)
            finally:
                self._stopping = True  # at once: what was only claimed does not begin
                ending = asyncio.ensure_future(self._end(clerk))
                cancelled = await _outlasted(ending)
                ending.result()
                if cancelled:
                    raise asyncio.CancelledError

    # ------------------------------------------------------------------------------------------------------- the loop

    async def _work(self, still: Callable[[], None], *, until_empty: bool, patience: float) -> None:
        swept = kept = float("-inf")
        while not self._stopping:
            still()
            if time.monotonic() - swept >= self._habits.sweep:
                rare = time.monotonic() - kept >= _KEEPING
                await self._sweep(rare=rare)
                swept = time.monotonic()
                kept = swept if rare else kept
            again = await self._claim()
            if until_empty and not self._under_way and self._nothing_within(again, patience):
                return
            await self._rest(again)

    async def _sweep(self, *, rare: bool) -> None:
        """See to what has lapsed. Now and then also to those who wait, and to contents that are past their time."""
        under_way = frozenset(self._under_way)
        lapsed = await self._ask(lambda: self._ledger.sweep(self.who, under_way, lines=rare))
        if lapsed is not None and lapsed != Swept():
            self._watcher.swept(lapsed)
        keep = self._ledger.policy.keep
        if rare and keep is not None:
            await self._ask(lambda: self._ledger.prune(keep))

    def _nothing_within(self, again: float | None, patience: float) -> bool:
        return again is None or again - self._ledger.store.now() > patience

    async def _claim(self) -> float | None:
        """Claim for the free slots, and set off what was claimed; when to ask again."""
        free = self._habits.slots - len(self._under_way)
        if free <= 0:
            return self._ledger.store.now()
        if not self._more:
            due = await self._next()
            if due is None or max(due, self._quiet) > self._ledger.store.now() + self._habits.ahead:
                return due if due is None else max(due, self._quiet)
        left = self._left_of_run()
        if left == 0 and self._under_way:  # some of them may be given back yet
            return self._ledger.store.now()
        wish = Wish(self.who, free, min(self._habits.ahead, self._ledger.policy.margin), left, start=True)
        claiming = asyncio.ensure_future(self._ask(lambda: self._ledger.claim(wish)))
        cancelled = await _outlasted(claiming)
        again = self._set_off(claiming.result())  # what it gives is perhaps begun: it goes its way
        if cancelled:
            raise asyncio.CancelledError
        return again

    async def _next(self) -> float | None:
        """When the next job is due. Where nobody wrote to the store since it was looked at, that is known."""
        version = self._ledger.store.version()
        if version is None or version != self._seen:
            found = await self._ask(lambda: (self._ledger.due(),), writes=False)
            if found is None:  # nobody knows: that is not "nothing", which would end a drain
                return self._ledger.store.now()
            (self._due,), self._seen = found, version
        return self._due

    def _set_off(self, claimed: Claimed | None) -> float | None:
        """Set off what was claimed; when to ask again."""
        self._more = claimed is not None and bool(claimed.claims)
        if claimed is None:
            return self._ledger.store.now()
        if not claimed.claims and claimed.again is not None:  # looked at now and then: a person may end a pause
            self._quiet = min(claimed.again, self._ledger.store.now() + _LOOK_AT_PAUSE)
        if claimed.paused is not None and claimed.paused != self._paused:
            self._watcher.paused(claimed.paused, claimed.because)
        self._paused = claimed.paused
        self._claimed += len(claimed.claims)
        for one in claimed.claims:
            self._under_way[one.job] = asyncio.create_task(self._carry(one))
        if claimed.claims or claimed.held:
            self._watcher.claimed(len(claimed.claims), claimed.held)
        return claimed.again

    def _left_of_run(self) -> int | None:
        """How many more this run may start; those that are claimed count as started until they are given back."""
        cap = self._ledger.policy.cap_run
        if cap is None:
            return None
        return max(0, cap - self._claimed)

    async def _rest(self, again: float | None) -> None:
        """Wait until a slot comes free, something may be due, or it is time for a look."""
        seconds = self._habits.idle
        if again is not None and len(self._under_way) < self._habits.slots:
            seconds = min(seconds, max(0.0, again - self._ledger.store.now()))
        waiting = list(self._under_way.values())
        if waiting and (seconds > 0 or len(waiting) >= self._habits.slots):
            await asyncio.wait(waiting, timeout=max(seconds, 0.001), return_when=asyncio.FIRST_COMPLETED)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), max(seconds, 0.0005))
        self._bell.clear()

    async def _ask(self, what: Callable[[], T], *, writes: bool = True) -> T | None:
        """Ask the ledger on its thread. Where it cannot be asked, None, after a moment: what is stored is safe.

        Raises GoneError. That it can be looked at does not yet mean that it works: its disk may be full.
        """
        assert self._clerk is not None  # noqa: S101 - it runs
        try:
            answer = await self._clerk.call(what)
        except GoneError:  # it does not come back, and somebody has to know
            raise
        except StoreError as error:
            self._trouble(error)
            await asyncio.sleep(_AFTER_TROUBLE)
            return None
        if writes:
            self._well()
        return answer

    def _trouble(self, error: StoreError) -> None:
        self._troubled = True
        self._watcher.trouble(error)

    def _well(self) -> None:
        if self._troubled:
            self._troubled = False
            self._watcher.recovered()

    # --------------------------------------------------------------------------------------------------------- one job

    async def _carry(self, claim: Claim) -> None:
        """One job: wait for its moment, start it, send it, settle it."""
        assert self._clerk is not None  # noqa: S101 - it runs
        try:
            if not claim.started and not await self._started(claim):
                return
            self._watcher.begun(claim)
            ending = await self._sent(claim)
            self._watcher.ended(claim, ending)
            failpoints.passed("after_reply")
            await self._settle(ending)
        finally:
            self._under_way.pop(claim.job, None)

    async def _started(self, claim: Claim) -> bool:
        """Wait for a job's moment, and start it; whether it may leave. Else it is given back."""
        wait = claim.at - self._ledger.store.now()
        if wait > 0:
            await asyncio.sleep(wait)
        if not self._stopping and await self._start(claim):
            return True
        await self._give_back(claim)
        return False

    async def _start(self, claim: Claim) -> bool:
        """Whether it is written down as under way. Where the store cannot say so, nothing is sent."""
        assert self._clerk is not None  # noqa: S101 - it runs
        try:
            return await self._clerk.start(claim.job)
        except StoreError as error:
            self._trouble(error)
            # Perhaps it is written down all the same. Then this ends it; else it says nothing of it.
            await self._settle(Ending(claim.job, claim.attempt, "retry", "nothing was sent: the store was away"))
            return False

    async def _give_back(self, claim: Claim) -> None:
        """Give back what was not started. Where the store cannot be asked, its lease ends."""
        assert self._clerk is not None  # noqa: S101 - it runs
        self._claimed -= 1
        with suppress(StoreError):
            await self._clerk.give_back(claim.job)

    async def _sent(self, claim: Claim) -> Ending:
        try:
            return await self._post(claim)
        except asyncio.CancelledError:
            return Ending(claim.job, claim.attempt, "unknown", "the worker was stopped before the answer came")
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the request may have left
            return Ending(claim.job, claim.attempt, "unknown", f"sending failed with {type(error).__name__}")

    async def _settle(self, ending: Ending) -> None:
        """Write down how a try ended, for as long as it takes: what is known must not become unknown."""
        assert self._clerk is not None  # noqa: S101 - it runs
        until = time.monotonic() + self._ledger.policy.lease
        while True:
            try:
                settled = await self._clerk.finish(ending)
            except StoreError as error:
                self._trouble(error)
                if isinstance(error, GoneError) or time.monotonic() > until:  # it lapses, and stands as unknown
                    return
                await asyncio.sleep(_AFTER_TROUBLE)
            else:
                self._well()
                self._watcher.settled(ending, settled)
                return

    # ------------------------------------------------------------------------------------------------------------- end

    async def _end(self, clerk: asyncio.Task[None]) -> None:
        """Wait for what is under way; give up what takes too long."""
        under_way = list(self._under_way.values())
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=self._habits.drain)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_FAREWELL)
        clerk.cancel()
        with suppress(asyncio.CancelledError):
            await clerk


async def _outlasted(task: asyncio.Future[T]) -> bool:
    """Wait for a task to its end; whether somebody wanted to cancel that, once or as often as they like."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])  # unlike a plain await it cancels nothing but itself
        except asyncio.CancelledError:
            cancelled = True
    return cancelled


#: Seconds between two looks at whether a pause was ended by a person.
_LOOK_AT_PAUSE = 0.5
#: Seconds between two looks at everybody who waits, and between two deletions of contents that are past their time.
_KEEPING = 3600.0
#: Seconds to wait after the store could not be used.
_AFTER_TROUBLE = 0.5
#: Seconds for writing down that nobody knows how some sends ended.
_FAREWELL = 3.0
