"""Cerberus's judgement of one value: asked for when it is due, and remembered by what failed.

Knows when Cerberus has to be asked and when its last answer still holds. Must not judge a value itself:
what is remembered was said by Cerberus, of a value that breaks the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.rules import predicates
from mapper.rules.faults import Fault

#: So many patterns of failure are remembered for one set of rules. Eight plain rules have 256 for each kind of value.
MAX_PATTERNS = 1024

#: Which rules hold, of a value of which class; no rules where it is not of the field's type.
_Pattern = tuple[type, tuple[bool, ...]]


class Schema:
    """One value's set of rules, as Cerberus is asked about it. Safe to share between threads."""

    __slots__ = ("_prepared", "_rules")

    def __init__(self, rules: Mapping[str, Any]) -> None:
        """Keep the rules. They are trusted: Cerberus's own check of them is skipped, with its process-wide cache."""
        self._rules = rules
        self._prepared: Any = None

    def faults(self, value: Any) -> tuple[Fault, ...]:
        """The broken rules, in the order of the rules. May raise what Cerberus raises."""
        # Importing cerberus takes longer than all of our own modules, and who has only right values never needs it.
        from mapper.rules import validator  # noqa: PLC0415 - as said

        if self._prepared is None:
            self._prepared = validator.prepared(self._rules)
        return validator.faults(self._prepared, value)


class Judgement:
    """What Cerberus says of the values that break one set of rules. Safe to share between threads.

    Whether a plain rule is broken decides everything that Cerberus says of it, but for the value that it names. So
    its answer is kept by which rules are broken, without the value, and given again for the next value that breaks
    the same ones. Rules that look into a value (``schema``, ``anyof``, ...) are asked each time.
    """

    __slots__ = ("_kind", "_known", "_plain", "_schema")

    def __init__(self, kind: str, rules: Mapping[str, Any]) -> None:
        """Keep the rules of a field of type ``kind``; ``rules`` are what Cerberus is given."""
        self._kind = kind
        self._schema = Schema(rules)
        names = [name for name in rules if name != "type"]
        self._plain = (
            tuple((predicates.HOLDS[name], rules[name]) for name in names)
            if predicates.HOLDS.keys() >= set(names)
            else None
        )
        # Two threads may both find room for the last pattern: the bound is on memory, not on a count.
        self._known: dict[_Pattern, tuple[Fault, ...]] = {}

    def faults(self, value: Any) -> tuple[Fault, ...]:
        """The broken rules, in the order of the rules. May raise what Cerberus raises."""
        pattern = self._pattern(value)
        if pattern is None:
            return self._schema.faults(value)
        known = self._known.get(pattern)
        if known is None:
            found = self._schema.faults(value)
            known = tuple(fault.of(None) for fault in found)
            if len(self._known) < MAX_PATTERNS:
                self._known[pattern] = known
        return tuple([fault.of(value) for fault in known])

    def _pattern(self, value: Any) -> _Pattern | None:
        """What failed; None where that does not tell all, or nothing did: then the word is Cerberus's alone."""
        if self._plain is None:
            return None
        if not predicates.fits(self._kind, value):
            return type(value), ()
        held = tuple([holds(argument, value) for holds, argument in self._plain])
        return None if all(held) else (type(value), held)
