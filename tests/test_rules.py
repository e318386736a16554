"""Sections of rules: what may be written, and what is wrong with it and where."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import cerberus
import jsonschema
import pytest

from mapper import rules, source
from mapper.errors import Findings, Problem
from mapper.rules import RULES, Rules, forms, patterns, predicates, table
from mapper.values import TYPES, json_value


def read(text: str, kind: str = "text") -> tuple[Rules, list[Problem]]:
    """The rules of a section and everything that was found wrong in it."""
    found = Findings()
    root = source.read(text, "m.yaml").root
    assert isinstance(root, source.Table)
    return rules.compile(root, kind, found, "zip"), found.problems


def good(text: str, kind: str = "text") -> Rules:
    """The rules of a section in which nothing is wrong."""
    compiled, problems = read(text, kind)
    assert problems == []
    return compiled


def errors(text: str, kind: str = "text") -> list[tuple[str, str]]:
    """The code of each problem and the text under its caret."""
    lines = text.split("\n")
    marked = []
    for problem in read(text, kind)[1]:
        place = problem.position
        assert place is not None
        assert problem.field == "zip"
        marked.append((problem.code, lines[place.line - 1][place.column - 1 :][: place.width]))
    return marked


def only(text: str, kind: str = "text") -> Problem:
    """The one problem of a section."""
    (problem,) = read(text, kind)[1]
    return problem


# ------------------------------------------------------------------------------------------------ which rules, where

SAMPLES = {
    "required": "true",
    "min": "1",
    "max": "9",
    "minlength": "1",
    "maxlength": "9",
    "regex": "'a+'",
    "contains": "[a]",
    "items": "[{type: text}]",
    "schema": "{a: {type: text}}",
    "keysrules": "{regex: '[a-z]+'}",
    "valuesrules": "{type: number}",
    "anyof": "[{allowed: [%s]}]",
    "allof": "[{allowed: [%s]}]",
    "noneof": "[{forbidden: [%s]}]",
    "oneof": "[{allowed: [%s]}]",
    "allowed": "[%s]",
    "forbidden": "[%s]",
}
ONE = {"text": "a", "number": "1.5", "whole": "1", "flag": "true", "list": "a", "object": "{a: 1}", "any": "a"}
JUDGES = {
    "required": "text number whole flag list object any",
    "allowed": "text number whole flag list any",
    "forbidden": "text number whole flag list any",
    "min": "number whole any",
    "max": "number whole any",
    "minlength": "text list object any",
    "maxlength": "text list object any",
    "regex": "text any",
    "contains": "list",
    "items": "list",
    "schema": "list object",
    "keysrules": "object",
    "valuesrules": "object",
    "anyof": "text number whole flag list object any",
    "allof": "text number whole flag list object any",
    "noneof": "text number whole flag list object any",
    "oneof": "text number whole flag list object any",
}


def sample(rule: str, kind: str) -> str:
    """A right section with this rule for a field of this type."""
    if kind == "object" and "%s" in SAMPLES[rule] and "of" in rule:
        return f"{rule}: [{{minlength: 1}}]"
    if (rule, kind) == ("schema", "list"):
        return "schema: {type: text}"
    return f"{rule}: {SAMPLES[rule].replace('%s', ONE[kind])}"


def test_the_table_holds_exactly_the_rules_of_the_language() -> None:
    """A rule more or less is a change of the language."""
    assert set(RULES) == set(JUDGES)


@pytest.mark.parametrize(("rule", "kind"), list(itertools.product(JUDGES, TYPES)))
def test_a_rule_is_taken_where_it_can_judge_and_is_an_error_elsewhere(rule: str, kind: str) -> None:
    """Cerberus ignores most of these in silence: a regex on a number, a minimum for a text."""
    text = sample(rule, kind)
    if kind in JUDGES[rule].split():
        compiled = good(text, kind)
        assert compiled.required if rule == "required" else rule in compiled.limits
    else:
        assert errors(text, kind) == [("rule_type", rule)]
        assert only(text, kind).hint == RULES[rule].instead != ""
        assert read(text, kind)[0].limits == {}


def test_every_rule_of_cerberus_is_taken_or_refused_with_a_reason() -> None:
    """A later Cerberus may bring rules that nobody here has thought about."""
    assert set(cerberus.Validator.rules) | {"meta", "type"} <= set(RULES) | set(table.REFUSED)
    assert set(RULES) & set(table.REFUSED) == set()


@pytest.mark.parametrize("name", table.REFUSED)
def test_a_refused_rule_says_why_and_what_to_write(name: str) -> None:
    """The error stands at the rule's name and the rest of the section still works."""
    text = f"maxlength: 3\n{name}: text"
    problem = only(text)
    assert errors(text) == [("refused_rule", name)]
    assert table.REFUSED[name][0] in problem.message
    assert problem.hint == table.REFUSED[name][1]
    assert dict(read(text)[0].limits) == {"maxlength": 3}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("maxLength", "did you mean 'maxlength'?"),
        ("max_length", "did you mean 'maxlength'?"),
        ("requird", "did you mean 'required'?"),
        ("alowed", "did you mean 'allowed'?"),
        ("pattern", "did you mean 'regex'?"),
        ("enum", "did you mean 'allowed'?"),
        ("anyOf", "did you mean 'anyof'?"),
        ("zzz", "the rules are required, allowed, forbidden"),
    ],
)
def test_an_unknown_rule_is_answered_with_the_nearest(name: str, hint: str) -> None:
    """Also where the name is JSON Schema's."""
    assert errors(f"{name}: 3") == [("unknown_rule", name)]
    assert str(only(f"{name}: 3").hint).startswith(hint)


