"""What rules make of values: verdicts, words, places; Cerberus's traps; laws for any rules and any value."""

from __future__ import annotations

import copy
import json
import math
import threading
import time
from typing import Any

import cerberus
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_rules import errors, good, read

from mapper.rules import EMPTY, RULES, Broken, Rules, Validator, judgement, patterns, table
from mapper.values import TYPES


def says(compiled: Rules, value: Any) -> list[tuple[str, str]]:
    """The rules that a value breaks and what is said about each."""
    return [(broken.rule, broken.message) for broken in compiled.check(value)]


def marked(text: str, broken: Broken) -> tuple[int, int, str]:
    """The line, the column and the text under the caret of a broken rule."""
    place = broken.position
    assert place is not None
    line = text.split("\n")[place.line - 1]
    return place.line, place.column, line[place.column - 1 :][: place.width]


# ------------------------------------------------------------------------------------------- what a broken rule says

SPOKEN = [
    ("maxlength: 64", "text", "x" * 65, "maxlength", "has 65 characters; the limit is 64"),
    ("maxlength: 1", "text", "xy", "maxlength", "has 2 characters; the limit is 1"),
    ("maxlength: 0", "text", "x", "maxlength", "has 1 character; the limit is 0"),
    ("minlength: 5", "text", "xyz", "minlength", "has 3 characters; at least 5 are due"),
    ("minlength: 2", "list", ["x"], "minlength", "has 1 entry; at least 2 are due"),
    ("maxlength: 1", "object", {"x": 1, "y": 2}, "maxlength", "has 2 members; the limit is 1"),
    ("regex: '[A-Z]{2}'", "text", "x", "regex", "does not match [A-Z]{2}"),
    (f"regex: '{'a' * 99}'", "text", "x", "regex", f"does not match {'a' * 80}..."),
    ("allowed: [US, CA]", "text", "x", "allowed", "is not one of US, CA"),
    ("allowed: [a, b, c, d, e, f, g, h]", "text", "x", "allowed", "is not one of a, b, c, d, e, f, g, h"),
    ("allowed: [a, b, c, d, e, f, g, h, i]", "text", "x", "allowed",
     "is not one of a, b, c, d, e, f, g, h, ... (9 in all)"),
    ("allowed: [true]", "flag", False, "allowed", "is not one of true"),
    ("allowed: [US, CA]", "list", ["US", "x"], "allowed", "has an entry that is not one of US, CA"),
    ("forbidden: [x]", "text", "x", "forbidden", "is a value that is not allowed here"),
    ("forbidden: [x]", "list", ["x"], "forbidden", "has an entry that is a value that is not allowed here"),
    ("min: 5", "number", 4.5, "min", "is less than 5"),
    ("max: 5", "number", 6, "max", "is more than 5"),
    ("contains: [a, b]", "list", ["a"], "contains", "does not contain each of a, b"),
    ("items: [{}, {}]", "list", ["x"], "items", "has 1 entry; exactly 2 are due"),
    ("items: [{}, {maxlength: 1}]", "list", ["x", "yy"], "items",
     "is wrong inside: entry 2 has 2 characters; the limit is 1"),
    ("schema: {maxlength: 1}", "list", ["x", "yy"], "schema",
     "is wrong inside: entry 2 has 2 characters; the limit is 1"),
    ("schema: {}", "list", ["x", None], "schema", "is wrong inside: entry 2 is null"),
    ("schema: {}", "list", [1, "x", 2], "schema", "is wrong inside: entry 1 is not a text (and 1 more)"),
    ("schema: {type: list, schema: {}}", "list", [["x"], [1]], "schema",
     "is wrong inside: entry 2, entry 1 is not a text"),
    ("schema: {a: {type: whole}}", "object", {"a": "x"}, "schema", "is wrong inside: a is not a whole number"),
    ("schema: {a: {required: true}}", "object", {}, "schema", "is wrong inside: a is missing"),
    ("schema: {a: {}}", "object", {"secretname": 1}, "schema", "has a member that the schema does not list"),
    ("schema: {type: object, schema: {a: {}}}", "list", [{"secretname": 1}], "schema",
     "is wrong inside: entry 1 has a member that the schema does not list"),
    ("keysrules: {regex: '[a-z]+'}", "object", {"SECRET": 1}, "keysrules",
     "has a member whose name does not match [a-z]+"),
    ("valuesrules: {type: flag}", "object", {"secretname": 1}, "valuesrules",
     "has a member whose value is not true or false"),
    ("anyof: [{maxlength: 1}, {regex: 'a+'}]", "text", "xx", "anyof", "fits none of the alternatives"),
    ("oneof: [{maxlength: 1}, {regex: 'a+'}]", "text", "xx", "oneof", "fits none of the alternatives"),
    ("oneof: [{maxlength: 1}, {regex: 'a+'}]", "text", "a", "oneof",
     "fits more than one of the alternatives; exactly one is due"),
    ("noneof: [{maxlength: 1}, {regex: 'a+'}]", "text", "x", "noneof",
     "fits one of the alternatives that are ruled out here"),
    ("allof: [{maxlength: 1}, {regex: 'a+'}]", "text", "aa", "allof", "has 2 characters; the limit is 1"),
    ("maxlength: 3", "text", 5, "type", "is not a text"),
    ("min: 3", "number", True, "type", "is not a number"),
    ("maxlength: 3", "any", None, "nullable", "is null"),
    ("valuesrules: {type: list, schema: {}}", "object", {"secretname": [1]}, "valuesrules",
     "has a member whose value is wrong inside: entry 1 is not a text"),
    ("schema: {type: object, keysrules: {maxlength: 1}}", "list", [{"secretname": 1}], "schema",
     "is wrong inside: entry 1 has a member whose name has 10 characters; the limit is 1"),
    ("allof: [{schema: {}}]", "list", [1], "allof", "is wrong inside: entry 1 is not a text"),
    ("schema: {type: list, allof: [{schema: {}}]}", "list", [[1]], "schema",
     "is wrong inside: entry 1, entry 1 is not a text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "value", "rule", "message"), SPOKEN)
def test_a_broken_rule_is_said_in_words_without_the_value(
    text: str, kind: str, value: Any, rule: str, message: str
) -> None:
    """Cerberus's texts are never used: some of them quote the value."""
    assert says(good(text, kind), value) == [(rule, message)]


def test_every_rule_has_its_words() -> None:
    """A rule without a case above could fail in Cerberus's words."""
    assert {rule for _, _, _, rule, _ in SPOKEN} == set(RULES) - {"required"} | {"type", "nullable"}


@pytest.mark.parametrize(
    ("text", "kind", "value", "under"),
    [
        ("required: true\nmaxlength: 1", "text", "xx", (2, 1, "maxlength")),
        ("schema:\n  a: {minlength: 1, maxlength: 1}", "object", {"a": "xx"}, (2, 21, "maxlength")),
        ("schema:\n  a: {required: true}", "object", {}, (2, 7, "required")),
        ("schema:\n  a: {type: whole}", "object", {"a": "x"}, (2, 3, "a")),
        ("schema: {a: {}}", "object", {"b": 1}, (1, 1, "schema")),
        ("schema: {regex: 'a+'}", "list", ["b"], (1, 10, "regex")),
        ("items: [{}, {regex: 'a+'}]", "list", ["b", "b"], (1, 14, "regex")),
        ("items: [{}, {}]", "list", ["b"], (1, 1, "items")),
        ("keysrules: {regex: 'a+'}", "object", {"b": 1}, (1, 13, "regex")),
        ("valuesrules: {regex: 'a+'}", "object", {"a": "b"}, (1, 15, "regex")),
        ("allof:\n- maxlength: 9\n- regex: 'a+'", "text", "b", (3, 3, "regex")),
        ("anyof:\n- maxlength: 0\n- regex: 'a+'", "text", "b", (1, 1, "anyof")),
        ("schema: {anyof: [{regex: 'a+'}]}", "list", ["b"], (1, 10, "anyof")),
        ("keysrules: {anyof: [{regex: 'a+'}]}", "object", {"b": 1}, (1, 13, "anyof")),
        ("valuesrules: {type: list, schema: {allof: [{}, {regex: 'a+'}]}}", "object", {"a": ["b"]}, (1, 49, "regex")),
        ("  maxlength: 1", "text", 5, (1, 3, " ")),
    ],
)
def test_a_broken_rule_points_at_the_rule(text: str, kind: str, value: Any, under: tuple[int, int, str]) -> None:
    """At the deepest rule that explains it; where no rule is written, at what stands around it."""
    (broken,) = good(text, kind).check(value)
    if under[2] == " ":
        assert marked(text, broken)[:2] == under[:2]
    else:
        assert marked(text, broken) == under


def test_all_broken_rules_come_at_once_in_the_order_of_the_file() -> None:
    """Also where an earlier one alone would do."""
    compiled = good("regex: '[a-z]+'\nmaxlength: 2\nforbidden: [ABC]")
    assert [broken.rule for broken in compiled.check("ABC")] == ["regex", "maxlength", "forbidden"]


EDGES: list[tuple[str, str, list[Any], list[Any]]] = [
    ("maxlength: 2", "text", ["", "ab", "éé"], ["abc", "ééé"]),
    ("minlength: 2", "text", ["ab", "abc"], ["", "a", "é"]),
    ("maxlength: 2", "list", [[], [1, 2]], [[1, 2, 3], "ab"]),
    ("minlength: 2", "object", [{"a": 1, "b": 2}], [{}, {"a": 1}]),
    ("maxlength: 2", "any", ["ab", [1], {}, 12345, True, 1.5], ["abc", [1, 2, 3], {"a": 1, "b": 2, "c": 3}]),
    ("min: 2", "number", [2, 2.0, 2.5, 10**400], [1.999, -3, True, "3", math.nan, math.inf]),
    ("max: 2", "number", [2, 2.0, -(10**400)], [2.001, 3, False, math.nan, -math.inf]),
    ("min: 2", "whole", [2, 3.0], [1, 2.5, math.inf]),
    ("min: 2\nmax: 4", "any", [2, 4, "1", [9], True], [1.9, 4.1]),
    ("allowed: [a, b]", "text", ["a"], ["A", "ab", "", "a\n"]),
    ("allowed: [1, 2.5]", "number", [1, 1.0, 2.5], [2, 0, True]),
    ("allowed: [a, b]", "list", [["a"], ["a", "b", "a"], []], [["a", "c"], [["a"]], [True]]),
    ("allowed: [a, [b]]", "any", ["a", ["a", ["b"]]], [["b"], {"a": 1}, "b"]),
    ("forbidden: [a]", "list", [["b"], []], [["b", "a"], ["a"]]),
    ("forbidden: [0]", "any", [1, False, "0", [1]], [0, 0.0, [1, 0]]),
    ("contains: [a, 1]", "list", [["a", 1], [1, {}, "a"]], [["a"], [], ["a", True], ["a", "1"]]),
    ("items: [{}, {type: whole}]", "list", [["a", 1]], [["a"], ["a", 1, 2], [1, "a"]]),
    ("regex: 'a+'", "any", ["a", 1, [], {}], ["b", ""]),
    ("anyof: [{type: whole}, {min: 3}]", "number", [1, 3.5], [1.5]),
    ("schema: {a: {required: true}, b: {type: flag}}", "object", [{"a": ""}, {"a": "x", "b": False}],
     [{}, {"b": True}, {"a": "x", "b": 0}, {"a": "x", "c": 1}, {"a": None}]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "right", "wrong"), EDGES)
def test_the_edges_of_each_rule(text: str, kind: str, right: list[Any], wrong: list[Any]) -> None:
    """Values just inside and just outside: random ones seldom fall there."""
    compiled = good(text, kind)
    assert [value for value in right if compiled.check(value)] == []
    assert [value for value in wrong if not compiled.check(value)] == []


# ------------------------------------------------------------------------- the traps of Cerberus, D1 to D11, A-47, A-51


def test_d1_nothing_is_converted() -> None:
    """`coerce: str` makes texts of null, true and lists; here the value is judged as it is and stays as it is."""
    assert errors("coerce: str") == [("refused_rule", "coerce")]
    value = {"a": ["x", 1.0, None]}
    before = copy.deepcopy(value)
    good("maxlength: 3", "any").check(value)
    good("schema: {a: {type: list}}", "object").check(value)
    assert value == before


def test_d2_a_rule_for_texts_refuses_what_is_no_text() -> None:
    """Cerberus lets 90250 pass `regex: '[A-Z]{2}'`."""
    assert says(good("regex: '[A-Z]{2}'"), 90250) == [("type", "is not a text")]
    assert says(good("schema: {regex: '[A-Z]{2}'}", "list"), [90250])[0][0] == "schema"


def test_d3_newlines_and_foreign_digits_do_not_pass() -> None:
    """They pass in Cerberus: it appends a `$`, and takes every digit that Unicode has."""
    stock = cerberus.Validator({"zip": {"type": "string", "regex": r"\d{2}"}})
    for value in ("12\n", "٣٤"):
        assert stock.validate({"zip": value})
        assert good(r"regex: '\d{2}'").check(value)


def test_d4_presence_is_not_judged_here() -> None:
    """Blank text counts as absent, which the engine judges once; `empty` and `nullable` have no place."""
    compiled = good("required: true")
    assert (compiled.required, dict(compiled.limits), compiled.check("x")) == (True, {}, ())
    assert errors("empty: false\nnullable: true") == [("refused_rule", "empty"), ("refused_rule", "nullable")]


def test_d5_true_is_no_number() -> None:
    """Python says it is 1, and so does Cerberus."""
    for kind in ("whole", "number"):
        assert says(good("min: 0", kind), value=True)[0][0] == "type"
    assert good("schema: {type: whole}", "list").check([True])
    assert good("allowed: [1, 0]", "any").check(True)  # noqa: FBT003 - the value
    assert good("contains: [1]", "list").check([True])
    assert good("forbidden: [1]", "any").check(True) == ()  # noqa: FBT003 - the value


@pytest.mark.parametrize(
    "name", ["default", "default_setter", "purge_unknown", "rename", "rename_handler", "coerce", "check_with"]
)
def test_d6_to_d9_no_rule_changes_or_drops_a_value(name: str) -> None:
    """Cerberus's normalisation is off and its rules are refused."""
    assert errors(f"{name}: x") == [("refused_rule", name)]
    assert set(cerberus.Validator.normalization_rules) <= set(table.REFUSED)


def test_d10_threads_share_rules_without_a_wrong_verdict() -> None:
    """A shared Cerberus validator let 457 of 20,000 bad documents pass."""
    texts = {
        "object": "schema: {a: {required: true, maxlength: 3}, b: {type: list, schema: {regex: '[a-z]+'}}}",
        "text": "anyof: [{maxlength: 3}, {regex: '[A-Z]+'}]\nforbidden: [nay]",
        "list": "schema: {type: any, oneof: [{type: text, maxlength: 2}, {type: whole, min: 3}]}",
    }
    cases = [
        ("object", {"a": "xyz", "b": ["ok"]}, True), ("object", {"a": "wxyz"}, False), ("object", {"b": ["ok"]}, False),
        ("object", {"a": "x", "b": ["ok", "NO"]}, False), ("text", "abc", True), ("text", "ABCDE", True),
        ("text", "abcde", False), ("text", "nay", False), ("list", ["ab", 3], True), ("list", ["abc", 3], False),
        ("list", ["ab", 2], False),
    ]  # fmt: skip
    shared = {kind: good(text, kind) for kind, text in texts.items()}
    wrong: list[Any] = []
    start = threading.Barrier(8)

    def judge(offset: int) -> None:
        start.wait()
        for turn in range(250):
            kind, value, right = cases[(turn + offset) % len(cases)]
            if (shared[kind].check(value) == ()) is not right:
                wrong.append((kind, value))

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_d11_lengths_count_composed_characters() -> None:
    """40 letters é typed as letter and accent are 80 code points to Cerberus."""
    decomposed = "e\u0301" * 40
    assert good("maxlength: 40").check(decomposed) == ()
    assert says(good("maxlength: 39"), decomposed) == [("maxlength", "has 40 characters; the limit is 39")]
    assert good("minlength: 41").check(decomposed)
    assert good("schema: {maxlength: 40}", "list").check([decomposed]) == ()
    assert read("allowed: [e\u0301]")[0].limits["allowed"] == ["é"]
    assert good("allowed: [é]").check("e\u0301") == ()


# ------------------------------------------------------------------------------------------- our Cerberus and the other


def accepts(kind: type[cerberus.Validator], schema: dict[str, Any], value: Any) -> bool:
    """Whether a new validator of this class takes the value."""
    return bool(kind({"value": copy.deepcopy(schema)}).validate({"value": value}, normalize=False))


@pytest.mark.parametrize(
    ("schema", "value", "stock", "ours"),
    [
        ({"regex": "[A-Z]{2}"}, "CA\n", True, False),
        ({"regex": r"\d"}, "٣", True, False),
        ({"regex": r"\w"}, "é", True, False),
        ({"type": "integer"}, True, True, False),
        ({"allowed": [1]}, True, True, False),
        ({"contains": [1]}, [True], True, False),
        ({"allowed": ["a"]}, {"a": 1}, True, False),
        ({"maxlength": 1}, "e\u0301", False, True),
        ({"regex": "a|b"}, "axx", True, False),
        ({"min": 1}, "a", True, True),
        ({"type": "string", "regex": "a+"}, "aa", True, True),
        ({"type": "float"}, 1, True, True),
    ],
)
def test_our_cerberus_differs_where_it_says_so(
    schema: dict[str, Any],
    value: Any,
    stock: bool,  # noqa: FBT001 - a row of the table
    ours: bool,  # noqa: FBT001 - the same
) -> None:
    """Each difference is wanted; a new one, in a later Cerberus, shows here."""
    assert accepts(cerberus.Validator, schema, value) is stock
    assert accepts(Validator, schema, value) is ours


@pytest.mark.parametrize(
    ("schema", "value"),
    [({"contains": ["a"]}, [{}, "a"]), ({"forbidden": ["b"]}, [{}, "a"]), ({"regex": "[a-z]"}, "\ud800")],
)
def test_what_cerberus_stumbles_over_is_judged(schema: dict[str, Any], value: Any) -> None:
    """Unhashable entries are a TypeError in Cerberus; half a surrogate pair is one in re2."""
    assert accepts(Validator, schema, value) is (not isinstance(value, str))


def test_what_cerberus_says_of_an_error_is_what_we_read() -> None:
    """`_errors` is private to Cerberus: if a release changes it, this fails first."""
    judge = Validator({"value": {"type": "list", "schema": {"type": "text", "anyof": [{"maxlength": 1}]}}})
    judge.validate({"value": ["ok", "a"]}, normalize=False)
    (outer,) = judge._errors  # noqa: SLF001 - it is what is pinned
    (inner,) = outer.child_errors
    assert (outer.rule, outer.schema_path, outer.document_path) == ("schema", ("value", "schema"), ("value",))
    assert (inner.rule, inner.schema_path) == ("anyof", ("value", "schema", "anyof"))
    assert (inner.document_path, inner.value, inner.info[1]) == (("value", 0), "ok", 0)
    assert [e.schema_path for e in inner.child_errors] == [("value", "schema", "anyof", 0, "maxlength")]
    assert outer.is_group_error
    assert not outer.is_logic_error
    assert inner.is_logic_error


def test_checking_leaves_no_trace_in_the_process() -> None:
    """Cerberus remembers every schema it has checked, for ever and for all threads; ours are not shown to it."""
    Validator.clear_caches()
    for text in ("maxlength: 3", "anyof: [{maxlength: 3}]", "schema: {regex: 'a+'}"):
        good(text, "list" if "schema" in text else "text").check("abcd")
    assert Validator._valid_schemas == set()  # noqa: SLF001 - the cache


def test_the_time_for_a_long_list_grows_with_its_length() -> None:
    """The largest call holds 16,000 entries. Cerberus alone needs minutes: it sorts all errors for each error."""
    start = time.process_time()
    assert good("schema: {}", "list").check([1] * 16_000)
    choice = good("schema: {type: any, anyof: [{type: text}, {type: flag}]}", "list")
    assert choice.check([True] * 4_000) == ()
    assert choice.check([1] * 4_000)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("method", ["_validate_contains", "_validate_minlength"])
def test_what_raises_is_not_let_through(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """A value that could not be judged is broken, under the name of the rule that raised."""
    compiled = good("minlength: 1\ncontains: [a]\nnoneof: [{anyof: [{minlength: 9}]}]", "list")
    raised = method.removeprefix("_validate_")

    def fail(*_: Any) -> None:
        message = "a value that is private"
        raise RuntimeError(message)

    monkeypatch.setattr(Validator, method, fail)
    (broken,) = compiled.check(["a"])
    assert (broken.rule, broken.message) == (raised, "could not be checked")
    assert broken.position is not None
    assert broken.position.line == (1 if raised == "minlength" else 2)


def test_rules_do_not_change_whatever_is_done_with_them() -> None:
    """Neither by checking, nor by changing a list that was shown, nor by assignment."""
    compiled = good("allowed: [a, b]\nanyof: [{maxlength: 1}]")
    shown = copy.deepcopy(dict(compiled.limits))
    compiled.check("c")
    assert dict(compiled.limits) == shown
    compiled.limits["allowed"].append("c")
    compiled.as_json_schema()["enum"].append("d")
    assert says(compiled, "c") == [("allowed", "is not one of a, b")]
    with pytest.raises(TypeError):
        compiled.limits["maxlength"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        compiled.required = True  # type: ignore[misc]


def test_no_rules_take_every_value_but_null() -> None:
    """A field without a rules section."""
    values: tuple[Any, ...] = ("", 0, False, [], {}, "x")
    assert [EMPTY.check(value) for value in values] == [()] * 6
    assert (EMPTY.required, dict(EMPTY.limits)) == (False, {})
    assert EMPTY.check(None)
    assert dict(good("{}").limits) == {}


def test_a_repr_holds_no_value() -> None:
    """Faults go through tracebacks of tests and logs of hosts."""
    (fault,) = judgement.Schema({"maxlength": 1}).faults("private")
    assert "private" not in repr(fault)
    assert "private" not in repr(good("maxlength: 1").check("private"))


# ------------------------------------------------------------------------------------------------------------- laws

SMALL_TEXT = st.text(alphabet="aAé1\n ٣\u0301", max_size=4)
SCALARS = SMALL_TEXT | st.integers(-2, 4) | st.sampled_from([0.5, 2.0, -1.5, 1e300]) | st.booleans() | st.none()
NAMES = st.sampled_from(["a", "b", "é", "type"])
VALUES = st.recursive(
    SCALARS | st.text(max_size=3) | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
PATTERNS = st.sampled_from(["[A-Z]+", "a*", r"\d", r"\w{1,2}", ".", "(?:a|1)", r"[^a]*", "[^1]a?"])
WORDS = st.lists(st.text(alphabet="aA1", min_size=1, max_size=2), min_size=1, max_size=3)
NUMBERS = st.lists(st.integers(-2, 4) | st.sampled_from([0.5]), min_size=1, max_size=3)


def sets(kind: str, depth: int = 2, kinds: tuple[str, ...] = TYPES) -> st.SearchStrategy[dict[str, Any]]:
    """Right rules for values of a type, as plain values; rules inside them are for values of ``kinds``."""
    count = st.integers(0, 3)
    rules_of: dict[str, dict[str, Any]] = {
        "text": {"allowed": WORDS, "forbidden": WORDS, "minlength": count, "maxlength": count, "regex": PATTERNS},
        "number": {"allowed": NUMBERS, "forbidden": NUMBERS, "min": st.integers(-2, 3), "max": st.integers(-2, 3)},
        "whole": {"allowed": st.just([1, 2]), "forbidden": st.just([0]), "min": st.integers(-2, 3)},
        "flag": {"allowed": st.just([True])},
        "list": {"allowed": WORDS, "forbidden": WORDS, "contains": WORDS, "minlength": count, "maxlength": count},
        "object": {"minlength": count, "maxlength": count},
        "any": {"allowed": WORDS | NUMBERS, "forbidden": NUMBERS, "min": count, "maxlength": count, "regex": PATTERNS},
    }
    optional = dict(rules_of[kind])
    if depth:
        same = st.lists(sets(kind, depth - 1, kinds), min_size=1, max_size=2)
        optional |= dict.fromkeys(("anyof", "allof", "noneof", "oneof"), same)
        inner = st.sampled_from(kinds).flatmap(
            lambda k: sets(k, depth - 1, kinds).map(lambda rules: {"type": k, **rules})
        )
        if kind == "list":
            optional |= {"schema": inner, "items": st.lists(inner, min_size=1, max_size=2)}
        if kind == "object":
            member = st.tuples(inner, st.booleans()).map(lambda pair: {**pair[0], "required": pair[1]})
            optional |= {"schema": st.dictionaries(st.sampled_from(["a", "type"]), member, max_size=2)}
            optional |= {"valuesrules": inner, "keysrules": sets("text", 0)}
    return st.fixed_dictionaries({}, optional=optional)


SECRET = "Q7private"
PRIVATE: list[Any] = [SECRET, [SECRET], {SECRET: SECRET}, {"a": SECRET}, {"a": [SECRET]}, [[SECRET]]]
SECTIONS = st.sampled_from(TYPES).flatmap(lambda kind: st.tuples(st.just(kind), sets(kind)))


def compiled_from(kind: str, section: dict[str, Any]) -> Rules:
    """A section of plain values, written as JSON, which is YAML."""
    compiled, problems = read(json.dumps(section, ensure_ascii=False), kind)
    unexpected = {problem.code for problem in problems} - {"contradiction", "reads_differently"}
    assert unexpected == set()
    return compiled


def whole_set(compiled: Rules) -> dict[str, Any]:
    """The set of rules as Cerberus is given it."""
    typed = {} if compiled.kind == "any" else {"type": compiled.kind}
    return {**typed, **copy.deepcopy(dict(compiled.limits))}


@given(SECTIONS, st.lists(VALUES, min_size=1, max_size=8))
def test_the_fast_path_says_what_a_new_validator_says(section: tuple[str, dict[str, Any]], values: list[Any]) -> None:
    """For any rules and any value; Cerberus's own check of the schema finds nothing wrong with what is compiled."""
    compiled = compiled_from(*section)
    judge = Validator({"value": whole_set(compiled)})  # which checks them; at run time that is skipped: it is slow
    before = copy.deepcopy(values)
    for value in values:
        assert (compiled.check(value) == ()) is judge.validate({"value": value}, normalize=False)
    assert repr(values) == repr(before)


STOCK_TYPES = {"text": "string", "number": "number", "flag": "boolean", "list": "list", "object": "dict"}
PLAIN_TEXT = st.text(alphabet="aA1", max_size=3)
PLAIN_VALUES = st.one_of(
    PLAIN_TEXT,
    st.integers(-3, 4) | st.sampled_from([0.5, -1.5]),
    st.lists(PLAIN_TEXT, max_size=3),
    st.dictionaries(st.sampled_from(["a", "b"]), PLAIN_TEXT | st.lists(PLAIN_TEXT, max_size=2), max_size=2),
)


def in_stock_words(rule_set: Any) -> Any:
    """A set of rules with Cerberus's own words for types."""
    if isinstance(rule_set, list):
        return [in_stock_words(part) for part in rule_set]
    if not isinstance(rule_set, dict):
        return rule_set
    words = {"type": STOCK_TYPES[rule_set["type"]]} if isinstance(rule_set.get("type"), str) else {}
    return {key: words.get(key) or in_stock_words(value) for key, value in rule_set.items()}


STOCK_SECTIONS = st.sampled_from(list(STOCK_TYPES)).flatmap(
    lambda kind: st.tuples(st.just(kind), sets(kind, 2, tuple(STOCK_TYPES)))
)


@given(STOCK_SECTIONS, st.lists(PLAIN_VALUES, min_size=4, max_size=16))
def test_apart_from_the_differences_our_cerberus_is_cerberus(
    section: tuple[str, dict[str, Any]], values: list[Any]
) -> None:
    """On values and rules that none of the differences touches; `any` and `whole` are words of ours."""
    compiled = compiled_from(*section)
    judge = cerberus.Validator({"value": in_stock_words(whole_set(compiled))})
    for value in values:
        assert (compiled.check(value) == ()) is judge.validate({"value": value}, normalize=False)


@given(SECTIONS, st.lists(VALUES, min_size=1, max_size=8))
def test_checking_never_raises_and_says_what_is_broken_where_without_the_value(
    section: tuple[str, dict[str, Any]], values: list[Any]
) -> None:
    """For any JSON value, infinities and halves of surrogate pairs too; a member's name is the sender's as well."""
    compiled = compiled_from(*section)
    for value in (*values, *PRIVATE):
        for broken in compiled.check(value):
            assert broken.rule in {*RULES, "type", "nullable"}
            assert broken.message
            assert broken.position is not None
            assert SECRET not in f"{broken}"


@given(st.text(max_size=12))
def test_a_pattern_is_refused_with_a_place_inside_or_it_compiles(pattern: str) -> None:
    """Whatever is written as a pattern, nothing raises."""
    fault = patterns.fault(pattern)
    if fault is None:
        patterns.matches(pattern, pattern)
    elif fault.offset is not None:
        assert 0 <= fault.offset < len(pattern)
        assert fault.offset + fault.width <= len(pattern)


@given(SECTIONS, st.lists(VALUES, min_size=1, max_size=6))
def test_a_json_schema_of_the_values_refuses_nothing_that_is_right(
    section: tuple[str, dict[str, Any]], values: list[Any]
) -> None:
    """It may say less than the rules, where nothing is negated; and it is always a schema."""
    compiled = compiled_from(*section)
    form = compiled.as_json_schema()
    jsonschema.Draft7Validator.check_schema(form)
    loose = ("noneof", "oneof", "regex", "length", "allowed", "forbidden", "contains")
    if not any(word in json.dumps(section[1]) for word in loose):
        for value in values:
            assert compiled.check(value) or jsonschema.Draft7Validator(form).is_valid(value)


@pytest.mark.parametrize(
    ("text", "kind", "form"),
    [
        ("required: true\nmaxlength: 64", "text", {"type": "string", "maxLength": 64}),
        ("regex: '[A-Z]{2}'", "text", {"type": "string", "pattern": "^(?:[A-Z]{2})$"}),
        ("regex: '(?i)ca'", "text", {"type": "string"}),
        ("allowed: [US]\nforbidden: [CA]", "text", {"type": "string", "enum": ["US"], "not": {"enum": ["CA"]}}),
        ("min: 1\nmax: 2", "whole", {"type": "integer", "minimum": 1, "maximum": 2}),
        ("minlength: 1\nschema: {maxlength: 3}", "list",
         {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 3}}),
        ("allowed: [a]\nschema: {}", "list",
         {"type": "array", "items": {"enum": ["a"]}, "allOf": [{"items": {"type": "string"}}]}),
        ("schema: {a: {required: true}}", "object",
         {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}),
        ("oneof: [{maxlength: 1}]", "any",
         {"oneOf": [{"maxLength": 1, "maxItems": 1, "maxProperties": 1}]}),
    ],
)  # fmt: skip
def test_the_values_that_rules_accept_as_json_schema(text: str, kind: str, form: dict[str, Any]) -> None:
    """For documentation and for other tools."""
    assert good(text, kind).as_json_schema() == form
