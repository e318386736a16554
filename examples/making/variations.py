"""Full orders with one thing changed, orders from abroad, and what differs under other circumstances.

Knows one row for each kind. Must not know how calls are numbered, mixed or written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from making import people
from making.calls import ADDRESS, ANY_NAME, GONE, NOBODY, Call, Kind, invalid, order, ready
from making.people import Dice, Json

LINE_64 = "Building C of the Former Wool Exchange, 1188 North Prospect St E"


def _at(states: str, *cities: str) -> dict[str, tuple[Any, ...]]:
    """Cities and their states, in turn, so that they agree with the ZIP codes of a row."""
    return {"address_city": cities, "address_state": tuple(states.split())}


#: Kind, count, outcome, and the traits that differ from a full order, each with values that take turns.
CHANGED: tuple[tuple[str, int, Json, dict[str, tuple[Any, ...]]], ...] = (
    ("pobox", 5, ready(), {"address_line_1": ("PO Box 1184", "P.O. Box 27", "Post Office Box 3300")}),
    ("line64", 3, ready(), {"address_line_1": (LINE_64,)}),
    ("plusfour", 4, ready(), {"address_zip": ("78701-3216", "02134-1205", "00901-0042"),
                            **_at("TX MA PR", "Austin", "Boston", "San Juan")}),
    ("zipwhole", 4, ready(), {"address_zip": (78701, 60614, 98103.0),
                            **_at("TX IL WA", "Austin", "Chicago", "Seattle")}),
    ("country", 10, ready(), {"address_country": ("USA", "United States", "us", "U.S.A.", "United States of America")}),
    ("line2long", 2, ready("maxlength"), {"address_line_2": (LINE_64 + " rear",)}),
    ("phoneobject", 2, ready("wrong_type"), {"phone": ({"mobile": "2125550142"}, {"home": 2_125_550_188})}),
    ("phonenumber", 2, ready(), {"phone": (2_125_550_142, 3_105_550_177)}),
    ("missingstreet", 3, invalid(missing=["address_line_1"]), {"address_line_1": (GONE, "", None)}),
    ("missingcity", 3, invalid(missing=["address_city"]), {"address_city": (GONE, "  ", None)}),
    ("missingstate", 3, invalid(missing=["address_state"]), {"address_state": (GONE, "", [])}),
    ("missingzip", 3, invalid(missing=["address_zip"]), {"address_zip": (GONE, "", None)}),
    ("missingcountry", 3, invalid(missing=["address_country"]), {"address_country": (GONE, "", {})}),
    ("missingnames", 4, invalid(any_of=ANY_NAME), {"first_name": (GONE, ""), "last_name": (GONE, None)}),
    ("onename", 4, ready(), {"first_name": (GONE, "Ada"), "last_name": ("King", GONE)}),
    ("line65", 3, invalid(maxlength=["address_line_1"]), {"address_line_1": (LINE_64 + "a",)}),
    ("badcountry", 4, invalid(not_understood=["address_country"]),
     {"address_country": ("Atlantis", "USofA!", "Congo", "Georgia")}),
    ("badstate", 3, invalid(not_understood=["address_state"]), {"address_state": ("Cascadia", "XQ", "Deseret")}),
    ("badzip", 4, invalid(regex=["address_zip"]), {"address_zip": ("ABCDE", "902501", "K1A 0B1", "1234-56789")}),
    ("booleanstreet", 3, invalid(wrong_type=["address_line_1"]), {"address_line_1": (True, False, ["1 Main St"])}),
    ("objectcity", 2, invalid(wrong_type=["address_city"]), {"address_city": ({"name": "Boston"}, ["Boston"])}),
    ("booleantemplate", 1, invalid(wrong_type=["template_id"]), {"template_id": (True,)}),
    ("objecttemplate", 2, invalid(wrong_type=["template_id"]),
     {"template_id": ({"id": "T1"}, {"name": "Spring card"})}),
    ("twomistakes", 2, invalid(missing=["address_city"], maxlength=["address_line_1"]),
     {"address_city": (GONE,), "address_line_1": (LINE_64 + " rear",)}),
)  # fmt: skip

#: Kind, count, outcome, country code, the region (None: its own), and the spellings of the country.
FOREIGN: tuple[tuple[str, int, Json, str, str | None, tuple[str, ...]], ...] = (
    ("canada", 6, ready(), "CA", None, ("CA", "Canada", "CAN")),
    ("germany", 5, ready(), "DE", None, ("DE", "Germany", "DEU")),
    ("india", 4, ready(), "IN", None, ("IN", "India")),
    ("australia", 3, ready(), "AU", None, ("AU", "Australia", "AUS")),
    ("britain", 4, ready(), "GB", "EN", ("GBR", "United Kingdom", "UK", "GB")),
    ("britainnostate", 3, invalid(missing=["address_state"]), "GB", "", ("United Kingdom", "GB")),
    ("norwaynostate", 3, invalid(missing=["address_state"]), "NO", "", ("NO", "Norway")),
    ("francenostate", 2, invalid(missing=["address_state"]), "FR", "", ("FR", "France")),
    ("regionname", 1, invalid(regex=["address_state"]), "AU", "Western Australia", ("AU",)),
)


def _changed(differing: dict[str, tuple[Any, ...]]) -> Callable[[Dice, int], Call]:
    def make(dice: Dice, number: int) -> Call:
        traits = order(dice, people.flat(people.unitless(dice)))
        traits |= {name: values[number % len(values)] for name, values in differing.items()}
        return Call({name: value for name, value in traits.items() if value is not GONE})

    return make


def _foreign(country: str, region: str | None, spellings: tuple[str, ...]) -> Callable[[Dice, int], Call]:
    def make(dice: Dice, number: int) -> Call:
        who = people.person(dice, people.address_abroad(country, number, region))
        return Call(order(dice, {**people.flat(who), "address_country": spellings[number % len(spellings)]}), who)

    return make


#: Every kind of this module.
KINDS = (
    *(Kind(slug, count, _changed(differing), expected) for slug, count, expected, differing in CHANGED),
    *(
        Kind(slug, count, _foreign(code, region, names), expected)
        for slug, count, expected, code, region, names in FOREIGN
    ),
)

#: What differs when the setting template_id has a value, and when nobody's earlier calls are known.
WITH_TEMPLATE = {
    "entered": ready(),
    "enriched": ready(),
    "journey": ready(),
    "journeytext": ready(),
    "enteredstranger": NOBODY,
}
STRANGERS = {
    "bare": NOBODY, "line2known": NOBODY, "customknown": NOBODY, "moving": invalid(any_of=ANY_NAME),
    **dict.fromkeys(("entered", "journey", "journeytext"), invalid(missing=["template_id", *ADDRESS], any_of=ANY_NAME)),
    "enteredorder": NOBODY,
}  # fmt: skip
