"""Invented people with plausible addresses, and the ways in which customers spell them as traits.

Knows what real traits look like. Must not know the envelopes around them, nor what becomes of them.

Nobody here is a real person: names are drawn at random, e-mail addresses end in example.com, .net or .org, and
telephone numbers are from the ranges reserved for fiction.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

Json = dict[str, Any]
Choice = TypeVar("Choice")

FIRST = (
    "Amara", "Bennett", "Carmen", "Dmitri", "Elodie", "Farid", "Greta", "Hiroshi", "Imogen", "Jamal", "Keziah",
    "Lorenzo", "Maribel", "Nikolai", "Odessa", "Priya", "Quentin", "Rosalind", "Santiago", "Tamsin", "Ulrike",
    "Vashti", "Wendell", "Ximena", "Yusuf", "Zelda",
)  # fmt: skip
LAST = (
    "Abernathy", "Blackwood", "Castellanos", "Drummond", "Eriksen", "Fairweather", "Gallagher", "Hathaway", "Iyer",
    "Jankowski", "Kowalczyk", "Lindqvist", "Montague", "Nakagawa", "Okonkwo", "Pemberton", "Quillfeather", "Rasmussen",
    "Silverwood", "Thistlewood", "Underhill", "Villanueva", "Whitlock", "Yarborough", "Zimmerling",
)  # fmt: skip
ACCENTED = (
    ("Zoë", "Ångström-Lind"), ("José", "Peñaloza Ibáñez"), ("Siân", "Llewelyn-Prŷs"), ("Łukasz", "Żmudziński"),
    ("Françoise", "D’Aubigné-Roux"), ("Jürgen", "Weißenfels"), ("Bríd", "Ní Fhloinn"), ("Đurđa", "Šimić"),
)  # fmt: skip
STREETS = (
    "Maple Avenue", "Juniper Street", "Old Mill Road", "Harbor View Drive", "Chestnut Hill Road", "Prospect Street",
    "Cedar Lane", "Lakeshore Boulevard", "Foundry Way", "Orchard Terrace", "St. Andrews Court", "N. 14th Street",
)  # fmt: skip
UNITS = ("Apt 4B", "Suite 210", "Unit 7", "# 12", "Floor 3", "Apt. 1102")
COMPANIES = (
    "Northwind Cartography", "Bluebell & Sons", "Halcyon Freight", "Third Harbor Bakery", "Quillfeather Press",
    "O’Dowd Instruments", "Möwe Optik", "Lantern Analytics",
)  # fmt: skip

#: City, state, the state's name, ZIP code: the ZIP lies in that city.
ZERO_CITIES = (
    ("Boston", "MA", "Massachusetts", "02134"), ("Newark", "NJ", "New Jersey", "07102"),
    ("Hartford", "CT", "Connecticut", "06103"), ("Providence", "RI", "Rhode Island", "02903"),
    ("Portland", "ME", "Maine", "04101"), ("Burlington", "VT", "Vermont", "05401"),
    ("Concord", "NH", "New Hampshire", "03301"), ("San Juan", "PR", "Puerto Rico", "00901"),
)  # fmt: skip
CITIES = (
    ("Austin", "TX", "Texas", "78701"), ("Portland", "OR", "Oregon", "97205"), ("Denver", "CO", "Colorado", "80202"),
    ("Chicago", "IL", "Illinois", "60614"), ("Seattle", "WA", "Washington", "98103"),
    ("Atlanta", "GA", "Georgia", "30307"),
    ("Minneapolis", "MN", "Minnesota", "55408"), ("New Orleans", "LA", "Louisiana", "70115"),
    ("Honolulu", "HI", "Hawaii", "96815"), ("Anchorage", "AK", "Alaska", "99501"), ("Boise", "ID", "Idaho", "83702"),
    ("Charleston", "SC", "South Carolina", "29401"), ("Santa Fe", "NM", "New Mexico", "87501"),
    ("Washington", "DC", "District of Columbia", "20009"), ("Winston-Salem", "NC", "North Carolina", "27101"),
    ("Coeur d'Alene", "ID", "Idaho", "83814"), ("Hawthorne", "CA", "California", "90250"),
    ("Fargo", "ND", "North Dakota", "58102"),
)  # fmt: skip
#: Post offices abroad that the USPS treats as domestic: first line, city, state, ZIP code.
MILITARY = (
    ("PSC 3 Box 4120", "APO", "AE", "09128"), ("Unit 2050 Box 4190", "APO", "AP", "96278"),
    ("USS Halyard", "FPO", "AP", "96668"), ("CMR 415 Box 3617", "APO", "AE", "09114"),
    ("Unit 9900 Box 0500", "DPO", "AA", "34002"),
)  # fmt: skip
#: By country: first line, city, a two-letter region where one is in use, postal code.
ABROAD: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "CA": (
        ("1204 Rue Sainte-Élodie", "Montréal", "QC", "H2X 1Y4"), ("77 Kingfisher Crescent", "Toronto", "ON", "M5V 2T6"),
        ("310 Saltspring Way", "Victoria", "BC", "V8W 1P6"), ("9 Wheatfield Road NW", "Calgary", "AB", "T2P 1J9"),
    ),
    "DE": (
        ("Lindenstraße 14", "Nürnberg", "BY", "90402"), ("Am Möwenkai 3a", "Hamburg", "HH", "20457"),
        ("Große Gärtnergasse 88", "Köln", "NW", "50667"), ("Ahornweg 2", "Dresden", "SN", "01067"),
    ),
    "IN": (
        ("12/4 Gulmohar Marg", "Pune", "MH", "411001"),
        ("Flat 302, Lotus Heights, 5th Cross", "Bengaluru", "KA", "560001"),
        ("27 Neem Garden Street", "Chennai", "TN", "600004"),
    ),
    "AU": (("8 Banksia Parade", "Fremantle", "WA", "6160"), ("41 Wattle Street", "Adelaide", "SA", "5000")),
    "GB": (
        ("14 Heron Mews", "London", "", "SW1A 2ZZ"), ("Flat 2, 9 Kestrel Gardens", "Edinburgh", "", "EH1 1YZ"),
        ("The Old Forge, Mill Lane", "Bath", "", "BA1 2ZZ"),
    ),
    "NO": (
        ("Bjørkeveien 7 B", "Oslo", "", "0150"), ("Fjordgata 22", "Trondheim", "", "7010"),
        ("Ærfuglstien 1", "Tromsø", "", "9008"),
    ),
    "FR": (
        ("23 bis, rue des Érables", "Paris", "", "75011"), ("4 quai du Héron", "Lyon", "", "69002"),
        ("Allée Fénelon 1", "Nîmes", "", "30000"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """One postal address, every part a text; ``unit`` and ``state`` may be empty."""

    line: str
    unit: str
    city: str
    state: str
    state_name: str
    zip: str
    country: str


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person with an address."""

    id: str
    first: str
    last: str
    email: str
    phone: str
    company: str
    address: Address


