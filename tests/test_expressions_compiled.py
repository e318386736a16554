"""Compiled expressions: the interpreter's value or Unsure, and never anything else."""

from __future__ import annotations

import copy
import json
import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any

import grammar
import jmespath
import laws
import pytest
import test_expressions
from hypothesis import example, given
from hypothesis import strategies as st
from laws.sameness import outcome_of

from mapper import expressions, functions
from mapper.errors import ExpressionError
from mapper.expressions import Expression, Unsure, generator, interpreter, lazily
from mapper.expressions.sure import STANDARD

Draw = Callable[[st.SearchStrategy[Any]], Any]
PEOPLE = test_expressions.PEOPLE
FEATURES = test_expressions.FEATURES

#: Around every limit that a compiled function has, and around the whole budget.
LENGTHS = (0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 256, 257, 700, 3_000)
CHARACTERS = (0, 1, 15, 16, 17, 31, 500, 511, 512, 1_599, 1_600, 1_601, 6_399, 6_400, 31_952, 31_999, 32_000)


@pytest.fixture(scope="module", autouse=True)
def _as_usual() -> Iterator[None]:
    """Expressions are compiled as they usually are, whatever ``MAPPER_COMPILED`` says: it is what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazily, "MODE", "auto")
        yield


@pytest.fixture
def mode(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets when expressions are compiled."""
    return lambda name: monkeypatch.setattr(lazily, "MODE", name)


def compiled(text: str) -> expressions.Function:
    """The function of an expression that has one."""
    function = expressions.compile(text).function()
    assert function is not None, text
    return function


def is_sure(text: str, document: Any) -> bool:
    """Whether the compiled function has a value."""
    try:
        compiled(text)(document, [])
    except Unsure:
        return False
    return True


def check_sure(text: str, document: Any) -> str:
    """Where the function has a value, the interpreter has the same, and the same notes, in no more steps than counted.

    Says what came of it.
    """
    expression = expressions.compile(text)
    limits, function, notes = generator.limits_for(expression.tree), expression.function(), []
    if limits is None or function is None:
        return "not compiled"
    run = interpreter.Run(budgets=5)
    try:
        value = function(document, notes)
    except Unsure:
        return "unsure"
    assert laws.same(run.visit(expression.tree, document), value), (text, document, value)
    assert run.notes == notes, (text, document, run.notes, notes)
    taken = interpreter.MAX_STEPS * 5 - run.steps
    assert taken <= generator.most_steps(expression.tree, limits) <= interpreter.MAX_STEPS, (text, document, taken)
    return "null" if value is None else "value"


def check_build(text: str, document: Any) -> None:
    """A body is built as the interpreter builds it."""
    tree = expressions.compile(text).tree
    made = generator.generate(text, tree, omit_null=True)
    try:
        value = made.function(document, []) if made else None
    except Unsure:
        return
    if made:
        built, _ = interpreter.evaluate(tree, document, omit_null=True)
        assert laws.same(built, value), (text, document, value)


_SURENESS = {"value": "sure", "error": "unsure"}


def check_package(text: str, documents: list[Any]) -> Counter[str]:
    """On each document: the jmespath package's value, or both fail; and the function is never sure where that fails."""
    expression, theirs = expressions.compile(text), jmespath.compile(text)
    function, seen = expression.function(), Counter({"pairs": len(documents)})
    for document in documents:
        expected = outcome_of(partial(theirs.search, document), Exception)
        found = outcome_of(partial(expression.search, document), ExpressionError)
        if found[0] == "error" and found[1].code == "over_budget":
            seen["budget"] += 1
            continue
        assert found[0] == expected[0], (text, document, found, expected)
        assert found[0] == "error" or laws.same(found[1], expected[1]), (text, document, found, expected)
        alone = outcome_of(partial(function, document, []), Unsure) if function else ("not compiled", None)
        assert alone[0] != "value" or laws.same(alone[1], expected[1]), (text, document, alone, expected)
        seen[f"{found[0]}, {_SURENESS.get(alone[0], alone[0])}"] += 1
    return seen


# -------------------------------------------------------------------------------------------------- the same value


@pytest.mark.parametrize(("text", "value"), FEATURES, ids=[text for text, _ in FEATURES])
def test_feature(text: str, value: Any) -> None:
    """Each feature of the language has a compiled function that is sure of its value and leaves the document alone."""
    document, notes = copy.deepcopy(PEOPLE), []
    assert laws.same(compiled(text)(document, notes), value)
    assert laws.same(document, PEOPLE)
    assert notes == []


