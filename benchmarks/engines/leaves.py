"""What the hand-written engines share: the spellings, the merged traits, and the custom fields.

Written as a careful engineer writes it for one destination, with nothing that has to be looked up twice.
"""

from __future__ import annotations

from typing import Any

import orjson

#: Field: the places in the merged traits where it may stand, in order of preference.
SPELLINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "template_id": (("template_id",), ("templateId",)),
    "first_name": (("first_name",), ("firstName",), ("given_name",)),
    "last_name": (("last_name",), ("lastName",), ("family_name",)),
    "email": (("email",), ("emailAddress",)),
    "phone": (("phone",), ("phoneNumber",), ("phone_number",)),
    "company": (("company", "name"), ("company",), ("companyName",)),
    "address_line_1": (("address_line_1",), ("address", "street"), ("addressLine1",), ("street",)),
    "address_line_2": (("address_line_2",), ("address", "unit"), ("addressLine2",)),
    "address_city": (("address_city",), ("address", "city"), ("city",)),
    "address_state": (("address_state",), ("address", "state"), ("state",), ("region",)),
    "address_zip": (("address_zip",), ("address", "postalCode"), ("postalCode",), ("zip",)),
    "address_country": (("address_country",), ("address", "country"), ("country",)),
}

EMAIL = r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"
STATE = "[A-Z]{2,3}"
ZIP = "[A-Z0-9]{3,5}([ -][A-Z0-9]{3,4})?"
COUNTRIES = "US CA AU NZ GB IE DE AT CH FR BE NL LU IT ES PT DK SE NO FI IS PL CZ SK HU SI EE LV LT".split()  # noqa: SIM905 - a list of quoted codes hides what they are

#: The names that a field reads at the top, and those that it reads inside an object at the top.
_NAMED = frozenset(path[0] for paths in SPELLINGS.values() for path in paths if len(path) == 1)
_NAMED_INSIDE = {
    root: frozenset(path[1] for paths in SPELLINGS.values() for path in paths if len(path) > 1 and path[0] == root)
    for root in ("address", "company")
}
_NOTHING: frozenset[str] = frozenset()


def merged(event: dict[str, Any]) -> dict[str, Any]:
    """The traits of the call, and what its context remembers besides."""
    traits: dict[str, Any] = event.get("traits") or {}
    remembered = (event.get("context") or {}).get("traits")
    return {**remembered, **traits} if remembered else traits


def add_custom_fields(traits: dict[str, Any], body: dict[str, Any]) -> None:
    """Put every leaf that no field names into the body; a list is one leaf, sent as its JSON text."""
    for name, value in traits.items():
        if isinstance(value, dict):
            _spread(value, name, _NAMED_INSIDE.get(name, _NOTHING), body)
        elif name not in _NAMED:
            _put(name, value, body)


def _spread(branch: dict[str, Any], above: str, named: frozenset[str], body: dict[str, Any]) -> None:
    for name, value in branch.items():
        if isinstance(value, dict):
            _spread(value, f"{above}_{name}", _NOTHING, body)
        elif name not in named:
            _put(f"{above}_{name}", value, body)


def _put(name: str, value: Any, body: dict[str, Any]) -> None:
    """One leaf, unless it says nothing, or its name is a field's or taken."""
    if value is None or name in SPELLINGS or name in body:
        return
    if isinstance(value, str):
        if value and not value.isspace():
            body[name] = value
    elif not isinstance(value, list):
        body[name] = value
    elif value:
        body[name] = orjson.dumps(value).decode()


def as_text(value: Any) -> Any:
    """A text without the spaces around it, a number as its digits, and anything else as it is."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
