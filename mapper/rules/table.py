"""The one table of rules: which there are, for which types of field, what each is given and what it means.

Knows Cerberus's rules by name, those that are taken and those that are refused with a reason. Must not
know how a rule is read from a file, checked or worded, nor Cerberus itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from mapper.frozen import dataclass
from mapper.values import TYPES

#: What stands behind a rule's colon. ``count`` is a whole number from 0 up, ``values`` a list of values of
#: the field's type, ``set`` rules for one value, ``sets`` a list of such, ``shape`` rules for each entry of
#: a list or for each member of an object by name.
Argument = Literal["flag", "count", "number", "values", "pattern", "set", "sets", "shape"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that a mapping may use.

    ``kinds``    the types of field that it can judge; on any other it is an error.
    ``means``    one line for people who do not program.
    ``instead``  what to write where it cannot judge.
    ``remedy``   the next step when a value breaks it, where there is a general one.
    """

    name: str
    kinds: tuple[str, ...]
    argument: Argument
    means: str
    instead: str = ""
    remedy: str | None = None


_SIZED = ("text", "list", "object", "any")
_SINGLE = tuple(kind for kind in TYPES if kind != "object")
_LENGTHS = "for the size of a number write min or max"
_NUMBERS = "say type: number at the field; for the length of a text or list write minlength or maxlength"
_TRANSLATE = "other spellings can be translated with the field's key values: or clean:"

_ALL = (
    Rule("required", TYPES, "flag", "true: the event is refused when nothing fills the field."),
    Rule(
        "allowed",
        _SINGLE,
        "values",
        "The value is one of these. For a list: each entry is.",
        "for the names of an object's members write keysrules: {allowed: [...]}",
        _TRANSLATE,
    ),
    Rule(
        "forbidden",
        _SINGLE,
        "values",
        "The value is none of these. For a list: no entry is.",
        "for the names of an object's members write keysrules: {forbidden: [...]}",
    ),
    Rule("min", ("number", "whole", "any"), "number", "The number is this or more.", _NUMBERS),
    Rule("max", ("number", "whole", "any"), "number", "The number is this or less.", _NUMBERS),
    Rule(
        "minlength",
        _SIZED,
        "count",
        "A text has at least so many characters; a list, so many entries; an object, so many members.",
        _LENGTHS,
    ),
    Rule(
        "maxlength",
        _SIZED,
        "count",
        "A text has at most so many characters; a list, so many entries; an object, so many members.",
        _LENGTHS,
        "nothing is cut to fit: shorten it where it comes from",
    ),
    Rule(
        "regex",
        ("text", "any"),
        "pattern",
        "The whole text has this form: a regular expression of RE2, in single quotes.",
        "say type: text at the field; for each entry of a list write schema: {regex: ...}; for numbers min and max",
        _TRANSLATE,
    ),
    Rule(
        "contains",
        ("list",),
        "values",
        "The list has each of these among its entries.",
        "say type: list at the field; for a part of a text write regex: '.*part.*'",
    ),
    Rule(
        "items",
        ("list",),
        "sets",
        "The list has exactly as many entries as stand here, and each keeps the rules in its place.",
        "say type: list at the field",
    ),
    Rule(
        "schema",
        ("list", "object"),
        "shape",
        "For a list: rules that each entry keeps. For an object: its only members by name, each with its rules.",
        "say type: list or type: object at the field",
    ),
    Rule("keysrules", ("object",), "set", "Rules that the name of each member keeps.", "say type: object at the field"),
    Rule(
        "valuesrules",
        ("object",),
        "set",
        "Rules that the value of each member keeps, whatever its name.",
        "say type: object at the field",
    ),
    Rule("anyof", TYPES, "sets", "The value keeps at least one of these sets of rules."),
    Rule("allof", TYPES, "sets", "The value keeps all of these sets of rules."),
    Rule("noneof", TYPES, "sets", "The value keeps none of these sets of rules."),
    Rule("oneof", TYPES, "sets", "The value keeps exactly one of these sets of rules."),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in _ALL})

_OWN_KEY = "its effect would not show in the preview"
_BLANK = "what is blank counts as absent, everywhere"
_CODE = "rules run no code"
_BETWEEN = "rules judge one value at a time"

#: Cerberus's other rules: why each is not taken, and what to write.
REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "type": ("the type belongs to the field", "write type: beside rules:, as a key of the field"),
        "coerce": (_OWN_KEY, "write clean: beside rules:, with a function"),
        "default": (_OWN_KEY, "write default: beside rules:, as a key of the field"),
        "default_setter": (_OWN_KEY, "write default: beside rules:, or one more path under from:"),
        "rename": (_OWN_KEY, "give the field the name under which it is to be sent"),
        "rename_handler": (_OWN_KEY, "give the field the name under which it is to be sent"),
        "purge_unknown": ("nothing vanishes unseen", "traits that no field takes are the business of custom_fields:"),
        "purge_readonly": ("nothing vanishes unseen", "take the line out"),
        "readonly": ("nobody writes to a trait", "take the line out; forbidden: [...] refuses values"),
        "check_with": (_CODE, "write regex: or allowed:, or a function under clean:"),
        "validator": (_CODE, "write regex: or allowed:, or a function under clean:"),
        "dependencies": (_BETWEEN, "write require: with together: [...] or when:, beside fields:"),
        "excludes": (_BETWEEN, "write require: with any_of: [...] or when:, beside fields:"),
        "nullable": (_BLANK, "leave it out; required: true refuses what is absent"),
        "empty": (_BLANK, "leave it out; required: true refuses what is absent"),
        "allow_unknown": (
            "the schema of an object lists all of its members",
            "for members of any name write keysrules: and valuesrules:",
        ),
        "require_all": ("each member says so for itself", "write required: true at each member"),
        "meta": ("it says nothing about the value", "write a comment: # ..."),
        "keyschema": ("its name is keysrules now", "write keysrules:"),
        "valueschema": ("its name is valuesrules now", "write valuesrules:"),
    }
)

#: What other rule languages call a rule of ours.
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "pattern": "regex",
        "regexp": "regex",
        "match": "regex",
        "matches": "regex",
        "enum": "allowed",
        "one_of": "allowed",
        "choices": "allowed",
        "in": "allowed",
        "not_in": "forbidden",
        "minimum": "min",
        "maximum": "max",
        "minitems": "minlength",
        "maxitems": "maxlength",
        "length": "maxlength",
        "properties": "schema",
        "mandatory": "required",
    }
)

#: Cerberus's words for types that have another name here.
TYPE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "string": "text",
        "integer": "whole",
        "float": "number",
        "boolean": "flag",
        "dict": "object",
        "set": "list",
        "container": "any",
    }
)
