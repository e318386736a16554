"""The codes of rules: how they are written wrongly, and one for each rule that a value can break.

Knows the rules by name. Must not know how they are judged.
"""

from __future__ import annotations

from mapper.codes.entry import Code

_AT_THE_SOURCE = "Mend the value where it comes from, or change the rule in the mapping."

CODES = (
    Code(
        "bad_regex",
        "this is no pattern",
        "A pattern cannot be read, or uses what does not exist here. Patterns are matched in a time that grows with"
        " the text alone, so there are no look-arounds and no back-references. A pattern matches the whole value.",
        "Look at the caret, and put the pattern in single quotes.",
        "fields:\n  zip: {from: traits.zip, rules: {regex: '[0-9'}}",
        "fields:\n  zip: {from: traits.zip, rules: {regex: '[0-9]+'}}",
    ),
    Code(
        "refused_rule",
        "a rule that is not taken",
        "Cerberus has this rule, and here it would change values unseen, run code, or judge several values at once.",
        "Do what the hint says: there is another way.",
        "fields:\n  email: {from: traits.email, rules: {coerce: lower}}",
        "fields:\n  email: {from: traits.email, clean: lower(value)}",
    ),
    Code(
        "regex_anchor",
        "^ and $ are not needed",
        "A pattern matches the whole value anyway.",
        "Leave them out.",
        "fields:\n  state: {from: traits.state, rules: {regex: '^[A-Z]{2}$'}}",
        "fields:\n  state: {from: traits.state, rules: {regex: '[A-Z]{2}'}}",
    ),
    Code(
        "rule_type",
        "a rule cannot judge this type of field",
        "min is for numbers, minlength for texts and lists. On another type the rule would never do anything.",
        "Do what the hint says, or change the field's type.",
        "fields:\n  email: {from: traits.email, rules: {min: 3}}",
        "fields:\n  email: {from: traits.email, rules: {minlength: 3}}",
    ),
    Code(
        "unknown_rule",
        "there is no rule of this name",
        "Rules are a closed list, so that a slip of the pen is found here and not in the mail.",
        "Correct the spelling.",
        "fields:\n  email: {from: traits.email, rules: {maxlenght: 9}}",
        "fields:\n  email: {from: traits.email, rules: {maxlength: 9}}",
    ),
    Code(
        "allof",
        "a value breaks one of several sets of rules",
        "The value has to keep all of the sets of rules under allof.",
        _AT_THE_SOURCE,
    ),
    Code(
        "allowed",
        "a value is not in the list of allowed ones",
        "The value, or an entry of it, is none of those that the mapping allows.",
        "Send one of the allowed values, or translate other spellings with values: or clean:.",
    ),
    Code(
        "anyof",
        "a value fits none of the alternatives",
        "The value has to keep at least one of the sets of rules under anyof.",
        _AT_THE_SOURCE,
    ),
    Code("contains", "a list lacks an entry", "The list has to hold all of the values under contains.", _AT_THE_SOURCE),
    Code(
        "forbidden",
        "a value is in the list of forbidden ones",
        "The value, or an entry of it, is one that the mapping forbids.",
        _AT_THE_SOURCE,
    ),
    Code(
        "items",
        "a list has another number of entries, or a wrong one",
        "Under items there is a set of rules for each entry, in its place.",
        _AT_THE_SOURCE,
    ),
    Code(
        "keysrules",
        "a member of an object has a name that breaks a rule",
        "The name of each member of the object has to keep the rules under keysrules.",
        _AT_THE_SOURCE,
    ),
    Code("max", "a number is too large", "The number has to be this or less.", _AT_THE_SOURCE),
    Code(
        "maxlength",
        "a value is too long",
        "The text has more characters than it may have, or the list more entries. Nothing is cut to fit: half an"
        " address is no address.",
        "Shorten it where it comes from. With if_wrong: drop at the field the call goes out without it.",
    ),
    Code("min", "a number is too small", "The number has to be this or more.", _AT_THE_SOURCE),
    Code(
        "minlength",
        "a value is too short",
        "The text has fewer characters than it must have, or the list fewer entries.",
        _AT_THE_SOURCE,
    ),
    Code(
        "noneof",
        "a value fits an alternative that is ruled out",
        "The value must keep none of the sets of rules under noneof.",
        _AT_THE_SOURCE,
    ),
    Code(
        "oneof",
        "a value fits none of the alternatives, or more than one",
        "The value has to keep exactly one of the sets of rules under oneof.",
        _AT_THE_SOURCE,
    ),
    Code(
        "regex",
        "a value does not have the right form",
        "The value does not match the field's pattern. The whole value has to.",
        "Mend the value where it comes from, or put it into the right form with clean:, such as us_state(value).",
    ),
    Code(
        "required",
        "a member that has to be there is missing",
        "An object lacks a member for which the rules say required: true. For a whole field the code is missing.",
        _AT_THE_SOURCE,
    ),
    Code(
        "schema",
        "a part of a list or object breaks a rule",
        "An entry of the list, or a member of the object, breaks the rules under schema, or is not named there.",
        _AT_THE_SOURCE,
    ),
    Code("type", "a value is of another kind", "The rules ask for a value of another kind.", _AT_THE_SOURCE),
    Code(
        "valuesrules",
        "the value of a member breaks a rule",
        "The value of each member of the object has to keep the rules under valuesrules.",
        _AT_THE_SOURCE,
    ),
)
