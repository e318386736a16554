"""The events of the benchmark: Identify calls as analytics.js sends them, drawn from a seed.

    python benchmarks/corpus.py 100000 --seed 1 > corpus.ndjson
    python benchmarks/corpus.py 100000 --valid > valid.ndjson

A line has about 1.3 KB. The traits come in three shapes: 45 % flat snake_case names, 40 % camelCase with
an address object, 15 % with the person in ``context.traits``; three to seven custom traits each. A tenth is invalid,
in nine ways (``DEFECTS``). What an engine must make of a line is written in SEMANTICS.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Literal

Kind = Literal["mixed", "valid", "invalid"]
Traits = dict[str, Any]

#: Share of the events that are invalid when both kinds are asked for.
INVALID_SHARE = 0.10
#: Of the three shapes of traits: flat, camelCase, in ``context.traits``; per cent.
_SHARES = (45, 40, 15)

_FIRST = (
    *("Ada", "Grace", "Elon", "José", "Zoë", "Mary Ann", "Liam", "Olivia", "Noah", "Emma", "Søren", "Chloé"),
    *("James", "Sophia", "Lucas", "Mia", "Jürgen", "Aaliyah", "Mateo", "Isla", "Priya", "Wei", "Fatima", "Jean-Luc"),
)
_LAST = (
    *("King", "Hopper", "Musk", "García", "O'Neill", "van der Berg", "Smith", "Johnson", "Nuñez", "Müller", "Brown"),
    *("Nguyen", "Kowalski", "Andersson", "Okafor", "Patel", "Rossi", "Dubois", "Yamamoto", "Haddad", "Lefèvre"),
)
_STREET = ("Rocket Road", "Main Street", "Elm St", "Lindenstraße", "Avenue B", "N 5th Ave", "Queen's Park Crescent W")
_UNIT = ("Suite 1", "Apt 4B", "Floor 12", "Unit 7", "c/o Hopper", "Building C, Room 210")
_COMPANY = ("SpaceX", "Analytical Engines Ltd", "Acme & Sons", "Café Zoë GmbH", "Globex", "Initech", "Umbrella Foods")
#: City, state, postal code, country.
_PLACES = (
    *(("Hawthorne", "CA", "90250", "US"), ("Boston", "MA", "02134", "US"), ("Austin", "TX", "78701", "US")),
    *(("New York", "NY", "10001-2211", "US"), ("Chicago", "IL", "60601", "US"), ("Denver", "CO", "80202", "US")),
    *(("Seattle", "WA", "98101", "US"), ("Miami", "FL", "33101", "US"), ("Portland", "OR", "97201", "US")),
    *(("Saint Louis", "MO", "63101", "US"), ("Springfield", "IL", "62701", "US"), ("Newark", "NJ", "07102", "US")),
    *(("Ottawa", "ON", "K1A 0B1", "CA"), ("Montréal", "QC", "H2Y 1C6", "CA"), ("Sydney", "NSW", "2000", "AU")),
    *(("München", "BY", "80331", "DE"), ("Milano", "MI", "20121", "IT"), ("Oslo", "OS", "0150", "NO")),
)
_MAIL = ("example.com", "mail.example.org", "post.example.net", "gmx.example", "web.example.co.uk")
_WORDS = (
    "gold",
    "spring",
    "outdoor",
    "garden",
    "books",
    "coffee",
    "running",
    "jazz",
    "travel",
    "kids",
    "vegan",
    "wine",
)
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"
_BROWSERS = (
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT}.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_WEBKIT}.6478.71 Mobile Safari/537.36",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_WEBKIT}.6478.71 Safari/537.36",
)
_PAGES = (
    ("/account/profile", "Your profile | Northwind Traders"),
    ("/checkout/thank-you", "Thank you for your order | Northwind Traders"),
    ("/newsletter/welcome", "Welcome to the newsletter | Northwind Traders"),
)


def events(count: int, seed: int = 1, kind: Kind = "mixed") -> Iterator[bytes]:
    """Draw ``count`` events, one JSON line each without its line break. Equal arguments give equal bytes."""
    draw = Random(seed)
    for number in range(count):
        wrong = kind == "invalid" or (kind == "mixed" and _happens(draw, INVALID_SHARE))
        yield _line(_event(draw, DEFECTS[number % len(DEFECTS)] if wrong else None))


def renamed(lines: list[bytes], count: int) -> Iterator[bytes]:
    """The lines over and over, up to ``count``, each with a messageId of its own."""
    for number in range(count):
        line = lines[number % len(lines)]
        start = line.index(b'"messageId":"ajs-next-') + len(b'"messageId":"ajs-next-')
        yield b"%b%032x%b" % (line[:start], number, line[start + 32 :])


def _line(event: Traits) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _event(draw: Random, defect: Callable[[Random, Traits], None] | None) -> Traits:
    person = _person(draw)
    if defect is not None:
        defect(draw, person)
    extra = _custom(draw)
    shape = draw.choices(("flat", "camel", "remembered"), _SHARES)[0]
    if shape == "flat":
        return _envelope(draw, _flat(draw, person) | extra)
    if shape == "camel":
        return _envelope(draw, _camel(draw, person) | extra)
    return _envelope(draw, *_remembered(draw, person, extra))


def _person(draw: Random) -> Traits:
    """One valid person by the names of the mapping's fields. An optional field may be absent, null or blank."""
    city, state, code, country = draw.choice(_PLACES)
    first, last = draw.choice(_FIRST), draw.choice(_LAST)
    person: Traits = {
        "template_id": f"tmpl_{draw.getrandbits(40):010x}",
        "first_name": first if _happens(draw, 0.95) else None,
        "last_name": last,
        "email": f"{last.split()[0].lower()}{draw.randrange(1000)}@{draw.choice(_MAIL)}",
        "phone": f"+1 310 {draw.randrange(200, 999)} {draw.randrange(10000):04d}",
        "company": draw.choice(_COMPANY),
        "address_line_1": f"{draw.randrange(1, 9999)} {draw.choice(_STREET)}",
        "address_line_2": draw.choice(_UNIT),
        "address_city": city,
        "address_state": state,
        # A spreadsheet on the way made a number of it; one that starts with a zero would not have survived.
        "address_zip": int(code) if code.isdigit() and code[0] != "0" and _happens(draw, 0.25) else code,
        "address_country": country,
    }
    _thin_out(draw, person)
    return person


