"""The one table of keys: every key a mapping may have, its shape and what it does.

Knows the grammar of the mapping language (its section 1.1) and nothing else. Must not know what a
key's value means: the loader, the checks, the JSON Schema and the reference page all read this table.
"""

from __future__ import annotations

from mapper.errors import Findings
from mapper.shapes import (
    ByKind,
    Entry,
    ExpressionText,
    Flag,
    Key,
    ListOf,
    MapOf,
    Patterned,
    Raw,
    RawTable,
    Schema,
    Section,
    Text,
    Whole,
    Word,
)
from mapper.values import TYPES

_EXPRESSION = ExpressionText()
_RULES = RawTable("a map of rules", {"$ref": "#/definitions/rules"})
_VALUE = Raw({"type": ["string", "number", "boolean", "array", "object"]})
_IF_WRONG = Word(("reject", "drop", "keep"))
#: The largest destinations have some two hundred fields; what concerns several fields compares each with each.
_MOST = 500
_DURATION = Patterned("[1-9][0-9]{0,8}[smhd]", "1h or 30d")

#: What other languages call the types.
_OTHER_TYPES = {
    "string": "text",
    "str": "text",
    "integer": "whole",
    "int": "whole",
    "float": "number",
    "boolean": "flag",
    "bool": "flag",
    "array": "list",
    "dict": "object",
    "map": "object",
}

#: What people write from habit, and what to write instead.
_NOT_A_FIELD_KEY = {
    "required": "write rules: {required: true}",
    "regex": "write rules: {regex: '...'}",
    "maxlength": "write rules: {maxlength: 64}",
    "allowed": "write rules: {allowed: [...]}",
    "source": "the key is from",
    "path": "the key is from",
    "to": "the field's own name says where it goes",
    "transform": "the key is clean",
    "coerce": "the key is clean",
    "nullable": "null always counts as absent",
}


def _check_field(entry: Entry, found: Findings) -> None:
    sources = [name for name in ("from", "const") if name in entry.keys]
    if len(sources) > 1:
        hint = "keep const for a fixed value, or from for a trait"
        found.error("two_sources", "a field has from or const, not both", entry.place("const"), hint)
    if not sources and "default" not in entry.keys:
        hint = "add from: traits.NAME, or const: VALUE"
        found.error("no_source", "nothing fills this field", entry.position, hint)
    for name in ("clean", "values", "default"):
        if "const" in entry.keys and name in entry.keys:
            found.error("two_sources", f"a fixed value takes no {name}", entry.place(name), "remove it")
    for name in ("clean", "values"):
        if name in entry.keys and not sources:
            found.error("no_source", f"{name} needs a from", entry.place(name), "add from: traits.NAME")


def _check_require(entry: Entry, found: Findings) -> None:
    kinds = [name for name in ("any_of", "all_of", "together", "rules") if name in entry.keys]
    if len(kinds) != 1:
        message = "exactly one of any_of, all_of, together and rules is due"
        found.error("wrong_shape", message, entry.position, "split it into two entries of the list")
    elif entry.get("if_wrong") == "drop" and kinds[0] in ("any_of", "all_of"):
        hint = "use reject or keep"
        found.error("contradiction", "dropping fields cannot mend a missing one", entry.place("if_wrong"), hint)


def _either(*names: str) -> list[Schema]:
    return [{"required": [name]} for name in names]


#: What ``_check_field`` says, for editors.
_FIELD_FORM: Schema = {
    "anyOf": _either("from", "const", "default"),
    "not": {"anyOf": [{"required": ["const", name]} for name in ("from", "clean", "values", "default")]},
    "dependencies": {"clean": ["from"], "values": ["from"]},
    # A text field's fixed values are texts: an editor then marks 02134 without quotes.
    "if": {"properties": {"type": {"const": "text"}}},
    "then": {"properties": {"const": {"type": "string"}, "default": {"type": "string"}}},
}
#: What ``_check_require`` says, for editors.
_DROP = {"properties": {"if_wrong": {"const": "drop"}}}
_REQUIRE_FORM: Schema = {
    "oneOf": _either("any_of", "all_of", "together", "rules"),
    "not": {"required": ["if_wrong"], "anyOf": _either("any_of", "all_of"), **_DROP},
}