@pytest.mark.parametrize("name", functions.TABLE)
def test_examples_of_our_functions(name: str) -> None:
    """Each of our functions is sure of its own examples."""
    for case in functions.TABLE[name].examples:
        assert laws.same(compiled(case.expression)(case.document, []), case.value)


def test_random_pairs() -> None:
    """On random pairs: the interpreter's value, notes and body, seldom Unsure; with every kind of node seen."""
    seen: Counter[str] = Counter()

    @laws.some(200)
    @given(grammar.expressions(own=True), grammar.objects)
    def check(text: str, document: Any) -> None:
        end = check_sure(text, document)
        check_build(text, document)
        seen.update([end, *(node["type"] for node in laws.nodes(expressions.compile(text).tree))])

    check()
    assert set(seen) >= grammar.NODE_KINDS
    assert seen["value"] > 40
    assert seen["unsure"] < 40
    assert seen["not compiled"] < 20


@laws.some(100)
@given(grammar.expressions(), st.lists(grammar.objects, min_size=3, max_size=3))
def test_our_value_is_the_packages(text: str, documents: list[Any]) -> None:
    """On random pairs: the jmespath package's value, or both fail."""
    assert check_package(text, documents)["budget"] == 0


@pytest.mark.parametrize("name", [*grammar.STANDARD, *grammar.OWN])
def test_each_function(name: str) -> None:
    """Each function: the interpreter's value and notes, and not always Unsure (many of ours are mostly null)."""
    seen: Counter[str] = Counter()

    @laws.some(20)
    @given(grammar.expressions(2, name=name, own=True), grammar.objects)
    def check(text: str, document: Any) -> None:
        seen[check_sure(text, document)] += 1

    check()
    assert seen["value"] + seen["null"] > 0


@pytest.mark.parametrize("document", [None, True, 0, 1.5, "text", [], [[1]], {}, [PEOPLE, None]])
def test_any_document(document: Any) -> None:
    """A document of any kind."""
    for text, _ in FEATURES:
        check_sure(text, document)


class _Shouting(dict[str, Any]):
    """A dict that is no JSON object."""

    def get(self, *_: Any) -> Any:
        return "SHOUT"


@pytest.mark.parametrize(
    "value",
    [
        _Shouting(a=1),
        OrderedDict(a=1),
        OrderedDict(),
        MappingProxyType({"a": 1}),
        (),
        (1, 2),
        set(),
        Decimal(0),
        Decimal("1.5"),
        b"",
        type("Text", (str,), {})("x"),
        type("List", (list,), {})(["x"]),
        type("Whole", (int,), {})(0),
    ],
    ids=lambda value: type(value).__name__ + str(bool(value)),
)
def test_foreign_values(value: Any) -> None:
    """What is no JSON has the interpreter's value too, wherever it stands."""
    texts = (
        "a",
        "a.a",
        "a[0]",
        "a[:1]",
        "a[]",
        "a[*].a",
        "a.*",
        "a[?a]",
        "!a",
        "a || b",
        "a && b",
        "a == b",
        "a < b",
        "[a]",
    )
    calls = (f"{name}(a)" for name in ("length", "type", "to_string", "to_array", "not_null", "sum", "keys", "sort"))
    more = "contains(a, b)", "contains(b, a)", "merge(b, a)", "map(&a, [a])", "blank(a)", "to_number(a)", "{a: a}.a.a"
    for text in (*texts, *calls, *more):
        for other in (1, "", {}, value):
            found, expected = both(text, {"a": value, "b": other})
            assert found[0] == expected[0], (text, value, other, found, expected)
            assert str(found[1]) == str(expected[1]), (text, value, other, found, expected)


def both(text: str, document: Any) -> tuple[Any, Any]:
    """What comes of an expression that is compiled, and of the interpreter."""
    expression = expressions.compile(text)
    assert expression.compiled()
    found = outcome_of(lambda: expression.search(document), ExpressionError)
    if expression.plain is not None:
        return found, ("value", interpreter.follow(expression.plain, document))
    return found, outcome_of(lambda: interpreter.evaluate(expression.tree, document)[0], ExpressionError)


# ------------------------------------------------------------------------------------------------------- the budget


@st.composite
def vast(draw: Draw) -> dict[str, Any]:
    """A document with lists and texts of lengths around the limits."""
    small = draw(grammar.objects)
    for name in draw(st.lists(st.sampled_from(grammar.NAMES), max_size=3)):
        kind = draw(st.sampled_from(("list", "text", "object", "lists")))
        length, part = draw(st.sampled_from(LENGTHS)), small.get(draw(st.sampled_from(grammar.NAMES)))
        small[name] = {
            "list": [part] * length,
            "text": "x" * draw(st.sampled_from(CHARACTERS)),
            "object": {f"m{index}": part for index in range(length)},
            "lists": [[part] * min(length, 20)] * length,
        }[kind]
    return small