def _thin_out(draw: Random, person: Traits) -> None:
    """Leave out what not everybody says; say some of it as null or blank; put spaces around some texts."""
    for name, absent, empty in (("phone", 30, 5), ("company", 50, 0), ("address_line_2", 50, 10)):
        said = draw.choices(("said", "absent", "empty"), (100 - absent - empty, absent, empty))[0]
        if said == "absent":
            del person[name]
        elif said == "empty":
            person[name] = draw.choice((None, ""))
    if _happens(draw, 0.03):
        name = draw.choice(("last_name", "address_line_1", "address_city"))
        person[name] = f"{person[name]} "


def _flat(draw: Random, person: Traits) -> Traits:
    """Flat snake_case names, some with a second spelling beside the first."""
    traits = dict(person)
    second = draw.choices(("none", "name", "filled", "zip"), (88, 6, 3, 3))[0]
    if second == "name":
        traits["firstName"], traits["lastName"] = draw.choice(_FIRST), person["last_name"]
    elif second == "filled":  # the first spelling says nothing, the second does
        traits["firstName"], traits["first_name"] = draw.choice(_FIRST), draw.choice((None, ""))
    elif second == "zip":
        traits["zip"] = person["address_zip"]
    return traits


def _camel(draw: Random, person: Traits) -> Traits:
    """Names in camelCase, an address object, and a company object in two of three."""
    traits = {_CAMEL.get(name, name): value for name, value in person.items() if not name.startswith("address_")}
    traits["address"] = {_IN_ADDRESS[name]: value for name, value in person.items() if name in _IN_ADDRESS}
    if _happens(draw, 0.1):
        traits["address"]["residential"] = _happens(draw, 0.5)
    if isinstance(traits.get("company"), str) and _happens(draw, 0.66):
        traits["company"] = {
            "name": traits["company"],
            "employees": draw.randrange(1, 5000),
            "plan": draw.choice(("free", "pro", "enterprise")),
        }
    if _happens(draw, 0.06):
        traits["first_name"] = draw.choice(_FIRST)
    return traits


