"""One connection for each request under way: who gets which, who waits, and what is closed when."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from contracts.transport import KEY, order
from hypothesis import given
from hypothesis import strategies as st
from receiver import Receiver, answer

from mapper.outcome import Failure, Reply
from mapper.transports import asend, http
from mapper.transports.connections import Connections, Lent
from mapper.transports.http import Http

SETTINGS = {"api_key": KEY}
HERE, THERE = "https://here.example", "https://there.example"

T = TypeVar("T")


class Line:
    """A connection that counts how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        """Close it."""
        await asyncio.sleep(0)
        self.closed += 1


class Bench:
    """Connections of fakes, and every fake that was made."""

    def __init__(self, most: int = 3, idle: float = 60.0) -> None:
        self.made: list[Line] = []
        self.connections: Connections[Line] = Connections(self._make, most=most, idle=idle)

    def _make(self) -> Line:
        self.made.append(Line())
        return self.made[-1]

    async def take(self, origin: str = HERE, patience: float = 5.0) -> Lent[Line]:
        """Borrow one."""
        return await self.connections.take(origin, patience)

    async def give(self, *lents: Lent[Line], usable: bool = True) -> None:
        """Give some back."""
        for lent in lents:
            await self.connections.give_back(lent, usable=usable)

    @property
    def closed(self) -> list[int]:
        """How often each was closed."""
        return [line.closed for line in self.made]


def on_a_bench(act: Callable[[Bench], Awaitable[T]], **options: Any) -> T:
    """What ``act`` gives on a new bench and a new loop."""

    async def acted() -> T:
        return await act(Bench(**options))

    return asyncio.run(acted())


# ---------------------------------------------------------------------------------------------------- who gets which


def test_each_loan_has_a_connection_of_its_own_and_the_last_used_is_the_next() -> None:
    """So that the others grow old, and are closed."""

    async def act(bench: Bench) -> None:
        one, two = await bench.take(), await bench.take()
        assert one.connection is not two.connection
        await bench.give(one, two)
        assert (await bench.take()).connection is two.connection
        assert (await bench.take()).connection is one.connection
        assert len(bench.made) == 2

    on_a_bench(act)


def test_another_place_has_other_connections() -> None:
    """Until all of them are open: then the one that nobody used for longest moves."""

    async def act(bench: Bench) -> None:
        here, there, also_there = await bench.take(HERE), await bench.take(THERE), await bench.take(THERE)
        await bench.give(here, there)
        assert (await bench.take(THERE)).connection is there.connection
        third = await bench.take("https://third.example")
        assert third.connection is here.connection
        assert third.origin == "https://third.example"
        assert len({id(lent.connection) for lent in (here, there, also_there)}) == len(bench.made) == 3

    on_a_bench(act, most=3)


def test_what_broke_is_closed_and_not_lent_again() -> None:
    """Nobody knows what is still to come out of it."""

    async def act(bench: Bench) -> None:
        await bench.give(broken := await bench.take(), usable=False)
        assert broken.connection.closed == 1
        assert (await bench.take()).connection is not broken.connection

    on_a_bench(act)


def test_what_nobody_used_for_long_is_closed() -> None:
    """After a rush the many connections go, as soon as one is given back."""

    async def act(bench: Bench) -> None:
        await bench.give(*[await bench.take() for _ in range(3)])
        await asyncio.sleep(0.06)
        await bench.give(await bench.take())
        assert bench.closed == [1, 1, 0]

    on_a_bench(act, idle=0.05)


# ---------------------------------------------------------------------------------------------------------- who waits


def test_who_waits_gets_the_one_that_comes_free() -> None:
    """In the order in which they came."""

    async def act(bench: Bench) -> None:
        first = await bench.take()
        came: list[int] = []

        async def waits(number: int) -> None:
            lent = await bench.take()
            came.append(number)
            await bench.give(lent)

        waiting = [asyncio.create_task(waits(number)) for number in range(4)]
        await asyncio.sleep(0)
        assert came == []
        await bench.give(first)
        await asyncio.gather(*waiting)
        assert came == [0, 1, 2, 3]
        assert len(bench.made) == 1

    on_a_bench(act, most=1)