def test_the_budget_is_kept() -> None:
    """On lists and texts around every limit: a value only where the interpreter has it within its budget."""
    seen: Counter[str] = Counter()

    @laws.some(150)
    @given(grammar.expressions(own=True), vast())
    def check(text: str, document: Any) -> None:
        seen[check_sure(text, document)] += 1

    check()
    assert seen["value"] > 20
    assert seen["unsure"] > 5


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("[a]", 1),
        ("{a: a}", 1),
        ("[a, a]", 2),
        ("to_string(a)", 1),
        ("not_null(a)", 1),
        ("split_name(a)", 1),
        ("map(&a, [@])", 1),
        ("values(@)", 1),
        ("[[[a]]]", 1),
        ("reverse(a) | [@] | [0]", 1),
    ],
)
def test_the_count_of_steps_is_exact_enough(text: str, weight: int) -> None:
    """Texts around the limit of weight: sure below, unsure above, and counted rightly at each length."""
    tree = expressions.compile(text).tree
    limits = generator.limits_for(tree)
    assert limits is not None
    most = limits.weight * 16 // weight
    ends = [check_sure(text, {"a": "x" * length}) for length in range(most - 160, most + 40)]
    assert ends[0] == "value"
    assert ends[-1] == "unsure"


@pytest.mark.parametrize("text", ["a[*].b", "a[?b]", "a[]", "a[].b", "map(&b, a)", "sort_by(a, &b)", "group_by(a, &c)"])
def test_lists_that_are_too_long(text: str) -> None:
    """A list at its limit is stepped through, one above is not."""
    limits = generator.limits_for(expressions.compile(text).tree)
    assert limits is not None
    ends = [check_sure(text, {"a": [{"b": 1}] * (limits.elements + more)}) for more in (0, 1)]
    assert ends == ["value", "unsure"]


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
def test_what_doubles_itself(text: str, mode: Callable[[str], None]) -> None:
    """What doubles its value is stopped early, and the interpreter says so."""
    mode("on")
    with pytest.raises(ExpressionError) as caught:
        expressions.compile(text).search({"a": [1, 2]})
    assert caught.value.code == "over_budget"
    assert check_sure(text, {"a": [1, 2]}) in ("unsure", "not compiled")


@pytest.mark.parametrize(
    "text",
    ["[*]" * 3, "a" + "[*]" * 30, "a" + "[?b" * 30 + "]" * 30, "a" + ".[b]" * 60, "!" * 60 + "a"],
    ids=["three loops", "thirty loops", "thirty filters", "sixty lists", "sixty nots"],
)
def test_nesting(text: str, mode: Callable[[str], None]) -> None:
    """However deep an expression is, it has its value: where Python cannot nest so deeply, from the interpreter."""
    mode("on")
    document = {"a": [[[{"b": [1]}]]]}
    expression = expressions.compile(text)
    assert laws.same(expression.search(document), interpreter.evaluate(expression.tree, document)[0])


def test_most_is_compiled() -> None:
    """What mappings say is compiled, with room for lists far above those of real events."""
    for text in ("traits.a[?type=='home'].city | [0]", "join_filled(' ', [a || b, c || d])", "a[*].b[*].c"):
        limits = generator.limits_for(expressions.compile(text).tree)
        assert limits is not None
        assert limits.elements >= 64
        assert limits.weight >= 400


# ------------------------------------------------------------------------------------------------------- the source

HOSTILE = (
    "'",
    '"',
    "\n",
    "\r",
    "\x0c",
    "\u2028",
    "\\",
    "'''",
    '"""',
    "#",
    "{}",
    "{at}",
    "%s",
    "\x00",
    "\ud800",
    "é",
    "') or wrong('",
    "\nwrong()\n",
    "\\\nwrong()",
    "__import__('os')",
)


@laws.some(100)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), min_size=1, max_size=3).map("".join))
def test_names_and_texts_never_become_code(text: str) -> None:
    """Whatever stands in names and literals is looked up or given back as it is."""
    name, raw = json.dumps(text), grammar.literal([text])
    document = {text: text}
    for written, value in (
        (name, text),
        (f"{{{name}: {name}}}", {text: text}),
        (raw, [text]),
        (f"{grammar.literal(text)} == {name}", True),
        (f"[{grammar.literal(text)}, {raw}]", [text, [text]]),
    ):
        assert laws.same(compiled(written)(document, []), value)


