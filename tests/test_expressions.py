"""The language of expressions is JMESPath: feature by feature, against the jmespath package, and where it refuses."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import grammar
import jmespath
import laws
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.functions import Functions

from mapper import expressions, functions
from mapper.errors import ExpressionError
from mapper.expressions import interpreter

PEOPLE = {
    "people": [
        {"name": "Ada", "age": 36, "tags": ["x", "y"], "home": {"city": "London"}},
        {"name": "Bob", "age": 20, "tags": [], "home": {"city": "Oslo"}},
        {"name": "Cyd", "tags": ["z", ["deep"]], "home": None},
    ],
    "ops": {"one": {"n": 1}, "two": {"n": 2}, "three": {"m": 3}},
    "numbers": [0, 1, 2, 3, 4, 5],
    "first name": "quoted",
    "é": "unicode",
    'say "hi"': "escaped",
    "flag": False,
    "zero": 0,
    "empty": "",
    "nothing": None,
}

#: Every published feature of the language, with what it gives on PEOPLE.
FEATURES: tuple[tuple[str, Any], ...] = (
    # names and paths
    ("zero", 0),
    ("missing", None),
    ("ops.one.n", 1),
    ("ops.one.n.deeper", None),
    ('"first name"', "quoted"),
    ('"\\u00e9"', "unicode"),
    ('"say \\"hi\\""', "escaped"),
    ("@.zero", 0),
    # indices and slices
    ("numbers[0]", 0),
    ("numbers[-1]", 5),
    ("numbers[9]", None),
    ("ops[0]", None),
    ("numbers[1:3]", [1, 2]),
    ("numbers[:2]", [0, 1]),
    ("numbers[4:]", [4, 5]),
    ("numbers[::2]", [0, 2, 4]),
    ("numbers[::-1]", [5, 4, 3, 2, 1, 0]),
    ("numbers[-2:]", [4, 5]),
    ("numbers[10:]", []),
    ("zero[1:2]", None),
    # projections: null is left out, and they go on to the right
    ("people[*].name", ["Ada", "Bob", "Cyd"]),
    ("people[*].age", [36, 20]),
    ("people[*].home.city", ["London", "Oslo"]),
    ("people[*].tags[0]", ["x", "z"]),
    ("people[:2].name", ["Ada", "Bob"]),
    ("ops.*.n", [1, 2]),
    ("ops.*", [{"n": 1}, {"n": 2}, {"m": 3}]),
    ("zero[*]", None),
    ("zero.*", None),
    ("people[*].tags[]", ["x", "y", "z", ["deep"]]),
    ("people[].tags[][]", ["x", "y", "z", "deep"]),
    ("people[*].tags", [["x", "y"], [], ["z", ["deep"]]]),
    ("zero[]", None),
    # filters
    ("people[?age > `30`].name", ["Ada"]),
    ("people[?age >= `20`].name", ["Ada", "Bob"]),
    ("people[?age < `30`].name", ["Bob"]),
    ("people[?age <= `36`].name", ["Ada", "Bob"]),
    ("people[?name == 'Bob'].age", [20]),
    ("people[?name != 'Bob'].name", ["Ada", "Cyd"]),
    ("people[?age].name", ["Ada", "Bob"]),
    ("people[?!age].name", ["Cyd"]),
    ("people[?age && tags].name", ["Ada"]),
    ("people[?home.city == 'Oslo' || name == 'Cyd'].name", ["Bob", "Cyd"]),
    ("people[?contains(tags, 'z')] | [0].name", "Cyd"),
    ("numbers[?@ > `3`]", [4, 5]),
    ("ops[?n]", None),
    # making lists and objects
    ("[zero, flag]", [0, False]),
    ("{a: zero, b: ops.one.n}", {"a": 0, "b": 1}),
    ('{"a b": zero}', {"a b": 0}),
    ("people[*].[name, age]", [["Ada", 36], ["Bob", 20], ["Cyd", None]]),
    ("people[*].{n: name}", [{"n": "Ada"}, {"n": "Bob"}, {"n": "Cyd"}]),
    ("nothing.[a]", None),
    ("nothing.{a: a}", None),
    # pipes, brackets, the current node
    ("people[*].name | [0]", "Ada"),
    ("people | [1] | name", "Bob"),
    ("(people[*].name)[1]", "Bob"),
    ("numbers | @[2]", 2),
    # truth: only null, false and what is empty are untrue; 0 is true
    ("missing || 'else'", "else"),
    ("empty || 'else'", "else"),
    ("flag || 'else'", "else"),
    ("zero || 'else'", 0),
    ("zero && 'then'", "then"),
    ("flag && 'then'", False),
    ("!flag", True),
    ("!zero", False),
    ("!missing", True),
    ("flag || missing && 'x'", None),
    ("(flag || zero) && 'x'", "x"),
    # comparing: true is not 1, and only numbers and texts have an order
    ("zero == `false`", False),
    ("zero == `0.0`", True),
    ("`1` == `true`", False),
    ("`[1]` == `[1]`", True),
    ('`{"a": 1}` == `{"a": 1}`', True),
    ("`[1]` < `[2]`", None),
    ("empty < 'a'", True),
    ("missing == `null`", True),
    # literals and raw texts
    ("`1`", 1),
    ("`-1.5e2`", -150.0),
    ("`true`", True),
    ("`null`", None),
    ('`"text"`', "text"),
    ('`[1, {"a": null}]`', [1, {"a": None}]),
    ('`"back\\`tick"`', "back`tick"),
    ("'raw'", "raw"),
    ("'it\\'s'", "it's"),
    ("'back\\slash'", "back\\slash"),
    ("''", ""),
    # functions, each
    ("abs(`-3`)", 3),
    ("avg(numbers)", 2.5),
    ("avg(`[]`)", None),
    ("ceil(`1.2`)", 2),
    ("contains('foobar', 'oba')", True),
    ("contains(numbers, `9`)", False),
    ("ends_with('foobar', 'bar')", True),
    ("floor(`1.8`)", 1),
    ("join('-', ['a', 'b'])", "a-b"),
    ("keys(ops)", ["one", "two", "three"]),
    ("length(people)", 3),
    ("length('é')", 1),
    ("map(&home.city, people)", ["London", "Oslo", None]),
    ("max(numbers)", 5),
    ("max(['a', 'b'])", "b"),
    ("max_by(people[:2], &age).name", "Ada"),
    ("merge({a: `1`, b: `2`}, {b: `3`})", {"a": 1, "b": 3}),
    ("min(numbers)", 0),
    ("min_by(people[:2], &age).name", "Bob"),
    ("not_null(missing, nothing, empty, zero)", ""),
    ("reverse(numbers)[0]", 5),
    ("reverse('abc')", "cba"),
    ("sort(`[3, 1, 2]`)", [1, 2, 3]),
    ("sort_by(people[:2], &age)[*].name", ["Bob", "Ada"]),
    ("starts_with('foobar', 'foo')", True),
    ("sum(numbers)", 15),
    ("to_array(zero)", [0]),
    ("to_array(numbers)[1]", 1),
    ("to_number('12')", 12),
    ("to_number('1.5')", 1.5),
    ("to_number('x')", None),
    ("to_string(numbers)", "[0,1,2,3,4,5]"),
    ("to_string('x')", "x"),
    ("type(nothing)", "null"),
    ("type(numbers)", "array"),
    ("values(ops.one)", [1]),
    # references to expressions
    ("sort_by(people, &name)[-1].name", "Cyd"),
    ("map(&[0], people[*].tags)", ["x", None, "z"]),
)

#: What the package finds on an unlucky event, or never, and we when the file is loaded.
REFUSED: tuple[tuple[str, str, int | None], ...] = (
    ("nosuch(a)", "unknown_function", 0),
    ("a.nosuch(b)", "unknown_function", 2),
    ("a && lenght(b)", "unknown_function", 5),
    ("length(a, b)", "argument_count", 0),
    ("join('x')", "argument_count", 0),
    ("sort_by(a)", "argument_count", 0),
    ("merge()", "argument_count", 0),
    ("not_null()", "argument_count", 0),
    ("split('a')", "argument_count", 0),
    ("a[::0]", "slice_step", 2),
    ("a[?b[1:2:0]]", "slice_step", 6),
    ("a" + " || a" * 1000, "too_long", None),
    ("!" * 100 + "a", "too_deep", 0),
    ("a" + "[?b" * 70 + "]" * 70, "too_deep", 0),
    ("(" * 2000, "syntax", 0),
    ("[&a]", "syntax", 1),
    ("&a", "syntax", 0),
    ("to_string(&a)", "syntax", 10),
    ("sort_by(&a, &b)", "syntax", 8),
    ("", "syntax", 0),
    ("a.", "syntax", 1),
    ("a b", "syntax", 2),
    ("'open", "syntax", 0),
    ("a.first-name", "syntax", 7),
    ("\u201ca\u201d", "syntax", 0),
    ("a\u00a0b", "syntax", 1),
)


@pytest.mark.parametrize(("text", "value"), FEATURES, ids=[text for text, _ in FEATURES])
def test_feature(text: str, value: Any) -> None:
    """Each feature gives its value, leaves the document alone, and the package says the same."""
    document = copy.deepcopy(PEOPLE)
    found = expressions.compile(text).search(document)
    assert laws.same(found, value)
    assert laws.same(document, PEOPLE)
    assert laws.same(jmespath.search(text, PEOPLE), value)


def test_features_name_every_node_and_function() -> None:
    """The table leaves out no kind of node and no standard function."""
    trees = [dict(jmespath.compile(text).parsed) for text, _ in FEATURES]
    seen = [node for tree in trees for node in laws.nodes(tree)]
    assert {node["type"] for node in seen} == grammar.NODE_KINDS
    assert {node["value"] for node in seen if node["type"] == "function_expression"} == set(Functions.FUNCTION_TABLE)


@pytest.mark.parametrize(("text", "code", "offset"), REFUSED, ids=[text[:20] for text, _, _ in REFUSED])
def test_refused_when_compiled(text: str, code: str, offset: int | None) -> None:
    """What cannot work is refused before the first event, at its place."""
    with pytest.raises(ExpressionError) as caught:
        expressions.compile(text)
    assert caught.value.code == code
    assert offset is None or caught.value.offset == offset


@pytest.mark.parametrize("text", ["nosuch(a)", "length(a, a)", "join('x')", "a[::0]"])
def test_what_we_refuse_fails_there_too(text: str) -> None:
    """Where we refuse more than the package, it fails as soon as that branch is reached."""
    with pytest.raises(Exception, match=r"."):
        jmespath.search(text, {"a": [1]})


def test_our_value_is_the_packages() -> None:
    """Law 4 on random pairs: value, kind, order of names, and failure; with every kind of node and function seen."""
    seen: Counter[str] = Counter()

    @laws.some(300)
    @given(grammar.expressions(), grammar.objects)
    def check(text: str, document: Any) -> None:
        end = laws.check_search(text, document)
        tree = expressions.compile(text).tree
        seen.update([end, *(node["type"] for node in laws.nodes(tree))])

    check()
    assert set(seen) >= grammar.NODE_KINDS
    assert seen["value"] > 60
    assert seen["budget"] == 0


@pytest.mark.parametrize("name", grammar.STANDARD)
def test_each_function_is_the_packages(name: str) -> None:
    """Law 4 for each standard function, which has to have given a value at least once."""
    seen: Counter[str] = Counter()

    @laws.some(40)
    @given(grammar.expressions(2, name=name), grammar.objects)
    def check(text: str, document: Any) -> None:
        seen[laws.check_search(text, document)] += 1

    check()
    assert seen["value"] > 0


@laws.some(150)
@given(
    grammar.expressions(2, own=True),
    st.integers(0, 40),
    st.sampled_from("()[]{}&|!.,?*@'\"`:= x0\u201c\u00e9"),
    st.booleans(),
)
def test_what_cannot_be_compiled(text: str, place: int, character: str, replace: bool) -> None:  # noqa: FBT001
    """Law 4 for broken texts: the package refuses what we call broken, and every offset lies in the text."""
    at = min(place, len(text))
    laws.check_compile(text[:at] + character + text[at + replace :])


@pytest.mark.parametrize("document", [None, True, 0, 1.5, "text", [], [[1]], {}])
def test_any_document(document: Any) -> None:
    """A document of any kind has a value or an ExpressionError, never another exception."""
    for text, _ in FEATURES:
        laws.check_search(text, document)


# ----------------------------------------------------------------------------------------------- what is ours alone


def test_standard_functions_are_untouched() -> None:
    """Our functions stand beside the standard ones: none replaces one, and the package's own table is as it came."""
    assert not set(Functions.FUNCTION_TABLE) & set(functions.TABLE)
    expressions.compile("upper(a)").search({"a": "x"})
    with pytest.raises(jmespath.exceptions.UnknownFunctionError):
        jmespath.search("upper(a)", {"a": "x"})
    assert set(Functions.FUNCTION_TABLE) == set(grammar.STANDARD)
    assert len(grammar.STANDARD) == 26


