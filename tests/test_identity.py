"""What is known of a person: the merge in any order, whose word counts, and what belongs to one call only."""

from __future__ import annotations

import itertools
import json
from typing import Any

import laws
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from mapper import event, identity
from mapper.identity import ANCIENT, Identity, Stamp, Trait


def call(traits: Any = None, **members: Any) -> event.Identify:
    """An Identify call of one person."""
    read = event.read({"type": "identify", "userId": "u", "messageId": "m", "traits": traits or {}, **members}, "D")
    assert isinstance(read, event.Identify)
    return read


def merged(*calls: event.Identify) -> dict[str, Any]:
    """What is known after some calls."""
    known = Identity()
    for one in calls:
        known = identity.merge(known, identity.of_call(one))
    return {name: trait.value for name, trait in known.traits.items()}


@laws.some(80)
@given(strategies.histories(), st.lists(st.integers(0, 5), max_size=6))
def test_any_order_any_repetition(calls: list[event.Identify], order: list[int]) -> None:
    """Law 9 on random histories, to the byte; a stored identity comes back equal."""
    laws.check_merge(calls, order)


@given(st.permutations(range(4)))
def test_every_order_of_a_late_history(order: list[int]) -> None:
    """Late, equal and clearing calls end the same in each of their orders."""
    calls = [
        call({"a": 1, "b": 1}, timestamp="2024-05-01T12:00:00Z", messageId="m1"),
        call({"a": None, "c": 1}, timestamp="2024-05-02T12:00:00Z", messageId="m2"),
        call({"b": 2}, timestamp="2024-05-01T12:00:00Z", messageId="m2"),
        call({"a": 3}, timestamp="2024-04-01T12:00:00Z", messageId="m9"),
    ]
    assert merged(*(calls[i] for i in order)) == {"a": None, "b": 2, "c": 1}


def test_equal_stamps_are_settled_by_the_values() -> None:
    """Two values with one stamp: the same one wins whichever comes first, and true is not 1."""
    values: list[Any] = [1, 1.0, True, "1", None, [1], {"a": 1, "b": 2}, {"b": 2, "a": 1}]
    for one, other in itertools.permutations(values, 2):
        left, right = (Trait(value, Stamp(5, "m")) for value in (one, other))
        assert laws.same(left.later(right).value, right.later(left).value)


def test_the_last_writer_wins_root_by_root() -> None:
    """A newer call hides a root whole; what it does not say stays."""
    older = call({"address": {"street": "1 Elm", "unit": "2"}, "email": "a"}, timestamp="2024-05-01T12:00:00Z")
    newer = call({"address": {"street": "5 Oak"}}, timestamp="2024-05-02T12:00:00Z")
    assert merged(newer, older) == {"address": {"street": "5 Oak"}, "email": "a"}


def test_null_is_a_tombstone() -> None:
    """A cleared trait stays cleared, even where an older call comes late."""
    cleared = call({"a": None}, timestamp="2024-05-02T12:00:00Z")
    late = call({"a": "old"}, timestamp="2024-05-01T12:00:00Z")
    assert merged(cleared, late) == {"a": None}


def test_context_traits_are_just_older_than_their_call() -> None:
    """The context of a call says less than its traits, and more than any earlier call."""
    before = call({"a": "before", "b": "before"}, timestamp="2024-05-01T12:00:00Z")
    now = call({"a": "now"}, context={"traits": {"a": "context", "b": "context"}}, timestamp="2024-05-01T12:00:01Z")
    assert merged(now, before) == {"a": "now", "b": "context"}


