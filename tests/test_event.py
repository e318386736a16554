"""Decoded JSON becomes an Identify call: who it is for, what it says of an audience, and that nothing breaks it."""

from __future__ import annotations

import copy
from typing import Any

import laws
import pytest
import strategies
from hypothesis import given

from mapper import event
from mapper.event import Identify, NotForUs


def read(**members: Any) -> Identify:
    """An Identify call with some members, which has to be one."""
    call = event.read({"type": "identify", "userId": "u1", **members}, "D")
    assert isinstance(call, Identify)
    return call


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, "identify", [], [{"type": "identify"}], {}),
        {"type": "identify"},
        {"type": "identify", "userId": ""},
        {"type": "identify", "userId": "  ", "anonymousId": None},
        {"type": "identify", "userId": True},
        {"type": "identify", "userId": ["u"]},
        {"type": "identify", "userId": 1.5},
        {"type": "identify", "userId": "u", "traits": []},
        {"type": "identify", "userId": "u", "traits": "x"},
        {"type": "identify", "userId": "u", "traits": False},
    ],
    ids=repr,
)
def test_not_an_event(value: Any) -> None:
    """What cannot be mapped is a problem with a next step, and shows no value."""
    call = event.read(value, "D")
    assert isinstance(call, NotForUs)
    assert call.problem is not None
    assert call.problem.code == "not_an_event"
    assert call.problem.hint


@pytest.mark.parametrize("kind", ["track", "page", "screen", "group", "alias", "delete"])
def test_other_calls_are_skipped(kind: str) -> None:
    """Another call is no mistake: it is skipped with a reason."""
    call = event.read({"type": kind, "userId": "u1"}, "D")
    assert isinstance(call, NotForUs)
    assert call.problem is None
    assert call.because


@pytest.mark.parametrize(
    ("value", "text"),
    [("u1", "u1"), (" u1 ", "u1"), (7, "7"), (0, "0"), (10**30, str(10**30)), ("", None), (None, None), (True, None)],
)
def test_ids_are_text(value: Any, text: str | None) -> None:
    """An id is text or a whole number; anything else is none."""
    call = read(userId="other", anonymousId=value, messageId=value)
    assert (call.anonymous_id, call.message_id) == (text, text)


def test_the_envelope_is_as_sent() -> None:
    """Members are kept as they came, null where they are absent; what is not in the list is not there."""
    call = read(channel="server", version=2, extra="x")
    assert set(call.envelope) == set(event.ENVELOPE)
    assert (call.envelope["channel"], call.envelope["version"], call.envelope["projectId"]) == ("server", 2, None)


@pytest.mark.parametrize(
    ("integrations", "off", "options"),
    [
        (None, False, {}),
        ({}, False, {}),
        ([], False, {}),
        ("x", False, {}),
        ({"D": True}, False, {}),
        ({"D": False}, True, {}),
        ({"D": {}}, False, {}),
        ({"D": {"a": 1}}, False, {"a": 1}),
        ({"D": None}, False, {}),
        ({"D": None, "All": False}, True, {}),
        ({"All": False}, True, {}),
        ({"all": False}, True, {}),
        ({"All": False, "D": True}, False, {}),
        ({"All": False, "D": {}}, False, {}),
        ({"All": True, "D": False}, True, {}),
        ({"All": None}, False, {}),
        ({"d": False}, False, {}),
        ({"Other": False}, False, {}),
    ],
    ids=repr,
)
def test_switched_off(integrations: Any, off: bool, options: dict[str, Any]) -> None:  # noqa: FBT001
    """Only the booleans switch; an object means on and holds options; null is as absent."""
    call = read(integrations=integrations)
    assert (call.switched_off is not None) == off
    assert call.options == options
    assert call.warnings == ()


@pytest.mark.parametrize("odd", ["false", 0, 1, "", []])
@pytest.mark.parametrize("name", ["D", "All"])
def test_an_odd_switch_is_on_and_warns(name: str, odd: Any) -> None:
    """What is neither true, false, an object nor null counts as on, and is told."""
    call = read(integrations={name: odd})
    assert call.switched_off is None
    assert [problem.code for problem in call.warnings] == ["odd_switch"]


@pytest.mark.parametrize(
    ("personas", "traits", "entered", "left"),
    [
        ({"computation_class": "audience", "computation_key": "vip"}, {"vip": True}, True, False),
        ({"computation_class": "audience", "computation_key": "vip"}, {"vip": False}, False, True),
        ({"computation_class": "journey_step", "computation_key": "vip"}, {"vip": "true"}, True, False),
        ({"computation_class": "audience", "computation_key": "vip"}, {"vip": " FALSE "}, False, True),
        ({"computation_class": "audience", "computation_key": "vip"}, {"vip": 1}, False, False),
        ({"computation_class": "audience", "computation_key": "vip"}, {"vip": None}, False, False),
        ({"computation_class": "audience", "computation_key": "vip"}, {}, False, False),
        ({"computation_class": "audience", "computation_key": 7}, {"7": True}, False, False),
        ({"computation_class": "audience"}, {"vip": True}, False, False),
        ({"computation_class": "computed_trait", "computation_key": "vip"}, {"vip": False}, False, False),
        ({"computation_class": ["audience"], "computation_key": "vip"}, {"vip": False}, False, False),
        ({"computation_class": {}, "computation_key": "vip"}, {"vip": False}, False, False),
        ([], {"vip": True}, False, False),
        (None, {"vip": True}, False, False),
    ],
)
def test_audience(personas: Any, traits: dict[str, Any], entered: bool, left: bool) -> None:  # noqa: FBT001
    """Entered and left are true or false, never null, and a text that says false counts: no card for who left."""
    audience = read(traits=traits, context={"personas": personas}).audience
    assert (audience["entered"], audience["left"]) == (entered, left)


def test_audience_from_the_context() -> None:
    """What a context remembers keeps a card back and orders none; what the call itself says comes first."""
    context = {"personas": {"computation_class": "audience", "computation_key": "vip"}, "traits": {"vip": True}}
    assert read(context=context).audience == {"key": "vip", "entered": False, "left": False}
    assert read(context={**context, "traits": {"vip": False}}).audience["left"]
    assert read(context=context, traits={"vip": True}).audience["entered"]
    assert read(context=context, traits={"vip": False}).audience["left"]


@pytest.mark.parametrize(
    "context", [None, True, 0, "x", [], {"traits": []}, {"traits": "x"}, {"traits": None}], ids=repr
)
def test_a_context_of_any_kind(context: Any) -> None:
    """A context that is no object, or whose traits are none, says nothing."""
    assert read(context=context).context_traits == {}


@laws.some(150)
@given(strategies.any_events)
def test_nothing_breaks_it(value: Any) -> None:
    """Any JSON is a call, another call or a problem; and writing to what was made of it does not change it."""
    before = copy.deepcopy(value)
    call = event.read(value, "D")
    assert isinstance(call, Identify | NotForUs)
    assert laws.same(before, value)
    if isinstance(call, Identify):
        assert set(call.audience) == {"key", "entered", "left"}
        assert call.audience["entered"] in (True, False)
        assert not (call.audience["entered"] and call.audience["left"])
        call.traits["new"] = call.context_traits["new"] = call.options["new"] = 1
    assert laws.same(before, value)


def test_a_call_is_silent() -> None:
    """Printing a call shows no trait and no id."""
    call = read(userId="CANARY", traits={"a": "CANARY"}, context={"traits": {"b": "CANARY"}, "ip": "CANARY"})
    assert "CANARY" not in repr(call)