def test_a_shortened_choice_is_written_out_in_the_hint() -> None:
    """Cerberus rewrites such keys in place; here nobody has to know them."""
    assert errors("anyof_regex: [a, b]") == [("refused_rule", "anyof_regex")]
    assert only("anyof_regex: [a, b]").hint == "write anyof: [{regex: ...}, {regex: ...}]"


def test_everything_wrong_in_a_section_is_reported_at_once() -> None:
    """And what is right works."""
    text = "coerce: int\nmin: 3\nregex: '(?=a)b'\nmaxlength: many\nallowed: yes\nminlength: 2"
    found = [("refused_rule", "coerce"), ("rule_type", "min"), ("bad_regex", "(?="), ("not_a_number", "many")]
    assert errors(text) == [*found, ("wrong_shape", "yes")]
    assert dict(read(text)[0].limits) == {"minlength": 2}


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("required: yes", "text", ("wrong_word", "yes")),
        ("required: 'true'", "text", ("wrong_word", "'true'")),
        ("maxlength: 6.5", "text", ("not_a_number", "6.5")),
        ("maxlength: -1", "text", ("not_a_number", "-1")),
        ("maxlength: [6]", "text", ("not_a_number", "[")),
        ("min: small", "number", ("not_a_number", "small")),
        ("min: 1.5", "whole", ("not_a_number", "1.5")),
        ("min: .inf", "number", ("not_a_number", ".inf")),
        ("max: big", "any", ("not_a_number", "big")),
        ("allowed: a", "text", ("wrong_shape", "a")),
        ("allowed: {a: 1}", "text", ("wrong_shape", "{")),
        ("allowed: []", "text", ("contradiction", "[")),
        ("forbidden: []", "text", ("empty_value", "[")),
        ("allowed: [1, two]", "number", ("not_a_number", "two")),
        ("allowed: [true, 1]", "flag", ("wrong_word", "1")),
        ("allowed: [a, null]", "any", ("empty_value", "null")),
        ("regex: ''", "text", ("empty_value", "''")),
        ("regex: {2}", "text", ("bad_regex", "{")),
        ("regex: [A-Z]", "text", ("bad_regex", "[")),
        ("contains: a", "list", ("wrong_shape", "a")),
        ("items: {type: text}", "list", ("wrong_shape", "{")),
        ("items: [text]", "list", ("wrong_shape", "text")),
        ("schema: text", "list", ("wrong_shape", "text")),
        ("schema: text", "object", ("wrong_shape", "text")),
        ("schema: {a: text}", "object", ("wrong_shape", "text")),
        ("keysrules: a", "object", ("wrong_shape", "a")),
        ("valuesrules: [a]", "object", ("wrong_shape", "[")),
        ("anyof: {maxlength: 3}", "text", ("wrong_shape", "{")),
        ("anyof: []", "text", ("empty_value", "[")),
        ("anyof: [a]", "text", ("wrong_shape", "a")),
    ],
)
def test_an_argument_of_the_wrong_shape_is_reported_at_its_place(
    text: str, kind: str, problem: tuple[str, str]
) -> None:
    """The caret stands under the argument and the rule is left out."""
    assert errors(text, kind) == [problem]


def test_a_pattern_without_quotes_is_told_about_quotes() -> None:
    """YAML reads [A-Z] as a list; what follows it, as in [A-Z]{2}, is caught by the reader of YAML (A18)."""
    assert only("regex: [A-Z]").hint == "put the pattern in single quotes: regex: '[A-Z]{2}'"


