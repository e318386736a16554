"""Accept fast, explain slowly: the quick Yes to a value, and what is remembered of Cerberus's No."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest
from test_rules import good
from test_rules_values import says

from mapper.rules import judgement, patterns


@pytest.mark.parametrize(
    ("text", "kind", "right", "doubtful"),
    [
        ("maxlength: 2", "text", ["ab", "e\u0301e\u0301", ""], ["abc", None, 1, "\u0958\u0958"]),
        ("regex: '[A-Z]{2}'", "text", ["CA"], ["CA\n", "ca", "xCA", "\ud800", 12]),
        ("allowed: [CA, é]", "text", ["CA", "e\u0301"], ["ca", "", ["CA"]]),
        ("forbidden: [é]", "text", ["e"], ["é", "e\u0301"]),
        ("min: 1", "number", [1, 1.0, 10**400], [True, 0.999, math.nan, math.inf, "1"]),
        ("allowed: [1]", "whole", [1, 1.0], [True, 1.5, 2]),
        ("allowed: [true]", "flag", [True], [1, False, "true"]),
        ("schema: {maxlength: 1}", "list", [["a"], []], [["ab"], [None], "a"]),
        ("schema: {a: {required: true}}", "object", [{"a": "x"}], [{}, {"a": None}, {"a": "x", "b": 1}]),
        ("items: [{}, {type: flag}]", "list", [["a", True]], [["a"], ["a", 1], ["a", True, 1]]),
        ("keysrules: {maxlength: 1}\nvaluesrules: {}", "object", [{"a": "x"}], [{"ab": "x"}, {"a": 1}]),
        ("anyof: [{maxlength: 1}, {regex: 'b+'}]", "text", ["a", "bbb"], ["aa"]),
        ("allof: [{maxlength: 1}, {regex: 'b+'}]", "text", ["b"], ["a", "bb"]),
        ("anyof: [{oneof: [{maxlength: 1}]}, {regex: 'b+'}]", "text", ["bb", "a"], ["aa"]),
        ("noneof: [{maxlength: 1}, {regex: 'b+'}]", "text", ["aa"], ["a", "bb"]),
        ("oneof: [{maxlength: 2}, {minlength: 2}]", "text", ["a", "abc"], ["ab"]),
        ("{}", "any", ["", 0, False, []], [None]),
    ],
)
def test_the_quick_yes(text: str, kind: str, right: list[Any], doubtful: list[Any]) -> None:
    """It is said of what is right; of all else nothing is said."""
    accepts = good(text, kind).accepts
    assert accepts is not None
    assert [accepts(value) for value in right] == [True] * len(right)
    assert [accepts(value) for value in doubtful] == [False] * len(doubtful)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("noneof: [{anyof: [{maxlength: 1}]}]", ["noneof"]),
        ("oneof: [{allof: [{}]}]", []),
        ("allof: [{oneof: [{anyof: [{maxlength: 0}]}]}]", ["allof"]),
    ],
)
def test_where_a_no_is_needed_only_cerberus_tells(text: str, broken: list[str]) -> None:
    """A rule that looks for a value that does not fit cannot be judged by a test that only says yes."""
    compiled = good(text)
    assert compiled.accepts is None
    assert [one.rule for one in compiled.check("a")] == broken


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The values that Cerberus is asked about."""
    values: list[Any] = []
    real = judgement.Schema.faults

    def faults(self: judgement.Schema, value: Any) -> Any:
        values.append(value)
        return real(self, value)

    monkeypatch.setattr(judgement.Schema, "faults", faults)
    return values


def test_cerberus_is_asked_once_for_each_pattern_of_failure(asked: list[Any]) -> None:
    """And the words fit each value: they count what it has."""
    compiled = good("maxlength: 2\nregex: '[a-z]*'")
    spoken = [says(compiled, value) for value in ("abc", "abcd", "A", "ABCD", "B", "ABC", None, 1, 2)]
    assert asked == ["abc", "A", "ABCD", None, 1]
    assert spoken[:2] == [[("maxlength", f"has {count} characters; the limit is 2")] for count in (3, 4)]
    assert [broken for _, broken in spoken[3]] == ["has 4 characters; the limit is 2", "does not match [a-z]*"]
    assert [broken for _, broken in spoken[5]] == ["has 3 characters; the limit is 2", "does not match [a-z]*"]
    assert spoken[6:] == [[("nullable", "is null")], *[[("type", "is not a text")]] * 2]
    assert spoken[2] == spoken[4] == [("regex", "does not match [a-z]*")]


def test_the_kind_of_a_value_is_part_of_the_pattern(asked: list[Any]) -> None:
    """A text and a list are too long in other words."""
    compiled = good("maxlength: 1\nallowed: [a]", "any")
    assert says(compiled, "ab")[0] == ("maxlength", "has 2 characters; the limit is 1")
    assert says(compiled, ["a", "b"])[1] == ("allowed", "has an entry that is not one of a")
    assert says(compiled, ["a", "b", "c"])[0] == ("maxlength", "has 3 entries; the limit is 1")
    assert asked == ["ab", ["a", "b"]]


def test_rules_that_look_inside_are_asked_each_time(asked: list[Any]) -> None:
    """What they say depends on the parts of the value."""
    compiled = good("maxlength: 9\nschema: {maxlength: 1}", "list")
    assert says(compiled, ["ab"]) != says(compiled, ["a", "ab"])
    assert len(asked) == 2


def test_the_memory_holds_no_value_and_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traits belong to people; and a stranger may send any number of kinds of wrong values."""
    compiled = good("maxlength: 1\nallowed: [a]\nregex: 'a'", "any")
    known = compiled._judgement._known  # noqa: SLF001 - it is what is looked at
    for value in ("Imogen", ["Imogen"], {"Imogen": "Imogen"}, {"Imogen": 1, "b": 2}):
        assert compiled.check(value)
    assert len(known) == 4
    assert "Imogen" not in repr([(fault, fault.value, fault.at) for faults in known.values() for fault in faults])
    monkeypatch.setattr(judgement, "MAX_PATTERNS", 4)
    assert says(compiled, None) == says(compiled, None) == [("nullable", "is null")]
    assert len(known) == 4


def test_threads_share_the_memory() -> None:
    """Each is told of its own value."""
    compiled = good("maxlength: 2\nregex: '[a-z]*'")
    right: list[bool] = []
    start = threading.Barrier(8)

    def judge(length: int) -> None:
        start.wait()
        due = [("maxlength", f"has {length} characters; the limit is 2")]
        right.extend(says(compiled, "a" * length) == due for _ in range(300))

    threads = [threading.Thread(target=judge, args=(number + 3,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 2_400


def test_half_of_a_surrogate_pair_keeps_no_form() -> None:
    """JSON can hold it, and it is no character."""
    assert patterns.matcher(".*")("a\ud800") is False
