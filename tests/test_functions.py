"""The functions that expressions may call: their examples, their calm, their bounds, and the tables behind them."""

from __future__ import annotations

import inspect
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jmespath.functions import Functions

from mapper import expressions
from mapper.functions import TABLE, Example, Function, kinds

ALL = tuple(TABLE.values())
EXAMPLES = tuple((function.name, example) for function in ALL for example in function.examples)

#: Every name that the brief, the mapping language and its mappings use.
PROMISED = """
country us_state us_zip split_name rest_of_name last_word first_word join_filled join_all first_filled filled_values
blank filled not wrap_line capitalize_first epoch_seconds date basic base64 text number
lower upper trim trim_left trim_right split replace pad_left pad_right find_first find_last
items from_items zip group_by
"""


def call(name: str, *arguments: Any) -> Any:
    """The value of one function, its notes dropped."""
    return noted(name, *arguments)[0]


def noted(name: str, *arguments: Any) -> tuple[Any, list[str]]:
    """The value of one function and the notes that it left."""
    function = TABLE[name]
    notes: list[str] = []
    if function.notes:
        return function.call(*arguments, note=notes.append), notes
    return function.call(*arguments), notes


# What every function has to be


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[example.expression for _, example in EXAMPLES])
def test_example_is_true(name: str, example: Example) -> None:
    """Every example gives its value when it is compiled and run, and it calls the function it belongs to."""
    value = expressions.compile(example.expression).search(example.document)
    assert f"{name}(" in example.expression
    assert (type(value), value) == (type(example.value), example.value)


def test_list_is_the_promised_one() -> None:
    """The list of functions is closed."""
    assert sorted(TABLE) == sorted(PROMISED.split())
    assert list(TABLE) == sorted(TABLE)


def test_no_standard_function_is_replaced() -> None:
    """A standard JMESPath function keeps its result: none of ours has its name."""
    assert not set(TABLE) & set(Functions.FUNCTION_TABLE)


@pytest.mark.parametrize("function", ALL, ids=list(TABLE))
def test_description_fits_the_code(function: Function) -> None:
    """Counts of arguments, notes, flow and summary say what the code does."""
    signature = inspect.signature(function.call).parameters.values()
    places = [p for p in signature if p.kind is not p.KEYWORD_ONLY]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in places)
    assert function.most == (None if variadic else len(places))
    if not variadic:
        assert function.least == sum(p.default is p.empty for p in places)
    assert bool(function.notes) == any(p.name == "note" for p in signature)
    assert function.flow in {"flows", "selects", "tests"}
    assert function.summary.endswith(".")
    assert 1 <= len(function.examples) <= 4


def test_flow_of_tests_and_choices() -> None:
    """What only tests takes no trait; what only chooses takes the chosen one."""
    flows = {flow: {f.name for f in ALL if f.flow == flow} for flow in ("tests", "selects")}
    assert flows == {"tests": {"blank", "filled", "not"}, "selects": {"first_filled", "filled_values"}}


# Calm, for anything that JSON can say and a little more

ODD_TEXTS = ("", " ", "\ufeff", "\ud800", "e\u0301" * 9, "\u0130\u0131\u00df", "02134", "2134", "US", "CA", "Ada King",
             "2020-02-30", "0000-00-00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00+23:59", "99999999999999", "-1",
             "YYYY-MM-DDZZ", "1e400", "nan", "a" * 200)  # fmt: skip
ODD_NUMBERS = (0, -1, 1, 2, 64, 2134, 2**53, 10**30, -(10**4000), 1e11, 1e308, -0.0, 0.5, float("inf"), float("nan"))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(ODD_NUMBERS),
    st.integers(),
    st.floats(),
    st.sampled_from(ODD_TEXTS),
    st.text(st.characters(), max_size=20),  # lone surrogates too
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[Function, list[Any]]:
    """A function and a count of arguments that the loader would let through."""
    function = draw(st.sampled_from(ALL))
    most = function.least + 3 if function.most is None else function.most
    return function, draw(st.lists(values, min_size=function.least, max_size=most))