def _remembered(draw: Random, person: Traits, extra: Traits) -> tuple[Traits, Traits]:
    """The order in the traits, the person in ``context.traits``; now and then both say the same trait."""
    order = {name: person[name] for name in ("template_id",) if name in person}
    rest = {name: value for name, value in person.items() if name != "template_id"}
    known = _camel(draw, rest) if _happens(draw, 0.5) else rest
    traits = order | extra
    if _happens(draw, 0.2) and "email" in known:
        traits["email"] = known["email"]
        known["email"] = f"old.{draw.randrange(1000)}@example.com"
    if _happens(draw, 0.3):
        known["first_seen"] = _day(draw)
    return traits, known


_CAMEL = {"template_id": "templateId", "first_name": "firstName", "last_name": "lastName"}
_IN_ADDRESS = {
    "address_line_1": "street",
    "address_line_2": "unit",
    "address_city": "city",
    "address_state": "state",
    "address_zip": "postalCode",
    "address_country": "country",
}


def _time(draw: Random) -> str:
    clock = f"{draw.randrange(24):02d}:{draw.randrange(60):02d}:{draw.randrange(60):02d}.{draw.randrange(800):03d}"
    return f"{_day(draw)}T{clock}Z"


def _custom(draw: Random) -> Traits:
    """Three to seven traits that no field reads."""
    return {name: _CUSTOM[name](draw) for name in draw.sample(_CUSTOM_NAMES, draw.randint(3, 7))}


_CUSTOM: dict[str, Callable[[Random], Any]] = {
    "loyalty_tier": lambda draw: draw.choice(("bronze", "silver", "gold")),
    "lifetime_value": lambda draw: draw.randrange(100, 500000) / 100,
    "ordersCount": lambda draw: draw.randrange(200),
    "subscribed": lambda draw: _happens(draw, 0.7),
    "tags": lambda draw: draw.sample(_WORDS, draw.randint(0, 4)),
    "interests": lambda draw: [{"topic": word, "score": draw.randrange(10)} for word in draw.sample(_WORDS, 2)],
    "preferences": lambda draw: {
        "language": draw.choice(("en", "de", "es")),
        "newsletter": _happens(draw, 0.5),
        "channels": draw.sample(("mail", "email", "sms"), 2),
    },
    "last_order": lambda draw: {"id": f"o-{draw.randrange(10**7)}", "total": draw.randrange(500, 90000) / 100},
    "consents": lambda draw: {"marketing": {"email": True, "sms": False}, "at": _day(draw)},
    "birthday": lambda draw: f"19{draw.randrange(40, 99)}-0{draw.randrange(1, 9)}-1{draw.randrange(9)}",
    "signup_source": lambda draw: draw.choice(("google", "friend", "Messe Köln", "podcast")),
    "nps": lambda draw: draw.choice((None, *range(11))),
    "referral_code": lambda draw: f"R{draw.getrandbits(32):08X}",
    "notes": lambda draw: draw.choice(("", "likes “plain” paper", "Ring twice \\ side door", "prefers Zürich store")),
    "avatar": lambda draw: f"https://cdn.example.com/a/{draw.getrandbits(48):012x}.png",
    "plan": lambda draw: draw.choice(("free", "plus", "premium")),
    "favouriteStore": lambda draw: f"store-{draw.randrange(400)}",
    "account_manager": lambda draw: {"name": draw.choice(_FIRST), "extension": draw.randrange(100, 999)},
    "title": lambda draw: draw.choice(("Dr.", "Ms", "Mr", None)),
    "lastSeenAt": _time,
}
_CUSTOM_NAMES = tuple(_CUSTOM)


