"""Random mappings of which every key decides something, and events that hit them: for compiled plans.

Knows what authors and senders write around the edges of the mapping language: sections 1.3 to 1.8 in a handful of
names, so that traits, fields and custom fields meet. Must not know how any of it ends.

Everything is drawn from a ``random.Random``: from Hypothesis's, so that a case shrinks, or from a mere seed.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from mapper.identity import Identity, Stamp, Trait

Json = dict[str, Any]

DESTINATION = "Cards"
SETTINGS = {"s": {"default": "US"}, "t": {"default": "T"}, "key": {"env": "MAPPER_TEST_KEY", "secret": True}}

#: Paths as they are read: of one, two and three names, through lists, with dots and accents in the names.
PATHS = (
    *("traits.a", "traits.b", "traits.c", "traits.name", "traits.first_name", "traits.firstName", "traits.zip"),
    *("traits.home", "traits.home.city", "traits.home.zip", "traits.home.state", "traits.home.in.deep", "traits.a.b"),
    *("traits.list", "traits.list[0]", "traits.list[1].a", "traits.work.city", "traits.work", 'traits."a.b"'),
    *('traits."Loyalty Tier"', 'traits."é"', 'traits.""', 'traits.list."0"', "traits.flag", 'traits."0"'),
)
#: What reads no trait of the call, or not only.
OUTSIDE = (
    *("settings.s", "settings.t", "userId", "options.o", "context.ip", "audience.key", "messageId"),
    *("context.traits.a", "context.traits.home.city", "context.traits.name", "timestamp"),
)
#: What is no mere path.
IRREGULAR = (
    *("split_name(traits.name).first", "split_name(traits.name).last", "split_name(traits.b).last"),
    *(
        "us_zip(traits.zip, settings.s, traits.home.state)",
        "us_zip(options.z, 'US', traits.home.state)",
        "us_zip(traits.a, settings.s)",
    ),
    *(
        "us_state(options.o, traits.home.zip)",
        "us_state(settings.s, traits.home.in)",
        "us_state(traits.b, settings.s)",
        "replace(options.o, '-', '')",
    ),
    *("trim(settings.s, traits.home.zip)", "pad_left(settings.t, `3`, traits.home.zip)", "upper(traits.home.city)"),
    *("first_filled(traits.a, traits.b)", "first_filled(traits.a, context.traits.a)", "filled_values(traits.home)"),
    *("join_filled(' ', [traits.first_name, traits.b])", "join_filled(' ', [traits.home.city, settings.s])"),
    *("rest_of_name(traits.name, traits.first_name)", "country(traits.c)", "date(traits.b, 'YYYY')"),
    *("traits.a || traits.b", "traits.a && traits.b", "not_null(traits.a, traits.b)", "traits.a == traits.b"),
    *("traits.list[*].a", "traits.list[?a=='x'].b | [0]", "traits.list[-1]", "sort_by(traits.list, &a)[0].a"),
    *("traits.* | [0]", "keys(traits)", "values(traits.home)", "to_string(traits.home)", "{x: traits.a, y: traits.b}"),
    *("[traits.a, traits.b]", "[traits][0].b", "{t: traits}.t.a", "to_number(traits.a)", "[to_number(traits.b)]"),
    *(
        "{x: traits.home.city, y: settings.s}",
        "[settings.s, traits.home.zip]",
        "join_filled('', [options.o, traits.b])",
    ),
    *("context", "context.*.a | [0]", "length(traits.b)", "traits.home.city || context.traits.home.city"),
    *(
        "map(&a, traits.list)",
        "audience.entered",
        "type(traits.a)",
        "traits.home.* | [0]",
        "merge(traits.home, options)",
    ),
)
CLEANS = (
    *(
        "us_zip(value, 'US', 'MA')",
        "us_zip(value, 'US', 'CA')",
        "value",
        "upper(value)",
        "us_zip(value, 'US', traits.home.state)",
        "first_word(value)",
        "to_number(value)",
        "[value]",
    ),
    *("us_state(value, settings.s)", "value || traits.b", "replace(value, 'A', '\u0041\u0301')", "split_name(value)"),
    *("country(value)", "trim(value, 'x')", "{x: value}", "join_filled('-', [value, traits.c])", "blank(value)"),
)
CONDITIONS = (
    *("traits.a", "filled(traits.b)", "blank(traits.c)", "traits.flag", "options.o", "audience.left", "!(traits.a)"),
    *("length(traits.b) > `2`", "traits.a == 'x'", "context.traits.a", "us_zip(traits.zip, 'US', 'MA')", "traits.home"),
)
#: Rules by type: quick ones, ones left to Cerberus, and ones of several sets.
RULES: dict[str, tuple[Json, ...]] = {
    "text": (
        *({"maxlength": 3}, {"minlength": 2}, {"allowed": ["a", "x", "Ada", "é", "CA"]}, {"regex": "[A-Za-z ]+"}),
        *({"minlength": 1, "maxlength": 5, "allowed": ["x", "Ada", "é"]}, {"forbidden": ["x", "é"]}),
        *({"anyof": [{"maxlength": 1}, {"regex": "[A-Z].*"}]}, {"noneof": [{"allowed": ["x"]}, {"minlength": 4}]}),
        *({"oneof": [{"minlength": 2}, {"regex": "[a-z]+"}]}, {"allof": [{"minlength": 1}, {"maxlength": 3}]}),
        *({"maxlength": 0}, {"regex": "(?i)ada.*", "maxlength": 4}),
    ),
    "number": (
        {"min": 0, "max": 10},
        {"allowed": [1, 2, 2.5]},
        {"forbidden": [0]},
        {"anyof": [{"min": 2}, {"max": 0}]},
    ),
    "whole": ({"min": 1}, {"max": 2}, {"allowed": [0, 1]}, {"noneof": [{"min": 3}]}),
    "flag": ({"allowed": [True]}, {"forbidden": [True]}),
    "list": (
        *({"maxlength": 1}, {"contains": ["x"]}, {"schema": {"type": "text", "maxlength": 2}}, {"allowed": ["x", 1]}),
        *({"items": [{"type": "text"}, {"type": "any"}]}, {"noneof": [{"maxlength": 1}]}),
    ),
    "object": (
        *({"minlength": 2}, {"schema": {"city": {"type": "text", "required": True}}}, {"keysrules": {"maxlength": 4}}),
        {"valuesrules": {"type": "text"}},
    ),
    "any": (
        {"maxlength": 2},
        {"min": 1},
        {"regex": "[a-z]+"},
        {"allowed": ["x", 1]},
        {"anyof": [{"min": 2}, {"maxlength": 1}]},
    ),
}
FIXED: dict[str, tuple[Any, ...]] = {
    "text": ("K", "", "é"),
    "number": (0, 1.5),
    "whole": (0, 3),
    "flag": (False, True),
    "list": ([1], []),
    "object": ({"x": [1]}, {"city": "K"}),
    "any": ("K", 0, False, {"x": 1}),
}
TABLES: dict[str, tuple[Json, ...]] = {
    "text": ({"M": ["a", "x"], "N": ["Ada King", "é"]}, {"Boston": ["bos", 2134], "CA": ["ca"]}),
    "flag": ({True: ["x", "yes"], False: ["a"]},),
    "whole": ({"1": ["x", "a"], "2": ["Ada"]},),
    "any": ({"M": ["a", "x"]},),
}
#: Names of fields: as traits are named, with dots, in objects, and one that reads like two.
FIELDS = (
    *("a", "b", "first_name", "name", "to.city", "to.zip", "to.line.one", "dotted\\.name", "a, b", "zip", "home_city"),
    *("m.x", "é", "list", "0"),
)
CUSTOM: dict[str, tuple[Any, ...]] = {
    "into": ("m", "m.n", "to"),
    "nested": ("flatten", "keep", "text", "drop"),
    "lists": ("text", "flatten", "keep", "join", "drop"),
    "names": ("snake", "keep"),
    "separator": ("_", ".", "--"),
    "prefix": ("p_",),
    "suffix": ("__c",),
    "drop": (["d"], ["a.*", "**.b"], ["*a*"], ["home.**", "list.0"], ["home"], ["*.zip", "Loyalty*"], ["**"]),
    "lift": (["home"], ["work", "a"], ["list", "d"]),
    "empty": ("keep", "drop"),
    "name_rules": ({"regex": "[a-z_0-9.]+"}, {"maxlength": 6}, {"forbidden": ["d"]}),
    "rules": ({"maxlength": 3}, {"max": 1}, {"anyof": [{"maxlength": 8}, {"min": 0}]}),
}


def _often(random: Random, chance: float) -> bool:
    return random.randint(1, 1000) <= chance * 1000


# ------------------------------------------------------------------------------------------------------- mappings


def mapping(random: Random) -> Json:
    """A mapping as plain values; most of them load."""
    names = random.sample(FIELDS, random.randint(1, 5))
    made: Json = {
        "mapping": 1,
        "destination": DESTINATION,
        "settings": SETTINGS,
        "fields": {name: _field(random, names[:index]) for index, name in enumerate(names)},
        "custom_fields": _custom(random),
        "send": _send(random, names),
    }
    if _often(random, 0.5):
        made["identity"] = _identity_keys(random, names)
    if _often(random, 0.4):
        made["require"] = [_requirement(random, names, made["fields"]) for _ in range(random.randint(1, 2))]
    if _often(random, 0.25):
        conditions = random.sample(CONDITIONS, random.randint(1, 2))
        made["skip"] = [{"when": one, "because": f"reason {number}"} for number, one in enumerate(conditions)]
    return made


def _identity_keys(random: Random, names: list[str]) -> Json:
    keys: Json = {}
    if _often(random, 0.5):
        keys["never"] = random.sample(("a", "d", "zip", "name"), 2)
    if len(names) > 1 and _often(random, 0.8):
        keys["as_one"] = [names[: random.randint(2, 3)]]
    return keys or {"never": ["a"]}


def _source(random: Random, earlier: list[str]) -> str:
    kind = random.choice(("path",) * 6 + ("irregular",) * 3 + ("outside", "field"))
    if kind == "field" and earlier:
        return _read(random.choice(earlier))
    return random.choice({"irregular": IRREGULAR, "outside": OUTSIDE}.get(kind, PATHS))


def _read(name: str) -> str:
    """A field as an expression reads it."""
    steps = [step.replace("\\", "") for step in ([name] if "\\" in name else name.split("."))]
    return "fields." + ".".join(json.dumps(step) for step in steps)


def _field(random: Random, earlier: list[str]) -> Any:
    """One field: short, a list, fixed, or with any of the keys."""
    count = random.choice((1, 1, 2, 2, 3, 4))
    sources = list(dict.fromkeys(_source(random, earlier) for _ in range(count)))
    form = random.choice(("short", "list", "const", "postal", *("keys",) * 7))
    if form == "short":
        return sources[0]
    if form == "list":
        return sources
    if form == "postal":
        clean = random.choice(("us_zip(value, 'US', 'MA')", "us_zip(value, 'US', traits.home.state)"))
        return {"from": list(dict.fromkeys(("traits.zip", *sources))), "clean": clean}
    kind = random.choice((*("text",) * 6, "any", *RULES))
    made: Json = {"type": kind, "from": sources}
    if form == "const":
        made = {"type": kind, "const": random.choice(FIXED[kind])}
        if _often(random, 0.3):
            made["when"] = random.choice(CONDITIONS)
        return made
    tables = TABLES.get(kind, ())
    for key, chance, values in (
        ("if_wrong", 0.4, ("reject", "reject", "drop", "keep")),
        ("clean", 0.2, CLEANS),
        ("values", 0.12, tables),
        ("warn", 0.1, RULES[kind]),
        ("default", 0.2, FIXED[kind]),
    ):
        if values and _often(random, chance):
            made[key] = random.choice(values)
    if _often(random, 0.2):
        made["when"] = _condition(random, earlier)
    if "default" not in made and _often(random, 0.6):
        made["rules"] = _rules(random, kind)
    return made


def _condition(random: Random, earlier: list[str]) -> str:
    return _read(random.choice(earlier)) if earlier and _often(random, 0.3) else random.choice(CONDITIONS)


def _rules(random: Random, kind: str) -> Json:
    rules = dict(random.choice(RULES[kind])) if _often(random, 0.7) else {}
    return {**rules, "required": True} if not rules or _often(random, 0.3) else rules


def _custom(random: Random) -> Any:
    if _often(random, 0.06):
        return "none"
    keys = random.sample(sorted(CUSTOM), random.choice((0, 0, 1, 1, 2, 3, 4)))
    return {key: random.choice(CUSTOM[key]) for key in keys}


def _requirement(random: Random, names: list[str], fields: Json) -> Json:
    kind = random.choice(("any_of", "any_of", "all_of", "together", "rules"))
    some = random.sample(names, random.randint(1, min(3, len(names))))
    if kind == "rules" or (kind == "together" and len(some) == 1):
        types = {
            name: field.get("type", "text") if isinstance(field, dict) else "text" for name, field in fields.items()
        }
        entry: Json = {"rules": {name: _rules(random, types[name]) for name in some}}
    else:
        entry = {kind: some}
    if _often(random, 0.3):
        entry["if_wrong"] = random.choice(("keep", "reject") if kind in ("any_of", "all_of") else ("drop", "keep"))
    if _often(random, 0.3):
        entry["when"] = _condition(random, names)
    if _often(random, 0.2):
        entry["message"] = "these are needed"
    return entry


def _send(random: Random, names: list[str]) -> Json:
    send: Json = {"url": "https://example.test/cards"}
    if _often(random, 0.15):
        plain = [name for name in names if re.fullmatch(r"[a-z_.]+", name)]
        send["url"] += "/{fields." + random.choice(plain) + "}" if plain else "/{settings.s}"
    if _often(random, 0.15):
        send["headers"] = {"X-Person": "userId", "X-Field": _read(random.choice(names))}
    if _often(random, 0.15):
        send["body"] = random.choice(("{wrapped: payload, id: userId, none: anonymousId}", "{all: [payload]}"))
    if _often(random, 0.2):
        place = random.choice(("header", "body", "query"))
        send["secrets"] = [{"in": place, "name": random.choice(("api_token", "d")), "value": "settings.key"}]
    return send


# --------------------------------------------------------------------------------------------------------- events

#: Texts that fit, blank ones, such as have to be composed or trimmed, and such as cannot be printed.
TEXTS = (
    *("x", "a", "Ada", "Ada King", "CA", "MA", "2134", "02134", "US", "Boston", "1.5", "7", "true", "é", "zoë", "Cher"),
    *(
        "",
        " ",
        "   ",
        "\u00a0",
        "\u2003",
        " x ",
        "x\u00a0",
        "e\u0301",
        "Ada\u0301 ",
        "\u212b",
        "bos",
        "yes",
        "nan",
        "inf",
    ),
    *(
        "a\nb",
        "\t",
        "a\tb",
        "\x7f",
        "\x00",
        "\u200b",
        "\u2028",
        "\U0001f600",
        "\ufeff",
        'q"q',
        "b\\s",
        "12e3",
        "99999999999999999999",
    ),
)
NUMBERS = (
    0,
    1,
    2,
    -1,
    7,
    2134,
    2134.0,
    1.5,
    -0.0,
    1e300,
    5e-324,
    10**17,
    10**18,
    10**19,
    10**30,
    2**53,
    2.0**53,
    -(10**18),
)
#: Roots that expressions read, and such as none does: some make the same custom name.
ROOTS = (
    *(
        "a",
        "b",
        "c",
        "name",
        "first_name",
        "firstName",
        "zip",
        "home",
        "list",
        "work",
        "a.b",
        "Loyalty Tier",
        "é",
        "",
        "0",
    ),
    *(
        "flag",
        "d",
        "loyaltyTier",
        "home_city",
        "home.city",
        "source",
        "to",
        "m",
        "p_a",
        "dotted.name",
        "list_0",
        "api_token",
    ),
)
_MEMBERS = ("city", "zip", "state", "in", "a", "b", "x", "City", "0")


def scalar(random: Random) -> Any:
    """A text mostly; a number, a boolean or null else."""
    kind = random.choice(("text",) * 6 + ("plain",) * 4 + ("number", "number", "flag", "null"))
    if kind == "plain":
        return random.choice(TEXTS[:16])
    return {"text": random.choice(TEXTS), "number": random.choice(NUMBERS), "flag": _often(random, 0.5)}.get(kind)


def value(random: Random, depth: int = 2) -> Any:
    """What may stand anywhere."""
    kind = random.choice(("scalar",) * 7 + ("list", "object", "empty"))
    if kind == "empty":
        return random.choice(([], {}, None, "", " "))
    if kind == "scalar" or depth == 0:
        return scalar(random)
    if kind == "list":
        return [value(random, depth - 1) for _ in range(random.randint(1, 3))]
    return _object(random, depth - 1)


def _object(random: Random, depth: int) -> Json:
    return {name: value(random, depth) for name in random.sample(_MEMBERS, random.randint(1, 4))}


def traits(random: Random) -> Json:
    """The traits of one layer: under the names that are read mostly, with what stands there mostly."""
    made: Json = {}
    for root in random.sample(ROOTS, random.randint(0, 9)):
        if root in ("home", "work") and _often(random, 0.75):
            made[root] = _object(random, 1) if _often(random, 0.9) else {}
        elif root == "zip" and _often(random, 0.6):
            made[root] = random.choice((2134, 2134, "2134", "02134", 2134.0, 90210, "K1A 0B1", "2134-1000"))
        elif root == "list" and _often(random, 0.7):
            made[root] = [
                _object(random, 1) if _often(random, 0.6) else scalar(random) for _ in range(random.randint(0, 3))
            ]
        else:
            made[root] = value(random)
    return made


def event(random: Random) -> Any:
    """One Identify call, with a context now and then; seldom something odd."""
    call: Json = {"type": "identify", "userId": "u1", "messageId": "m1", "traits": traits(random)}
    if _often(random, 0.35):
        call["context"] = _context(random)
    if _often(random, 0.2):
        call["integrations"] = _switches(random)
    if _often(random, 0.1):
        call["timestamp"] = random.choice(("2024-05-01T12:00:00Z", 3, "", None))
    if _often(random, 0.05):
        odd = ("type", "Identify"), ("type", "track"), ("userId", 7), ("userId", " "), ("traits", None), ("traits", [1])
        name, put = random.choice((*odd, ("context", None), ("context", "x"), ("messageId", 12)))
        call[name] = put
    return call


def _context(random: Random) -> Json:
    made: Json = {"ip": "203.0.113.1"} if _often(random, 0.3) else {}
    if _often(random, 0.85):
        made["traits"] = traits(random) if _often(random, 0.95) else scalar(random)
    if _often(random, 0.2):
        key = random.choice(("flag", "a", "d"))
        made["personas"] = {"computation_key": key, "computation_class": random.choice(("audience", "x"))}
    return made


def _switches(random: Random) -> Any:
    options = {"o": scalar(random), "z": random.choice(("2134", 2134, None))}
    own = random.choice((options, options, options, True, False, None, "yes", {}))
    return random.choice(
        ({DESTINATION: own}, {DESTINATION: own}, {"All": False, DESTINATION: own}, {"All": False}, [], None)
    )


def person(random: Random) -> Identity | None:
    """What is known of the person: mostly nothing, else traits of one to three earlier calls."""
    if not _often(random, 0.3):
        return None
    stamps = [Stamp(random.randint(0, 3), random.choice(("", "m"))) for _ in range(random.randint(1, 3))]
    return Identity({name: Trait(said, random.choice(stamps)) for name, said in traits(random).items()})


def text(random: Random, call: Any) -> bytes:
    """An event as somebody would write it: compact or not, with characters escaped by their numbers or not."""
    spaced = {"indent": 1} if _often(random, 0.1) else {"separators": (",", ":")}
    return json.dumps(call, ensure_ascii=_often(random, 0.15), **spaced).encode()  # type: ignore[arg-type] # two ways to call it


def mishap(random: Random, call: Json) -> Json:
    """A call to which something happened: a trait lost, exchanged, misspelt, given twice, or said by the context."""
    made: Json = json.loads(json.dumps(call))
    said = made.get("traits")
    if not isinstance(said, dict):
        return made
    for _ in range(random.randint(1, 3)):
        holder = random.choice([said, *(part for part in said.values() if isinstance(part, dict))])
        if not holder:
            continue
        name = random.choice(list(holder))
        kind = random.choice(("lost", "exchanged", "exchanged", "misspelt", "twice", "remembered"))
        if kind == "exchanged":
            holder[name] = value(random)
        elif kind == "twice":
            holder[random.choice((name.title(), name.replace("_", ""), random.choice(ROOTS)))] = holder[name]
        elif kind == "remembered" and isinstance(made.setdefault("context", {}), dict):
            made["context"].setdefault("traits", {})[name] = holder.pop(name)
        elif kind == "misspelt":
            holder[name.swapcase()] = holder.pop(name)
        else:
            del holder[name]
    return made