@settings(max_examples=1000, deadline=None)
@given(calls())
def test_calm_on_anything(drawn: tuple[Function, list[Any]]) -> None:
    """No arguments raise, none are changed, a test gives true or false, and notes are announced ones."""
    function, arguments = drawn
    before = shape(arguments)
    value, notes = noted(function.name, *arguments)
    assert shape(arguments) == before
    assert function.flow != "tests" or isinstance(value, bool)
    assert set(notes) <= set(function.notes)
    assert is_json(value)


@given(st.lists(values, max_size=6))
def test_group_by_is_calm_on_any_key(elements: list[Any]) -> None:
    """Whatever the expression gives, each element lands in one group at most, or there is no result."""
    groups = TABLE["group_by"].call(elements, lambda element: element)
    assert groups is None or all(key == member for key, members in groups.items() for member in members)


def shape(value: Any) -> str:
    """The value in words that tell 1 from 1.0 and from true."""
    if isinstance(value, list):
        return f"[{','.join(map(shape, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{k!r}:{shape(v)}' for k, v in value.items())}}}"
    return repr(value)


def is_json(value: Any) -> bool:
    """Whether the value is one of the kinds that JSON has, all the way down."""
    if isinstance(value, list):
        return all(map(is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and is_json(list(value.values()))
    return value is None or type(value) in (str, int, float, bool)


def test_null_gives_null_or_a_truth_value() -> None:
    """Of nothing nothing is made."""
    results = {f.name: noted(f.name, *[None] * f.least)[0] for f in ALL}
    assert {name: value for name, value in results.items() if value is not None} == {
        "blank": True,
        "filled": False,
        "not": True,
    }


@pytest.mark.parametrize("vast", [10**5000, -(10**5000)], ids=["vast", "minus vast"])
def test_vast_integers_are_carried_or_refused(vast: int) -> None:
    """An integer of more digits than Python turns into text is no text, no count and no time."""
    results = {f.name: noted(f.name, *[vast] * f.least)[0] for f in ALL if f.flow == "flows"}
    assert {name for name, value in results.items() if value is not None} == {"number"}


def test_deep_values_do_not_exhaust_the_stack() -> None:
    """A list nested deeper than Python recurses is only carried about."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for function in ALL:
        noted(function.name, *[deep] * function.least)
    assert call("blank", deep) is False
    # Taken apart by hand: freeing it in one go would recurse in turn.
    while deep:
        deep = deep.pop()


# Bounds: no call makes much out of little, and none runs long


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("pad_left", ["a", 10**9]),
        ("pad_right", ["a", kinds.LONGEST + 1]),
        ("replace", ["a" * 30_000, "a", "b" * 30_000]),
        ("join_filled", ["x" * 30_000, ["a"] * 1_000]),
        ("join_all", ["x", ["a" * 40_000] * 2]),
        ("split", ["a" * 100_000, ""]),
        ("zip", [[0] * 30_000] * 3),
        ("base64", ["a" * 100_000]),
        ("basic", ["a" * 100_000, ""]),
        ("date", ["2020-01-01", "YYYY" * 51]),
    ],
)
def test_growth_is_refused(name: str, arguments: list[Any]) -> None:
    """What would make much out of little gives null."""
    assert call(name, *arguments) is None


def test_growth_ends_at_the_bound_and_not_before() -> None:
    """The longest allowed result is made."""
    assert len(call("pad_left", "a", kinds.LONGEST)) == kinds.LONGEST
    assert len(call("replace", "a" * 2, "a", "b" * (kinds.LONGEST // 2))) == kinds.LONGEST
    assert call("replace", "a" * 100_000, "a", "") == ""


def test_unlucky_texts_take_no_time() -> None:
    """Texts that make naive searching or Unicode folding quadratic: over twenty seconds without the bounds."""
    unlucky = ("e" + "\u0316\u0301" * 30_000, "a" * 60_000, "a" + "b" + "a" * 30_000, " " * 60_000, "a " * 30_000)
    start = time.process_time()
    for function in ALL:
        for first in unlucky:
            for second in unlucky if function.least > 1 else unlucky[:1]:
                noted(function.name, first, *[second] * (function.least - 1))
    assert call("find_last", "a" * 300_000, "ab" + "a" * 150_000) is None
    assert time.process_time() - start < 2


# Presence


@pytest.mark.parametrize("value", [None, "", " \t\n\u00a0", [], {}])
def test_blank(value: Any) -> None:
    """Nothing, white space and empty containers are blank."""
    assert call("blank", value) is True
    assert call("filled", value) is False


@pytest.mark.parametrize("value", [False, 0, 0.0, "0", [None], {"a": None}])
def test_not_blank(value: Any) -> None:
    """False and 0 are values, and so is a list of nothing."""
    assert call("blank", value) is False
    assert call("filled", value) is True


@pytest.mark.parametrize("value", [None, False, "", [], {}, True, 0, 0.0, " ", "a", [0], {"a": 1}])
def test_not_is_the_negation_of_jmespath(value: Any) -> None:
    """The function agrees with the operator on every kind of value."""
    assert call("not", value) is expressions.compile("!a").search({"a": value})


def test_choices_are_the_very_values() -> None:
    """What selects hands on the element itself, so that it can be traced."""
    chosen = {"street": "1 Main St"}
    assert call("first_filled", None, " ", {}, chosen) is chosen
    assert call("filled_values", [None, chosen])[0] is chosen
    assert call("first_filled", None, "") is None


# Text: the tables of JMESPath Community's proposal JEP-14

SUBJECT = "subject string"
PARTS = "average|-|min|-|max|-|mean|-|median"


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("find_first", [SUBJECT, "string"], 8),
        ("find_first", [SUBJECT, "string", 0, 14], 8),
        ("find_first", [SUBJECT, "string", -99, 100], 8),
        ("find_first", [SUBJECT, "string", 0, 13], None),
        ("find_first", [SUBJECT, "string", 8.0], 8),
        ("find_first", [SUBJECT, "string", 9], None),
        ("find_first", [SUBJECT, "s", 1], 8),
        ("find_first", [SUBJECT, ""], None),
        ("find_first", [SUBJECT, "s", 0.5], None),
        ("find_last", [SUBJECT, "string"], 8),
        ("find_last", [SUBJECT, "s"], 8),
        ("find_last", [SUBJECT, "s", 0, 8], 0),
        ("find_last", [SUBJECT, "t", 10], None),
        ("find_last", [SUBJECT, "tr", 3, 100], 9),
        ("find_last", ["aXbXc", "X"], 3),
        ("pad_left", ["string", 0], "string"),
        ("pad_left", ["string", 10], "    string"),
        ("pad_left", ["string", 10, "-"], "----string"),
        ("pad_left", ["string", -1], None),
        ("pad_left", ["string", 10, "--"], None),
        ("pad_left", ["string", 10, None], None),
        ("pad_right", ["string", 10, "-"], "string----"),
        ("replace", ["aabaaabaaaab", "aa", "-", 0], "aabaaabaaaab"),
        ("replace", ["aabaaabaaaab", "aa", "-", 2], "-b-abaaaab"),
        ("replace", ["aabaaabaaaab", "aa", "-"], "-b-ab--b"),
        ("replace", ["abc", "", "-"], "abc"),
        ("replace", ["abc", "a", "-", -1], None),
        ("split", ["all chars", ""], list("all chars")),
        ("split", ["all", "", 1], ["a", "ll"]),
        ("split", ["all", "", 3], ["a", "l", "l"]),
        ("split", ["/", "/"], ["", ""]),
        ("split", [PARTS, "|-|"], ["average", "min", "max", "mean", "median"]),
        ("split", [PARTS, "|-|", 2], ["average", "min", "max|-|mean|-|median"]),
        ("split", [PARTS, "|-|", 0], [PARTS]),
        ("split", [PARTS, "|-|", -1], None),
        ("trim", [f"   {SUBJECT}   ", ""], SUBJECT),
        ("trim", [f"   {SUBJECT}   ", "su "], "bject string"),
        ("trim", ["\u00a0Ada\u3000"], "Ada"),
        ("trim_left", [f"   {SUBJECT}   "], f"{SUBJECT}   "),
        ("trim_right", [f"   {SUBJECT}   ", "gsu "], "   subject strin"),
        ("upper", ["straße"], "STRASSE"),
        ("lower", [2134], None),
    ],
)
def test_community_text(name: str, arguments: list[Any], value: Any) -> None:
    """Names, argument order and results of the community edition; null where it raises."""
    assert call(name, *arguments) == value


@given(st.text("ab", max_size=30), st.text("ab", min_size=1, max_size=3), st.integers(-3, 33), st.integers(-3, 33))
def test_find_last_is_the_last(subject: str, sub: str, start: int, end: int) -> None:
    """Searching the reversed text finds what Python's own search finds."""
    found = subject.rfind(sub, max(start, 0), max(end, 0))
    assert call("find_last", subject, sub, start, end) == (found if found >= 0 else None)


# Lists


def test_pairs_there_and_back() -> None:
    """What items takes apart, from_items puts together; of equal names the last counts."""
    thing = {"a": 1, "b": [2]}
    assert call("from_items", call("items", thing)) == thing
    assert call("from_items", [["a", 1], ["a", 2]]) == {"a": 2}
    assert call("from_items", [["a"]]) is None
    assert call("from_items", [[1, 2]]) is None


def test_group_by_leaves_out_null_and_refuses_other_keys() -> None:
    """As the community edition, with null for its error."""
    assert call("group_by", [{"k": "a"}, {}, {"k": "a"}], lambda e: e.get("k")) == {"a": [{"k": "a"}, {"k": "a"}]}
    assert call("group_by", [{"k": "a"}, {"k": 1}], lambda e: e.get("k")) is None


# Words, lines and numbers


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("join_filled", [" ", ["Ada ", None, "", " King"]], "Ada King"),
        ("join_filled", [" ", [12.0, "Elm St"]], "12 Elm St"),
        ("join_filled", [" ", []], None),
        ("join_filled", [" ", [None]], None),
        ("join_filled", [" ", ["1 Main St", {"lat": 1}]], None),  # an address with a piece missing is a wrong one
        ("join_filled", [" ", ["Ada", True]], None),
        ("join_filled", [None, ["Ada"]], None),
        ("join_filled", [" ", "Ada"], None),
        ("join_all", [" ", ["Ada", "King"]], "Ada King"),
        ("join_all", [" ", ["Ada", " "]], None),
        ("join_all", [" ", []], None),
        ("first_word", ["  "], None),
        ("last_word", [" Ada  King "], "King"),
        ("capitalize_first", [""], ""),
        ("capitalize_first", ["éire"], "Éire"),
        ("text", [0], "0"),
        ("text", [-0.0], "0"),
        ("text", [1.5], "1.5"),
        ("text", [1e-7], None),
        ("text", [1e22], None),  # its digits are gone: never print 1e+22
        ("text", [float("nan")], None),
        ("number", ["12"], 12),
        ("number", [" -0.5 "], -0.5),
        ("number", ["1_000"], None),
        ("number", ["1e5"], None),
        ("number", ["\u0661"], None),
        ("number", [True], None),
        ("number", [float("inf")], None),
        ("number", [1e22], 1e22),
    ],
)
def test_words(name: str, arguments: list[Any], value: Any) -> None:
    """Parts, words and numbers, and what is refused."""
    assert call(name, *arguments) == value


