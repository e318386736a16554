"""Step 3c: one rules section becomes Rules: checked once, asked about many values.

Knows Cerberus's rules on single values. Must not know fields, traits or events, changes no value, and
lets no exception and no object of cerberus or re2 out.

    table       which rules there are            patterns    regexes in linear time
    reading     file -> a plain set of rules     predicates  does one value keep one rule?
    accepting   a quick Yes to a whole value     judgement   Cerberus's No, asked late and remembered
    validator   our Cerberus                     faults      what it found
    forms       the same as JSON Schema          wording     a broken rule in the reader's words

Accept fast, explain slowly: ``accepting`` only ever says yes, and whatever it does not, Cerberus is asked about.
Cerberus is loaded when it is first asked: a run without a wrong value starts without it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mapper.errors import Findings
from mapper.frozen import dataclass, field, replace
from mapper.rules import accepting, forms, reading, wording
from mapper.rules.forms import schema
from mapper.rules.judgement import Judgement, Schema
from mapper.rules.table import RULES, Rule
from mapper.rules.wording import Broken
from mapper.source import Table

if TYPE_CHECKING:
    from mapper.rules.validator import Validator

__all__ = ["EMPTY", "RULES", "Broken", "Rule", "Rules", "Validator", "compile", "schema"]


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The rules of one field. Immutable; safe to share between threads.

    ``kind``      the field's type; a value of another breaks the rule ``type``.
    ``required``  whether the field has to be filled: judged once, by the engine.
    ``limits``    the other rules as plain values, to be shown: ``{"maxlength": 64}``.
    ``accepts``   says True only where ``check`` finds nothing wrong, at a fraction of its cost, and never raises; None
                  where only Cerberus can tell. False says nothing: ask ``check``.
    """

    kind: str
    required: bool
    limits: Mapping[str, Any]
    accepts: accepting.Accepts | None = field(repr=False)
    _judgement: Judgement = field(repr=False)
    _places: wording.Places = field(repr=False)

    def check(self, value: Any) -> tuple[Broken, ...]:
        """The rules that a finished value breaks, in the order of the file. Never raises, for any JSON value."""
        if self.accepts is not None and self.accepts(value):
            return ()
        try:
            faults = self._judgement.faults(value)
        except Exception:  # noqa: BLE001 - Cerberus raises what it likes; a value that it cannot judge is not let through
            return (wording.unjudged(self._culprit(value), self._places),)
        return tuple([wording.broken(fault, self._places) for fault in faults])

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
    # Whoever reads `limits` may change a list in it: what judges is a copy that nobody else holds.
    shown = MappingProxyType(copy.deepcopy(limits))
    accepts = accepting.accepts(kind, limits)
    return Rules(kind, required, shown, accepts, Judgement(kind, rules), MappingProxyType(dict(places)))


#: No rules: every value but null is right.
EMPTY = _ready("any", {}, {}, required=False)


if not TYPE_CHECKING:  # a checker would take any name for a public one

    def __getattr__(name: str) -> Any:
        """Our Cerberus, loaded when somebody asks for it by name."""
        if name != "Validator":
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from mapper.rules.validator import Validator  # noqa: PLC0415 - cerberus is slow to import

        return Validator