FIELD = Section(
    "a field",
    (
        Key("type", Word(TYPES, _OTHER_TYPES), "what the field is; text unless said otherwise"),
        Key("when", _EXPRESSION, "whether the field is filled at all: an expression that has to be true"),
        Key("from", ListOf(_EXPRESSION, "expressions", lone=True), "where the value comes from; the first filled one"),
        Key("clean", _EXPRESSION, "an expression over `value` that puts it into the destination's form"),
        Key(
            "values",
            MapOf(ListOf(Raw({"type": ["string", "number", "boolean"]}), "spellings", lone=True), "results"),
            "a table: result: [spelling, spelling]",
        ),
        Key("default", _VALUE, "the value where none was found"),
        Key("const", _VALUE, "a fixed value"),
        Key("rules", _RULES, "what must hold, as Cerberus rules"),
        Key("warn", _RULES, "what should hold: only warns"),
        Key("if_wrong", _IF_WRONG, "what becomes of a wrong value: reject the event, drop the field, or keep it"),
    ),
    refused=_NOT_A_FIELD_KEY,
    check=_check_field,
    extra_schema=_FIELD_FORM,
)

SETTING = Section(
    "a setting",
    (
        Key("env", Text("the name of an environment variable"), "the environment variable that holds it"),
        Key("type", Word(("text", "number", "whole", "flag"), _OTHER_TYPES), "what it is; text unless said otherwise"),
        Key("required", Flag(), "whether nothing runs without it"),
        Key("secret", Flag(), "whether it may only be used under send.secrets"),
        Key("default", _VALUE, "its value where the environment has none"),
        Key("rules", _RULES, "what its value has to be"),
    ),
    refused={"value": "never write a value into the file; use env, or default for what is no secret"},
)

IDENTITY = Section(
    "identity",
    (
        Key(
            "never",
            ListOf(Text("a trait's name"), "trait names"),
            "traits of one call: neither remembered nor looked up",
        ),
        Key(
            "as_one",
            ListOf(ListOf(Text("a field's name"), "field names", least=2), "lists of field names"),
            "fields that belong together: none may be older than the first",
        ),
    ),
)

REQUIRE = Section(
    "an entry of require",
    (
        Key("when", _EXPRESSION, "judge this only when it is true"),
        Key("any_of", ListOf(Text("a field's name"), "field names"), "at least one of these fields"),
        Key("all_of", ListOf(Text("a field's name"), "field names"), "every one of these fields"),
        Key("together", ListOf(Text("a field's name"), "field names", least=2), "all of these fields or none"),
        Key("rules", MapOf(_RULES, "rules by field name"), "further rules for a field, such as under a condition"),
        Key("message", Text(), "what to tell the reader"),
        Key("if_wrong", _IF_WRONG, "reject the event, drop the fields, or only warn (keep)"),
    ),
    check=_check_require,
    extra_schema=_REQUIRE_FORM,
)

SKIP = Section(
    "an entry of skip",
    (
        Key("when", _EXPRESSION, "skip the event when this is true", required=True),
        Key("because", Text("a reason"), "the reason, in plain words", required=True),
    ),
)

CUSTOM_FIELDS = Section(
    "custom_fields",
    (
        Key("into", Text("a place"), "where they go: a place such as merge_variables; the top unless said otherwise"),
        Key("nested", Word(("flatten", "keep", "text", "drop")), "what becomes of objects"),
        Key("lists", Word(("text", "flatten", "keep", "join", "drop")), "what becomes of lists"),
        Key("names", Word(("keep", "snake")), "whether names are changed to snake_case"),
        Key("separator", Text("a separator"), "what joins the steps of a flattened name; _ unless said otherwise"),
        Key("prefix", Text(), "put before each name"),
        Key("suffix", Text(), "put after each name"),
        Key("drop", ListOf(Text("a pattern"), "patterns"), "traits that no field took and that are not to be sent"),
        Key("lift", ListOf(Text("a trait's name"), "trait names"), "objects whose members count as traits of the top"),
        Key("empty", Word(("drop", "keep")), "what becomes of blank texts and empty containers"),
        Key("name_rules", _RULES, "rules for a custom field's name; one that breaks them is dropped"),
        Key("rules", _RULES, "rules for a custom field's value; one that breaks them is dropped"),
    ),
)

_CODES = ListOf(Raw({"type": ["integer", "string"]}), "status codes, ranges such as 5xx, or expressions", lone=True)

ANSWERS = Section(
    "answers",
    (
        Key("delivered", _CODES, "the destination took it"),
        Key("rejected", _CODES, "it will never take this request"),
        Key("pause", _CODES, "the account or the key is refused: stop"),
        Key("retry", _CODES, "not taken; the same request may be sent again"),
        Key("unknown", _CODES, "it may have been taken: ask, do not guess"),
    ),
)