@given(st.text("ab \n", max_size=80), st.integers(1, 20))
def test_wrapping_loses_and_cuts_nothing(text: str, width: int) -> None:
    """All lines together are all words in order; no line is longer than the width unless it is one word."""
    lines: list[str] = []
    while (line := call("wrap_line", text, width, len(lines) + 1)) is not None:
        lines.append(line)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or " " not in line for line in lines)
    # Greedy: the first word of a line did not fit on the line before.
    assert all(len(f"{a} {b.split()[0]}") > width for a, b in pairwise(lines))


def test_wrap_line_wants_whole_numbers_above_zero() -> None:
    """A width or line that is none gives null."""
    assert call("wrap_line", "Ada King", 64.0, 1) == "Ada King"
    assert [call("wrap_line", "Ada", width, n) for width, n in ((0, 1), (1, 0), (1.5, 1), ("9", 1), (9, None))] == [
        None
    ] * 5


# Names


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ada King", "Ada", "King"),
        ("  Ada   Lovelace King ", "Ada", "Lovelace King"),
        ("Ada\u00a0King", "Ada", "King"),
        ("Ada", "Ada", None),
        ("  ", None, None),
    ],
)
def test_split_name(name: str, first: str | None, last: str | None) -> None:
    """First word, and what follows it."""
    assert call("split_name", name) == {"first": first, "last": last}


