"""Our Cerberus: the rules of the cerberus package, made safe for values that strangers send.

Knows Cerberus: its Validator, its errors, its error paths. Must not know YAML, positions or how a
broken rule is worded, and lets no object of the package out.

What differs from the package, each pinned by a test:

- a regex matches the whole value, in linear time, with ASCII classes (``mapper.rules.patterns``);
- types have the words of the mapping language; true and false are no numbers, also in ``allowed``;
- lengths count composed characters; members of any kind may stand in ``allowed`` and its like;
- the time for a list grows with its length, not with the square of it.

The docstring of a ``_validate`` method is, or ends with, the schema of the rule's argument: Cerberus reads it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import cerberus
from cerberus import errors
from cerberus.schema import UnvalidatedSchema

from mapper.rules import predicates
from mapper.rules.faults import Fault

#: The name under which the one value stands in the document that Cerberus is given.
_NAME = "value"

_TYPES = {
    "text": (str,),
    "number": (int, float),
    "whole": (int, float),
    "flag": (bool,),
    "list": (list,),
    "object": (dict,),
    "any": (object,),
}


def _plain(error: errors.ErrorDefinition, argument: str) -> Callable[..., None]:
    """The method for a rule that ``predicates`` judges; ``argument`` is the schema of what it is given."""
    holds = predicates.HOLDS[error.rule]

    def validate(self: Validator, argument: Any, name: str, value: Any) -> None:
        if not holds(argument, value):
            self._error(name, error)

    validate.__doc__ = argument
    return validate


def _choice(error: errors.ErrorDefinition, enough: Callable[[int, int], bool]) -> Callable[..., None]:
    """The method for a rule over alternatives; ``enough`` is told how many of how many fit."""

    def validate(self: Validator, alternatives: Sequence[Any], name: str, value: Any) -> None:
        fitting, found = self._weigh(error.rule, alternatives, name, value)
        if not enough(fitting, len(alternatives)):
            self._error(name, error, found, fitting, len(alternatives))

    validate.__doc__ = f"{{'type': 'list', 'logical': '{error.rule}'}}"
    return validate


class Validator(cerberus.Validator):  # type: ignore[misc] # cerberus is not typed
    """Cerberus with the differences that the module's text lists. Not to be shared between threads."""

    types_mapping = MappingProxyType(
        {
            **cerberus.Validator.types_mapping,
            "integer": cerberus.TypeDefinition("integer", (int,), (bool,)),
            **{word: cerberus.TypeDefinition(word, types, ()) for word, types in _TYPES.items()},
        }
    )

    def _error(self, *args: Any) -> None:
        """Note errors in the order found. The package sorts all of them again for each: 9 s for 4,000 entries."""
        if len(args) == 1:
            self._errors.extend(args[0])
        else:
            super()._error(*args)

    def _weigh(self, rule: str, alternatives: Sequence[Any], name: str, value: Any) -> tuple[int, list[Any]]:
        """Try one value on each alternative. The package tries the whole list around it: 12 s for 4,000 entries."""
        fitting, found = 0, []
        for number, alternative in enumerate(alternatives):
            child = self._get_child_validator(schema_crumb=(name, rule, number), schema={name: alternative})
            if child.validate({name: value}, normalize=False):
                fitting += 1
                continue
            wrong = child._errors  # noqa: SLF001 - Cerberus's own way to pass them on
            self._drop_nodes_from_errorpaths(wrong, [], [3])
            found.extend(wrong)
        return fitting, found

    def _validate_type(self, kind: Any, name: str, value: Any) -> None:
        """Judge by our words; Cerberus's own words keep their meaning.

        The rule's arguments are validated against this schema:
        {'type': ['string', 'list'], 'check_with': 'type'}
        """
        if kind not in _TYPES:
            super()._validate_type(kind, name, value)
        elif not predicates.fits(kind, value):
            self._error(name, errors.BAD_TYPE)
            self._drop_remaining_rules()

    _validate_allowed = _plain(errors.UNALLOWED_VALUE, "{'type': 'list'}")
    _validate_forbidden = _plain(errors.FORBIDDEN_VALUE, "{'type': 'list'}")
    _validate_contains = _plain(errors.MISSING_MEMBERS, "{'type': 'list', 'empty': False}")
    _validate_min = _plain(errors.MIN_VALUE, "{'type': 'number'}")
    _validate_max = _plain(errors.MAX_VALUE, "{'type': 'number'}")
    _validate_minlength = _plain(errors.MIN_LENGTH, "{'type': 'integer'}")
    _validate_maxlength = _plain(errors.MAX_LENGTH, "{'type': 'integer'}")
    _validate_regex = _plain(errors.REGEX_MISMATCH, "{'type': 'string'}")

    _validate_anyof = _choice(errors.ANYOF, lambda fitting, _: fitting > 0)
    _validate_allof = _choice(errors.ALLOF, lambda fitting, of: fitting == of)
    _validate_noneof = _choice(errors.NONEOF, lambda fitting, _: fitting == 0)
    _validate_oneof = _choice(errors.ONEOF, lambda fitting, _: fitting == 1)


_SILENT = errors.BaseErrorHandler()


def prepared(rules: Mapping[str, Any]) -> UnvalidatedSchema:
    """A set of rules as ``faults`` wants it. It is trusted: Cerberus's own check of it is skipped."""
    return UnvalidatedSchema({_NAME: rules})


def faults(schema: UnvalidatedSchema, value: Any) -> tuple[Fault, ...]:
    """The rules that a value breaks, in the order of the rules. May raise what Cerberus raises."""
    # One validator a call: a shared one gives wrong answers to threads. It costs about 5 microseconds.
    validator = Validator(schema, error_handler=_SILENT)
    validator.validate({_NAME: value}, normalize=False)
    return tuple(_fault(error) for error in validator._errors)  # noqa: SLF001 - the texts have no paths


def _fault(error: errors.ValidationError) -> Fault:
    """Cerberus's error as a Fault: the one place that knows how those errors look."""
    inside = error.child_errors or ()
    return Fault(
        rule=error.rule,
        path=tuple(error.schema_path[1:]),
        argument=error.constraint,
        value=error.value,
        at=error.document_path[-1],
        inner=_fault(inside[0]) if inside else None,
        more=max(0, len(inside) - 1),
        fitting=error.info[1] if error.is_logic_error else 0,
    )
