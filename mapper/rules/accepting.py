"""A set of rules becomes one quick function that says yes to a value, or that it does not know.

Knows how a value is told to keep every rule. Must not say that a value breaks one: False means that
Cerberus has to be asked. Where the two disagree this module is wrong, and tests/fuzz hunts for such a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mapper.rules import patterns, predicates
from mapper.rules.predicates import nfc

#: True only where Cerberus finds nothing wrong. Never raises, for any JSON value.
Accepts = Callable[[Any], bool]

_Rules = Mapping[str, Any]


def accepts(kind: str, rules: _Rules) -> Accepts | None:
    """The function for values of a field's type, or None where a rule is among them that only Cerberus can judge.

    ``rules`` are plain values by the rule's name; ``type`` and ``required`` in it are passed over.
    """
    plain = {name: argument for name, argument in rules.items() if name in predicates.HOLDS}
    looking_in = [name for name in rules if name not in plain and name not in ("type", "required")]
    tests: list[Accepts] = [_plain(kind, plain)]
    for name in looking_in:
        test = _LOOKING_IN[name](kind, rules[name]) if name in _LOOKING_IN else None
        if test is None:
            return None
        tests.append(test)
    return tests[0] if len(tests) == 1 else _every(tests)


def _nested(rules: _Rules) -> Accepts | None:
    return accepts(rules.get("type", "any"), rules)


def _every(tests: Sequence[Accepts]) -> Accepts:
    """One test after the other: the type is asked first."""

    def keeps(value: Any) -> bool:
        for test in tests:  # noqa: SIM110 - a generator would be slower than most tests
            if not test(value):
                return False
        return True

    return keeps


# --------------------------------------------------------------------------------------------------------- plain rules


def _plain(kind: str, rules: _Rules) -> Accepts:
    if kind == "text":
        return _text(rules)
    if kind in ("number", "whole"):
        return _number(rules, whole=kind == "whole")
    return _by_predicates(kind, rules)


def _by_predicates(kind: str, rules: _Rules) -> Accepts:
    """Any rules, one after the other."""
    tests = tuple((predicates.HOLDS[name], argument) for name, argument in rules.items())
    fits = predicates.fits

    def keeps(value: Any) -> bool:
        if not fits(kind, value):
            return False
        for holds, argument in tests:  # noqa: SIM110 - as in _every
            if not holds(argument, value):
                return False
        return True

    return keeps


def _text(rules: _Rules) -> Accepts:
    """Texts. ASCII is composed already; anything else is composed first, and only then counted and compared."""
    least, most = rules.get("minlength", 0), rules.get("maxlength", math.inf)
    tests = list(_of_text(rules))
    if not tests and "minlength" not in rules and "maxlength" not in rules:
        return lambda value: type(value) is str
    if not tests:
        return _sized(least, most)
    test = tests[0] if len(tests) == 1 else _every(tests)

    def keeps(value: Any) -> bool:
        if type(value) is not str:
            return False
        if not value.isascii():
            value = nfc(value)
        return least <= len(value) <= most and test(value)

    return keeps


def _sized(least: float, most: float) -> Accepts:
    def keeps(value: Any) -> bool:
        if type(value) is not str:
            return False
        return least <= len(value if value.isascii() else nfc(value)) <= most

    return keeps


def _of_text(rules: _Rules) -> Sequence[Accepts]:
    """What is asked of a composed text besides its length, the cheapest first."""
    tests: list[Accepts] = []
    if "allowed" in rules:
        tests.append(frozenset(rules["allowed"]).__contains__)
    if "forbidden" in rules:
        wrong = frozenset(rules["forbidden"])
        tests.append(lambda value: value not in wrong)
    if "regex" in rules:
        tests.append(patterns.matcher(rules["regex"]))
    return tests


def _number(rules: _Rules, *, whole: bool) -> Accepts:
    """Numbers. ``True`` is an ``int`` to Python, so the class itself is asked; 1.0 is found among 1, as it should."""
    least, most = rules.get("min", -math.inf), rules.get("max", math.inf)
    right = frozenset(rules["allowed"]) if "allowed" in rules else None
    wrong = frozenset(rules.get("forbidden", ()))

    def keeps(value: Any) -> bool:
        if type(value) is float:
            if not (value.is_integer() if whole else math.isfinite(value)):
                return False
        elif type(value) is not int:
            return False
        return least <= value <= most and value not in wrong and (right is None or value in right)

    return keeps


# ---------------------------------------------------------------------------------------------- rules that look inside


def _entries(rules: _Rules) -> Accepts | None:
    test = _nested(rules)
    return test and (lambda value: all(map(test, value)))


def _members(members: Mapping[str, _Rules]) -> Accepts | None:
    tests = {name: _nested(rules) for name, rules in members.items()}
    if None in tests.values():
        return None
    known = {name: test for name, test in tests.items() if test is not None}
    due = {name for name, rules in members.items() if rules.get("required")}

    def keeps(value: Any) -> bool:
        return due <= value.keys() <= known.keys() and all(known[name](value[name]) for name in value)

    return keeps


def _in_order(sets: Sequence[_Rules]) -> Accepts | None:
    tests = [test for test in map(_nested, sets) if test is not None]
    if len(tests) < len(sets):
        return None
    return lambda value: len(value) == len(tests) and all(test(e) for test, e in zip(tests, value, strict=True))


def _names(rules: _Rules) -> Accepts | None:
    return _entries(rules)  # going through an object gives its names


def _values(rules: _Rules) -> Accepts | None:
    test = _nested(rules)
    return test and (lambda value: all(map(test, value.values())))


def _any_of(sets: Sequence[_Rules]) -> Accepts | None:
    """One that is known to fit is enough, whatever the others say."""
    tests = [test for test in map(_nested, sets) if test is not None]
    return (lambda value: any(test(value) for test in tests)) if tests else None


def _all_of(sets: Sequence[_Rules]) -> Accepts | None:
    tests = [test for test in map(_nested, sets) if test is not None]
    return _every(tests) if len(tests) == len(sets) else None


def _exactly(rules: _Rules) -> Accepts | None:
    """A test whose No is as good as its Yes: of plain rules alone, which Cerberus asks the same predicates about."""
    plain = {name: argument for name, argument in rules.items() if name != "type"}
    return _by_predicates(rules.get("type", "any"), plain) if plain.keys() <= predicates.HOLDS.keys() else None


def _count(sets: Sequence[_Rules], due: int) -> Accepts | None:
    """So many alternatives fit, and no more: that takes a No to the others."""
    tests = [test for test in map(_exactly, sets) if test is not None]
    return (lambda value: sum(test(value) for test in tests) == due) if len(tests) == len(sets) else None


#: The rules that look inside.
_LOOKING_IN: Mapping[str, Callable[[str, Any], Accepts | None]] = {
    "schema": lambda kind, shape: _entries(shape) if kind == "list" else _members(shape),
    "items": lambda _, sets: _in_order(sets),
    "keysrules": lambda _, rules: _names(rules),
    "valuesrules": lambda _, rules: _values(rules),
    "anyof": lambda _, sets: _any_of(sets),
    "allof": lambda _, sets: _all_of(sets),
    "noneof": lambda _, sets: _count(sets, 0),
    "oneof": lambda _, sets: _count(sets, 1),
}