@pytest.mark.parametrize(
    ("name", "first", "rest"),
    [
        ("Ada King", "Ada", "King"),
        ("ada king", "ADA", "king"),
        ("Mary Ann  King Smith ", " Mary  Ann", "King Smith"),
        ("Anne Jose\u0301 King", "Anne Jos\u00e9", "King"),  # the field is composed, the trait is not
        ("Adam King", "Ada", "King"),
        ("Ada King", "Augusta", "King"),
        ("Ada King", None, "King"),
        ("Ada King", 7, "King"),
        ("King Ada", "Ada", None),  # never Ada Ada
        ("Ada", "Ada", None),
        ("Ada", "Ada King", None),
        ("Ada", None, None),
        (" ", "Ada", None),
        (None, "Ada", None),
    ],
)
def test_rest_of_name(name: Any, first: Any, rest: str | None) -> None:
    """What is left for a last name, which never repeats the first."""
    assert call("rest_of_name", name, first) == rest


# Points in time


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:00.999999999 +0000", 0),
        ("1969-12-31T23:59:59.5Z", -1),
        ("2020-05-09T23:54:49,209808489-0130", 1_589_073_889),
        ("2020-05-09T23:54", 1_589_068_440),
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000.9, 1_700_000_000),
        (1_700_000_000_999, 1_700_000_000),
        ("1700000000", 1_700_000_000),  # a number that a text field has turned into text
        ("1700000000999", 1_700_000_000),
        ("-86400", -86_400),
        (0, 0),
        ("20231114", None),  # a day or a count
        ("1990", None),
        ("03/04/2020", None),
        ("4 March 2020", None),
        ("2020-02-30", None),
        ("2020-01-01T25:00Z", None),
        ("2020-01-01T10:00+99:00", None),
        ("0000-01-01", None),
        ("2020-01-01\n2020", None),
        (1e300, None),
        (10**30, None),
        (float("nan"), None),
        (True, None),
        ([2020], None),
    ],
)
def test_epoch_seconds(value: Any, seconds: int | None) -> None:
    """ISO 8601, seconds and milliseconds; nothing is guessed."""
    assert call("epoch_seconds", value) == seconds


