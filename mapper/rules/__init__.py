"""Step 3c: one rules section becomes Rules: checked once, asked about many values.

Knows Cerberus's rules on single values. Must not know fields, traits or events, changes no value, and
lets no exception and no object of cerberus or re2 out.

    table       which rules there are            patterns    regexes in linear time
    reading     file -> a plain set of rules     predicates  does one value keep one rule?
    validator   our Cerberus                     wording     a broken rule in the reader's words
    forms       the same as JSON Schema
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from mapper.errors import Findings
from mapper.rules import forms, predicates, reading, wording
from mapper.rules.forms import schema
from mapper.rules.table import RULES, Rule
from mapper.rules.validator import Schema, Validator
from mapper.rules.wording import Broken
from mapper.source import Table

__all__ = ["EMPTY", "RULES", "Broken", "Rule", "Rules", "Validator", "compile", "schema"]


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The rules of one field. Immutable; safe to share between threads.

    ``kind``      the field's type; a value of another breaks the rule ``type``.
    ``required``  whether the field has to be filled: judged once, by the engine.
    ``limits``    the other rules as plain values, to be shown: ``{"maxlength": 64}``.
    """

    kind: str
    required: bool
    limits: Mapping[str, Any]
    _schema: Schema = field(repr=False)
    _places: wording.Places = field(repr=False)
    _quick: tuple[tuple[Callable[[Any, Any], bool], Any], ...] | None = field(repr=False)

    def check(self, value: Any) -> tuple[Broken, ...]:
        """The rules that a finished value breaks, in the order of the file. Never raises, for any JSON value.

        The fast path only ever says yes; what is wrong, and what it does not know, Cerberus is asked.
        """
        quick = self._quick
        if quick is not None and predicates.fits(self.kind, value) and all(holds(a, value) for holds, a in quick):
            return ()
        try:
            faults = self._schema.faults(value)
        except Exception:  # noqa: BLE001 - Cerberus raises what it likes; a value that it cannot judge is not let through
            return (wording.unjudged(self._culprit(value), self._places),)
        return tuple(wording.broken(fault, self._places) for fault in faults)

    def as_json_schema(self) -> dict[str, Any]:
        """The values that the rules accept, as JSON Schema draft-07, as nearly as that can say it."""
        return copy.deepcopy(forms.accepted(self.kind, self.limits))

    def _culprit(self, value: Any) -> str:
        """The first rule that raises on its own."""
        for name, argument in self.limits.items():
            try:
                Schema(copy.deepcopy({name: argument})).faults(value)
            except Exception:  # noqa: BLE001 - as above
                return name
        return "type"


def compile(  # noqa: A001 - the field's word, as in re.compile
    table: Table, kind: str, found: Findings, field: str | None = None
) -> Rules:
    """Read one rules section for a field of type ``kind`` (text number whole flag list object any).

    Everything that is wrong goes to ``found``: ``refused_rule``, ``unknown_rule``, ``rule_type``, ``bad_regex``,
    ``contradiction``, ``too_deep``, and the shapes' ``wrong_shape``, ``wrong_word``, ``not_a_number``, ``empty_value``;
    the warnings are ``regex_anchor`` and ``reads_differently``. What is right is in the result.
    """
    here = Findings()
    read = reading.Reading(here)
    rules = read.rule_set(table, reading.Spot((), kind, required=True, typed=False))
    found.problems.extend(replace(problem, field=problem.field or field) for problem in here.problems)
    return _ready(kind, rules, read.places, required=rules.pop("required", False))


def _ready(kind: str, rules: dict[str, Any], places: wording.Places, *, required: bool) -> Rules:
    limits = {name: argument for name, argument in rules.items() if name != "type"}
    plain = limits.keys() <= predicates.HOLDS.keys()
    quick = tuple((predicates.HOLDS[name], argument) for name, argument in limits.items()) if plain else None
    # Whoever reads `limits` may change a list in it: what judges is a copy that nobody else holds.
    shown = MappingProxyType(copy.deepcopy(limits))
    return Rules(kind, required, shown, Schema(rules), MappingProxyType(dict(places)), quick)


#: No rules: every value but null is right.
EMPTY = _ready("any", {}, {}, required=False)
