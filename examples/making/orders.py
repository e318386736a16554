"""Orders to print: every spelling of a full address, the switch of a destination, and people known from earlier calls.

Knows how such calls look and what becomes of them. Must not know how they are numbered, mixed or written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unicodedata import normalize

from making import people
from making.calls import ADDRESS, NOBODY, TEMPLATES, Call, Kind, known, order, ready, skipped
from making.people import Dice, Json


def _full(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    more = {"email": who.email, "phone": who.phone, "company": who.company} if number % 2 else {}
    return Call(order(dice, {**people.flat(who), **more}), who)


def _camel(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    spelled = "templateId" if number % 2 else "template_id"
    return Call({spelled: dice.pick(TEMPLATES), **people.camel(who), "loyaltyTier": "gold"}, who)


def _nested(dice: Dice, number: int) -> Call:
    who = people.unitless(dice)
    return Call(order(dice, {**people.reserved(who), "age": 20 + number, "createdAt": "2024-02-29T10:15:00Z"}), who)


def _snake(dice: Dice, number: int) -> Call:
    who = people.unitless(dice)
    address = people.reserved(who, "postal_code" if number % 2 else "zip")["address"]
    return Call(order(dice, {"first_name": who.first, "last_name": who.last, "address": address}), who)


def _mixed(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    at = who.address
    names = (
        {"firstname": who.first, "lastName": who.last}
        if number % 2
        else {"first_name": who.first, "lastname": who.last}
    )
    parts = {
        "street": at.line,
        "address": {"city": at.city, "state": at.state},
        "postalCode": at.zip,
        "country": at.country,
    }
    line_2 = {"addressLine2": at.unit} if at.unit else {}
    return Call(order(dice, {**names, **parts, **line_2}), who)


def _twice(dice: Dice, _: int) -> Call:
    who = people.person(dice)
    return Call(order(dice, {"firstName": "Somebody", **people.flat(who), "city": "Elsewhere", "zip": "00000"}), who)


def _addresstext(dice: Dice, number: int) -> Call:
    who = people.unitless(dice)
    at = who.address
    code = "zip" if number % 2 else "postal_code"
    parts = {"address": at.line, "city": at.city, "state": at.state, code: at.zip, "country": at.country}
    return Call(order(dice, {"firstName": who.first, "lastName": who.last, **parts}), who)


def _companyobject(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    company = {"id": 700 + number, "name": who.company, "industry": "Printing", "employee_count": 12, "plan": "pro"}
    return Call(order(dice, {**people.flat(who), "company": company}), who)


def _companytext(dice: Dice, _: int) -> Call:
    who = people.person(dice)
    return Call(order(dice, {**people.flat(who), "company": who.company}), who)


def _companynoname(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    return Call(order(dice, {**people.flat(who), "company": {"id": 40 + number, "plan": "pro"}}), who)


def _nameonly(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    traits = {name: text for name, text in people.flat(who).items() if not name.endswith("_name")}
    name = who.first if number % 4 == 0 else f"{who.first} {who.last}"
    return Call(order(dice, {"name": name, **traits}))


def _custom(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    more: Json = {
        "subscription": "premium", "Loyalty Tier": "gold", "vip": number % 2 == 0, "lifetime_value": 120.5 + number,
        "tags": ["spring", "repeat"], "preferences": {"paper": {"weight": 300, "matte": True}, "colour": "sage"},
        "orders": [{"sku": "A-1", "qty": 2}, {"sku": "B-7", "qty": 1}], "username": who.last.lower(),
    }  # fmt: skip
    return Call(order(dice, {**people.flat(who), **more}), who)


def _contexttraits(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    traits = people.flat(who)
    early = {name: traits.pop(name) for name in (ADDRESS if number % 2 else ("first_name", "last_name"))}
    # A second line belongs to the same call as the first.
    early |= {"address_line_2": traits.pop("address_line_2", None)} if number % 2 else {}
    return Call(order(dice, traits), who, context={"traits": early})


def _blanks(dice: Dice, number: int) -> Call:
    who = people.unitless(dice)
    empty = ("", "   ", None, [], {})[number % 5]
    return Call(
        order(dice, {**people.flat(who), "phone": empty, "company": empty, "address_line_2": None, "note": empty}), who
    )


def _taken(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    name = ("source", "api_token")[number % 2]
    return Call(order(dice, {**people.flat(who), name: "newsletter"}), who)


def _accents(dice: Dice, number: int) -> Call:
    who = people.renamed(people.person(dice), *people.ACCENTED[number % 8])
    traits = people.flat(who)
    if number % 2:
        # Some keyboards send an accent as a character of its own; what is printed is the composed form.
        traits = {name: normalize("NFD", text) for name, text in traits.items()}
    return Call(order(dice, {**traits, "Ort der Abholung": "Café Łódź"}), who)


def _longname(dice: Dice, _: int) -> Call:
    who = people.renamed(people.person(dice), "Wilhelmina", "Fitzgerald-Abernathy of Thistlewood-upon-Underhill")
    return Call(order(dice, people.flat(who)), who)


def _apo(dice: Dice, number: int) -> Call:
    line, city, state, code = people.MILITARY[number % 5]
    who = people.person(dice, people.Address(line, "", city, state, state, code, "US"))
    return Call(order(dice, people.flat(who)), who)


def _zipnumber(dice: Dice, number: int) -> Call:
    who = replace(people.unitless(dice), address=replace(people.us_address(dice, people.ZERO_CITIES), unit=""))
    traits = people.reserved(who) if number % 2 else people.flat(who)
    (traits["address"] if number % 2 else traits)["postalCode" if number % 2 else "address_zip"] = int(who.address.zip)
    return Call(order(dice, traits), who)


def _states(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    name = who.address.state_name
    return Call(order(dice, {**people.flat(who), "address_state": name.lower() if number % 4 == 0 else name}), who)


def _province(dice: Dice, number: int) -> Call:
    who = people.person(dice, people.address_abroad("CA", number))
    name = ("Québec", "Ontario", "British Columbia", "alberta")[number]
    return Call(order(dice, {**people.flat(who), "address_state": name, "address_country": "Canada"}), who)


def _options(dice: Dice, number: int) -> Call:
    who = people.person(dice)
    rest = {"All": False} if number % 2 else {}
    return Call(people.flat(who), who, changes={"integrations": {**rest, "Inkit": {"template_id": TEMPLATES[2]}}})


def _switch(*values: Json) -> Callable[[Dice, int], Call]:
    """A full order whose ``integrations`` is one of ``values``, in turn."""

    def make(dice: Dice, number: int) -> Call:
        who = people.person(dice)
        return Call(order(dice, people.flat(who)), who, changes={"integrations": values[number % len(values)]})

    return make


def _bare(dice: Dice, number: int) -> Call:
    return Call(order(dice, {}), known(number), user=known(number).id)


def _line2known(dice: Dice, number: int) -> Call:
    who = known(number * 3)
    return Call(
        order(dice, {"address_line_2": "Suite 1"}),
        replace(who, address=replace(who.address, unit="Suite 1")),
        user=who.id,
    )


def _customknown(dice: Dice, number: int) -> Call:
    who = known(number + 7)
    more = {"email": who.email, "company": who.company, "phone": who.phone, "subscription": "premium"}
    return Call(order(dice, {**more, "custom_field_example": "content"}), who, user=who.id)


def _moving(dice: Dice, number: int) -> Call:
    before, now = known(number * 3 + 1), people.unitless(dice)
    who = replace(now, id=before.id, first=before.first, last=before.last)
    at_new = {name: text for name, text in people.flat(who).items() if name in ADDRESS}
    return Call(order(dice, at_new), who, user=who.id)


def _stranger(dice: Dice, _: int) -> Call:
    return Call(order(dice, {}))


def _line2stranger(dice: Dice, _: int) -> Call:
    return Call(order(dice, {"address_line_2": "Suite 1"}))


#: Every kind of this module.
KINDS = (
    Kind("full", 20, _full, ready()),
    Kind("camel", 12, _camel, ready()),
    Kind("nested", 12, _nested, ready()),
    Kind("snake", 8, _snake, ready()),
    Kind("mixed", 10, _mixed, ready()),
    Kind("twice", 4, _twice, {"status": "ready"}),
    Kind("addresstext", 8, _addresstext, ready()),
    Kind("companyobject", 8, _companyobject, ready()),
    Kind("companytext", 6, _companytext, ready()),
    Kind("companynoname", 4, _companynoname, ready("wrong_type")),
    Kind("nameonly", 8, _nameonly, ready()),
    Kind("custom", 10, _custom, ready()),
    Kind("contexttraits", 6, _contexttraits, ready()),
    Kind("blanks", 8, _blanks, ready()),
    Kind("taken", 5, _taken, {"status": "ready"}),
    Kind("accents", 8, _accents, ready()),
    Kind("longname", 4, _longname, ready("maxlength")),
    Kind("apo", 5, _apo, ready()),
    Kind("zipnumber", 8, _zipnumber, ready("zip_restored")),
    Kind("states", 8, _states, ready()),
    Kind("province", 4, _province, ready()),
    Kind("options", 6, _options, ready()),
    Kind("bare", 20, _bare, ready()),
    # A warning where an older second line is replaced; none where there was none.
    Kind("line2known", 4, _line2known, {"status": "ready"}),
    Kind("customknown", 4, _customknown, ready()),
    Kind("moving", 3, _moving, ready()),
    Kind("stranger", 6, _stranger, NOBODY),
    Kind("line2stranger", 3, _line2stranger, NOBODY),
    Kind("only", 6, _switch({"All": False, "Inkit": True}, {"All": False, "Inkit": {}, "Mixpanel": True}), ready()),
    Kind("othercase", 3, _switch({"inkit": False}, {"INKIT": False, "All": True}), ready()),
    Kind("oddall", 2, _switch({"All": None}, {"All": "false", "Warehouses": {"all": False}}), {"status": "ready"}),
    Kind(
        "oddswitch",
        4,
        _switch({"Inkit": "false"}, {"Inkit": 0}, {"Inkit": ""}, {"All": False, "Inkit": []}),
        ready("odd_switch"),
    ),
    Kind("off", 5, _switch({"All": False}, {"All": False, "Mixpanel": True}, {"All": False, "Inkit": None}), skipped()),
    Kind("offname", 5, _switch({"Inkit": False}, {"All": True, "Inkit": False}), skipped()),
)
