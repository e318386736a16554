"""The outbox as a program embeds it: in threads, in event loops, after a fork, when it ends, and when it is misused.

What the ledger does with jobs is tested elsewhere; here it is who calls it, from where, and when.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import mapper
from mapper.apps.outbox import Habits, Outbox, Sending, StoreError, of_plan
from mapper.delivery.ledger import turns
from mapper.delivery.values import Filter, StoreBusyError
from mapper.frozen import replace
from mapper.outcome import Failure, Reply
from mapper.request import Request
from mapper.transports.memory import Memory

ROOT = Path(__file__).resolve().parent.parent
INKIT = mapper.load("inkit", environ={})
#: As fast as it goes, events of any age: these tests are about something else.
POLICY = replace(of_plan(INKIT.plan), rate=None, stale_after=None)
#: Seconds that a worker may take to notice; much longer than it does.
SOON = 10.0


def event(number: int, **traits: Any) -> dict[str, Any]:
    """An order of a person of its own."""
    complete = {"template_id": "T1", "name": "Ada King", "address": "1 Main St", "city": "Boston", "state": "MA"}
    known = {**complete, "zip": "02134", "country": "US", **traits}
    return {"type": "identify", "messageId": f"m-{number}", "userId": f"u-{number}", "traits": known}


def events(*numbers: int) -> list[dict[str, Any]]:
    """Several."""
    return [event(number) for number in numbers]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Outbox]]:
    """Makes outboxes on one SQLite file, which sends into memory unless told otherwise."""
    made: list[Outbox] = []

    def one(transport: Any = None, store: str | None = None, **sending: Any) -> Outbox:
        how = Sending(transport=transport or Memory(), policy=sending.pop("policy", POLICY), **sending)
        made.append(Outbox(INKIT, store or str(tmp_path / "mapper.db"), sending=how))
        return made[-1]

    yield one
    for outbox in made:
        outbox.close()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds before the time is up."""
    until = time.monotonic() + SOON
    while not holds() and time.monotonic() < until:
        time.sleep(0.002)
    return holds()


async def soon(holds: Callable[[], bool]) -> bool:
    """As ``eventually``, while the loop goes on."""
    return await asyncio.to_thread(eventually, holds)


class Gate:
    """A transport that keeps each request until it is opened, as a slow destination does."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.opened = threading.Event()

    async def send(self, request: Request) -> Reply | Failure:
        """Wait, then take it."""
        del request
        self.arrived.set()
        await asyncio.to_thread(self.opened.wait, SOON)
        return Reply(202)


@contextlib.contextmanager
def on_a_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Something at work beside the test; it has to have ended by itself at the end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join(SOON)
    assert not thread.is_alive()


# ---------------------------------------------------------------------------------------------------------------- in


def test_what_is_taken_in_is_there_for_the_next_process_and_only_once(make: Callable[..., Outbox]) -> None:
    """A receipt for each; the same again is known again; another content under the same messageId is a conflict."""
    with make() as outbox:
        receipts = outbox.accept([*events(1, 2), {"type": "track"}])
        assert [(r.state, r.repeated) for r in receipts] == [("ready", ""), ("ready", ""), ("skipped", "")]
    memory = Memory()
    with make(memory) as outbox:
        again = outbox.accept([event(1), event(2, name="Bob Ross")])
        assert [(r.job, r.repeated) for r in again] == [(1, "same"), (2, "conflict")]
        assert outbox.drain().counts["delivered"] == 2
        assert len(memory.requests) == 2


def test_takes_one_or_many_in_any_form(make: Callable[..., Outbox]) -> None:
    """Decoded, text, bytes of any kind, an iterator; none at all; and what is no event is accounted for."""
    outbox = make()
    text = json.dumps(event(1))
    forms = [event(1), text, text.encode(), bytearray(text, "utf-8"), memoryview(text.encode()), iter([text])]
    assert [[r.job for r in outbox.accept(form)] for form in forms] == [[1]] * 6
    assert outbox.accept([]) == []
    odd: list[Any] = [5, None, [1], "{", b"\xff"]
    assert [r.state for r in outbox.accept(odd)] == ["invalid"] * 5
    for wrong in (5, None, 1.5):
        with pytest.raises(TypeError, match="an event is a dict"):
            outbox.accept(wrong)  # type: ignore[arg-type]


def test_threads_share_a_transaction(make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven that come while one is being committed become one; each gets its own receipts."""
    outbox = make()
    accept, first, go = outbox.ledger.accept, threading.Event(), threading.Event()
    sizes: list[int] = []

    def slow(arrivals: Any) -> Any:
        sizes.append(len(arrivals))
        first.set()
        assert go.wait(SOON)
        return accept(arrivals)

    monkeypatch.setattr(outbox.ledger, "accept", slow)
    with ThreadPoolExecutor(8) as pool:
        one = pool.submit(outbox.accept, event(0))
        assert first.wait(SOON)
        others = [pool.submit(outbox.accept, events(n, n + 100)) for n in range(1, 8)]
        assert eventually(lambda: len(outbox._gathering._queue) == 7)  # noqa: SLF001 - who waits is seen nowhere else
        go.set()
        receipts = [*one.result(), *(r for other in others for r in other.result())]
    assert sizes == [1, 14]
    assert sorted(r.job for r in receipts) == list(range(1, 16))
    assert [outbox.accept(event(n))[0].job for n in (1, 7)] == [others[0].result()[0].job, others[6].result()[0].job]


