"""Rules as JSON Schema draft-07: of a rules section, for editors; of the values it accepts, for documentation.

Knows both JSON Schemas. Must not know files or Cerberus. A rule's argument is described here once, so
that an editor and the loader say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mapper.rules import table
from mapper.values import TYPES

Form = dict[str, Any]


def schema(at: str = "#") -> Form:
    """The JSON Schema of a rules section. ``at`` is where it will stand in a larger one: ``#/definitions/rules``."""
    inner = {"$ref": f"{at}/definitions/set"}
    return {**_set(inner), "definitions": {"set": _set(inner, type={"enum": list(TYPES), "description": _TYPE_MEANS})}}


_TYPE_MEANS = "What the value is; text where nothing is said."


def _set(inner: Form, **others: Form) -> Form:
    arguments: dict[str, Form] = {
        "flag": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 0},
        "number": {"type": "number"},
        "values": {"type": "array", "minItems": 1},
        "pattern": {"type": "string", "minLength": 1},
        "set": {"allOf": [inner]},  # beside a bare $ref the description would not count
        "sets": {"type": "array", "items": inner, "minItems": 1},
        "shape": {"anyOf": [inner, {"type": "object", "additionalProperties": inner}]},
    }
    rules = {r.name: {**arguments[r.argument], "description": r.means} for r in table.RULES.values()}
    return {"type": "object", "properties": {**others, **rules}, "additionalProperties": False}


def accepted(kind: str, limits: Mapping[str, Any]) -> Form:
    """The JSON Schema of the values that a set of rules accepts. What draft-07 cannot say is left out."""
    form: Form = {"type": _JSON_TYPES[kind]} if kind in _JSON_TYPES else {}
    every: list[Form] = []
    for name, argument in limits.items():
        part = _FORMS[name](kind, argument) if name in _FORMS else {}
        if set(part) & set(form):
            every.append(part)
        else:
            form.update(part)
    return {**form, "allOf": [*form.get("allOf", []), *every]} if every else form


def _nested(rules: Mapping[str, Any]) -> Form:
    return accepted(rules.get("type", "any"), {name: rules[name] for name in rules if name not in ("type", "required")})


def _lengths(edge: str) -> Callable[[str, Any], Form]:
    nouns = {"text": "Length", "list": "Items", "object": "Properties"}
    return lambda kind, argument: {edge + noun: argument for of, noun in nouns.items() if kind in (of, "any")}


def _regex(_: str, pattern: str) -> Form:
    """The pattern, where JavaScript's regular expressions mean the same by it."""
    foreign = re.search(r"\(\?[^:]|\\[aAzpPQC]|\[\[:|\\x\{", pattern)
    return {} if foreign else {"pattern": f"^(?:{pattern})$"}


def _entries(kind: str, form: Form) -> Form:
    """What holds for a value, or for each entry of a list."""
    return {"items": form} if kind == "list" else form


def _shape(kind: str, shape: Mapping[str, Any]) -> Form:
    if kind == "list":
        return {"items": _nested(shape)}
    required = [name for name, rules in shape.items() if rules.get("required")]
    members = {name: _nested(rules) for name, rules in shape.items()}
    form: Form = {"properties": members, "additionalProperties": False}
    return {**form, "required": required} if required else form


def _in_order(_: str, sets: list[Any]) -> Form:
    return {"items": [_nested(rules) for rules in sets], "minItems": len(sets), "maxItems": len(sets)}


_JSON_TYPES = {
    "text": "string",
    "number": "number",
    "whole": "integer",
    "flag": "boolean",
    "list": "array",
    "object": "object",
}

_FORMS: Mapping[str, Callable[[str, Any], Form]] = {
    "allowed": lambda kind, many: _entries(kind, {"enum": many}),
    "forbidden": lambda kind, many: _entries(kind, {"not": {"enum": many}}),
    "min": lambda _, least: {"minimum": least},
    "max": lambda _, most: {"maximum": most},
    "minlength": _lengths("min"),
    "maxlength": _lengths("max"),
    "regex": _regex,
    "contains": lambda _, many: {"allOf": [{"contains": {"const": value}} for value in many]},
    "items": _in_order,
    "schema": _shape,
    "keysrules": lambda _, rules: {"propertyNames": _nested(rules)},
    "valuesrules": lambda _, rules: {"additionalProperties": _nested(rules)},
    "anyof": lambda _, sets: {"anyOf": [_nested(rules) for rules in sets]},
    "allof": lambda _, sets: {"allOf": [_nested(rules) for rules in sets]},
    "noneof": lambda _, sets: {"not": {"anyOf": [_nested(rules) for rules in sets]}},
    "oneof": lambda _, sets: {"oneOf": [_nested(rules) for rules in sets]},
}
