"""The rate where starts come late: a slow disk, a busy machine. What is late is not made up for."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from deliveries import PLAIN, Desk, arrival

from mapper.delivery.ledger import Wish, open_store
from mapper.delivery.values import Arrival, Claim, Ending
from mapper.frozen import replace


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Fifty a second."""
    return Desk(open_store(str(tmp_path / "mapper.db")), policy=replace(PLAIN, rate=(50, 1)))


def several(count: int) -> list[Arrival]:
    """Calls of as many people."""
    return [arrival(f"m{n}", f"p{n}") for n in range(count)]


def starts(desk: Desk, lateness: float, seed: int) -> list[float]:
    """The moments at which all jobs start, each of them up to so many seconds late, and others meanwhile."""
    chance, moments, left = random.Random(seed), [], len(desk.rows())  # noqa: S311 - not a secret
    claims: list[tuple[float, Claim]] = []
    while len(moments) < left:
        more = desk.ledger.claim(Wish("w", 20, ahead=desk.ledger.policy.margin)).claims
        claims += [(claim.at + chance.uniform(0, lateness), claim) for claim in more]
        now = desk.store.now()
        due = [claim for at, claim in claims if at <= now]
        claims = [(at, claim) for at, claim in claims if at > now]
        begun = desk.ledger.start("w", frozenset(claim.job for claim in due)) if due else ()
        assert len(begun) == len(due)
        moments += [now] * len(due)
        if due:
            desk.ledger.finish([Ending(claim.job, claim.attempt, "delivered") for claim in due])
        desk.later(0.004)
    return moments


@pytest.mark.parametrize("lateness", [0.0, 0.015, 0.05, 0.4, 0.9])
def test_no_window_holds_one_too_many(desk: Desk, lateness: float) -> None:
    """Whatever a start was late by: in no second are there more than fifty, retries or not."""
    desk.ledger.accept(several(160))
    moments = starts(desk, lateness, seed=7)
    assert len(moments) == 160
    assert max(sum(start <= m < start + 1 for m in moments) for start in moments) <= 50


def test_the_next_keeps_its_distance(desk: Desk) -> None:
    """From one that is late by half a second, whose slot was long past."""
    desk.ledger.accept(several(3))
    (first,) = desk.claim(ahead=0.0, most=1)
    desk.later(0.5)
    assert desk.start(first) == [first.job]
    again = desk.claimed(ahead=0.0)
    assert again.claims == ()
    assert again.again == pytest.approx(desk.store.now() + desk.ledger.policy.gap, rel=0, abs=1e-6)


def test_who_is_on_time_loses_nothing(desk: Desk) -> None:
    """A minute of slots that start when they are due: as many as the gaps say."""
    desk.ledger.accept(several(100))
    moments = starts(desk, 0.0, seed=1)
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert max(gaps) < desk.ledger.policy.gap + 0.005
