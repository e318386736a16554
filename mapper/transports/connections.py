"""The connections of one event loop, each lent to one request at a time.

Knows which connection a request gets: one that is open to the same place, a new one, or a turn to wait for.
Must not know HTTP: what makes a connection is handed in, and whoever borrowed one says whether it is still good.

One pool for all requests would do the same, but httpx's looks at each of its connections for each request: with
64 in flight that is most of the time. Here a request costs the same however many others are under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """A connection, as far as this module needs one. It may connect, and connect again, when it is used."""

    async def aclose(self) -> None:
        """Close it."""


C = TypeVar("C", bound=Closable)


@dataclass(slots=True)
class Lent(Generic[C]):
    """A connection on loan: where it goes, and the moment from which nobody has used it."""

    origin: str
    connection: C
    since: float = 0.0


class Connections(Generic[C]):
    """The connections of the running event loop.

    ``make``  makes a connection that carries one request at a time
    ``most``  how many there are at most, those that nobody uses included
    ``idle``  seconds after which one that nobody uses is closed, when the next is given back

    It belongs to the loop and the process that it was made in: ``inherited`` tells a process that was forked.
    When the loop is shut down, as ``asyncio.run`` does, it closes what nobody closed before.
    """

    def __init__(self, make: Callable[[], C], *, most: int, idle: float) -> None:
        self._make = make
        self._most = most
        self._expiry = idle
        self._process = os.getpid()
        self._turns = asyncio.Semaphore(most)
        self._out = 0
        #: The one that was used last is the last.
        self._idle: list[Lent[C]] = []
        self._closed = False
        self._end: AsyncGenerator[None, None] | None = None

    @property
    def inherited(self) -> bool:
        """Whether they are the parent's: a child that used them too would read the parent's answers."""
        return self._process != os.getpid()

    async def take(self, origin: str, patience: float) -> Lent[C]:
        """A connection for one request to this place; ``give_back`` is due, whatever happens.

        Raises TimeoutError where none came free within ``patience`` seconds.
        """
        if self._turns.locked():
            async with asyncio.timeout(patience):
                await self._turns.acquire()
        else:
            await self._turns.acquire()  # there is one: it does not wait
        try:
            lent = self._unused(origin) or Lent(origin, self._make())
        except BaseException:
            self._turns.release()
            raise
        self._out += 1
        return lent

    async def give_back(self, lent: Lent[C], *, usable: bool) -> None:
        """End a loan. What is not ``usable``, and what nobody used for long, is closed."""
        self._out -= 1
        self._turns.release()
        lent.since = time.monotonic()
        leaving = self._expired(lent.since)
        if usable and not self._closed:
            await self._close_with_the_loop()
            self._idle.append(lent)
        else:
            leaving.append(lent)
        await _close(leaving)

    async def aclose(self) -> None:
        """Close what nobody uses now; the rest is closed as it is given back."""
        self._closed = True
        end, self._end = self._end, None
        if end is not None:
            await end.aclose()

    def _unused(self, origin: str) -> Lent[C] | None:
        """The one to the same place that was used last. With all of them open, the oldest to another place moves."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index].origin == origin:
                return self._idle.pop(index)
        if self._idle and self._out + len(self._idle) >= self._most:
            return Lent(origin, self._idle.pop(0).connection)
        return None

    def _expired(self, now: float) -> list[Lent[C]]:
        """What nobody used for long, taken out."""
        count = next((n for n, one in enumerate(self._idle) if now - one.since < self._expiry), len(self._idle))
        expired = self._idle[:count]
        del self._idle[:count]
        return expired

    async def _close_with_the_loop(self) -> None:
        """See that the loop's shutdown closes them: it ends every asynchronous generator that has begun."""
        if self._end is None:
            self._end = self._until_the_end()
            await anext(self._end)

    async def _until_the_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._closed = True
            leaving, self._idle = self._idle, []
            if not self.inherited:  # a farewell from a child would end the parent's connections
                await _close(leaving)


async def _close(leaving: list[Lent[C]]) -> None:
    """Close some. What goes wrong there is nobody's loss: their answers have been read, or given up."""
    for one in leaving:
        with contextlib.suppress(Exception):
            await one.connection.aclose()