def test_words_that_other_yaml_tools_misread_are_warned_about() -> None:
    """An editor shows NO as false."""
    text = "allowed: [CA, NO, '02134', 02134]"
    assert errors(text) == [("reads_differently", "NO"), ("reads_differently", "02134")]
    assert read(text)[0].limits["allowed"] == ["CA", "NO", "02134", "02134"]


def test_the_values_of_a_rule_are_read_by_the_type_of_the_field() -> None:
    """Text stays text, a number is a number, and in a list or any field a scalar is what JSON would make of it."""
    assert good("allowed: ['1', x]").limits["allowed"] == ["1", "x"]
    assert good("allowed: [1, 2.5]", "number").limits["allowed"] == [1, 2.5]
    assert good("allowed: [true]", "flag").limits["allowed"] == [True]
    assert good("allowed: [1, '1', true, x]", "any").limits["allowed"] == [1, "1", True, "x"]
    assert good("contains: [1, x]", "list").limits["contains"] == [1, "x"]
    assert read("allowed: [1]")[0].check("1") == ()


# --------------------------------------------------------------------------------------------------- rules inside


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("schema: {type: string}", "list", ("wrong_word", "string")),
        ("schema: {type: [text, number]}", "list", ("wrong_word", "[")),
        ("schema: {min: 1}", "list", ("rule_type", "min")),
        ("schema: {a: {type: number, regex: x}}", "object", ("rule_type", "regex")),
        ("schema: {required: true}", "list", ("refused_rule", "required")),
        ("anyof: [{required: true}]", "text", ("refused_rule", "required")),
        ("keysrules: {type: number}", "object", ("refused_rule", "type")),
        ("valuesrules: {coerce: x}", "object", ("refused_rule", "coerce")),
        ("anyof: [{maxlength: 1}, {type: number}]", "text", ("rule_type", "number")),
        ("schema: {anyof: [{type: number}]}", "list", ("rule_type", "number")),
        ("items: [{typo: x}]", "list", ("unknown_rule", "typo")),
        ("schema: {a: {schema: {b: {regex: '(a'}}, type: object}}", "object", ("bad_regex", "(a")),
    ],
)
def test_rules_inside_rules_are_checked_alike(text: str, kind: str, problem: tuple[str, str]) -> None:
    """The same words, at their own places."""
    assert errors(text, kind) == [problem]


def test_cerberus_words_for_types_are_translated_in_the_hint() -> None:
    """Whoever knows Cerberus writes string."""
    assert only("schema: {type: string}", "list").hint == "write text"
    assert only("schema: {type: integer}", "list").hint == "write whole"
    assert only("schema: {type: objct}", "list").hint == "write object"


def test_the_type_inside_is_text_unless_said_and_of_an_alternative_that_of_the_value() -> None:
    """As for a field: otherwise a regex would pass over numbers in silence."""
    assert good("schema: {regex: 'a+'}", "list").limits["schema"] == {"type": "text", "regex": "a+"}
    assert good("anyof: [{min: 3}]", "number").limits["anyof"] == [{"type": "number", "min": 3}]
    assert good("anyof: [{min: 3}]", "any").limits["anyof"] == [{"min": 3}]
    assert good("anyof: [{type: whole}, {min: 3}]", "number").check(2) == ()
    assert good("schema: {type: any, anyof: [{type: text}, {type: flag}]}", "list").check(["a", True]) == ()


def nested(depth: int) -> str:
    """Rules for the values of an object whose values are objects, so many levels deep."""
    return "valuesrules: {type: object, " * depth + "maxlength: 3" + "}" * depth


def test_rules_inside_rules_go_twenty_levels_deep() -> None:
    """Cerberus calls itself for each level; fifty of them are a RecursionError (A-51)."""
    assert good(nested(20), "object").check({"a": {"b": {}}}) == ()
    compiled, problems = read(nested(21), "object")
    assert [problem.code for problem in problems] == ["too_deep"]
    assert compiled.check({"a": {"b": {}}}) == ()


# ------------------------------------------------------------------------------------------------------ patterns

