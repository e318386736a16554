"""Random rules, and values from their edges: just inside, just outside, and what is easily taken for them.

Knows where the edges of each rule are. Must not know how a value is judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from unicodedata import normalize

Section = dict[str, Any]

WORDS = ("a", "A", "ab", "CA", "NO", "é", "zoë", "0", "1", "02134", "naïve café", " a")
NUMBERS = (-1, 0, 1, 2, 2.5, 1.0, 3, -0.5, 100)
#: Patterns, each with texts that it matches.
PATTERNS = {
    "[A-Z]{2}": ("CA", "NO"),
    "[0-9]{5}(-[0-9]{4})?": ("02134", "02134-1000"),
    r"\d+": ("0", "1", "02134"),
    r"\w{1,3}": ("a", "A_1", "CA"),
    "a|ab": ("a", "ab"),
    "(?i)ca": ("ca", "CA", "cA"),
    r"[^@\s]+@[^@\s]+": ("a@b", "zoë@x.org"),
    ".*é.*": ("é", "café"),
    "[^a]": ("b", "é", "\U0001f600"),
    "(?s).{0,3}": ("", "a\n", "ééé"),
    "a*": ("", "aaa"),
}
KINDS = ("text", "number", "whole", "flag", "list", "object", "any")
MEMBERS = ("a", "b", "é", "type")
_NO_NUMBERS = (math.nan, math.inf, -math.inf)
_ODD = (None, True, False, 0, 1, 1.0, -0.0, 2.5, 10**400, *_NO_NUMBERS, "", "1", "true", [], {}, "\ud800")
_DEPTH = 2


def sections(random: Random, kind: str, depth: int = _DEPTH) -> Section:
    """Rules for values of a type, as plain values. That no value keeps all of them may happen."""
    makers = [*_PLAIN[kind], *(_LOOKING_IN.get(kind, ()) if depth else ())]
    chosen = random.sample(makers, min(len(makers), random.choice((1, 1, 1, 2, 2, 3))))
    made: Section = {}
    for maker in chosen:
        made |= maker(random, kind, depth)
    return made


def _some(random: Random, of: tuple[Any, ...]) -> list[Any]:
    return random.sample(of, min(len(of), random.randint(1, 3)))


def _values_for(kind: str) -> tuple[Any, ...]:
    return {"text": WORDS, "number": NUMBERS, "whole": (-1, 0, 1, 2, 100), "flag": (True, False)}.get(
        kind, (*WORDS, *NUMBERS, True, False)
    )


def _inner(random: Random, depth: int, kinds: tuple[str, ...] = KINDS) -> Section:
    kind = random.choice(kinds)
    return {"type": kind, **(sections(random, kind, depth - 1) if random.random() < 0.5 else {})}


def _shape(random: Random, kind: str, depth: int) -> Section:
    if kind == "list":
        return {"schema": _inner(random, depth)}
    names = random.sample(MEMBERS, random.randint(1, 2))
    return {"schema": {name: {**_inner(random, depth), "required": random.random() < 0.5} for name in names}}


def _items(random: Random, _: str, depth: int) -> Section:
    return {"items": [_inner(random, depth) for _ in range(random.randint(1, 2))]}


def _choice(random: Random, kind: str, depth: int) -> Section:
    name = random.choice(("anyof", "anyof", "allof", "allof", "noneof", "oneof"))
    return {name: [sections(random, kind, depth - 1) for _ in range(random.randint(1, 2))]}


_Maker = Callable[[Random, str, int], Section]
_ALLOWED: _Maker = lambda random, kind, _: {"allowed": _some(random, _values_for(kind))}  # noqa: E731 - rows of a table
_FORBIDDEN: _Maker = lambda random, kind, _: {"forbidden": _some(random, _values_for(kind))}  # noqa: E731
_CONTAINS: _Maker = lambda random, kind, _: {"contains": _some(random, _values_for(kind))}  # noqa: E731
_MIN: _Maker = lambda random, kind, _: {"min": random.choice((-1, 0, 1, 2) if kind == "whole" else NUMBERS)}  # noqa: E731
_MAX: _Maker = lambda random, kind, _: {"max": random.choice((0, 1, 2, 100) if kind == "whole" else NUMBERS)}  # noqa: E731
_MINLENGTH: _Maker = lambda random, *_: {"minlength": random.randint(0, 4)}  # noqa: E731
_MAXLENGTH: _Maker = lambda random, *_: {"maxlength": random.randint(0, 6)}  # noqa: E731
_REGEX: _Maker = lambda random, *_: {"regex": random.choice(list(PATTERNS))}  # noqa: E731
_LENGTHS = (_MINLENGTH, _MAXLENGTH)
_PLAIN: dict[str, tuple[_Maker, ...]] = {
    "text": (*_LENGTHS, _REGEX, _ALLOWED, _FORBIDDEN),
    "number": (_MIN, _MAX, _ALLOWED, _FORBIDDEN),
    "whole": (_MIN, _MAX, _ALLOWED, _FORBIDDEN),
    "flag": (_ALLOWED, _FORBIDDEN),
    "list": (*_LENGTHS, _ALLOWED, _FORBIDDEN, _CONTAINS),
    "object": _LENGTHS,
    "any": (*_LENGTHS, _MIN, _MAX, _REGEX, _ALLOWED, _FORBIDDEN),
}
_LOOKING_IN: dict[str, tuple[_Maker, ...]] = {
    **dict.fromkeys(KINDS, (_choice,)),
    "list": (_choice, _shape, *(_items,) * 2),
    "object": (
        _choice,
        *(_shape,) * 3,  # of many ways to be wrong, and so of the most to be hit
        lambda random, *_: {"keysrules": sections(random, "text", 0)},
        lambda random, _, depth: {"valuesrules": _inner(random, depth)},
    ),
}


# ---------------------------------------------------------------------------------------------------------- values


def values(random: Random, kind: str, section: Section, count: int) -> list[Any]:
    """So many values for a section: from the edges of its rules mostly, else from the edges of others."""
    edges = [edge for name, argument in section.items() for edge in _edges(random, kind, name, argument)]
    edges = random.sample(edges, min(len(edges), count - max(1, count // 5)))
    return [*edges, *(_stray(random, kind) for _ in range(count - len(edges)))]


def _stray(random: Random, kind: str) -> Any:
    other = random.choice((kind, kind, random.choice(KINDS)))
    drawn = sections(random, other, 0)
    edges = [edge for name, argument in drawn.items() for edge in _edges(random, other, name, argument)]
    return random.choice([*edges, *_ODD])


def _edges(random: Random, kind: str, name: str, argument: Any) -> Iterator[Any]:
    if name in ("minlength", "maxlength", "items"):
        size = len(argument) if name == "items" else argument
        yield from _sized(random, kind, size)
    if name in ("allowed", "forbidden", "contains"):
        yield from _members(random, kind, argument)
    if name in ("min", "max"):
        yield from _numbers(argument)
    if name == "regex":
        yield from _matching(argument)
    if name in ("schema", "items", "keysrules", "valuesrules", "anyof", "allof", "noneof", "oneof"):
        yield from _containers(random, kind, name, argument)


def _sized(random: Random, kind: str, size: int) -> Iterator[Any]:
    for count in (size - 1, size, size + 1):
        if count < 0:
            continue
        if kind in ("text", "any"):
            # One character that is two when typed otherwise, and one that is two in composed form as well.
            for letter in ("x", "é", "e\u0301", "\u0958", "\U0001f600"):
                yield letter * count
            yield "e\u0301" * (count // 2) + "e" * (count - count // 2)
        if kind in ("list", "any"):
            yield [random.choice(WORDS) for _ in range(count)]
        if kind in ("object", "any"):
            yield {str(number): number for number in range(count)}


def _near(value: Any) -> Iterator[Any]:
    """A value, what is the same, and what is nearly the same."""
    yield value
    if isinstance(value, str):
        yield from (
            normalize("NFD", value),
            value.swapcase(),
            value + "\n",
            value + " ",
            " " + value,
            value[:-1],
            [value],
        )
    elif isinstance(value, bool):
        yield from (not value, int(value), float(value), str(value).lower())
    else:
        yield from (float(value), int(value), value + 1, -value, bool(value), str(value), value + 0.5)


def _members(random: Random, kind: str, many: list[Any]) -> Iterator[Any]:
    near = [edge for value in many for edge in _near(value)]
    if kind not in ("list", "any"):
        yield from near
        return
    yield from (list(many), [*many, random.choice(near)], [random.choice(near)], [], many[:-1], [many], [{}, *many])
    yield [normalize("NFD", value) if isinstance(value, str) else value for value in many]
    if kind == "any":
        yield from near


def _numbers(edge: float) -> Iterator[Any]:
    yield from (edge, float(edge), edge - 1, edge + 1, edge - 0.5, edge + 0.5, -edge, str(edge), edge == 1)
    yield from (math.nextafter(edge, math.inf), math.nextafter(edge, -math.inf), int(edge), True, False)
    yield from (*_NO_NUMBERS, 10**400, -(10**400))


def _matching(pattern: str) -> Iterator[Any]:
    for text in PATTERNS[pattern]:
        yield from (text, text + "\n", text + "x", "x" + text, "\n" + text, text.swapcase(), text * 2, text[1:])
        yield from (normalize("NFD", text), text.translate(_ARABIC), text + "\ud800")


_ARABIC = {ord("0") + digit: 0x660 + digit for digit in range(10)}


def _inside(random: Random, rules: Section, kind: str = "any") -> list[Any]:
    """A few values for rules that stand inside: an object is only right when each of its members is."""
    return values(random, rules.get("type", kind), rules, 3)


def _containers(random: Random, kind: str, name: str, argument: Any) -> Iterator[Any]:
    if name in ("anyof", "allof", "noneof", "oneof"):
        for rules in argument:
            yield from _inside(random, rules, kind)
    elif name == "items":
        for _ in range(6):
            row = [random.choice(_inside(random, rules)) for rules in argument]
            yield from (row, row[:-1], [*row, row[0]])
    elif name == "keysrules":
        names = [value for value in values(random, "text", argument, 8) if isinstance(value, str)]
        yield from ({text: 1} for text in names)
        yield dict.fromkeys(names[:2])
    elif name == "valuesrules":
        yield from ({"a": value} for value in values(random, argument["type"], argument, 8))
        yield {"a": 1, "b": _inside(random, argument)[0]}
    elif kind == "list":
        yield from ([value] for value in values(random, argument["type"], argument, 8))
        yield from (_inside(random, argument), [])
    else:
        yield from _objects(random, argument)


def _objects(random: Random, members: dict[str, Section]) -> Iterator[Any]:
    for _ in range(6):
        whole = {name: random.choice(_inside(random, rules)) for name, rules in members.items()}
        yield whole
        gone = random.choice(list(whole))
        yield {name: value for name, value in whole.items() if name != gone}
        yield from ({**whole, "other": 1}, {**whole, gone: None})