def test_source() -> None:
    """The source is there to be read: the expression, and a name for each step."""
    source = expressions.compile("context.ids[?type=='x'].id | [0]").source
    assert source is not None
    lines = source.splitlines()
    assert lines[0] == '''# "context.ids[?type=='x'].id | [0]"'''
    assert lines[1] == "def evaluate(document, notes):"
    assert "= field5 == 'x'" in source
    assert "projection3.append(" in source
    assert expressions.compile("a" + "[*]" * 30).source is None
    assert expressions.compile("a" + "[*]" * 30).function() is None


# ------------------------------------------------------------------------------------------------ errors and notes


@pytest.mark.parametrize(
    "text", ["abs(a)", "join(a, b)", "sort(b)", "max_by(b, &@)", "sum(b)", "sort_by(b, b)", "a < `1`", "merge(b)"]
)
def test_errors_are_the_interpreters(text: str, mode: Callable[[str], None]) -> None:
    """What fails is said in the interpreter's words."""
    said = []
    for name in ("on", "off"):
        mode(name)
        with pytest.raises(ExpressionError) as caught:
            expressions.compile(text).search({"a": "x", "b": ["x", 1]})
        said.append((caught.value.code, caught.value.message, caught.value.hint, caught.value.__cause__))
    assert said[0] == said[1]


def test_only_unsure_gets_out() -> None:
    """No exception but Unsure, and that without a value."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    wrong = {"deep": deep, "deeper": [deep], "vast": [10**400, 1.5], "odd": object(), "bytes": b"", "text": "x"}
    for text in ("to_string(deep)", "deep == deeper", "sum(vast)", "odd.x", "!bytes", "text < `1`", "abs(text)"):
        with pytest.raises(Unsure) as caught:
            compiled(text)(wrong, [])
        assert caught.value.args == ()


def test_notes(mode: Callable[[str], None]) -> None:
    """A function's notes come with the evaluation, in their order, and only with that one."""
    mode("on")
    expression = expressions.compile("map(&us_zip(@, 'US', 'CA'), a)")
    expected = interpreter.evaluate(expression.tree, {"a": ["2134", "90210", "2134"]})
    found = expression.evaluate({"a": ["2134", "90210", "2134"]})
    assert (found.value, found.notes) == expected
    assert len(found.notes) == 4
    assert expression.evaluate({"a": []}).notes == ()


def test_notes_of_what_was_unsure_are_dropped(mode: Callable[[str], None]) -> None:
    """Where the function gives up half-way, the notes are the interpreter's alone."""
    mode("on")
    expression = expressions.compile("[us_zip(a, 'US'), merge(b, c)]")
    document = {"a": "2134", "b": {}, "c": [["x", 1]]}
    assert not is_sure(expression.text, document)
    assert expression.evaluate(document) == expressions.Evaluation(["02134", {"x": 1}], ("zip_restored",))


# ------------------------------------------------------------------------------------------------------- when


def uses(expression: Expression, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each of ten evaluations, whether the interpreter did it."""
    asked: list[int] = []
    real = interpreter.evaluate
    monkeypatch.setattr(interpreter, "evaluate", lambda *a, **k: asked.append(1) or real(*a, **k))
    found = []
    for _ in range(10):
        asked.clear()
        expression.search({"a": "x"})
        found.append(bool(asked))
    return found


@pytest.mark.parametrize(
    ("name", "interpreted"), [("auto", lazily.EVALUATIONS - 1), ("on", 0), ("off", 10)], ids=["auto", "on", "off"]
)
def test_when_it_is_compiled(
    name: str, interpreted: int, mode: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some evaluations, at once, or never."""
    mode(name)
    expression = expressions.compile("upper(a)")
    assert uses(expression, monkeypatch) == [True] * interpreted + [False] * (10 - interpreted)


def test_compiled_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """`compiled` and `function` do not wait; mode `off` holds all the same."""
    expression = expressions.compile("upper(a)")
    assert expression.compiled()
    assert uses(expression, monkeypatch) == [False] * 10
    monkeypatch.setattr(lazily, "MODE", "off")
    assert uses(expression, monkeypatch) == [True] * 10
    assert expression.function() is None


def test_copies() -> None:
    """An expression that was compiled can be copied and sent to another process."""
    expression = expressions.compile("upper(a)")
    expression.compiled()
    for other in (copy.deepcopy(expression), pickle.loads(pickle.dumps(expression))):  # noqa: S301 - our own
        assert other.search({"a": "x"}) == "X"
        assert other.compiled()


def test_threads(mode: Callable[[str], None]) -> None:
    """One expression in many threads, compiled in the midst of it."""
    mode("auto")
    expression = expressions.compile("split_name(traits.name).first")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: expression.search({"traits": {"name": f"A{n} B"}}), range(400)))
    assert found == [f"A{n}" for n in range(400)]