BAD_PATTERNS = [
    ("(?=a)b", "(?=", "look-around"),
    ("a(?!b)", "(?!", "look-around"),
    ("é(?<=a)", "(?<=", "look-around"),
    ("x(?<!a)", "(?<!", "look-around"),
    (r"(a)\1", r"\1", "a back-reference"),
    (r"\\1(a)\1", r"\1", "a back-reference"),
    (r"(?P<n>a)(?P=n)", "(?P", "a back-reference"),
    (r"(?P<n>a)\k<n>", r"\k", "a back-reference"),
    ("ba++", "++", "a possessive repetition"),
    ("(?:a|b)*+c", "*+", "a possessive repetition"),
    ("(?>a)", "(?>", "an atomic group"),
    ("(a)(?(1)b)", "(?(", "a condition"),
    ("(?#c)a", "(?#", "a comment"),
    (r"a\Z", r"\Z", "an anchor"),
    (r"\u00e9", r"\u", r"\u"),
    (r"\q", r"\q", "is not known"),
    ("(?x)a", "(?x", "is not known"),
    ("a**", "**", "repeats a repetition"),
    ("*a", "*", "nothing stands before"),
    ("a{3,1}", "{3,1}", "no count"),
    ("a{1001}", "{1001}", "no count"),
    ("x(a", "x(a", "never closed"),
    ("x[a", "[a", "never closed"),
    ("a)", "a)", "closes nothing"),
    ("x[b-a]", "b-a", "no range"),
    ("[[:foo:]]", "[:foo:]", "no range"),
    ("ab\\", "\\", "a backslash stands at the end"),
    ("a{,3}", "{,3}", "read as a text"),
]


@pytest.mark.parametrize(("pattern", "under", "message"), BAD_PATTERNS)
def test_a_bad_pattern_is_found_when_it_is_loaded(pattern: str, under: str, message: str) -> None:
    """The caret stands at the feature, inside the pattern; Cerberus finds such a pattern when a value meets it."""
    text = f"maxlength: 9\nregex: '{pattern}'"
    problem = only(text)
    place = problem.position
    assert problem.code == "bad_regex"
    assert message in problem.message
    assert place is not None
    assert (place.line, place.column) == (2, 9 + pattern.rindex(under))
    assert place.width == len(under)
    assert dict(read(text)[0].limits) == {"maxlength": 9}


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "a++", "(?>a)"])
def test_what_cannot_be_linear_says_so(pattern: str) -> None:
    """The hint gives the reason, since these work elsewhere."""
    assert "linear time" in str(only(f"regex: '{pattern}'").hint)


def test_where_the_text_is_not_as_written_the_caret_takes_the_whole() -> None:
    """A backslash that is doubled shifts every column behind it."""
    text = 'regex: "\\\\d(?=a)"'
    assert errors(text) == [("bad_regex", text[len("regex: ") :])]


def test_a_pattern_has_512_bytes() -> None:
    """Counted as UTF-8."""
    assert good(f"regex: '{'é' * 256}'").check("é" * 256) == ()
    assert "513 bytes" in only(f"regex: '{'é' * 256}a'").message


def test_a_pattern_that_explodes_is_refused_quickly_and_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    """RE2 writes to stderr on its own, unless it is told not to."""
    start = time.perf_counter()
    assert "too large" in only(r"regex: '(\pL{0,100}){0,10}!'").message
    assert "no count" in only("regex: '((a{100}){100}){100}'").message
    assert "too large" in only("regex: '" + "(?:.{0,100}){0,10}" * 20 + "'").message
    assert time.perf_counter() - start < 0.5
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (r"([A-Za-z]+\s?)+", "a" * 32_000 + "!"),
        ("(a|a)*", "a" * 32_000 + "b"),
        (r"\s+", " " * 32_000 + "x"),
        ("(x+x+)+y", "x" * 32_000),
        ("(?:(?:a?){30}){30}", "a" * 32_000),
    ],
)
def test_a_hostile_text_costs_linear_time(pattern: str, value: str) -> None:
    """Python's own module takes seconds for 28 characters (A-47)."""
    compiled = good(f"regex: '{pattern}'")
    start = time.perf_counter()
    assert [broken.rule for broken in compiled.check(value)] == ["regex"]
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        ("[A-Z]{2}", ["CA"], ["CA\n", "\nCA", "CAL", "C", " CA", "ca", "CA\x00"]),
        ("^[A-Z]{2}$", ["CA"], ["CA\n", "CAL"]),
        (r"\d{5}", ["02134"], ["٠٢١٣٤", "2134", "021345", "\uff10\uff12\uff11\uff13\uff14"]),
        (r"\w+", ["a_1"], ["é", "a b"]),
        (r"a\sb", ["a b", "a\tb"], ["a\u00a0b", "a\u2003b"]),
        ("a|bc", ["a", "bc"], ["ab", "b", "abc"]),
        (".", ["é", "😀"], ["\n", "ab"]),
        ("é+", ["éé", "e\u0301"], ["e"]),
        ("e\u0301{2}", ["éé"], ["e\u0301\u0301"]),
        ("[a-z]+", ["abc"], ["\ud800", "a\ud800"]),
    ],
)
def test_a_pattern_matches_the_whole_value(pattern: str, right: list[str], wrong: list[str]) -> None:
    """No newline slips in at the end, digits are ASCII, an accent counts as written or composed (D3)."""
    compiled = read(f"regex: '{pattern}'")[0]
    assert [value for value in right if compiled.check(value)] == []
    assert [value for value in wrong if not compiled.check(value)] == []