SEND = Section(
    "send",
    (
        Key("method", Word(("POST", "PUT", "PATCH")), "the HTTP method; POST unless said otherwise"),
        Key("url", Text("an address"), "https address; {settings.x} and {fields.x} are filled in", required=True),
        Key("headers", MapOf(_EXPRESSION, "headers"), "header name: expression"),
        Key("body", _EXPRESSION, "wraps `payload`, where the payload alone is not the body"),
        Key(
            "secrets",
            ListOf(
                Section(
                    "a secret",
                    (
                        Key("in", Word(("body", "header", "query")), "where it goes", required=True),
                        Key("name", Text("a name"), "the member, header or parameter", required=True),
                        Key("value", _EXPRESSION, "an expression over settings", required=True),
                    ),
                ),
                "secrets",
            ),
            "what the transport adds at the last moment",
        ),
        Key("answers", ANSWERS, "which answers mean what"),
        Key(
            "rate",
            Patterned("[1-9][0-9]{0,6}/(second|minute|hour)", "300/minute"),
            "how fast it may be sent; no limit unless said otherwise",
        ),
        Key(
            "once_per",
            Section(
                "once_per",
                (
                    Key("key", ListOf(_EXPRESSION, "expressions"), "what makes two requests the same", required=True),
                    Key("within", _DURATION, "for how long", required=True),
                ),
            ),
            "send only one of the same within a time",
        ),
        Key(
            "cap",
            Section(
                "cap", (Key("day", Whole(1), "at most so many a day"), Key("run", Whole(1), "at most so many a run"))
            ),
            "how many at most; the surplus is held",
        ),
        Key("stale_after", _DURATION, "older events are not sent; 30d unless said otherwise"),
        Key(
            "unknown",
            Word(("hold", "resend")),
            "what to do when nobody can know whether it was taken; hold unless said otherwise",
        ),
    ),
)

EXPECT = Section(
    "expect",
    (
        Key("status", Word(("ready", "invalid", "skipped")), "how the event has to end"),
        Key("because", Text("a reason"), "the reason of a skip"),
        Key("fields", RawTable("a map of fields"), "all finished fields"),
        Key("custom_fields", RawTable("a map of custom fields"), "all custom fields"),
        Key("dropped", Raw({"type": ["array", "object"]}), "all dropped traits: a list of paths, or path: reason"),
        Key("shadowed", Raw({"type": ["array", "object"]}), "all shadowed traits: a list of paths, or path: field"),
        Key("warnings", Raw({"type": ["array", "object"]}), "all warnings: codes, or code: [fields]"),
        Key("problems", Raw({"type": ["array", "object"]}), "all problems: codes, or code: [fields]"),
        Key("body", Raw({"type": ["object", "array"]}), "the request's body, without secrets"),
        Key("accounts", RawTable("a map of accounts"), "path: what became of it"),
    ),
)

_JSON: Schema = {"type": "object"}

TEST = Section(
    "a test",
    (
        Key("name", Text("a name"), "what the test shows", required=True),
        Key("why", Text("a reason"), "where the expectation comes from"),
        Key("given", RawTable("an Identify call", _JSON), "the call; type and messageId are supplied", required=True),
        Key("identity", RawTable("a map of traits", _JSON), "traits known from earlier calls"),
        Key("settings", RawTable("a map of settings", _JSON), "settings for this test"),
        Key("expect", EXPECT, "what has to come out; each section given is compared whole", required=True),
    ),
)

MAPPING = Section(
    "a mapping",
    (
        Key("mapping", Word(("1",)), "the version of the mapping language: 1", required=True),
        Key("destination", Text("a name"), "the destination's exact name in the integrations object", required=True),
        Key("accepts", ListOf(Word(("identify",)), "kinds of call"), "the kinds of call it takes: [identify]"),
        Key("settings", MapOf(SETTING, "settings", most=_MOST), "values from the environment"),
        Key("identity", IDENTITY, "what is remembered of a person"),
        Key(
            "fields",
            MapOf(ByKind("a field", _EXPRESSION, ListOf(_EXPRESSION, "expressions"), FIELD), "fields", most=_MOST),
            "the destination's fields and where each comes from",
            required=True,
        ),
        Key("require", ListOf(REQUIRE, "requirements"), "what must hold between several fields"),
        Key("skip", ListOf(SKIP, "reasons to skip"), "which calls are no orders"),
        Key(
            "custom_fields",
            ByKind("custom_fields", Word(("none",)), None, CUSTOM_FIELDS),
            "what becomes of the traits that no field took",
        ),
        Key("send", SEND, "the request", required=True),
        Key("tests", ListOf(TEST, "tests"), "calls, and what must come out"),
    ),
    refused={
        "version": "the key is mapping: 1",
        "include": "a reader must see the whole mapping in one file",
        "extends": "a reader must see the whole mapping in one file",
        "transport": "the transport is chosen when sending, not here",
    },
)