@pytest.mark.parametrize(
    "text",
    [
        "a" + " | [@, @]" * 20 + " | [] | []",
        "a" + " | {a: @, b: @}" * 30,
        "a" + " | map(&[@, @], [@, @])" * 15,
        "map(&map(&map(&b, $), $), $)".replace("$", "`[" + ",".join("1" * 200) + "]`"),
        "a" + " | [to_string(@), to_string(@)]" * 15,
    ],
    ids=["lists", "objects", "map", "nested map", "texts"],
)
def test_budget(text: str) -> None:
    """An expression that doubles its value is stopped, by search and by trace, and says so."""
    expression = expressions.compile(text)
    for work in (expression.search, expression.trace):
        with pytest.raises(ExpressionError) as caught:
            work({"a": [1, 2]})
        assert caught.value.code == "over_budget"


def test_budget_is_far_from_any_mapping() -> None:
    """A usual expression on a large event takes a small part of the budget."""
    text = "people[?home.city == 'Oslo'].{n: name, t: tags[]} | sort_by(@, &n)[*].[n, t][]"
    document = {"people": PEOPLE["people"] * 40}  # type: ignore[operator] # it is a list
    run = interpreter.Run()
    run.visit(expressions.compile(text).tree, document)
    assert run.steps > interpreter.MAX_STEPS * 0.8