# --------------------------------------------------------------------------------------------------- whole flows


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("split_name(traits.name).first", (("traits", "name"),)),
        ("split_name(traits.name)", (("traits", "name"),)),
        ("us_zip(value, fields.country, 'MA')", (("fields", "country"), ("value",))),
        ("split(traits.tags, ',')[-1]", (("traits", "tags"),)),
        ("split(traits.tags, ',') | [0]", (("traits", "tags"),)),
        ("join(', ', a[0].b)", (("a", 0, "b"),)),
        ("rest_of_name(a, a)", (("a",),)),
        ("upper('x')", ()),
        ("blank(a)", None),
        ("length(a)", None),
        ("first_filled(a, b)", None),
        ("not_null(a, b)", None),
        ("values(a)", None),
        ("reverse(a)", None),
        ("map(&b, a)", None),
        ("group_by(a, &b)", None),
        ("join_filled(' ', [a, b])", None),
        ("upper(a || b)", None),
        ("upper(@)", None),
        ("a.upper(b)", None),
        ("a", None),
        ("upper(a) == b", None),
    ],
)
def test_whole_flows(text: str, paths: Any) -> None:
    """The paths of a call that makes its value anew from plain paths."""
    assert expressions.compile(text).whole_flows == paths


@st.composite
def calls(draw: Draw) -> str:
    """A call of a function on plain paths and literals."""
    name = draw(st.sampled_from(grammar.OWN))
    function = functions.TABLE[name]
    count = draw(st.integers(function.least, function.most or 3))
    path = st.sampled_from(("a", "a", "b", "b", "c", "a.b", "a[0]", "c.b"))
    arguments = [draw(path), *(draw(path | _LITERALS[parameter.kind]) for parameter in function.parameters[1:count])]
    return f"{name}({', '.join(arguments)})"


_LITERALS = {
    "text": st.sampled_from(("','", "' '", "'a'", "'YYYY'")),
    "number": st.sampled_from(("`1`", "`5`")),
    "any": st.just("'US'"),
    "list": st.just("`[1]`"),
    "expression": st.just("a"),
}


def had(path: expressions.Path, document: Any) -> bool:
    """Whether a document has a path."""
    for step in path:
        inside = (
            isinstance(document, dict) and step in document if isinstance(step, str) else isinstance(document, list)
        )
        if not inside or (isinstance(step, int) and step >= len(document)):
            return False
        document = document[step]
    return True


_WORDS = st.sampled_from(("Ada King", "a,b", "2134", "MA", "1990-05-01", "US"))
_PARTS = _WORDS | _WORDS | st.lists(_WORDS | st.none(), max_size=2) | st.fixed_dictionaries({"b": _WORDS})
_WORDY = st.fixed_dictionaries({"a": _PARTS}, optional={"b": _PARTS | st.none(), "c": _PARTS})


def test_whole_flows_are_what_flowed() -> None:
    """Where such an expression has a value, what flowed are those of its whole flows that the document has."""
    seen: Counter[str] = Counter()

    @laws.some(300)
    @given(calls(), _WORDY)
    @example("us_zip(a, b)", {"a": "2134", "b": None})
    @example("join(b, a)", {"a": ["x", "y"], "b": ","})
    @example("first_filled(a, b)", {"a": "x", "b": "y"})
    @example("filled_values(a)", {"a": ["x", "y"]})
    def check(text: str, document: Any) -> None:
        for steps in ("", ".first", "[-1]", " | [0]", ".b[0]"):
            expression = expressions.compile(text + steps)
            if expression.whole_flows is not None and expression.search(document) is not None:
                flows = tuple(path for path in expression.whole_flows if had(path, document))
                assert expression.trace(document)[1] == flows, (expression, document)
                seen[text.partition("(")[0]] += 1

    check()
    assert sum(seen.values()) > 40
    assert len(seen) > 10


def test_tables_name_functions() -> None:
    """The standard functions are those of the package, less `map`, which is compiled as a loop."""
    assert set(STANDARD) == set(grammar.STANDARD) - {"map"}
