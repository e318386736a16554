"""Broken rules in the reader's words, with the place of the rule in the mapping.

Knows how each rule's failure is said. Must not know how a rule is judged, and never says the value
itself nor the name of a member that came with it: both belong to a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mapper.errors import Position
from mapper.frozen import dataclass
from mapper.rules import predicates, table
from mapper.rules.faults import Fault

#: Where each rule stands: its path in the set of rules -> its key in the file.
Places = Mapping[tuple[str | int, ...], Position]

_MOST_LISTED = 8
_LONGEST_PATTERN = 80


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that a value breaks.

    ``rule`` is the Cerberus rule's name. ``message`` goes on after "it": has 65 characters; the limit is 64.
    """

    rule: str
    message: str
    position: Position | None
    hint: str | None


def broken(fault: Fault, places: Places) -> Broken:
    """What is said about a fault, at the deepest place that explains it."""
    deepest = fault
    while deepest.inner is not None and deepest.rule not in _CHOICES:
        deepest = deepest.inner
    name = fault.rule or "schema"
    remedy = table.RULES[name].remedy if name in table.RULES else None
    more = f" (and {fault.more} more)" if fault.more and name not in _CHOICES else ""
    return Broken(name, _says(fault) + more, _place(deepest.path, places), remedy)


def unjudged(rule: str, places: Places) -> Broken:
    """What is said where the rule could not judge the value at all: in doubt nothing is sent."""
    return Broken(rule, "could not be checked", _place((rule,), places), None)


def listed(values: Sequence[Any]) -> str:
    """Values of the mapping for a sentence: the first eight, and how many there are."""
    shown = ", ".join(_shown(value) for value in values[:_MOST_LISTED])
    return shown if len(values) <= _MOST_LISTED else f"{shown}, ... ({len(values)} in all)"


#: Of several alternatives none is the one that should have fitted, so the message stays at the rule itself.
_CHOICES = ("anyof", "oneof", "noneof")
_KINDS = {
    "text": "a text",
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "list": "a list",
    "object": "an object",
}


def _place(path: tuple[str | int, ...], places: Places) -> Position | None:
    """The place of the rule, or of the nearest rule around it."""
    return next((places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in places), None)


def _shown(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _says(fault: Fault, within: str = "is wrong inside: ") -> str:
    """What is said; ``within`` stands before the first part of the value that is named."""
    inner = fault.inner
    if inner is None or fault.rule in _CHOICES:
        return _SAYS[fault.rule](fault)
    if fault.rule in ("keysrules", "valuesrules"):
        return f"has a member whose {'name' if fault.rule == 'keysrules' else 'value'} {_says(inner)}"
    if fault.rule == "allof" or inner.rule is None:
        return _says(inner, within)
    # A member's name is said only here, where the mapping lists it; under `valuesrules` it is the sender's.
    part = f"entry {inner.at + 1}" if isinstance(inner.at, int) else inner.at
    rest = _says(inner, ", ")
    return f"{within}{part}{rest if rest.startswith(', ') else ' ' + rest}"


def _counted(value: Any) -> str:
    nouns: dict[type, tuple[str, str]] = {str: ("character", "characters"), list: ("entry", "entries")}
    one, many = nouns.get(type(value), ("member", "members"))
    count = predicates.size(value)
    return f"{count} {one if count == 1 else many}"


def _pattern(fault: Fault) -> str:
    text = str(fault.argument)
    return f"does not match {text if len(text) <= _LONGEST_PATTERN else text[:_LONGEST_PATTERN] + '...'}"


def _entry(fault: Fault) -> str:
    return "has an entry that " if isinstance(fault.value, list) else ""


def _fitted(fault: Fault) -> str:
    return "fits more than one of the alternatives; exactly one is due" if fault.fitting else _FITS_NONE


_FITS_NONE = "fits none of the alternatives"

#: How each broken rule is said. None is Cerberus's word for a member that an object's schema does not list.
_SAYS: Mapping[str | None, Callable[[Fault], str]] = {
    "required": lambda _: "is missing",
    "nullable": lambda _: "is null",
    "type": lambda f: f"is not {_KINDS.get(f.argument, f.argument)}",
    "allowed": lambda f: f"{_entry(f)}is not one of {listed(f.argument)}",
    "forbidden": lambda f: f"{_entry(f)}is a value that is not allowed here",
    "contains": lambda f: f"does not contain each of {listed(f.argument)}",
    "min": lambda f: f"is less than {f.argument}",
    "max": lambda f: f"is more than {f.argument}",
    "minlength": lambda f: f"has {_counted(f.value)}; at least {f.argument} are due",
    "maxlength": lambda f: f"has {_counted(f.value)}; the limit is {f.argument}",
    "regex": _pattern,
    "items": lambda f: f"has {_counted(f.value)}; exactly {len(f.argument)} are due",
    "anyof": lambda _: _FITS_NONE,
    "oneof": _fitted,
    "noneof": lambda _: "fits one of the alternatives that are ruled out here",
    None: lambda _: "has a member that the schema does not list",
}