def test_a_ctrl_c_is_one_thread_s(make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while that thread commits for others, too: it hears of it, and theirs is done all the same."""
    outbox = make()
    accept, first, go = outbox.ledger.accept, threading.Event(), threading.Event()
    sizes: list[int] = []

    def interrupted(arrivals: Any) -> Any:
        sizes.append(len(arrivals))
        if len(sizes) == 1:
            first.set()
            assert go.wait(SOON)
        if len(sizes) == 2:
            raise KeyboardInterrupt
        return accept(arrivals)

    monkeypatch.setattr(outbox.ledger, "accept", interrupted)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(outbox.accept, event(0))]
        assert first.wait(SOON)
        for number in (1, 2):
            waiting.append(pool.submit(outbox.accept, event(number)))
            assert eventually(lambda n=number: len(outbox._gathering._queue) == n)  # type: ignore[misc] # noqa: SLF001 - as above
        go.set()
        ends = [future.exception() for future in waiting]
    assert sizes == [1, 2, 1]
    assert sorted(type(end) for end in ends if end is not None) == [KeyboardInterrupt]
    assert outbox.status().accepted == 2


def test_many_threads(make: Callable[..., Outbox], store_url: str) -> None:
    """On both engines: all of them, each once, though half of the calls are repeats."""
    outbox = make(store=store_url)
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda n: outbox.accept(event(n % 60))[0], range(120)))
    assert sorted(r.job for r in receipts if not r.repeated) == list(range(1, 61))
    assert outbox.status().counts["ready"] == outbox.status().accepted == 60


# --------------------------------------------------------------------------------------------------------------- out


def test_drains_again_and_again(make: Callable[..., Outbox]) -> None:
    """Also after a stop: it ends what is under way, or the next one at once, and no more than that."""
    memory = Memory()
    outbox = make(memory)
    for number in range(3):
        outbox.accept(event(number))
        assert outbox.drain().counts["delivered"] == number + 1
    outbox.stop()
    outbox.accept(event(9))
    outbox.run()  # ends at once: it was told to before it began
    assert len(memory.requests) == 3
    outbox.drain()
    assert len(memory.requests) == 4


def test_stop_lets_what_is_under_way_end(make: Callable[..., Outbox]) -> None:
    """And starts nothing more; a later run goes on."""
    gate = Gate()
    outbox = make(gate, habits=Habits(slots=1))
    outbox.accept(events(1, 2))
    with on_a_thread(outbox.run) as worker:
        assert gate.arrived.wait(SOON)
        outbox.stop()
        worker.join(0.05)
        assert worker.is_alive()
        gate.opened.set()
    assert outbox.status().counts["delivered"] == 1
    assert outbox.drain().counts["delivered"] == 2


def test_an_accept_wakes_the_worker(make: Callable[..., Outbox]) -> None:
    """In the same process it does not wait for the next look, which would come after a minute here."""
    outbox = make(habits=Habits(idle=60))
    with on_a_thread(outbox.run):
        for number in range(3):
            outbox.accept(event(number))
            assert eventually(lambda n=number: outbox.status().counts["delivered"] == n + 1)  # type: ignore[misc]
        outbox.stop()


def test_two_outboxes_on_one_file(make: Callable[..., Outbox]) -> None:
    """In one process: both take in and look; one works, and the other is told who does."""
    gate = Gate()
    one, other = make(gate), make()
    one.accept(event(1))
    assert other.accept(events(1, 2))[0].repeated == "same"
    with on_a_thread(one.run):
        assert gate.arrived.wait(SOON)
        with pytest.raises(StoreBusyError, match=f"process {os.getpid()}"):
            other.run()
        gate.opened.set()
        assert eventually(lambda: other.status().counts["delivered"] == 2)
        one.stop()
    other.accept(event(3))
    assert other.drain().counts["delivered"] == 3


def test_a_second_store_on_a_file_costs_the_first_nothing(make: Callable[..., Outbox]) -> None:
    """Closing any descriptor of a file ends a process's locks on it; whoever leaves last would then take the log."""
    one = make()
    make().close()
    one.accept(event(1))
    assert in_another_process(str(one.ledger.store.path), "print(outbox.status().accepted)") == "1"  # type: ignore[attr-defined]
    one.accept(event(2))
    assert in_another_process(str(one.ledger.store.path), "print(outbox.status().accepted)") == "2"  # type: ignore[attr-defined]


def test_a_missing_key_stops_the_worker_and_not_the_intake(tmp_path: Path) -> None:
    """Nothing was tried: the jobs wait for the key."""
    with Outbox(INKIT, tmp_path / "mapper.db") as outbox:
        outbox.accept(event(1))
        with pytest.raises(mapper.SettingsError, match="INKIT_API_KEY"):
            outbox.drain()
        (row,) = outbox.ledger.rows(Filter())
        assert (row.state, row.attempts) == ("ready", 0) or (row.state == "suppressed")


# ------------------------------------------------------------------------------------------------------- event loops


def test_inside_a_running_loop(make: Callable[..., Outbox]) -> None:
    """The blocking ones work on a loop of their own; the others on the running one, beside what takes in."""

    async def service(outbox: Outbox) -> int:
        outbox.accept(event(0))
        assert outbox.drain().counts["delivered"] == 1
        worker = asyncio.create_task(outbox.arun())
        receipts = await asyncio.gather(*(outbox.aaccept(event(n)) for n in range(20)))
        assert await soon(lambda: outbox.status().counts["delivered"] == 20)
        outbox.stop()
        await worker
        outbox.accept(event(99))
        await outbox.adrain()
        return len({receipt.job for (receipt,) in receipts})

    outbox = make()
    assert asyncio.run(service(outbox)) == 20
    assert outbox.status().counts["delivered"] == 21


def test_async_with_ends_the_worker(make: Callable[..., Outbox]) -> None:
    """The end of the block stops it, waits for it and closes; ``close`` would wait for itself, and says so."""
    memory = Memory()

    async def service() -> None:
        async with make(memory) as outbox:
            worker = asyncio.create_task(outbox.arun())
            await outbox.aaccept(event(1))
            assert await soon(lambda: memory.requests != [])
            with pytest.raises(RuntimeError, match="aclose"):
                outbox.close()
        await asyncio.wait_for(worker, SOON)
        with pytest.raises(StoreError, match="closed"):
            await outbox.aaccept(event(2))

    asyncio.run(service())


# ----------------------------------------------------------------------------------------------------------- the end


def test_after_close_everything_says_so(make: Callable[..., Outbox]) -> None:
    """In our words; closing again does nothing."""
    outbox = make()
    outbox.close()
    outbox.close()
    for call in (lambda: outbox.accept(event(1)), outbox.status, outbox.run, outbox.drain):
        with pytest.raises(StoreError, match="this outbox is closed"):
            call()


def test_close_waits_for_what_is_under_way(make: Callable[..., Outbox]) -> None:
    """On another thread: its end is written down before the store is let go."""
    gate = Gate()
    outbox = make(gate)
    outbox.accept(event(1))
    with on_a_thread(outbox.run):
        assert gate.arrived.wait(SOON)
        with on_a_thread(outbox.close) as closing:
            closing.join(0.05)
            assert closing.is_alive()
            gate.opened.set()
    assert make().status().counts["delivered"] == 1


_SCRIPT = """
import os, sys, signal, threading
from mapper.apps.outbox import Outbox, Sending, of_plan
from mapper.frozen import replace
from mapper.transports.memory import Memory
import mapper
inkit = mapper.load("inkit", environ={})
policy = replace(of_plan(inkit.plan), rate=None, stale_after=None)
outbox = Outbox(inkit, sys.argv[1], sending=Sending(transport=Memory(), policy=policy))
"""


def in_another_process(store: str, work: str, expect: int = 0) -> str:
    """What a program prints that has an outbox on the store, and never closes it unless it says so."""
    command = [sys.executable, "-W", "error", "-c", _SCRIPT + work, store]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


_ENDS = {
    "the interpreter ends": ("", 0),
    "without a farewell": ("os._exit(0)", 0),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
}


@pytest.mark.parametrize("end", _ENDS)
def test_what_was_accepted_survives_the_end(make: Callable[..., Outbox], tmp_path: Path, end: str) -> None:
    """Nobody closed it, and a worker was at work on a thread that nobody waits for: each event is there, once."""
    work, status = _ENDS[end]
    orders = f"[dict({event(0)!r}, messageId=f'm-{{n}}', userId=f'u-{{n}}') for n in range(50)]"
    begin = "threading.Thread(target=outbox.run, daemon=True).start()"
    taken = f"{begin}\nprint(len(outbox.accept({orders})), flush=True)\n"
    assert in_another_process(str(tmp_path / "mapper.db"), taken + work, status) == "50"
    outbox = make()
    assert {r.repeated for r in outbox.accept(events(*range(50)))} == {"same"}
    counts = outbox.drain().counts
    assert counts["delivered"] + counts["unknown"] == sum(counts.values()) == 50


def test_a_worker_on_a_thread_does_not_keep_a_program_from_ending(make: Callable[..., Outbox], tmp_path: Path) -> None:
    """Nobody stopped it, and Python would wait for that thread for ever: what is under way ends, and so it does."""
    work = f"outbox.accept({event(1)!r})\nthreading.Thread(target=outbox.run).start()"
    assert in_another_process(str(tmp_path / "mapper.db"), work) == ""
    counts = make().status().counts
    assert counts["delivered"] + counts["ready"] == 1


# ---------------------------------------------------------------------------------------------------------- the fork


def child(work: Callable[[], object]) -> int:
    """Fork, and do something in the child; its number. What it raises is its exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on: the parent has threads. That is the test.
        number = os.fork()
    if number:
        return number
    status = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)  # a child that hangs dies
        work()
        status = 0
    finally:
        os._exit(status)


def ended(*children: int) -> list[int]:
    """How each child ended."""
    return [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in children]


def test_before_a_fork_and_after(make: Callable[..., Outbox], store_url: str) -> None:
    """As a pre-fork server does: the parent made and used it; the children take in at once, and one of them sends."""
    outbox = make(store=store_url)
    outbox.accept(event(0))

    def serve(first: int) -> Callable[[], None]:
        def work() -> None:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda n: outbox.accept(event(first + n)), range(10)))

        return work

    def send() -> None:
        while outbox.drain(0).counts["delivered"] < 31:
            time.sleep(0.005)

    children = [child(serve(10 * n + 1)) for n in range(3)]
    children.append(child(send))
    outbox.accept(events(1, 2))  # the parent goes on meanwhile
    assert ended(*children) == [0] * 4
    counts = Counter(row.state for row in outbox.ledger.rows(Filter()))
    assert counts == {"delivered": 31}
    assert [row.attempts for row in outbox.ledger.rows(Filter())] == [1] * 31


def test_a_fork_in_the_middle_of_everything(make: Callable[..., Outbox]) -> None:
    """Other threads of the parent take in and send at that moment; their locks are not the child's."""
    outbox = make()
    going = threading.Event()

    def take_in() -> None:
        number = 1000
        while not going.is_set():
            outbox.accept(event(number := number + 1))

    with on_a_thread(outbox.run), on_a_thread(take_in):
        children = [child(lambda n=n: outbox.accept(event(n)) and outbox.close()) for n in range(12)]  # type: ignore[misc]
        statuses = ended(*children)
        going.set()
        outbox.stop()
    assert statuses == [0] * 12
    assert {r.repeated for r in outbox.accept(events(*range(12)))} == {"same"}


def test_a_parent_that_leaves_takes_nothing_of_its_child_along(make: Callable[..., Outbox]) -> None:
    """SQLite keeps account of its process's locks. A child that inherited it would write into a log that is deleted."""
    outbox = make()
    outbox.accept(event(1))
    told, telling = os.pipe()
    done, doing = os.pipe()

    def work() -> None:
        outbox.accept(event(2))
        os.write(doing, b"!")
        os.read(told, 1)
        outbox.accept(event(3))

    number = child(work)
    os.read(done, 1)
    outbox.close()
    os.write(telling, b"!")
    assert ended(number) == [0]
    for descriptor in (told, telling, done, doing):
        os.close(descriptor)
    assert make().status().accepted == 3


def test_a_fork_that_python_does_not_see_is_refused(
    make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server in C may fork past Python's hooks: better an error than a store that loses what it takes."""
    outbox = make()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(StoreError, match="open it after the fork"):
            outbox.accept(event(1))
    assert outbox.accept(event(1))[0].job == 1


def test_a_child_does_not_keep_the_locks_of_a_parent_that_was_killed(
    make: Callable[..., Outbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock of ``flock`` lasts as long as anybody has the descriptor, a forked child too."""
    monkeypatch.setattr(turns, "PATIENCE", 2.0)
    reading, writing = os.pipe()

    def parent() -> None:
        outbox = Outbox(INKIT, tmp_path / "mapper.db")
        with outbox.ledger.worker(), outbox.ledger.store._turns.turn():  # type: ignore[attr-defined] # noqa: SLF001 - killed just then
            grandchild = child(lambda: time.sleep(20))
            os.write(writing, str(grandchild).encode())
            time.sleep(20)

    number = child(parent)
    grandchild = int(os.read(reading, 20))
    try:
        os.kill(number, signal.SIGKILL)
        assert ended(number) == [-signal.SIGKILL]
        outbox = make()
        outbox.accept(event(1))
        assert outbox.drain().counts["delivered"] == 1
    finally:
        os.kill(grandchild, signal.SIGKILL)
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("early", [True, False], ids=["before it began", "while it sends"])
def test_stop_from_a_signal(make: Callable[..., Outbox], *, early: bool) -> None:
    """Any number of signals; what is under way ends, and the process goes with status 0."""
    gate = Gate()
    outbox = make(gate)
    outbox.accept(event(1))
    reading, writing = os.pipe()

    def later() -> None:
        gate.arrived.wait(SOON)
        os.write(writing, b"!")
        time.sleep(0.05)
        gate.opened.set()

    def worker() -> None:
        signal.signal(signal.SIGTERM, lambda *_: outbox.stop())
        if early:
            signal.raise_signal(signal.SIGTERM)
            outbox.run()
            return
        with on_a_thread(later):
            outbox.run()

    number = child(worker)
    if not early:
        assert os.read(reading, 1) == b"!"
        for _ in range(20):
            os.kill(number, signal.SIGTERM)
    assert ended(number) == [0]
    assert outbox.status().counts["delivered"] == (0 if early else 1)
    os.close(reading)
    os.close(writing)


# ------------------------------------------------------------------------------------------------------------ misuse


def test_what_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    """Before anything is accepted, and in words that say what is due."""
    with pytest.raises(TypeError, match="not str"):
        Outbox("inkit", tmp_path / "mapper.db")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="cannot open"):
        Outbox(INKIT, tmp_path / "no" / "such" / "mapper.db")
    with pytest.raises(StoreError, match="there is no store for mysql"):
        Outbox(INKIT, "mysql://root@localhost/mapper")
    with pytest.raises(ValueError, match="https"):
        Outbox(INKIT, tmp_path / "mapper.db", sending=Sending(url="http://example.com"))
    with pytest.raises(mapper.SettingsError, match="templateid"):
        Outbox(INKIT, tmp_path / "mapper.db", settings={"templateid": "T1"})
    assert list(tmp_path.iterdir()) == []


def test_a_repr_names_nobody(make: Callable[..., Outbox]) -> None:
    """Nor does that of anything that it gives."""
    outbox = make()
    receipts = outbox.accept(event(1, name="Canary Bird"))
    said = repr([outbox, receipts, outbox.status(), outbox.ledger.rows(Filter()), outbox.ledger.story(1)])
    assert "mapper.db" in said
    assert [word for word in ("Canary", "Main St", "02134", "u-1", "m-1") if word in said] == []
