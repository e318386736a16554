"""The clerk: asks the ledger on one thread for a worker's many tasks, and writes down for many of them at once.

Knows which questions go together into one transaction. Must not know when a job is due, nor how it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mapper.delivery.ledger import Ledger
from mapper.delivery.values import Ending, Settled

T = TypeVar("T")


class Clerk:
    """Asks the ledger on one thread, many questions in one transaction: while it is busy, the next ones gather."""

    def __init__(self, ledger: Ledger, who: str, thread: ThreadPoolExecutor) -> None:
        self._ledger = ledger
        self._who = who
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._starts: dict[int, asyncio.Future[bool]] = {}
        self._backs: dict[int, asyncio.Future[None]] = {}
        self._ends: list[tuple[Ending, asyncio.Future[Settled]]] = []
        self._calls: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._work = asyncio.Event()
        self._over = False

    async def run(self) -> None:
        """Serve, until cancelled. Whoever still waits then, or asks later, is cancelled too."""
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                while self._ends or self._starts or self._backs or self._calls:
                    await self._turn()
        finally:
            self._over = True
            waiting = [f for _, f in (*self._ends, *self._calls)]
            for future in (*waiting, *self._starts.values(), *self._backs.values()):
                future.cancel()

    async def _turn(self) -> None:
        """One round: ends first, because each frees a slot and settles a doubt."""
        ends, self._ends = self._ends, []
        if ends:
            await self._answered([f for _, f in ends], lambda: self._ledger.finish([e for e, _ in ends]))
        backs, self._backs = self._backs, {}
        if backs:
            await self._answered(list(backs.values()), lambda: self._gave_back(list(backs)))
        starts, self._starts = self._starts, {}
        if starts:
            await self._answered(list(starts.values()), lambda: self._begun(list(starts)))
        calls, self._calls = self._calls, []
        for what, future in calls:
            await self._answered([future], lambda what=what: [what()])  # type: ignore[misc]

    def _gave_back(self, jobs: list[int]) -> list[None]:
        self._ledger.give_back(self._who, frozenset(jobs))
        return [None] * len(jobs)

    def _begun(self, jobs: list[int]) -> list[bool]:
        started = self._ledger.start(self._who, frozenset(jobs))
        return [job in started for job in jobs]

    async def _answered(self, futures: list[asyncio.Future[Any]], ask: Callable[[], list[Any]]) -> None:
        """Ask on the thread, and hand the answers, or the trouble, to those who wait for them."""
        try:
            answers = await self._loop.run_in_executor(self._thread, ask)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            return
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        for future, answer in zip(futures, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def _later(self) -> asyncio.Future[Any]:
        self._work.set()
        future = self._loop.create_future()
        if self._over:
            future.cancel()
        return future

    async def call(self, what: Callable[[], T]) -> T:
        """Whatever it is."""
        future = self._later()
        self._calls.append((what, future))
        answer: T = await future
        return answer

    async def start(self, job: int) -> bool:
        """Start a claimed job; whether it may leave."""
        future = self._starts[job] = self._later()
        begun: bool = await future
        return begun

    async def give_back(self, job: int) -> None:
        """Give a claimed job back."""
        future = self._backs[job] = self._later()
        await future

    async def finish(self, ending: Ending) -> Settled:
        """Settle a try."""
        future = self._later()
        self._ends.append((ending, future))
        settled: Settled = await future
        return settled
