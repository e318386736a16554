"""The budget of an expression: whatever it says, and whatever the event holds, it ends soon, and says why."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import strategies

from mapper import expressions, functions, pipeline
from mapper.errors import ExpressionError
from mapper.expressions import generator, interpreter, lazily, sure

#: Seconds of this process. Each takes a tenth of that on a slow machine; before all was weighed they took up to ten.
SOON = 0.3

_MARKS = "\u0316\u0301"
_ONES = ",".join(["1"] * 1_800)
_PAIRS = ",".join(['["k",1]'] * 300)
_DOCUMENT = {
    "n": [1] * 9_000,
    "blanks": [" " * 900] * 1_000,
    "objects": [{"k": "x"}] * 1_200,
    "pairs": [["k", 1]] * 100_000,
    "list": [1] * 250_000,
    "other": [1] * 249_999 + [2],
    "wide": {str(number): 1 for number in range(50_000)},
    "text": "a b " * 250_000,
    "spaces": " " * 1_000_000,
    "digits": "9" * 4_000,
    "capitals": " ".join(["A" + _MARKS * 98] * 390),
    "small": " ".join(["a" + _MARKS * 98] * 390),
    "last": "\u0101" * 70_000,
    "signs": "".join(chr(0x4E00 + number) for number in range(20_000)) * 4 + "\u0101",
}
#: What makes much work of few steps, for each kind of work that there is.
HOSTILE = (
    f"n[*].wrap_line('{'a ' * 1_800}', `1`, `999`)",
    f"n[*].sum(`[{_ONES}]`)",
    f"n[*].avg(`[{_ONES}]`)",
    f"n[*].max(`[{_ONES}]`)",
    f"n[*].sort(`[{_ONES}]`)",
    f"n[*].to_string(`[{_ONES}]`)",
    f"n[*].contains(`[{_ONES}]`, `2`)",
    f"n[*].contains('{'a' * 3_600}', 'aab')",
    f"n[?`[{_ONES[:1800]}1]` != `[{_ONES[:1800]}2]`]",
    f"n[*].trim('{'a' * 1_800}', '{'b' * 1_800}a')",
    f"n[*].replace('{'a' * 3_600}', 'a', '')",
    f"n[*].find_last('{'a' * 2_000}', 'b{'a' * 900}')",
    f"n[*].blank('{' ' * 3_600}')",
    f"n[*].to_number('{'9' * 3_600}')",
    f"n[*].number('{'9' * 3_600}')",
    f"n[*].country('A{_MARKS * 99}')",
    f"n[*].country('A{_MARKS * 490}')",
    f"n[*].us_zip('02134', 'A{_MARKS * 99}')",
    f"n[*].rest_of_name('A{_MARKS * 99}', 'a{_MARKS * 99}')",
    f"n[*].from_items(`[{_PAIRS}]`)",
    f"n[*].group_by(`[{_ONES}]`, &'k')",
    f"n[*].sort_by(`[{_ONES}]`, &@)",
    "n[*].[@, @, @, @]",
    "n[*].not_null(@)",
    "n[?@ == `1` || a || b]",
    "map(&date(@, 'YYYY-MM-DD'), n)",
    "join(text, pairs[*][0])",
    f"join('{'x' * 3_600}', wide.*.to_string(@))",
    "wrap_line(text, `1`, `999999`)",
    "rest_of_name(capitals, small)",
    "trim(last, signs)",
    "sort(n) | sort(@) | sort(@)",
    "reverse(sort(n))",
    "||".join(["list == other"] * 60),
    "||".join(["!blank(spaces)"] * 60) + " || a",
    "||".join(["filled_values(blanks)[0]"] * 60),
    f"merge({','.join(['wide'] * 300)})",
    "from_items(pairs)",
    "list[-1]",
    "list[1:3]",
    "join_filled(',', split(join_filled(',', objects[*].k), ','))",
    "split(join_filled(',', objects[*].k), ',')[*].upper(@)",
    "join_filled(',', split(join_filled(',', objects[*].k), ',')[*].upper(@))",
)


def _took(work: Callable[[Any], Any]) -> float:
    """CPU seconds, the best of three: a collection of the whole suite's garbage is not the expression's."""
    return min(_once(work) for _ in range(3))


def _once(work: Callable[[Any], Any]) -> float:
    start = time.process_time()
    try:
        work(_DOCUMENT)
    except ExpressionError as error:
        assert error.code == "over_budget", error  # noqa: PT017 - a value is as good
    return time.process_time() - start


@pytest.mark.parametrize("mode", ["off", "on"])
@pytest.mark.parametrize("text", HOSTILE, ids=[text[:50] for text in HOSTILE])
def test_it_ends_soon(text: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its value, and where that came from: each is known soon, or over the budget, compiled or not."""
    monkeypatch.setattr(lazily, "MODE", mode)
    expression = expressions.compile(text)
    expression.compiled()
    assert _took(expression.search) < SOON
    assert _took(expression.trace) < SOON


