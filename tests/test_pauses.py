"""One refusal is one pause, however many requests were under way when it began; on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deliveries import Desk, arrival

from mapper.delivery.ledger import open_store
from mapper.delivery.policy import IN_A_ROW
from mapper.delivery.values import Arrival


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    """An account whose clock a test moves."""
    made = Desk(open_store(store_url))
    yield made
    made.ledger.close()


def several(number: int) -> list[Arrival]:
    """Calls of people of their own."""
    return [arrival(f"m{one}", f"person {one}") for one in range(number)]


def left(desk: Desk) -> float:
    """Seconds that the account still sends nothing."""
    return (desk.ledger.status().paused or 0) - desk.store.now()


def test_answers_of_what_was_under_way_are_one_refusal(desk: Desk) -> None:
    """Three are under way with a bad key: they are refused one after the other, and 30 seconds are waited, not 60."""
    desk.accept(*several(5))
    for claim in desk.started(most=3):
        desk.end(claim, "pause", "the key was refused", account=True)
    assert left(desk) == 30
    desk.later(30)
    desk.end(desk.one(), "pause", "the key was refused", account=True)
    assert left(desk) == 60  # this one began after the first pause, so it is the second refusal


def test_an_answer_that_comes_after_the_pause_is_of_the_same_refusal(desk: Desk) -> None:
    """A destination may take longer to answer than the pause lasts: what was asked before it tells nothing new."""
    desk.accept(*several(3))
    first, late = desk.started(most=2)
    desk.end(first, "pause", account=True)
    desk.later(31)
    desk.end(late, "pause", account=True)
    assert left(desk) == 30
    desk.later(30)
    desk.end(desk.one(), "pause", account=True)
    assert left(desk) == 60


def test_silence_of_what_was_under_way_is_one_pause(desk: Desk) -> None:
    """Too many in a row had no final answer: those that were under way by then do not make the pause longer."""
    desk.accept(*several(IN_A_ROW + 2))
    for claim in desk.started(most=IN_A_ROW + 2):
        desk.end(claim, "unknown")
    assert left(desk) == 30


def test_a_longer_wait_is_still_believed(desk: Desk) -> None:
    """What was under way may be told to wait for longer than the pause that is on."""
    desk.accept(*several(2))
    one, other = desk.started(most=2)
    desk.end(one, "pause", account=True)
    desk.end(other, "retry", asked=600.0, account=True)
    assert left(desk) == 600