def test_anchors_are_harmless_and_warned_about() -> None:
    """They are not needed, and whoever writes one may think that the others search."""
    text = "regex: '^[A-Z]{2}$'"
    compiled, problems = read(text)
    assert errors(text) == [("regex_anchor", "^"), ("regex_anchor", "$")]
    assert [problem.level for problem in problems] == ["warning", "warning"]
    assert compiled.check("CA") == ()
    assert [list(patterns.anchors(p)) for p in (r"a\$", r"a\\$", "[$]", r"\^a", "a^b")] == [[], [3], [], [], []]


# --------------------------------------------------------------------------------------------------- contradictions


@pytest.mark.parametrize(
    ("text", "kind", "problems"),
    [
        ("minlength: 5\nmaxlength: 3", "text", ["5"]),
        ("max: 1\nmin: 2", "number", ["2"]),
        ("allowed: [US, USA]\nmaxlength: 2", "text", ["USA"]),
        ("allowed: [US, us]\nregex: '[A-Z]{2}'", "text", ["us"]),
        ("allowed: [a, b]\nforbidden: [b, c]", "text", ["b"]),
        ("allowed: [1, 5, 9]\nmin: 2\nmax: 8", "whole", ["1", "9"]),
        ("allowed: [a, b]\nanyof: [{regex: a}, {minlength: 3}]", "text", ["b"]),
        ("allowed: [a, b]\nforbidden: [b]\nminlength: 2", "list", ["b"]),
        ("schema: {minlength: 5, maxlength: 3}", "list", ["5"]),
        ("schema: {a: {allowed: [xx], maxlength: 1}}", "object", ["xx"]),
        ("minlength: 3\nmaxlength: 3\nallowed: [abc]", "text", []),
        ("allowed: [true, 1]\nforbidden: [0, false]", "any", []),
    ],
)
def test_what_no_value_could_keep_is_an_error(text: str, kind: str, problems: list[str]) -> None:
    """The caret stands at the argument that cannot be right."""
    assert errors(text, kind) == [("contradiction", under) for under in problems]


# ------------------------------------------------------------------------------------------------------ the JSON Schema


def test_the_json_schema_of_a_section_is_one() -> None:
    """Each rule has its line for the editor."""
    form = rules.schema()
    jsonschema.Draft7Validator.check_schema(form)
    assert set(form["properties"]) == set(RULES)
    assert all(form["properties"][name]["description"] == rule.means for name, rule in RULES.items())
    embedded = {"definitions": {"rules": rules.schema("#/definitions/rules")}, "$ref": "#/definitions/rules"}
    jsonschema.Draft7Validator(embedded).validate({"schema": {"type": "text", "anyof": [{"maxlength": 3}]}})


@pytest.mark.parametrize(("rule", "kind"), [(rule, kind) for rule, kinds in JUDGES.items() for kind in kinds.split()])
def test_what_the_loader_takes_the_editor_takes(rule: str, kind: str) -> None:
    """Every sample of every rule."""
    root = source.read(sample(rule, kind), "m.yaml").root
    jsonschema.Draft7Validator(rules.schema()).validate(json_value(root))


@pytest.mark.parametrize(
    "section",
    [
        {"maxLength": 3}, {"maxlength": "3"}, {"maxlength": -1}, {"required": "yes"}, {"allowed": "a"}, {"allowed": []},
        {"regex": ["A-Z"]}, {"type": "text"}, {"coerce": "x"}, {"schema": {"typo": 3}}, {"anyof": {"maxlength": 3}},
        {"anyof": [{"minlenght": 3}]}, {"items": [{"type": "string"}]}, {"valuesrules": {"keysrules": {"mni": 3}}},
    ],
)  # fmt: skip
def test_what_the_loader_refuses_the_editor_flags(section: dict[str, Any]) -> None:
    """As far as a schema can see it, at any depth."""
    assert not jsonschema.Draft7Validator(rules.schema()).is_valid(section)
    assert any(read(json.dumps(section), kind)[1] for kind in TYPES)


def test_the_parts_agree_on_the_rules() -> None:
    """A rule that is added in one place only would be found by a person."""
    assert set(forms._FORMS) == set(RULES) - {"required"}  # noqa: SLF001 - the table of them
    assert set(predicates.HOLDS) <= set(RULES)