def test_a_separator_takes_no_memory() -> None:
    """What a standard `join` would make is counted before it is made."""
    document = {"between": "x" * 10_000, "parts": [""] * 5_000}
    expression = expressions.compile("join(between, parts)")
    tracemalloc.start()
    for _ in range(lazily.EVALUATIONS + 1):
        with pytest.raises(ExpressionError, match="steps"):
            expression.search(document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_tables_name_functions() -> None:
    """The functions that are charged less are functions, and what looks into what it is given is not among them."""
    known = set(functions.TABLE) | set(sure.STANDARD) | {"map"}
    assert known >= interpreter.AT_A_GLANCE | interpreter.FROM_OUTSIDE
    assert not interpreter.AT_A_GLANCE & interpreter.FROM_OUTSIDE


#: What these give is weighed where it is a text, although they do not look at it.
_FREE = interpreter.AT_A_GLANCE - {"not_null", "to_array"}


@pytest.mark.parametrize("name", sorted(set(functions.TABLE) | set(sure.STANDARD)))
def test_a_long_text_is_charged(name: str) -> None:
    """A text of 100,000 characters costs thousands of steps, unless the function does not look at it."""
    ours = functions.TABLE.get(name)
    count = ours.least if ours else {"contains": 2, "join": 2, "starts_with": 2, "ends_with": 2}.get(name, 1)
    run = interpreter.Run()
    with suppress(ValueError):  # of a wrong kind, which is found after it was weighed
        run.call(name, ["x" * 100_000] * count)
    assert (run.steps < interpreter.MAX_STEPS - 5_000) == (name not in _FREE)


@pytest.mark.parametrize("text", ["us_zip(value, fields.c)", "join_filled(' ', [a || b, c || d])", "a[*].join(' ', b)"])
def test_what_mappings_say_is_compiled(text: str) -> None:
    """With room for texts far above those of real events."""
    limits = generator.limits_for(expressions.compile(text).tree)
    assert limits is not None
    assert limits.weight * 16 >= 500
    assert limits.elements >= 64


def _mapping(spellings: list[str]) -> pipeline.Mapper:
    mapping = {"mapping": 1, "destination": "D", "fields": {"f": {"from": spellings, "rules": {"required": True}}}}
    return pipeline.loads(strategies.written({**mapping, "send": {"url": "https://example.test/"}}), environ={})


def test_it_is_a_problem_of_its_event() -> None:
    """The event is invalid and says why; the next one is mapped."""
    mapper = _mapping([f"traits.n[*].wrap_line('{'a ' * 1_000}', @, @) | [0]"])
    start = time.process_time()
    result = mapper.transform({"type": "identify", "userId": "u", "traits": {"n": [999] * 3_000}})
    assert time.process_time() - start < SOON
    assert (result.status, [p.code for p in result.problems]) == ("invalid", ["missing"])
    assert [(p.code, p.field) for p in result.warnings] == [("over_budget", "f")]
    assert mapper.transform({"type": "identify", "userId": "u", "traits": {"n": [1]}}).status == "ready"


def test_many_of_them_take_as_many_times_as_long() -> None:
    """A hundred hostile spellings in one file: each is stopped for itself, and none is evaluated again for its end."""
    spellings = [f"traits.n[?@ == `{number}` || a] | [0]" for number in range(2, 102)]
    mapper = _mapping(spellings)
    text = json.dumps({"type": "identify", "userId": "u", "traits": {"n": [1] * 9_000}}).encode()
    start = time.process_time()
    result = mapper.transform(text)
    assert [p.code for p in result.warnings] == ["over_budget"] * 100
    assert len(result.accounts) == 1
    assert time.process_time() - start < SOON * 20
