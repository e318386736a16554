"""Calls of Engage, calls that order nothing, and lines that are no Identify call at all.

Knows how such calls look and what becomes of them. Must not know how they are numbered, mixed or written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from making import envelopes, people
from making.calls import (
    ADDRESS,
    AN_UPDATE,
    ANY_NAME,
    GONE,
    LEFT,
    NO_TEMPLATE,
    NOT_IDENTIFY,
    TEMPLATES,
    Call,
    Kind,
    invalid,
    known,
    order,
    ready,
    skipped,
)
from making.people import Dice, Person


def _computed(class_: str, key: str, value: Any, who: Person | None = None, **more: Any) -> Call:
    """What Engage sends of one computation; ``more`` are traits that it was told to add."""
    personas = {"computation_class": class_, "computation_key": key}
    user = who.id if who else None
    return Call({key: value, **more}, who, envelopes.engage, user, context={"personas": personas})


def _entered(_: Dice, number: int) -> Call:
    return _computed("audience", "order_completed_last_30days", True, known(number))  # noqa: FBT003 - JSON


def _enteredstranger(_: Dice, number: int) -> Call:
    return _computed("audience", "high_value_customers", True, email=f"someone{number}@example.com")  # noqa: FBT003


def _enriched(dice: Dice, _: int) -> Call:
    who = people.unitless(dice)
    return replace(_computed("audience", "vip_reactivated", True, **people.reserved(who)), who=who, user=who.id)  # noqa: FBT003


def _enteredorder(_: Dice, number: int) -> Call:
    call = _computed("audience", "cart_abandoned", True, known(number + 4))  # noqa: FBT003 - JSON
    return replace(call, changes={"integrations": {"All": False, "Inkit": {"template_id": TEMPLATES[1]}}})


def _left(dice: Dice, number: int) -> Call:
    more = order(dice, {}) if number % 2 else {}
    return _computed("audience", "order_completed_last_30days", False, known(number), **more)  # noqa: FBT003 - JSON


def _journey(_: Dice, number: int) -> Call:
    return _computed("journey_step", "j_o_winback__step_1_x7f2a", True, known(number + 9))  # noqa: FBT003 - JSON


def _journeytext(_: Dice, number: int) -> Call:
    return _computed("journey_step", "j_o_winback__step_2_k31pd", "true", known(number))


def _computedtrait(_: Dice, number: int) -> Call:
    value = (412.75, 3, "Tuesday", False, True, ["A-1", "B-7"])[number]
    return _computed("trait", ("lifetime_value", "visits", "favourite_day")[number % 3], value, known(number))


def _profile(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    traits = (people.flat(who), {"email": who.email}, {"plan": "pro"}, {"template_id": "", **people.camel(who)}, {})
    return Call(traits[number % 5], user=known(number).id if number % 5 == 1 else None)


def _track(_: Dice, number: int) -> Call:
    return Call(GONE, changes={"type": "track", "event": "Order Completed", "properties": {"total": 19.5 + number}})


def _page(_: Dice, number: int) -> Call:
    return Call(GONE, changes={"type": ("page", "screen", "group", "alias")[number], "name": "Home", "properties": {}})


def _noids(dice: Dice, number: int) -> Call:
    ids = ({"userId": GONE, "anonymousId": GONE}, {"userId": None, "anonymousId": None})[number % 2]
    return Call(order(dice, people.flat(people.person(dice))), changes=ids)


def _badtraits(dice: Dice, number: int) -> Call:
    return Call((["template_id", TEMPLATES[0]], "template_id=1", 7, [order(dice, {})])[number])


def _anonymous(dice: Dice, _: int) -> Call:
    who = people.person(dice)
    return Call(order(dice, people.flat(who)), who, envelopes.browser, changes={"userId": GONE})


def _nostreet(dice: Dice, _: int) -> Call:
    traits = people.reserved(people.person(dice))
    del traits["address"]["street"]
    return Call(order(dice, traits))


#: Every kind of this module.
KINDS = (
    Kind("entered", 8, _entered, NO_TEMPLATE),
    Kind("enteredstranger", 4, _enteredstranger, invalid(missing=["template_id", *ADDRESS], any_of=ANY_NAME)),
    Kind("enriched", 4, _enriched, NO_TEMPLATE),
    Kind("enteredorder", 4, _enteredorder, ready()),
    Kind("left", 8, _left, skipped(LEFT)),
    Kind("journey", 4, _journey, NO_TEMPLATE),
    Kind("journeytext", 2, _journeytext, NO_TEMPLATE),
    Kind("computedtrait", 6, _computedtrait, skipped(AN_UPDATE)),
    Kind("profile", 14, _profile, skipped(AN_UPDATE)),
    Kind("track", 5, _track, skipped(NOT_IDENTIFY)),
    Kind("page", 4, _page, skipped(NOT_IDENTIFY)),
    Kind("noids", 4, _noids, invalid("not_an_event")),
    Kind("badtraits", 4, _badtraits, invalid("not_an_event")),
    Kind("anonymous", 4, _anonymous, ready()),
    Kind("nostreet", 3, _nostreet, invalid(wrong_type=["address_line_1"])),
)
