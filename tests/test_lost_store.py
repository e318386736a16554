"""A store's file is removed, or replaced, while it is open: nothing goes into the old one in silence."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from deliveries import NOON, PLAIN, arrival, draft

from mapper.apps.outbox.watching import Watchers
from mapper.apps.outbox.watching.logs import Logs
from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.values import Claim, Ending, StoreBusyError, StoreError, Swept
from mapper.delivery.worker import Habits, Watcher, Worker

_OWN = ("", "-wal", "-shm", ".turn", ".worker")


def opened(where: Path) -> Ledger:
    """An account of a store."""
    return Ledger(open_store(str(where)), "Inkwell", PLAIN, draft)


def removed(where: Path) -> None:
    """All of it."""
    for end in _OWN:
        where.with_name(where.name + end).unlink(missing_ok=True)


def replaced(where: Path) -> None:
    """By an empty store."""
    removed(where)
    opened(where).close()


GONE = pytest.mark.parametrize("gone", [removed, replaced])


@GONE
def test_nothing_is_taken_into_a_file_that_is_gone(tmp_path: Path, gone: Callable[[Path], None]) -> None:
    """It would be lost: the caller is told, also after a close; another ledger works."""
    where = tmp_path / "mapper.db"
    ledger = opened(where)
    ledger.accept([arrival("m1", at=NOON)])
    gone(where)
    for ask in (lambda: ledger.accept([arrival("m2", at=NOON)]), ledger.due, ledger.store.version):
        with pytest.raises(StoreError, match=r"mapper\.db was removed or replaced"):
            ask()
    ledger.close()
    there = where.exists()
    with pytest.raises(StoreError, match=r"mapper\.db was removed or replaced"):  # its names are made with another key
        ledger.accept([arrival("m2", at=NOON)])
    assert where.exists() is there
    again = opened(where)
    assert again.accept([arrival("m3", at=NOON)])[0].job == 1
    again.close()


@GONE
@pytest.mark.parametrize("busy", [False, True])
def test_a_worker_does_not_go_on_in_silence(tmp_path: Path, gone: Callable[[Path], None], *, busy: bool) -> None:
    """It ends with an error, soon, whether it has nothing to do or all its slots are taken."""
    where = tmp_path / "mapper.db"
    ledger = opened(where)
    told: list[StoreError] = []
    begun = asyncio.Event()

    class Tells(Watcher):
        def trouble(self, error: StoreError) -> None:
            told.append(error)

    async def post(claim: Claim) -> Ending:
        begun.set()
        await asyncio.sleep(0.1)
        return Ending(claim.job, claim.attempt, "delivered")

    async def loses() -> None:
        working = asyncio.create_task(Worker(ledger, post, Habits(slots=1), Tells()).run())
        await (begun.wait() if busy else asyncio.sleep(0.1))
        gone(where)
        await asyncio.wait_for(working, 5)

    if busy:
        ledger.accept([arrival("m1", at=NOON)])
    with pytest.raises(StoreError, match="removed or replaced"):
        asyncio.run(loses())
    assert bool(told) is busy  # how that one ended could not be written down
    ledger.close()


def test_a_workers_file_that_is_removed_is_made_anew(tmp_path: Path) -> None:
    """It looks like something old that was left behind. Without it a second worker would take what is under way."""
    where = tmp_path / "mapper.db"
    ledger = opened(where)
    file = where.with_name("mapper.db.worker")
    ledger.accept([arrival("m1", at=NOON)])
    refused: list[str] = []

    async def post(claim: Claim) -> Ending:
        file.unlink()
        while not file.exists():  # noqa: ASYNC110 - nobody tells that it is there
            await asyncio.sleep(0.01)
        other = opened(where)
        try:
            with other.worker():
                pytest.fail("two workers")
        except StoreBusyError as error:
            refused.append(str(error))
        other.close()
        return Ending(claim.job, claim.attempt, "delivered")

    async def works() -> None:
        await asyncio.wait_for(Worker(ledger, post).run(until_empty=True), 5)

    asyncio.run(works())
    assert [f"for Inkwell: process {os.getpid()};" in words for words in refused] == [True]
    assert ledger.status().counts["delivered"] == 1
    with opened(where).worker():
        pass
    ledger.close()


@pytest.mark.parametrize("slots", [1, 8])
def test_a_worker_whose_place_was_taken_begins_nothing(tmp_path: Path, slots: int) -> None:
    """Two at work would take each other's jobs for those of the dead. What it knows of its own it still writes down."""
    where = tmp_path / "mapper.db"
    ledger, other = opened(where), opened(where)
    ledger.accept([arrival("m1", at=NOON, person="u1"), arrival("m2", at=NOON, person="u1")])
    begun: list[int] = []

    async def loses() -> None:
        async def post(claim: Claim) -> Ending:
            begun.append(claim.job)
            where.with_name("mapper.db.worker").unlink()
            stack.enter_context(other.worker())  # before the first one's next look
            await asyncio.sleep(0.1)
            return Ending(claim.job, claim.attempt, "delivered")

        await asyncio.wait_for(Worker(ledger, post, Habits(slots=slots)).run(), 5)

    with ExitStack() as stack:
        with pytest.raises(StoreBusyError, match="another worker sends from this store, for Inkwell"):
            asyncio.run(loses())
        assert other.sweep("the other one") == Swept()
    assert begun == [1]
    counts = ledger.status().counts
    assert (counts["delivered"], counts["ready"]) == (1, 1)
    ledger.close()
    other.close()


def test_a_worker_says_that_the_store_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, after trouble; and nothing where there was none."""
    ledger = opened(tmp_path / "mapper.db")
    told: list[str] = []
    due = ledger.due
    left = [1]

    class Tells(Watcher):
        def trouble(self, error: StoreError) -> None:
            told.append(str(error))

        def recovered(self) -> None:
            told.append("recovered")

    def failing() -> float | None:
        if left:
            left.pop()
            raise StoreError("away")
        return due()

    async def post(claim: Claim) -> Ending:
        return Ending(claim.job, claim.attempt, "delivered")

    monkeypatch.setattr(ledger, "due", failing)
    monkeypatch.setattr("mapper.delivery.worker._AFTER_TROUBLE", 0.01)
    asyncio.run(Worker(ledger, post, watcher=Tells()).run(until_empty=True))
    assert told == ["away", "recovered"]
    asyncio.run(Worker(ledger, post, watcher=Tells()).run(until_empty=True))
    assert len(told) == 2
    ledger.close()


def test_the_logs_say_so_too(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads of the trouble reads of its end, through several watchers."""
    both = Watchers(Logs(), None)
    both.trouble(StoreError("the disk is full"))
    both.recovered()
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("ERROR", "the store cannot be used: the disk is full"),
        ("WARNING", "the store can be used again"),
    ]
