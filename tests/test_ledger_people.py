"""People in the ledger, on both engines; the law of the merge as the next mapping sees it; and no byte left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from contracts.store import CANARY, PeopleContract
from deliveries import NOON, PLAIN, Desk, arrival
from hypothesis import given, settings
from hypothesis import strategies as st

import mapper
from mapper.delivery.intake import Intake
from mapper.delivery.ledger import Ledger, open_store
from mapper.delivery.ledger.store import Store
from mapper.identity import Identity

MAPPING = """
mapping: 1
destination: Inkwell
fields:
  a: {from: traits.a}
  b: {from: traits.b}
send:
  url: https://inkwell.example/orders
"""


class TestPeople(PeopleContract):
    """The ledger keeps the contract of every store."""

    @pytest.fixture(autouse=True)
    def _place(self, store_url: str) -> None:
        self.where = store_url

    def make(self) -> Store:
        """Ours."""
        return open_store(self.where)


# ------------------------------------------------------------------------------------------------------- law 9, stored


class Histories:
    """One file, and in it an account for each history, so that a thousand histories need not a thousand files."""

    def __init__(self, directory: Path) -> None:
        where = directory / "mapping.yaml"
        where.write_text(MAPPING, "utf-8")
        self.mapper = mapper.load(where)
        self.store = open_store(str(directory / "mapper.db"))
        self.intake = Intake(self.mapper, self.mapper.resolved({}), self.store.secret)
        self.accounts = 0

    def known_after(self, batches: list[list[dict[str, Any]]]) -> dict[str, Any]:
        """What is known of each name after some batches of calls, and what the next bare call of each would send."""
        self.accounts += 1
        ledger = Ledger(self.store, f"account {self.accounts}", PLAIN, self.intake.draft)
        for batch in batches:
            ledger.accept([self.intake.arrival(call) for call in batch])
        found: dict[str, Any] = {}
        for name in "uvwxyz":
            kind = "userId" if name in "uvw" else "anonymousId"
            asked = self.intake.arrival({"type": "identify", kind: name, "messageId": "asked"})
            known = ledger.known(asked)
            found[name] = (known.as_record() if known else None, self.intake.draft(asked, known).content)
        return found


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Histories]:
    """The file."""
    made = Histories(tmp_path_factory.mktemp("people"))
    yield made
    made.store.close()


VALUES = st.sampled_from([None, 1, 1.0, True, "1", "x", [1], {"k": 1}])
CALLS = st.fixed_dictionaries(
    {
        "who": st.sampled_from(["u", "v", "x", "y", "ux", "uy", "vx", "vy"]),
        "at": st.sampled_from(["2026-05-01T12:00:00Z", "2026-05-01T12:00:01Z", "2026-05-02T12:00:00.000000001Z", None]),
        "traits": st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2),
        "context": st.none() | st.dictionaries(st.sampled_from("ab"), VALUES, max_size=1),
    }
)


def event(number: int, call: dict[str, Any]) -> dict[str, Any]:
    """A call of a history; its messageId is its place."""
    made = {"type": "identify", "messageId": f"m{number}", "traits": call["traits"]}
    made |= {"userId" if name in "uv" else "anonymousId": name for name in call["who"]}
    made |= {"timestamp": call["at"]} if call["at"] else {}
    return made | ({"context": {"traits": call["context"]}} if call["context"] else {})


def law_9(histories: Histories, calls: list[dict[str, Any]], data: st.DataObject) -> None:
    """In any order, any batches, any repetition: the same in the end."""
    events = [event(number, call) for number, call in enumerate(calls)]
    others = data.draw(st.permutations(events)) + data.draw(st.lists(st.sampled_from(events), max_size=4))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(others)), max_size=4)))
    batches = [others[a:b] for a, b in zip([0, *cuts], [*cuts, len(others)], strict=True)]
    assert histories.known_after([[one] for one in events]) == histories.known_after(batches)


@settings(max_examples=60)
@given(calls=st.lists(CALLS, min_size=1, max_size=7), data=st.data())
def test_any_order_any_repetition(histories: Histories, calls: list[dict[str, Any]], data: st.DataObject) -> None:
    """Law 9, through the ledger: userIds, anonymousIds, late joins, nulls, equal times."""
    law_9(histories, calls, data)


@pytest.mark.fuzz
@given(calls=st.lists(CALLS, min_size=1, max_size=12), data=st.data())
def test_any_order_any_repetition_for_long(
    histories: Histories, calls: list[dict[str, Any]], data: st.DataObject
) -> None:
    """The same, longer."""
    law_9(histories, calls, data)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1)])
def test_a_value_that_comes_back_without_a_message_id(histories: Histories, order: tuple[int, ...]) -> None:
    """Moved away, and back again: three calls that no messageId tells apart, but their times do."""
    calls = [
        {"type": "identify", "userId": "u", "timestamp": f"2026-05-0{n + 1}T12:00:00Z", "traits": {"a": value}}
        for n, value in enumerate(["Ulm", "Bonn", "Ulm"])
    ]
    known, _ = histories.known_after([[calls[n]] for n in order])["u"]
    assert Identity.from_record(known).traits["a"].value == "Ulm"


@pytest.mark.parametrize("noted", [{"receivedAt": "2026-05-01T00:00:00Z"}, {}], ids=["receipt noted", "not noted"])
def test_a_clock_that_runs_ahead_does_not_freeze_a_profile(histories: Histories, noted: dict[str, Any]) -> None:
    """A call of the year 2096 came in 2026: what is said later is newer, whether the receipt was noted or not."""
    wrong = {"type": "identify", "userId": "u", "messageId": "m1", "timestamp": "2096-01-01T00:00:00Z", **noted}
    moment = datetime.now(UTC) + timedelta(minutes=1)
    later = wrong | {"messageId": "m2", "timestamp": moment.isoformat(), "receivedAt": moment.isoformat()}
    known, _ = histories.known_after([[wrong | {"traits": {"a": 1}}], [later | {"traits": {"a": 2}}]])["u"]
    assert Identity.from_record(known).traits["a"].value == 2


# --------------------------------------------------------------------------------------------------------- no byte left


def test_no_byte_of_a_person_is_left(tmp_path: Path) -> None:
    """In none of the files, while the store is open and after: not of the event, the request, nor the identity."""
    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    others = [arrival(f"o{n}", f"p{n}", traits={"street": f"{n} Elm"}) for n in range(300)]
    desk.ledger.accept(others[:150])
    desk.ledger.accept([arrival(f"m{n}", "ada", traits={"street": CANARY * (n + 1)}) for n in range(40)])
    desk.ledger.accept([arrival("v", None, anonymous="x", traits={"street": CANARY})])
    desk.ledger.accept([arrival("j", "ada", anonymous="x", at=NOON + 1)])
    desk.ledger.accept(others[150:])
    assert any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())
    desk.forget("ada")
    for _ in range(2):
        found = [file.name for file in tmp_path.iterdir() if CANARY.encode() in file.read_bytes()]
        assert found == []
        assert any(b"7 Elm" in file.read_bytes() for file in tmp_path.iterdir())
        desk.ledger.close()


def test_no_byte_is_left_of_what_was_under_way(tmp_path: Path) -> None:
    """It is forgotten when it has ended; the files are clean after that, too."""
    desk = Desk(open_store(str(tmp_path / "mapper.db")))
    desk.accept(arrival("m1", traits={"street": CANARY}))
    claim = desk.one()
    desk.forget("ada")
    desk.end(claim, "delivered")
    desk.ledger.close()
    open_store(str(tmp_path / "mapper.db")).close()
    assert [file.name for file in tmp_path.iterdir() if CANARY.encode() in file.read_bytes()] == []
