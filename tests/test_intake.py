"""What is no Identify call, or cannot be read: each is accounted for as itself, and is somebody's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from command_line import SMALL
from queues import CANARY, Stage, call, stage

from mapper.delivery.ledger import forget
from mapper.delivery.values import Filter, Unread

ONCE = SMALL + "  once_per: {key: [userId], within: 1d}\n"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Stage]:
    """A stage on a store of its own."""
    with stage(str(tmp_path / "mapper.db")) as made:
        yield made


def track(**more: Any) -> dict[str, Any]:
    """A call that is no Identify call, with an address in it."""
    properties = {"address": f"{CANARY} Road"}
    return {"type": "track", "messageId": "t1", "userId": "ada", "event": "Moved", "properties": properties, **more}


@pytest.mark.parametrize(
    "other",
    [
        track(),
        track(type="group", groupId="g", traits={"address": f"{CANARY} Road"}),
        track(type="identify", traits=f"{CANARY} Road"),
        track(userId=None, anonymousId="ada"),
        track(amount=Decimal("1.5")),
    ],
    ids=["track", "group", "an identify call without traits", "anonymous", "unreadable"],
)
def test_whoever_is_forgotten_is_so_in_calls_of_every_type(other: dict[str, Any], one: Stage) -> None:
    """What is skipped or invalid is kept as well, with all that it says of somebody."""
    (receipt,) = one.outbox.accept(other)
    names = one.outbox.intake.names
    name = names.user("ada") if other["userId"] else names.anonymous("ada")
    assert [row.job for row in one.ledger.rows(Filter(person=name))] == [receipt.job]
    assert one.ledger.forget(forget.Wish(name, "eve")).papers == 1
    one.outbox.close()
    files = list(Path(one.url).parent.glob("mapper.db*"))
    assert len(files) >= 1
    assert [file.name for file in files if CANARY.encode() in file.read_bytes()] == []


def test_calls_of_other_types_stand_in_no_line(one: Stage) -> None:
    """Nobody waits for what is never sent."""
    receipts = one.outbox.accept([track(), call(1, userId="ada"), track(messageId="t2")])
    assert [receipt.state for receipt in receipts] == ["skipped", "ready", "skipped"]


def test_a_call_of_another_type_that_is_sent_once_more(one: Stage) -> None:
    """It is the same where it says the same; its own sender's clock is no difference."""
    first, again, other = one.outbox.accept(
        [
            track(sentAt="2026-11-22T10:00:00Z"),
            track(sentAt="2026-11-22T10:05:00Z", context={"ip": "1"}),
            track(event="x"),
        ]
    )
    assert (first.repeated, again.repeated, other.repeated) == ("", "same", "conflict")
    assert first.job == again.job == other.job


@pytest.mark.parametrize(
    "value", [Decimal("1.5"), b"bytes", float("nan"), object()], ids=["decimal", "bytes", "nan", "object"]
)
def test_an_object_that_json_cannot_say(value: Any, one: Stage) -> None:
    """It is invalid for the reason that transform gives, is kept, and is no other one's repetition."""
    calls = [call(number, traits={"odd": value}) for number in (1, 2)]
    receipts = one.outbox.accept([*calls, calls[0]])
    (problem,) = one.mapper.transform(calls[0]).problems
    assert {receipt.because for receipt in receipts} == {f"{problem.code}: {problem.message}"}
    assert [(receipt.state, receipt.repeated) for receipt in receipts] == [
        ("invalid", ""),
        ("invalid", ""),
        ("invalid", "same"),
    ]
    story = one.ledger.story(receipts[1].job)
    assert story is not None
    assert story.event is not None
    assert call(2)["messageId"].encode() in story.event


def test_an_object_that_does_not_even_say_what_it_is(one: Stage) -> None:
    """Nothing in an event is raised."""

    class Shy:
        def __repr__(self) -> str:
            raise ValueError(CANARY)

    (receipt,) = one.outbox.accept(call(1, shy=Shy()))
    assert (receipt.state, receipt.repeated) == ("invalid", "")


def test_what_was_never_read(one: Stage) -> None:
    """It is known by what it was, not by what is kept in its place."""
    lines = [Unread(b"(a line of a gigabyte)", content, "the line is too long") for content in (b"1", b"2", b"1")]
    receipts = one.outbox.accept(lines)
    assert [receipt.repeated for receipt in receipts] == ["", "", "same"]
    assert receipts[0].because == "not_an_event: the event is no JSON that can be kept: the line is too long"


def test_an_order_is_one_within_its_source(tmp_path: Path) -> None:
    """Number 42 of the shop and number 42 of the newsletter are two people, and each gets the card."""
    where = str(tmp_path / "mapper.db")
    states = []
    for number, source in enumerate(("shop", "news", "", "shop", "")):
        with stage(where, ONCE, source) as one:
            (receipt,) = one.outbox.accept(call(number, userId="42"))
            states.append((source, receipt.state))
    assert states == [
        *(("shop", "ready"), ("news", "ready"), ("", "ready"), ("shop", "suppressed"), ("", "suppressed")),
    ]
