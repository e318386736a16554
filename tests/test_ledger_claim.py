"""Claimed and started in one transaction: what holds for the two one after the other holds for this, and some more."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from contracts.store import GuardContract, JobContract, PeopleContract, StoreTests, several
from deliveries import NOON, ONE, PLAIN, TWO, Desk, Hasty, arrival, draft
from sqlalchemy import delete, select, update

from mapper.delivery.ledger import Ledger, Wish, open_store, tables
from mapper.delivery.ledger.store import Store
from mapper.delivery.policy import IN_A_ROW, Policy
from mapper.delivery.values import Claim, Claimed, Ending, Swept
from mapper.delivery.worker import Worker
from mapper.frozen import replace

T = TypeVar("T", bound=type[StoreTests])

#: How a contract's test starts a job.
_STARTS = re.compile(r"\.(?:started|one|everywhere)\(")


def starting(contract: T) -> T:
    """Leave those tests of a contract out that start nothing: here they would be the same again."""
    for name, test in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("test_") and not _STARTS.search(inspect.getsource(test)):
            setattr(contract, name, None)
    return contract


class AtOnce(StoreTests):
    """A store that a worker has for itself, and desks that start in the claim what may leave at once."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.where = tmp_path / "mapper.db"

    def make(self) -> Store:
        """Ours."""
        return open_store(str(self.where))

    def desk(self, policy: Policy = PLAIN, account: str = "Inkwell") -> Desk:
        """One of those."""
        return Hasty(self.store(), account, policy)


@starting
class TestJobsAtOnce(AtOnce, JobContract):
    """Jobs."""


@starting
class TestGuardsAtOnce(AtOnce, GuardContract):
    """Pace and money."""


@starting
class TestPeopleAtOnce(AtOnce, PeopleContract):
    """Who is forgotten while something is under way."""


# ---------------------------------------------------------------------------------------------------- what is its own


def row(desk: Desk, job: int) -> Any:
    """All that is stored of a job."""
    asked = select(tables.job).where(tables.job.c.id == job)
    return desk.store.read(lambda connection: connection.execute(asked).one())


@pytest.fixture
def open_desk(tmp_path: Path) -> Callable[..., Desk]:
    """Opens a desk on a store that a worker has for itself."""
    return lambda policy=PLAIN: Desk(open_store(str(tmp_path / "mapper.db")), policy=policy)


def test_all_of_a_start_is_written_down(open_desk: Callable[..., Desk]) -> None:
    """Whose it is, since when, until when, and which try: at a later try what it began with stays."""
    desk = open_desk()
    (job,) = desk.jobs(arrival("m1"))
    (claim,) = desk.claim(start=True)
    assert (claim.job, claim.attempt, claim.at, claim.started) == (job, 1, NOON, True)
    found = row(desk, job)
    assert (found.state, found.owner, found.attempts, found.changed) == ("sending", ONE, 1, NOON)
    assert (found.started, found.first_started, found.lease) == (NOON, NOON, NOON + PLAIN.lease)
    assert desk.sweep(ONE) == Swept()
    desk.end(claim, "retry")
    desk.later(60)
    (again,) = desk.claim(TWO, start=True)
    found = row(desk, job)
    assert (again.attempt, again.content, again.started) == (2, claim.content, True)
    assert (found.owner, found.attempts, found.started, found.first_started) == (TWO, 2, NOON + 60, NOON)
    assert desk.start(again, who=TWO) == desk.claim(start=True) == []


def test_a_claim_lapses_sooner_than_a_start(open_desk: Callable[..., Desk]) -> None:
    """Of what was only claimed nothing has left; what was started may be on its way for long."""
    desk = open_desk(replace(PLAIN, rate=(10, 1)))
    first, second, third = desk.jobs(*several(3))
    (begun,) = desk.claim(start=True, ahead=0.0)
    later = desk.claim(start=True, ahead=0.25)
    assert [claim.job for claim in (begun, *later)] == [first, second, third]
    assert row(desk, first).lease == NOON + PLAIN.lease
    assert row(desk, second).lease == row(desk, third).lease == later[-1].at + PLAIN.claim_lease
    desk.later(0.25)
    desk.start(later[0])
    assert row(desk, second).lease == desk.store.now() + PLAIN.lease
    assert PLAIN.claim_lease < PLAIN.lease / 5