@pytest.mark.parametrize(
    ("members", "time"),
    [
        ({"timestamp": "1970-01-01T00:00:01Z"}, 10**9),
        ({"originalTimestamp": "1970-01-01T00:00:01Z"}, 10**9),
        ({"sentAt": "1970-01-01T00:00:01Z"}, 10**9),
        ({"receivedAt": "1970-01-01T00:00:01Z"}, 10**9),
        ({"timestamp": "1970-01-01T00:00:01Z", "sentAt": "1970-01-01T00:00:09Z"}, 10**9),
        ({"timestamp": "yesterday", "sentAt": "1970-01-01T00:00:02Z"}, 2 * 10**9),
        # a clock that runs ahead must not freeze a profile
        ({"timestamp": "2999-01-01T00:00:00Z", "receivedAt": "1970-01-01T00:00:03Z"}, 3 * 10**9),
        ({"timestamp": "1970-01-01T00:00:01Z", "receivedAt": "1970-01-01T00:00:03Z"}, 10**9),
        ({}, ANCIENT.time + 1),
        ({"timestamp": 5, "receivedAt": []}, ANCIENT.time + 1),
    ],
)
def test_when_a_call_happened(members: dict[str, Any], time: int) -> None:
    """The first readable time, never after the receipt; none at all is older than any time."""
    assert identity.stamp(call(**members)).time == time


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.5Z", 500_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-02", 86_400 * 10**9),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("2024-02-30T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59Z", None),
        ("2024-05-01 12:00:00 +0000 UTC m=+70366.298768264", None),
        ("", None),
        ("x" * 100_000, None),
        (None, None),
        (True, None),
        (1714564800, None),
    ],
)
def test_instants(text: Any, nanoseconds: int | None) -> None:
    """ISO 8601 to the nanosecond; anything else is no time, and never an exception."""
    assert identity.instant(text) == nanoseconds


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]{0,16}\Z")))
def test_no_text_breaks_an_instant(text: str) -> None:
    """Whatever a sender writes as a time is a time or none."""
    assert isinstance(identity.instant(text), int | None)


def test_never_is_masked_when_remembering() -> None:
    """What belongs to one call is not remembered, neither from traits nor from the context."""
    known = identity.of_call(call({"order": 1, "a": 2}, context={"traits": {"order": 3, "b": 4}}), ("order",))
    assert {name: trait.value for name, trait in known.traits.items()} == {"a": 2, "b": 4}


def test_never_is_masked_when_looking_up() -> None:
    """What an older version of the mapping remembered is not looked up either; the call's own counts."""
    remembered = identity.from_traits({"order": "old", "a": "old"})
    assert identity.known(call({"b": 1}), remembered, frozenset({"order"})).tree == {"b": 1, "a": "old"}
    assert identity.known(call({"order": 1}), remembered, frozenset({"order"})).tree == {"order": 1, "a": "old"}


def test_layers_and_ages() -> None:
    """Call, context and identity in this order; equal stamps are one call; hidden roots are kept for the accounts."""
    known = Identity(
        {
            "a": Trait("identity", Stamp(9)),
            "c": Trait("identity", Stamp(9)),
            "d": Trait("identity", Stamp(9)),
            "e": Trait("identity", Stamp(3)),
        }
    )
    one = call({"a": "call"}, context={"traits": {"a": "context", "b": "context"}})
    laid = identity.known(one, known)
    assert laid.tree == {"a": "call", "b": "context", "c": "identity", "d": "identity", "e": "identity"}
    assert laid.layers == {"a": "call", "b": "context", "c": "identity", "d": "identity", "e": "identity"}
    assert laid.ages["a"] < laid.ages["b"] < laid.ages["c"] == laid.ages["d"] < laid.ages["e"]
    assert [(hidden.layer, hidden.name, hidden.value) for hidden in laid.hidden] == [
        ("context", "a", "context"),
        ("identity", "a", "identity"),
    ]


def test_round_trip_of_every_stamp() -> None:
    """Plain traits, tombstones and vast numbers survive storage."""
    known = identity.merge(
        identity.from_traits({"old": [1, {"x": None}], "big": 10**30}),
        identity.of_call(call({"gone": None, "é": "\u2028"}, timestamp="2024-05-01T12:00:00.000000001Z")),
    )
    stored = json.loads(json.dumps(known.as_record()))
    assert Identity.from_record(stored) == known
    assert laws.bytes_of(Identity.from_record(stored)) == laws.bytes_of(known)


def test_a_merge_changes_neither_side() -> None:
    """An identity is a value."""
    one, other = identity.from_traits({"a": 1}), identity.of_call(call({"a": 2, "b": 3}))
    before = laws.bytes_of(one), laws.bytes_of(other)
    identity.merge(one, other)
    assert (laws.bytes_of(one), laws.bytes_of(other)) == before


def test_an_identity_is_silent() -> None:
    """Printing one shows no value."""
    known = identity.of_call(call({"a": "CANARY"}))
    laid = identity.known(call({"b": "CANARY"}, context={"traits": {"b": "CANARY"}}), known)
    assert "CANARY" not in f"{known!r}{known.traits!r}{laid!r}"