def test_members_without_a_value_are_left_out_of_a_body_only() -> None:
    """``build`` leaves null members out, at any depth; ``search`` keeps them; a list keeps its nulls."""
    expression = expressions.compile("{a: x, b: {c: x, d: y}, e: [x, y]}")
    document = {"y": 1}
    assert expression.build(document) == {"b": {"d": 1}, "e": [None, 1]}
    assert expression.search(document) == {"a": None, "b": {"c": None, "d": 1}, "e": [None, 1]}


def test_notes_of_functions() -> None:
    """A function's note comes with the evaluation, once for each call, and only for that one."""
    expression = expressions.compile("us_zip(zip, 'US')")
    assert expression.evaluate({"zip": "2134"}) == expressions.Evaluation("02134", ("zip_restored",))
    assert expression.evaluate({"zip": "02134"}) == expressions.Evaluation("02134", ())


def test_errors_hold_no_value() -> None:
    """What fails on an event says what was due and what kind came, never what came."""
    secret = "CANARY-9f"
    for text in ("abs(a)", "join(a, a)", "sort(b)", "max_by(b, &@)", "sum(b)", "to_number(a).x | abs(@)"):
        with pytest.raises(ExpressionError) as caught:
            expressions.compile(text).search({"a": secret, "b": [secret, 1]})
        shown = f"{caught.value} {caught.value!r} {caught.value.message} {caught.value.hint}"
        assert secret not in shown


def test_expressions_survive_json() -> None:
    """A value is plain JSON: no object of the package gets out."""
    for text, _ in FEATURES:
        json.dumps(expressions.compile(text).search(PEOPLE))