class Dice:
    """Chance that falls the same way on every Python: only ``random()`` is promised to stay as it is."""

    def __init__(self, seed: int) -> None:
        """Start the sequence that belongs to ``seed``."""
        self._random = random.Random(seed)  # noqa: S311 - examples, not secrets

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, not including, ``limit``."""
        return int(self._random.random() * limit)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of ``choices``."""
        return choices[self.below(len(choices))]

    def hex(self, length: int) -> str:
        """``length`` lower-case hexadecimal digits."""
        return "".join(self.pick("0123456789abcdef") for _ in range(length))

    def uuid(self) -> str:
        """Text of the form of a version 4 UUID."""
        return f"{self.hex(8)}-{self.hex(4)}-4{self.hex(3)}-a{self.hex(3)}-{self.hex(12)}"

    def shuffled(self, values: Sequence[Choice]) -> list[Choice]:
        """The same values in another order."""
        left = list(values)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]


def us_address(dice: Dice, cities: Sequence[tuple[str, str, str, str]] = CITIES + ZERO_CITIES) -> Address:
    """A plausible address in one of ``cities``."""
    city, state, state_name, zip_code = dice.pick(cities)
    unit = dice.pick(UNITS) if dice.below(3) == 0 else ""
    return Address(f"{dice.below(9800) + 12} {dice.pick(STREETS)}", unit, city, state, state_name, zip_code, "US")


def address_abroad(country: str, number: int, state: str | None = None) -> Address:
    """The ``number``-th address of ``country``; ``state`` in place of its own region."""
    line, city, region, code = ABROAD[country][number % len(ABROAD[country])]
    chosen = region if state is None else state
    return Address(line, "", city, chosen, chosen, code, country)


def person(dice: Dice, address: Address | None = None, user: str | None = None) -> Person:
    """Somebody who lives at ``address``, or anywhere in the United States."""
    first, last = dice.pick(FIRST), dice.pick(LAST)
    email = f"{first}.{last}{dice.below(90) + 10}@example.{dice.pick(('com', 'net', 'org'))}".lower()
    phone = f"{dice.pick(('212', '310', '512', '617'))}55501{dice.below(90) + 10}"
    where = address or us_address(dice)
    return Person(user or f"usr_{dice.hex(10)}", first, last, email, phone, dice.pick(COMPANIES), where)


def unitless(dice: Dice) -> Person:
    """Somebody in the United States whose address has one line."""
    someone = person(dice)
    return replace(someone, address=replace(someone.address, unit=""))


def renamed(someone: Person, first: str, last: str) -> Person:
    """The same person under another name."""
    return replace(someone, first=first, last=last)


def flat(someone: Person) -> Json:
    """Traits under Inkit's own names: ``first_name``, ``address_line_1``; what is empty is left out."""
    at = someone.address
    traits = {
        "first_name": someone.first, "last_name": someone.last, "address_line_1": at.line, "address_line_2": at.unit,
        "address_city": at.city, "address_state": at.state, "address_zip": at.zip, "address_country": at.country,
    }  # fmt: skip
    return {name: text for name, text in traits.items() if text}


def camel(someone: Person) -> Json:
    """The same traits in camelCase."""
    return {_camel(name): text for name, text in flat(someone).items()}


def reserved(someone: Person, zip_key: str = "postalCode") -> Json:
    """Segment's reserved traits: ``firstName`` and an ``address`` object, which has no second line."""
    at = someone.address
    address = {"street": at.line, "city": at.city, "state": at.state, zip_key: at.zip, "country": at.country}
    filled = {name: text for name, text in address.items() if text}
    return {"firstName": someone.first, "lastName": someone.last, "email": someone.email, "address": filled}


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