def _envelope(draw: Random, traits: Traits, remembered: Traits | None = None) -> Traits:
    """The call around the traits, with the context of analytics.js."""
    path, title = draw.choice(_PAGES)
    url = f"https://www.northwind.example{path}?ref={draw.choice(_WORDS)}"
    time = _time(draw)
    context: Traits = {
        "library": {"name": "analytics.js", "version": "next-1.70.0"},
        "page": {"path": path, "referrer": "https://www.google.com/", "search": "", "title": title, "url": url},
        "userAgent": draw.choice(_BROWSERS),
        "ip": f"203.0.113.{draw.randrange(1, 255)}",
        "locale": draw.choice(("en-US", "de-DE", "fr-CA")),
        "timezone": draw.choice(("America/Los_Angeles", "Europe/Berlin")),
    }
    if _happens(draw, 0.6):
        context["campaign"] = {"name": f"{draw.choice(_WORDS)}-cards", "source": "newsletter", "medium": "email"}
    if remembered is not None:
        context["traits"] = remembered
    return {
        "anonymousId": _uuid(draw),
        "channel": "client",
        "context": context,
        "integrations": {},
        "messageId": f"ajs-next-{draw.getrandbits(128):032x}",
        "originalTimestamp": time,
        "receivedAt": f"{time[:-5]}.912Z",
        "sentAt": f"{time[:-5]}.804Z",
        "timestamp": time,
        "traits": traits,
        "type": "identify",
        "userId": f"user_{draw.getrandbits(48):012x}",
        "version": 2,
        "writeKey": f"wk{draw.getrandbits(64):016x}",
    }


def _happens(draw: Random, share: float) -> bool:
    return draw.random() < share


def _uuid(draw: Random) -> str:
    digits = f"{draw.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _day(draw: Random) -> str:
    return f"202{draw.randrange(6)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"


def _no_street(_: Random, person: Traits) -> None:
    """The required first address line is absent."""
    del person["address_line_1"]


def _blank_city(draw: Random, person: Traits) -> None:
    """The required city is null, empty or spaces."""
    person["address_city"] = draw.choice((None, "", "  "))


def _no_template(_: Random, person: Traits) -> None:
    """The required template is absent."""
    del person["template_id"]


def _long_street(draw: Random, person: Traits) -> None:
    """The first address line is longer than 64 characters."""
    person["address_line_1"] = f"{draw.randrange(1, 999)} " + "Llanfairpwllgwyngyll " * 4


def _long_name(draw: Random, person: Traits) -> None:
    """The last name is longer than 40 characters."""
    person["last_name"] = "-".join(draw.sample(_LAST, 8))


def _wordy_state(draw: Random, person: Traits) -> None:
    """The state is a word, not a code."""
    person["address_state"] = draw.choice(("California", "Bayern", "ca"))


def _odd_code(draw: Random, person: Traits) -> None:
    """The postal code is none."""
    person["address_zip"] = draw.choice(("n/a", "9025O!", "unknown", 7))


def _odd_country(draw: Random, person: Traits) -> None:
    """A country that is not in the list, and an email address that is none."""
    person["address_country"] = draw.choice(("Narnia", "USA", "XX"))
    person["email"] = draw.choice(("unknown", "ada@", "@example.com"))


def _no_text(draw: Random, person: Traits) -> None:
    """The email is a list, an object or a boolean."""
    person["email"] = draw.choice((["a@example.com"], {"work": "a@example.com"}, True))


#: The nine ways in which an event is invalid.
DEFECTS = (
    _no_street,
    _blank_city,
    _no_template,
    _long_street,
    _long_name,
    _wordy_state,
    _odd_code,
    _odd_country,
    _no_text,
)


def main() -> None:
    """Write events to stdout, one a line."""
    read = argparse.ArgumentParser(description="Write the benchmark's events to stdout.")
    read.add_argument("count", type=int)
    read.add_argument("--seed", type=int, default=1)
    only = read.add_mutually_exclusive_group()
    only.add_argument("--valid", dest="kind", action="store_const", const="valid")
    only.add_argument("--invalid", dest="kind", action="store_const", const="invalid")
    asked = read.parse_args()
    for line in events(asked.count, asked.seed, asked.kind or "mixed"):
        sys.stdout.buffer.write(line + b"\n")


if __name__ == "__main__":
    main()