def test_only_in_a_store_of_one_worker(store_url: str) -> None:
    """Where there are others an answer can get lost between: there a claim is a lease, whatever is asked for."""
    desk = Desk(open_store(store_url))
    desk.accept(*several(3))
    claims = desk.claim(start=True)
    assert [claim.started for claim in claims] == [desk.store.alone] * 3
    assert set(desk.states().values()) == {"sending" if desk.store.alone else "ready"}
    assert len(desk.start(*claims)) == (0 if desk.store.alone else 3)
    desk.ledger.close()


def test_a_claim_whose_answer_gets_lost_has_begun_nothing(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commit happened and it is made once more: what the first one took is free again, and in no doubt."""
    where = postgres.new_database()
    desk = Desk(open_store(where))
    desk.accept(*several(4))
    write = desk.store.write

    def twice(work: Callable[[Any], Claimed]) -> Claimed:
        write(work)
        return write(work)

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "write", twice)
        claims = desk.ledger.claim(Wish(ONE, 2, start=True)).claims
    assert [claim.job for claim in claims] == [3, 4]
    assert set(desk.states().values()) == {"ready"}
    swept = desk.ledger.sweep(ONE, frozenset(claim.job for claim in claims))
    assert (swept.freed, swept.unknown) == (2, 0)
    assert [claim.job for claim in desk.claim(TWO)] == [1, 2]
    desk.ledger.close()
    postgres.take_back(where)


def test_what_is_ahead_is_only_claimed(open_desk: Callable[..., Desk]) -> None:
    """With a rate: one that may leave now is started, several of which the last may not are not, nor is a later one."""
    desk = open_desk(replace(PLAIN, rate=(10, 1)))
    desk.accept(*several(6))
    some = desk.claim(start=True, ahead=0.25)
    assert [claim.started for claim in some] == [False] * 3
    assert desk.start(*some) == [1, 2, 3]
    desk.later(0.25)
    (ahead,) = desk.claim(start=True, ahead=0.06)
    assert (ahead.started, ahead.at > desk.store.now()) == (False, True)
    desk.give_back(ahead)
    desk.later(1)
    (now,) = desk.claim(start=True, ahead=0.06)
    assert (now.started, now.at) == (True, desk.store.now())
    claimed = desk.claimed(start=True, ahead=0.0)
    assert (claimed.claims, claimed.again) == ((), pytest.approx(now.at + 0.102, rel=0, abs=1e-6))


def test_a_cap_that_is_nearly_reached(open_desk: Callable[..., Desk]) -> None:
    """So many are started as there is room for, and counted in the same transaction; then nothing."""
    desk = open_desk(replace(PLAIN, cap_day=3))
    desk.accept(*several(8))
    assert len(desk.claim(most=2, start=True)) == desk.ledger.status().today == 2
    assert len(desk.claim(most=5, start=True)) == 1
    assert desk.ledger.status().today == 3
    assert desk.claimed(start=True).held == 5
    desk.later(86_400)
    desk.act("release", 7, 8)
    assert (len(desk.claim(start=True)), desk.ledger.status().today) == (2, 2)


def test_a_run_that_is_nearly_over(open_desk: Callable[..., Desk]) -> None:
    """No more are started than the run has left."""
    desk = open_desk(replace(PLAIN, cap_run=9))
    desk.accept(*several(5))
    assert len(desk.claim(start=True, run_left=2)) == 2
    assert list(desk.states().values()) == ["sending"] * 2 + ["ready"] * 3
    assert desk.claimed(start=True, run_left=0).held == 3


def test_what_has_no_content_is_not_started(open_desk: Callable[..., Desk]) -> None:
    """It is given up; the others leave, they alone are counted, and the person's next one comes forward."""
    desk = open_desk(replace(PLAIN, cap_day=9))
    gone, fine, after = desk.jobs(arrival("m1", "ada"), arrival("m2", "bob"), arrival("m3", "ada"))
    desk.store.write(lambda c: c.execute(delete(tables.paper).where(tables.paper.c.job == gone)))
    claims = desk.claim(start=True)
    assert [(claim.job, claim.started) for claim in claims] == [(fine, True)]
    assert desk.states() == {gone: "dead", fine: "sending", after: "ready"}
    assert desk.ledger.status().today == 1


def test_one_at_a_time_where_nothing_is_answered(open_desk: Callable[..., Desk]) -> None:
    """One is started, and nobody gets another while that is under way."""
    desk = open_desk()
    desk.accept(*several(5))
    desk.store.write(lambda c: c.execute(update(tables.gate).values(in_a_row=IN_A_ROW)))
    (probe,) = desk.claim(ONE, start=True)
    assert desk.claim(TWO, start=True) == desk.claim(ONE, start=True) == []
    desk.end(probe, "delivered")
    assert len(desk.claim(TWO, start=True)) == 4


def test_nothing_is_started_in_a_pause(open_desk: Callable[..., Desk]) -> None:
    """However much is due."""
    desk = open_desk()
    desk.accept(*several(3))
    desk.end(desk.claim(most=1, start=True)[0], "pause", account=True)
    assert desk.claim(start=True) == []
    desk.later(31)
    assert len(desk.claim(start=True)) == 3


# ----------------------------------------------------------------------------------------------------------- a worker


class Interrupted:
    """A worker of which something is wanted while its claim is made: the store has it already, the worker not yet."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, rate: tuple[int, int] | None) -> None:
        self.ledger = Ledger(open_store(str(path)), "Letters", replace(PLAIN, rate=rate), draft)
        self.ledger.accept(several(2))
        self.sent: list[int] = []
        self._made, self._goes_on = threading.Event(), threading.Event()
        self._claim = self.ledger.claim
        monkeypatch.setattr(self.ledger, "claim", self._slowly)

    def _slowly(self, wish: Wish) -> Claimed:
        claimed = self._claim(wish)
        self._made.set()
        assert self._goes_on.wait(10)
        return claimed

    async def _post(self, claim: Claim) -> Ending:
        self.sent.append(claim.job)
        return Ending(claim.job, claim.attempt, "delivered")

    async def run(self, how: str) -> None:
        """Work, and be stopped or cancelled in that moment."""
        worker = Worker(self.ledger, self._post)
        working = asyncio.create_task(worker.run())
        assert await asyncio.to_thread(self._made.wait, 10)
        if how == "stopped":
            worker.stop()
        else:
            working.cancel()
            await asyncio.sleep(0)
        self._goes_on.set()
        with suppress(asyncio.CancelledError):
            await working

    def left(self) -> list[int]:
        """Close it; what the next worker finds."""
        found = self._claim(Wish(TWO, 9)).claims
        self.ledger.close()
        return [claim.job for claim in found]


@pytest.mark.parametrize("how", ["stopped", "cancelled"])
@pytest.mark.parametrize("rate", [None, (300, 1)], ids=["begun", "claimed"])
def test_what_a_claim_gave_goes_its_way(
    how: str, rate: tuple[int, int] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asked for a worker's end in vain: what has begun leaves and is settled, what has not is given back."""
    scene = Interrupted(tmp_path / "mapper.db", monkeypatch, rate)
    asyncio.run(scene.run(how))
    counts = scene.ledger.status().counts
    if rate is None:
        assert (sorted(scene.sent), counts["delivered"], scene.left()) == ([1, 2], 2, [])
    else:
        assert (scene.sent, counts["ready"], scene.left()) == ([], 2, [1, 2])
