"""How a worker ends, and does not: cancelled again and again, torn down, and with a store that is away."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from deliveries import PLAIN, arrival, draft
from postgres import Postgres
from sqlalchemy import Connection, text

from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.values import Arrival, Claim, Ending, StoreError
from mapper.delivery.worker import Post, Worker


def several(count: int) -> list[Arrival]:
    """Calls of as many people."""
    return [arrival(f"m{n}", f"p{n}") for n in range(count)]


def worked(path: Path, post: Post) -> tuple[Ledger, Worker]:
    """A ledger with two jobs, and a worker for it."""
    ledger = Ledger(open_store(str(path / "mapper.db")), "Letters", PLAIN, draft)
    ledger.accept(several(2))
    return ledger, Worker(ledger, post)


def test_who_is_cancelled_twice_still_ends_what_is_under_way(tmp_path: Path) -> None:
    """A second Ctrl-C, a scope that cancels again and again: the answers that come are written down."""

    async def post(claim: Claim) -> Ending:
        await asyncio.sleep(0.3)
        return Ending(claim.job, claim.attempt, "delivered")

    ledger, worker = worked(tmp_path, post)

    async def act() -> None:
        working = asyncio.create_task(worker.run())
        for _ in range(3):
            await asyncio.sleep(0.05)
            working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(asyncio.wait_for(act(), 10))
    assert ledger.status().counts["delivered"] == 2
    ledger.close()


def test_a_loop_that_is_torn_down_ends(tmp_path: Path) -> None:
    """All tasks are cancelled at once, the one that writes down as well: nobody waits for it for ever."""

    async def post(claim: Claim) -> Ending:
        await asyncio.sleep(30)
        return Ending(claim.job, claim.attempt, "delivered")

    ledger, worker = worked(tmp_path, post)

    async def act() -> None:
        asyncio.get_running_loop().create_task(worker.run())
        await asyncio.sleep(0.2)

    done = threading.Thread(target=lambda: asyncio.run(act()), daemon=True)
    done.start()
    done.join(5)
    assert not done.is_alive()
    assert ledger.status().counts["sending"] == 2
    ledger.close()


def test_a_drain_does_not_take_a_store_that_is_away_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks again."""

    async def post(claim: Claim) -> Ending:
        return Ending(claim.job, claim.attempt, "delivered")

    ledger, worker = worked(tmp_path, post)
    due, asked = ledger.due, []

    def away() -> float | None:
        asked.append(1)
        if len(asked) == 1:
            raise StoreError("away")
        return due()

    monkeypatch.setattr(ledger, "due", away)
    monkeypatch.setattr("mapper.delivery.worker._AFTER_TROUBLE", 0.01)
    asyncio.run(worker.run(until_empty=True))
    assert ledger.status().counts["delivered"] == 2
    ledger.close()


def test_a_look_waits_for_nobodys_lock(postgres: Postgres) -> None:
    """Somebody's VACUUM has the table: what was taken is answered at once, and the table looked at another time."""
    where = postgres.new_database()
    ledger, other = Ledger(open_store(where), "Letters", PLAIN, draft), open_store(where)
    held, leave = threading.Event(), threading.Event()

    def vacuum(connection: Connection) -> None:
        connection.execute(text("LOCK TABLE job IN SHARE UPDATE EXCLUSIVE MODE"))
        held.set()
        leave.wait(10)

    locking = threading.Thread(target=other.write, args=(vacuum,))
    accepting = threading.Thread(target=ledger.accept, args=(several(400),))
    locking.start()
    assert held.wait(10)
    accepting.start()
    accepting.join(3)
    late = accepting.is_alive()
    leave.set()
    for thread in (locking, accepting):
        thread.join()
    other.close()
    ledger.close()
    postgres.take_back(where)
    assert not late
