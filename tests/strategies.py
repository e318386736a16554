"""Hypothesis strategies: JSON, Identify calls, identities, and whole mappings.

Knows what senders and authors write, well and badly, with few names so that traits and expressions meet. Must not
know how any of it ends: that is for the laws.

    json_values                any JSON                    events(), calls()     Identify calls, usual to odd
    identities()               what is known of a person   mappings()            mappings that load, as plain values
    batches()                  a mapper with events        (mistakes.py: YAML files that went wrong)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import grammar
from grammar import Draw
from hypothesis import strategies as st

from mapper import event, identity, pipeline
from mapper.errors import MappingError
from mapper.identity import Identity
from mapper.pipeline import Mapper

#: Root traits that the expressions below read, and some that none does.
READ = ("a", "b", "c", "first_name", "firstName", "home", "list", "a.b")
UNREAD = ("d", "plan", "Loyalty Tier", "loyaltyTier", "", "é", "source", "0")
#: What the one secret setting holds: it may be in a prepared request and nowhere else.
SECRET = "CANARY-secret-5d1e"
ENVIRONMENT = {"MAPPER_TEST_KEY": SECRET}

_TEXTS = st.one_of(st.sampled_from([v for v in grammar.EDGES if isinstance(v, str)]), st.text(max_size=6))
_WHOLES = st.one_of(st.integers(-3, 3), st.sampled_from((2**53, -(2**63), 10**22, 10**30)))
_FLOATS = st.one_of(st.sampled_from((0.5, -0.0, 1e300, 5e-324, 2.0)), st.floats(allow_nan=False, allow_infinity=False))
scalars = st.one_of(st.none(), st.booleans(), _WHOLES, _FLOATS, _TEXTS, _TEXTS)
_NAMES = st.one_of(st.sampled_from((*READ, *UNREAD, "city", "zip", "type")), st.text(max_size=3))
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)
_HOMES = st.one_of(
    st.fixed_dictionaries({}, optional={"city": scalars, "zip": scalars, "more": grammar.documents}), json_values
)
_good = st.sampled_from(("Ada", "Ada King", "a", "b", "home", "12", "US", "CA", 7))
traits = st.builds(
    lambda good, read, unread, home: {**good, **read, **unread, **home},
    st.dictionaries(st.sampled_from(READ), _good, max_size=5),
    st.dictionaries(st.sampled_from(READ), st.one_of(_TEXTS, _TEXTS, grammar.documents, scalars), max_size=3),
    st.dictionaries(st.one_of(st.sampled_from(UNREAD), st.text(max_size=3)), json_values, max_size=3),
    st.fixed_dictionaries({}, optional={"home": _HOMES, "list": st.lists(grammar.documents, max_size=3)}),
)

#: Instants as they are written, and as they should not be.
TIMES: tuple[Any, ...] = (
    *(
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00.000Z",
        "2024-05-01T12:00:00.000000001Z",
        "2024-05-01T14:00:00+02:00",
    ),
    *("2024-05-01T11:59:59.999Z", "2030-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-05-01"),
    *("0001-01-01T00:00:00+23:59", "yesterday", "", "2024-02-30T00:00:00Z", "2024-05-01 12:00:00 +0000 UTC m=+70366.2"),
    *(None, 0, 1714564800, True, [], "9" * 70, "2024-05-01T12:00:00.5.5Z"),
)
_ids = st.sampled_from(("u1", "u1", "u2", 7, None, "", " ", True, "é"))


@st.composite
def calls(draw: Draw, *, odd: bool = False) -> dict[str, Any]:
    """One Identify call. ``odd`` lets anything stand at any place; otherwise it is a call for sure."""
    call: dict[str, Any] = {"type": "identify", "userId": "u1", "messageId": draw(st.sampled_from(("m1", "m2", "m3")))}
    call["traits"] = draw(traits)
    for name, chance in (("timestamp", 2), ("originalTimestamp", 6), ("sentAt", 6), ("receivedAt", 3)):
        if draw(st.integers(0, chance)) == 0:
            call[name] = draw(st.sampled_from(TIMES))
    if draw(st.booleans()):
        call["context"] = draw(_contexts)
    if draw(st.integers(0, 3)) == 0:
        call["integrations"] = draw(_switches)
    if odd:
        for name in draw(st.lists(st.sampled_from((*event.ENVELOPE, "traits", "extra")), max_size=3)):
            call[name] = draw(st.one_of(json_values, _ids))
    return call


_contexts = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "traits": st.one_of(traits, traits, json_values),
            "personas": st.fixed_dictionaries(
                {
                    "computation_key": st.sampled_from((*READ, 3)),
                    "computation_class": st.sampled_from(("audience", "x")),
                }
            ),
            "ip": scalars,
        },
    ),
    json_values,
)
_switches = st.one_of(
    st.dictionaries(
        st.sampled_from(("D", "All", "all", "Other")),
        st.one_of(st.booleans(), st.fixed_dictionaries({}, optional={"o": scalars, "list": json_values}), scalars),
        max_size=3,
    ),
    json_values,
)
#: Anything that may arrive where a call is due.
any_events = st.one_of(calls(odd=True), calls(odd=True), json_values)


@st.composite
def histories(draw: Draw, least: int = 1, most: int = 6) -> list[event.Identify]:
    """Calls of one person, some at the same time, with the same messageId, or with no time at all."""
    made = draw(st.lists(calls(), min_size=least, max_size=most))
    read = (event.read(call, "D") for call in made)
    return [call for call in read if isinstance(call, event.Identify)]


@st.composite
def identities(draw: Draw) -> Identity | dict[str, Any] | None:
    """What is known of a person: nothing, plain traits, or a merged history."""
    kind = draw(st.sampled_from(("nothing", "plain", "merged")))
    if kind == "nothing":
        return None
    if kind == "plain":
        plain: dict[str, Any] = draw(traits)
        return plain
    known = Identity()
    for call in draw(histories(most=3)):
        known = identity.merge(known, identity.of_call(call))
    return known


# ------------------------------------------------------------------------------------------------------- mappings

_FIELDS = ("f1", "f2", "first_name", "a", "home.city", "home.zip", "dotted\\.name", "deep.er.still")
_PLAIN = (
    *("traits.a", "traits.b", "traits.c", "traits.first_name", "traits.firstName", "traits.a.b", "traits.home"),
    *("traits.home.city", "traits.home.zip", "traits.list", "traits.list[0]", "traits.list[1].a", 'traits."a.b"'),
)
_OUTSIDE = ("userId", "options.o", "settings.s", "context.traits.a", "context.traits.home", "context.ip", "timestamp")
#: Expressions that authors do write, beside those of the grammar.
_USUAL = (
    "traits.list[?a=='home'].b | [0]",
    "join_filled(' ', [traits.first_name, traits.b])",
    "split_name(traits.first_name).first",
    "rest_of_name(traits.a, traits.first_name)",
    "first_filled(traits.a, traits.b)",
    "filled_values(traits.home)",
    "max_by(traits.list, &a).b",
    "sort_by(traits.list, &a)[0]",
    "traits.list[*].a",
    "traits.list[].b[]",
    "values(traits.home)",
    "to_string(traits.home)",
    "keys(traits)",
    "traits.*",
    "{x: traits.a, y: traits.b}",
    "{t: traits}.t.a",
    "[traits.a, traits.b][0]",
    "[traits][0].b",
    "values(traits) | [0]",
    "items(traits.home)[0][1]",
    "traits.a || traits.b",
    "traits.a && traits.b",
    "not_null(traits.a, traits.b, traits.c)",
    "traits.a == traits.b",
    "merge(traits.home, options).city",
    "context.traits.* | [0]",
    "reverse(traits.list) | [0]",
    "map(&a, traits.list)",
    "us_state(traits.b, traits.c)",
)
_ROOTS = (*_PLAIN, *_PLAIN, *_OUTSIDE, "audience.entered", "audience.left")
_CLEANS = (
    "value",
    "upper(value)",
    "first_word(value)",
    "us_zip(value, traits.c)",
    "join_filled('-', [value, traits.b])",
)
_RULES: dict[str, tuple[dict[str, Any], ...]] = {
    "text": ({"maxlength": 2}, {"allowed": ["a", "home", "12"]}, {"regex": "[a-z]+"}, {"required": True}),
    "number": ({"min": 0, "max": 10}, {"required": True}),
    "whole": ({"min": 1}, {"required": True}),
    "flag": ({"required": True},),
    "list": ({"maxlength": 1}, {"required": True}),
    "object": ({"required": True},),
    "any": ({"required": True},),
}


@st.composite
def mappings(draw: Draw) -> dict[str, Any]:
    """A mapping as plain values; nearly all of them load."""
    names = draw(st.lists(st.sampled_from(_FIELDS), min_size=1, max_size=5, unique=True))
    mapping: dict[str, Any] = {
        "mapping": 1,
        "destination": "D",
        "settings": {
            "s": {"default": "S"},
            "key": {"env": "MAPPER_TEST_KEY", "secret": True, "required": True},
        },
        "fields": {name: draw(_field(tuple(names[:index]))) for index, name in enumerate(names)},
        "custom_fields": draw(_custom_fields()),
        "send": draw(_sends(tuple(names))),
    }
    if draw(st.booleans()):
        mapping["identity"] = {"never": ["a", "plan"]}
        if len(names) > 1 and draw(st.booleans()):
            mapping["identity"]["as_one"] = [names[:3]]
    if draw(st.booleans()):
        mapping["require"] = [draw(_requirements(tuple(names)))]
    if draw(st.integers(0, 3)) == 0:
        mapping["skip"] = [{"when": draw(_expressions()), "because": "a reason"}]
    return mapping


@st.composite
def _field(draw: Draw, earlier: tuple[str, ...]) -> Any:
    """One field: short, a list, or with keys. It may read the fields before it."""
    sources = draw(st.lists(_expressions(earlier), min_size=1, max_size=4, unique=True))
    form = draw(st.sampled_from(("short", "list", "keys", "keys", "keys", "const")))
    if form == "short":
        return sources[0]
    if form == "list":
        return sources
    if form == "const":
        return draw(
            st.sampled_from(({"const": "K"}, {"const": 3, "type": "whole"}, {"const": {"x": [1]}, "type": "object"}))
        )
    kind = draw(st.sampled_from(("text", "text", "any", "any", *_RULES)))
    field: dict[str, Any] = {
        "type": kind,
        "from": sources,
        "if_wrong": draw(st.sampled_from(("reject", "drop", "keep"))),
    }
    for key, chance, values in (
        ("when", 5, _expressions(earlier)),
        ("rules", 2, st.sampled_from(_RULES[kind])),
        ("warn", 5, st.sampled_from(_RULES[kind][:-1] or ({},))),
        ("clean", 4, st.sampled_from(_CLEANS)),
        ("values", 5, st.just({"M": ["a", "b"], "N": ["home"]})),
        ("default", 4, st.just("Z")),
    ):
        if draw(st.integers(0, chance)) == 0:
            field[key] = draw(values)
    return _fitting(field)


def _fitting(field: dict[str, Any]) -> dict[str, Any]:
    """A field without what its own other keys forbid."""
    if field["type"] != "text":
        field = {key: part for key, part in field.items() if key not in ("clean", "values", "default")}
    if "default" in field or field.get("warn") == {}:
        field = {key: part for key, part in field.items() if key not in ("rules", "warn")}
    return field


@st.composite
def _expressions(draw: Draw, fields: tuple[str, ...] = ()) -> str:
    """An expression for a field: mostly a path, often a usual one, sometimes any that the grammar makes."""
    kind = draw(st.sampled_from(("plain",) * 5 + ("usual",) * 3 + ("outside", "random", "random", "field")))
    if kind == "random":
        text: str = draw(grammar.expressions(2, roots=_ROOTS, own=True))
        return text if acceptable(text) else "traits.a"
    if kind == "field" and fields:
        name: str = draw(st.sampled_from(fields))
        return "fields." + name.replace("dotted\\.name", '"dotted.name"')
    return str(draw(st.sampled_from({"usual": _USUAL, "outside": _OUTSIDE}.get(kind, _PLAIN))))


@cache
def acceptable(text: str) -> bool:
    """Whether an expression may stand in a field: a scope is closed, and some traps are errors."""
    send = {"url": "https://example.test/"}
    declared = {"s": {"default": "S"}}
    minimal = {"mapping": 1, "destination": "D", "settings": declared, "fields": {"f": text}, "send": send}
    return pipeline.inspect(written(minimal), environ={})[0] is not None


_CUSTOM: dict[str, tuple[Any, ...]] = {
    "into": ("m", "m.n"),
    "nested": ("flatten", "keep", "text", "drop"),
    "lists": ("text", "flatten", "keep", "join", "drop"),
    "names": ("keep", "snake"),
    "separator": ("_", ".", "--"),
    "prefix": ("p_",),
    "suffix": ("__c",),
    "drop": (["d"], ["a.*", "**.b"], ["*a*"], ["home.**", "list.0"]),
    "lift": (["home"], ["d", "a"]),
    "empty": ("drop", "keep"),
    "name_rules": ({"regex": "[a-z_0-9.]+"}, {"maxlength": 6}),
    "rules": ({"maxlength": 3}, {"max": 1}),
}


@st.composite
def _custom_fields(draw: Draw) -> Any:
    """None of them, the defaults, or a few of the keys."""
    if draw(st.integers(0, 7)) == 0:
        return "none"
    keys = draw(st.lists(st.sampled_from(sorted(_CUSTOM)), max_size=4, unique=True))
    return {key: draw(st.sampled_from(_CUSTOM[key])) for key in keys}


@st.composite
def _sends(draw: Draw, names: tuple[str, ...]) -> dict[str, Any]:
    send: dict[str, Any] = {"url": "https://example.test/cards"}
    plain = [name for name in names if re.fullmatch(r"[a-z0-9_.]+", name)]
    if plain and draw(st.integers(0, 4)) == 0:
        send["url"] += "/{fields." + plain[0] + "}"
    if draw(st.integers(0, 3)) == 0:
        send["headers"] = {"X-Person": "userId", "X-Again": f'fields."{plain[0]}"' if plain else "messageId"}
    if draw(st.integers(0, 4)) == 0:
        send["body"] = draw(st.sampled_from(("{wrapped: payload, id: userId, none: anonymousId}", "{all: [payload]}")))
    if draw(st.booleans()):
        place = draw(st.sampled_from(("header", "body", "query")))
        send["secrets"] = [{"in": place, "name": "api_token", "value": "settings.key"}]
    return send


@st.composite
def _requirements(draw: Draw, names: tuple[str, ...]) -> dict[str, Any]:
    kind = draw(st.sampled_from(("any_of", "all_of", "together") if len(names) > 1 else ("any_of", "all_of")))
    entry: dict[str, Any] = {kind: list(names[:3])}
    if kind == "together" and draw(st.booleans()):
        entry["if_wrong"] = "drop"
    if draw(st.integers(0, 3)) == 0:
        entry["when"] = draw(_expressions())
    return entry


def written(mapping: Any) -> str:
    """A mapping as YAML: JSON is YAML, where the texts are printable."""
    return json.dumps(mapping, ensure_ascii=False, indent=1)


# ---------------------------------------------------------------------------------------------------------- cases


@dataclass(frozen=True, slots=True)
class Case:
    """A mapper, an event and what is known of the person. ``mapping`` is there to be read in a failing example."""

    mapping: Any
    mapper: Mapper = field(repr=False)
    event: Any
    identity: Identity | dict[str, Any] | None


@st.composite
def batches(draw: Draw, events: st.SearchStrategy[Any] | None = None, size: int = 4) -> list[Case]:
    """A mapping with several events and identities: loading is dearer than mapping."""
    mapping = draw(mappings())
    try:
        mapper = pipeline.loads(written(mapping), environ=ENVIRONMENT)
    except MappingError:
        # A circle through as_one, say: rare enough to be replaced by the simplest mapping.
        mapping = {
            **mapping,
            "fields": {"f1": "traits.a"},
            "identity": {"never": ["a"]},
            "require": [{"any_of": ["f1"]}],
        }
        mapping["send"] = {"url": "https://example.test/cards"}
        mapper = pipeline.loads(written(mapping), environ=ENVIRONMENT)
    made = draw(st.lists(events if events is not None else calls(), min_size=size, max_size=size))
    return [Case(mapping, mapper, one, draw(identities())) for one in made]