def test_who_waits_in_vain_or_leaves_takes_nothing_along() -> None:
    """The turn of a send that gave up, or was cancelled, is the next one's."""

    async def act(bench: Bench) -> None:
        held = await bench.take()
        with pytest.raises(TimeoutError):
            await bench.take(patience=0.01)
        leaving = asyncio.create_task(bench.take())
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await bench.give(held)
        assert (await bench.take(patience=0.01)).connection is held.connection

    on_a_bench(act, most=1)


def test_a_connection_that_cannot_be_made_takes_no_turn() -> None:
    """Else a file of certificates that is away for a moment would end all sending for good."""

    async def act() -> None:
        broken: Iterator[Any] = iter([OSError("no certificates"), Line()])

        def make() -> Line:
            made = next(broken)
            if isinstance(made, OSError):
                raise made
            return made

        connections = Connections(make, most=1, idle=1.0)
        with pytest.raises(OSError, match="no certificates"):
            await connections.take(HERE, 0.01)
        assert isinstance(await connections.take(HERE, 0.01), Lent)

    asyncio.run(act())


@given(st.lists(st.tuples(st.sampled_from("tgbc"), st.integers(0, 3)), max_size=40))
def test_never_two_loans_of_one_connection_and_never_too_many(steps: list[tuple[str, int]]) -> None:
    """Whatever is taken, given back, broken and closed in any order: what is made is lent, kept, or closed once."""

    async def act(bench: Bench) -> None:
        out: list[Lent[Line]] = []
        for step, number in steps:
            if step == "t" and len(out) < 3:
                out.append(await bench.take(f"https://{number}.example", 0.01))
            elif step in "gb" and out:
                await bench.give(out.pop(number % len(out)), usable=step == "g")
            elif step == "c":
                await bench.connections.aclose()
            lines = [id(lent.connection) for lent in out]
            assert len(set(lines)) == len(lines)
            assert all(lent.connection.closed == 0 for lent in out)
            assert bench.closed.count(0) <= 3
        await bench.give(*out)
        await bench.connections.aclose()
        assert set(bench.closed) <= {1}

    on_a_bench(act, most=3)


# ---------------------------------------------------------------------------------------------------- what is closed


def test_closing_leaves_what_is_in_use_until_it_comes_back() -> None:
    """A request under way gets its answer: it may be a postcard that was printed."""

    async def act(bench: Bench) -> None:
        idle, used = await bench.take(), await bench.take()
        await bench.give(idle)
        await bench.connections.aclose()
        await bench.connections.aclose()
        assert bench.closed == [1, 0]
        await bench.give(used)
        assert bench.closed == [1, 1]

    on_a_bench(act)


def test_the_end_of_the_loop_closes_what_nobody_closed() -> None:
    """``asyncio.run`` ends every generator that has begun, and one of them is ours."""

    async def act(bench: Bench) -> Bench:
        await bench.give(*[await bench.take() for _ in range(2)])
        assert bench.closed == [0, 0]
        return bench

    assert on_a_bench(act).closed == [1, 1]


def test_a_closing_that_fails_hurts_nobody() -> None:
    """The answers have been read by then."""

    class Stuck(Line):
        async def aclose(self) -> None:
            raise OSError

    async def act(bench: Bench) -> None:
        stuck, fine = await bench.take(), await bench.take()
        stuck.connection = Stuck()
        await bench.give(stuck, fine)
        await bench.connections.aclose()
        assert fine.connection.closed == 1

    on_a_bench(act)


# --------------------------------------------------------------------------------------------------------- over HTTP


