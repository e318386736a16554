"""Somebody is forgotten while a job of theirs is under way: when that has ended no byte is left, and nobody waits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deliveries import NOON, ONE, PLAIN, Desk, arrival, draft, hashed
from sqlalchemy import text

from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.ledger.forget import Wish as Forget
from mapper.delivery.ledger.store import Store
from mapper.delivery.values import Claim, Ending, StoreError
from mapper.delivery.worker import Habits, Worker

CANARY = "zq7canary-1-rocket-road"
_TABLES = ("paper", "identity", "job", "attempt", "alias")


def _file_names(store: Store) -> list[str]:
    """The files of a PostgreSQL store's tables, those of their long values with them; all is written to them first."""

    def look(connection: Any) -> list[str]:
        connection.execute(text("CHECKPOINT"))
        names = ", ".join(f"'{name}'" for name in _TABLES)
        found = connection.execute(
            text(
                f"SELECT pg_relation_filepath(c.oid) FROM pg_class c WHERE c.relname IN ({names}) OR c.oid IN"  # noqa: S608 - ours
                f" (SELECT reltoastrelid FROM pg_class WHERE relname IN ({names}))"
            )
        )
        return [str(path) for path in found.scalars()]

    return store.read(look)


@pytest.fixture
def left(store_url: str, request: pytest.FixtureRequest) -> Callable[[Store], list[str]]:
    """In which files of a store the canary stands."""

    def look(store: Store) -> list[str]:
        if store_url.startswith("sqlite"):
            files = sorted(Path(store_url.removeprefix("sqlite:///")).parent.iterdir())
        else:
            directory: Path = request.getfixturevalue("postgres").directory
            (data,) = {path.parent for path in directory.rglob("PG_VERSION") if (path.parent / "pg_wal").is_dir()}
            files = [data / name for name in _file_names(store)]
        return [file.name for file in files if CANARY.encode() in file.read_bytes()]

    return look


def test_a_worker_leaves_nothing_of_whom_it_sent_meanwhile(store_url: str, left: Callable[[Store], list[str]]) -> None:
    """The receipt says that bytes are left; they are gone once the job has ended, with the worker still at work."""
    seen: dict[str, Any] = {}

    async def post(claim: Claim) -> Ending:
        seen["during"] = await asyncio.to_thread(left, store)
        seen["receipt"] = await asyncio.to_thread(beside.forget, Forget(hashed("ada"), "eve"))
        return Ending(claim.job, claim.attempt, "delivered")

    async def both() -> None:
        working = asyncio.create_task(worker.run())
        for _ in range(400):
            await asyncio.sleep(0.025)
            if "receipt" in seen and beside.status().counts["delivered"] and not left(store):
                break
        seen["after"], seen["working"] = left(store), not working.done()
        worker.stop()
        await working

    store = open_store(store_url)
    ledger = Ledger(store, "Inkwell", PLAIN, draft)
    beside = Ledger(open_store(store_url), "Inkwell", PLAIN, draft)
    ledger.accept([arrival("m1", at=NOON, traits={"street": CANARY})])
    worker = Worker(ledger, post, Habits(sweep=3600.0))
    asyncio.run(both())
    assert seen["during"]
    assert (seen["receipt"].under_way, seen["receipt"].scrubbed) == (1, False)
    assert (seen["after"], seen["working"]) == ([], True)
    beside.close()
    ledger.close()


def test_silence_leaves_nothing_either(store_url: str, left: Callable[[Store], list[str]]) -> None:
    """The worker is gone: the one that sweeps takes it away."""
    desk = Desk(open_store(store_url))
    desk.accept(arrival("m1", traits={"street": CANARY}))
    claim = desk.one()
    assert desk.forget("ada").scrubbed is False
    assert left(desk.store.store)
    desk.lapse()
    assert desk.state(claim.job) == "erased"
    assert left(desk.store.store) == []
    assert desk.forget("ada").scrubbed is True
    desk.ledger.close()


def test_whoever_was_in_the_way_is_gone_by_the_next_look(
    store_url: str, left: Callable[[Store], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files cannot be scrubbed when the job ends: it is settled all the same, and a later sweep does it."""
    desk = Desk(open_store(store_url))
    store = desk.store.store

    def away() -> None:
        raise StoreError("somebody reads")

    desk.accept(arrival("m1", traits={"street": CANARY}))
    claim = desk.one()
    desk.forget("ada")
    with monkeypatch.context() as patch:
        patch.setattr(store, "scrub", away)
        assert desk.end(claim, "delivered").state == "delivered"
        assert store.read(lambda c: c.execute(text("SELECT scrub FROM store")).scalar())
    another = desk.beside()
    another.sweep(ONE)
    assert left(store) == []
    assert not store.read(lambda c: c.execute(text("SELECT scrub FROM store")).scalar())
    desk.ledger.close()


def test_a_reader_in_the_way_is_not_waited_for_at_each_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try may wait ten seconds for the reader: a worker has other things to do."""
    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    tries = []

    def away() -> None:
        tries.append(1)
        raise StoreError("somebody reads")

    monkeypatch.setattr(desk.store.store, "scrub", away)
    desk.forget("ada")
    for _ in range(3):
        desk.sweep()
    assert len(tries) == 1
    desk.ledger.close()
    with sqlite3.connect(tmp_path / "mapper.db") as connection:
        assert connection.execute("SELECT scrub FROM store").fetchone() == (1,)
    connection.close()