@pytest.mark.parametrize(
    ("value", "layout", "written"),
    [
        ("2020-03-04T05:06:07.8Z", "YYYY-MM-DDTHH:mm:ssZZ", "2020-03-04T05:06:07+0000"),
        ("2020-03-04T05:06:07-08:00", "YYYY-MM-DDTHH:mm:ssZZ", "2020-03-04T05:06:07-0800"),
        ("2020-03-04T05:06:07-08:00", "HH:mmZ", "05:06-08:00"),
        ("2020-03-04T05:06:07Z", "HH:mmZ", "05:06Z"),
        ("0099-03-04", "YYYY", "0099"),
        (0, "DD/MM/YYYY", "01/01/1970"),
        ("2020-03-04", "no tokens", "no tokens"),
        ("03/04/2020", "YYYY", None),
        ("2020-03-04", None, None),
    ],
)
def test_date(value: Any, layout: Any, written: str | None) -> None:
    """The day stays the day of the place that wrote it."""
    assert call("date", value, layout) == written


# Codes


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("basic", ["Aladdin", "open sesame"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),  # RFC 7617, section 2
        ("basic", ["test", "123\u00a3"], "Basic dGVzdDoxMjPCow=="),  # RFC 7617, section 2.1
        ("basic", ["a:b", "c"], None),
        ("basic", ["a", None], None),
        ("base64", [""], ""),
        ("base64", ["\ud800"], None),
    ],
)
def test_codes(name: str, arguments: list[Any], value: str | None) -> None:
    """The examples of the standard, and what has no encoding."""
    assert call(name, *arguments) == value