def test_many_tasks_share_one_transport() -> None:
    """Each request under way has a connection, and httpx has one connection in each of its pools: the cost is flat."""
    opened: list[Any] = []

    class Watched(Http):
        def _open(self) -> Any:
            opened.append(super()._open())
            return opened[-1]

    async def act(url: str) -> None:
        async with Watched(SETTINGS) as transport:
            for _ in range(3):
                outcomes = await asyncio.gather(*(asend(order(url), transport) for _ in range(64)))
                assert {outcome.ending for outcome in outcomes} == {"delivered"}

    with Receiver(answer(202, after=0.05)) as receiver:
        asyncio.run(act(receiver.url))
    assert len(opened) == receiver.connections == 64
    assert len(receiver.received) == 3 * 64


def test_the_limit_of_one_connection_is_httpxs_own() -> None:
    """So that a mistake of ours is an error and not two answers mixed up."""

    async def act() -> int:
        opened = Http()._open()  # noqa: SLF001 - what is handed to httpx has no other face
        pool: Any = vars(opened)["_pool"]
        await opened.aclose()
        return int(vars(pool)["_max_connections"])

    assert asyncio.run(act()) == 1


def test_two_destinations_keep_their_connections() -> None:
    """Sending to two by turns opens one connection to each."""
    with Receiver() as one, Receiver() as other:

        async def act() -> None:
            async with Http() as transport:
                for receiver in (one, other) * 3:
                    assert isinstance(await transport.send(order(receiver.url)), Reply)

        asyncio.run(act())
    assert (one.connections, other.connections) == (1, 1)
    assert (len(one.received), len(other.received)) == (3, 3)


def test_a_destination_that_moved_is_where_requests_go() -> None:
    """With every connection open to one place, the next request to another place goes there, not to the first."""
    with pytest.MonkeyPatch.context() as patch, Receiver() as one, Receiver() as other:
        patch.setattr(http, "MOST", 1)

        async def act() -> None:
            async with Http() as transport:
                for receiver in (one, other, one):
                    assert isinstance(await transport.send(order(receiver.url)), Reply)

        asyncio.run(act())
    assert (len(one.received), len(other.received)) == (2, 1)


def test_closing_during_a_request_waits_for_its_answer() -> None:
    """The answer is read, and the connection does not stay behind."""
    with Receiver(answer(202, after=0.2)) as receiver:

        async def act() -> Reply | Failure:
            transport = Http()
            sending = asyncio.create_task(transport.send(order(receiver.url)))
            await asyncio.to_thread(receiver.arrived.wait, 2)
            await transport.aclose()
            return await sending

        assert isinstance(asyncio.run(act()), Reply)
        gc.collect()  # a connection left open would warn, and a warning fails the test


def test_one_transport_for_many_threads() -> None:
    """Each has a loop of its own, and with it connections of its own."""
    transport = Http(SETTINGS)
    ready = threading.Barrier(8)

    def run(_: int) -> list[str]:
        async def act() -> list[str]:
            return [(await asend(order(receiver.url), transport)).ending for _ in range(5)]

        ready.wait(5)
        return asyncio.run(act())

    with Receiver() as receiver, ThreadPoolExecutor(8) as pool:
        endings = list(pool.map(run, range(8)))
    assert endings == [["delivered"] * 5] * 8
    assert receiver.connections == 8
    assert len(receiver.received) == 40


def test_loops_that_are_gone_are_forgotten() -> None:
    """A program that runs a loop for each send does not grow."""
    transport = Http()
    with Receiver() as receiver:
        for _ in range(5):
            asyncio.run(transport.send(order(receiver.url)))
    assert len(vars(transport)["_of_loops"]) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_its_own_connections() -> None:
    """Parent and child on one connection would read each other's answers: a postcard would count as another's."""
    transport = Http(SETTINGS)
    loop = asyncio.new_event_loop()
    with Receiver() as receiver:
        assert isinstance(loop.run_until_complete(transport.send(order(receiver.url))), Reply)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if isinstance(loop.run_until_complete(transport.send(order(receiver.url))), Reply) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert receiver.connections == 2
        assert isinstance(loop.run_until_complete(transport.send(order(receiver.url))), Reply)
        assert receiver.connections == 2
        loop.run_until_complete(transport.aclose())
    loop.close()
