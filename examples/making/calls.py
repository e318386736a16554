"""What a call is made of here, what may become of one, and the people that earlier calls made known.

Knows the outcomes that the mapping language has for an Identify call. Must not know any kind of call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from making import envelopes, people
from making.people import Dice, Json, Person

SEED = 20_260_901

TEMPLATES = (
    "9d0c6a52-1b7e-4f0e-8a55-2f4f6f1d7c10",
    "5be1f0a94c3d4a7f9f6f0c2b7d1e8a34",
    "tmpl_7Gq2XvB9sKd4LmN1pRtY6w",
)
ADDRESS = ("address_line_1", "address_city", "address_state", "address_zip", "address_country")
AN_UPDATE = "an update of the profile, not an order to print"
LEFT = "this person just left an audience"
NOT_IDENTIFY = "not an identify call"
#: Stands for a trait that is taken away.
GONE = object()


@dataclass(frozen=True, slots=True)
class Call:
    """One call before its envelope: traits, whose address is to be printed, and what is unusual about the envelope."""

    traits: Any
    who: Person | None = None
    library: Callable[[Dice, str, datetime], Json] | None = None
    user: str | None = None
    context: Json = field(default_factory=dict)
    changes: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of call: how many there are, how one is made, and what the mapping language says becomes of it."""

    slug: str
    count: int
    make: Callable[[Dice, int], Call]
    expected: Json


def ready(*warnings: str) -> Json:
    """The outcome of an order that is printed."""
    return {"status": "ready", "warnings": list(warnings)}


def skipped(because: str | None = None) -> Json:
    """The outcome of a call that is no order."""
    return {"status": "skipped", "because": because} if because else {"status": "skipped"}


def invalid(*not_an_event: str, **problems: list[str]) -> Json:
    """The outcome of an order that cannot be printed: the fields by problem code."""
    return {"status": "invalid", "problems": {**{code: [] for code in not_an_event}, **problems}}


ANY_NAME = ["first_name", "last_name"]
NOBODY = invalid(missing=sorted(ADDRESS), any_of=ANY_NAME)
NO_TEMPLATE = invalid(missing=["template_id"])


def order(dice: Dice, traits: Json) -> Json:
    """The traits, with a template: that is what orders a card."""
    return {"template_id": dice.pick(TEMPLATES), **traits}


def _known_people(dice: Dice) -> tuple[list[Person], list[Json]]:
    """Twenty people as they are known in the end, and the earlier calls that say so, in no order."""
    found, calls = [], []
    for number in range(20):
        someone = people.person(dice, user=f"known_{number:02d}")
        found.append(someone)
        calls += _story(dice, number, someone)
    return found, dice.shuffled([*calls, *_documented(dice)])


def _documented(dice: Dice) -> list[Json]:
    """What was heard of the user of Inkit's documentation, for the single files beside this folder."""
    address = people.Address("1 Rocket Road", "", "Hawthorne", "CA", "California", "90250", "USA")
    someone = people.Person("userId123", "Elon", "Musk", "elon@spacex.com", "3107099497", "SpaceX", address)
    return [_earlier(dice, someone.id, 0, people.reserved(someone))]


def _story(dice: Dice, number: int, someone: Person) -> list[Json]:
    """What was heard of one person, oldest first: every third moved house, every fifth ordered a card before."""
    spelled = (people.flat, people.camel, people.reserved)[number % 3]
    told: list[Json] = [{**spelled(someone), "email": someone.email}]
    if spelled is people.reserved:
        # The reserved address object has no second line; it is a trait of its own.
        told[0] |= {"address_line_2": someone.address.unit} if someone.address.unit else {}
    if number % 6 == 0:
        before = replace(someone, address=replace(people.us_address(dice), unit="Apt 9Z"))
        told.insert(0, people.flat(before))
    if number % 5 == 0:
        told.append({"template_id": TEMPLATES[0], "email": someone.email})
    if number % 4 == 1:
        told += [{"phone": someone.phone, "plan": "basic"}, {"phone": None, "plan": "pro"}]
    return [_earlier(dice, someone.id, step, traits) for step, traits in enumerate(told)]


def _earlier(dice: Dice, user: str, step: int, traits: Json) -> Json:
    moment = envelopes.START - timedelta(days=400 - 90 * step, minutes=dice.below(9000))
    library = dice.pick(envelopes.LIBRARIES)
    return envelopes.event(library(dice, user, moment), f"person-{user}-{step}", traits)


KNOWN, EARLIER = _known_people(Dice(SEED))


def known(number: int) -> Person:
    """One of the known people, in turn."""
    return KNOWN[number % len(KNOWN)]
