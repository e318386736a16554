"""JSON in and out: what is refused, and that what is taken is kept whole."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import json
from typing import Any

import laws
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from mapper import codec
from mapper.codec import NotJson

#: A text, and a word of the reason why it is refused.
REFUSED: tuple[tuple[bytes | str, str], ...] = (
    ("", "not JSON"),
    ("   ", "not JSON"),
    ("nul", "not JSON"),
    ("{'a': 1}", "not JSON"),
    ('{"a": 1,}', "not JSON"),
    ("[1,]", "not JSON"),
    ('{"a": 1} {"b": 2}', "not JSON"),
    ('{"a": 1}x', "not JSON"),
    ("{a: 1}", "not JSON"),
    ("[01]", "not JSON"),
    ("[+1]", "not JSON"),
    ("[.5]", "not JSON"),
    ("[1.]", "not JSON"),
    ("[0x10]", "not JSON"),
    ('["tab\there"]', "not JSON"),
    ('["line\nbreak"]', "not JSON"),
    ('["\\x41"]', "not JSON"),
    ('["\\u12"]', "not JSON"),
    ('["open', "not JSON"),
    ("// comment\n1", "not JSON"),
    ("NaN", "NaN"),
    ("[Infinity]", "Infinity"),
    ('{"a": -Infinity}', "Infinity"),
    ("1e400", "too large"),
    ("-1e999", "too large"),
    ("[1" + "0" * 5000 + "]", "digits"),
    ("-" + "9" * 5000, "digits"),
    ('{"a": 1, "a": 2}', "twice"),
    ('{"a": 1, "\\u0061": 2}', "twice"),
    ('[{"b": {"a": 1, "a": 1}}]', "twice"),
    ('"\\ud800"', "surrogate"),
    ('"\\udc00 x"', "surrogate"),
    ('{"\\ud800": 1}', "surrogate"),
    ('"\\ud800\\u0041"', "surrogate"),
    ('"\ud800"', "surrogate"),
    ('{"\udfff": 1}', "surrogate"),
    ("[" * 65 + "]" * 65, "deep"),
    ('{"a":' * 65 + "1" + "}" * 65, "deep"),
    ("[" * 100_000, "deep"),
    (b"\xff\xfe{\x00}\x00", "UTF-8"),
    (b'{"a": "\xe9"}', "UTF-8 at byte 8"),
    (b'"\xed\xa0\x80"', "UTF-8"),
    (b"\x00", "not JSON"),
)

#: A text, and the value that it has.
TAKEN: tuple[tuple[bytes | str, Any], ...] = (
    ("null", None),
    (" [1, 2.5, -0, -0.0, true] \n", [1, 2.5, 0, -0.0, True]),
    (b"\xef\xbb\xbf{}", {}),
    ("\ufeff{}", {}),
    ('"\\ud83d\\ude00"', "\U0001f600"),
    ('"\\u0000"', "\x00"),
    ('""', ""),
    ('{"": {"": 1}}', {"": {"": 1}}),
    ("12345678901234567890123", 12345678901234567890123),
    ("9" * 400, int("9" * 400)),
    ("1E2", 100.0),
    ("5e-324", 5e-324),
    ("1e-400", 0.0),
    ('{"b": 1, "a": 2}', {"b": 1, "a": 2}),
    ('"' + "[" * 200 + '"', "[" * 200),
    ('["\\"[", "\\\\"]', ['"[', "\\"]),
    ('"\u2028"', "\u2028"),
)


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_refused(text: bytes | str, reason: str) -> None:
    """Each leniency of the usual libraries is refused, with a reason and without quoting the text."""
    with pytest.raises(NotJson, match=reason) as caught:
        codec.decode(text)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("text", "value"), TAKEN, ids=range(len(TAKEN)))
def test_taken(text: bytes | str, value: Any) -> None:
    """What is JSON is kept whole: digits, order, and characters."""
    assert laws.same(codec.decode(text), value)


def test_depth_to_the_bound() -> None:
    """Sixty-four levels are taken, and brackets inside texts are no levels."""
    assert codec.decode("[" * 64 + "]" * 64) == json.loads("[" * 64 + "]" * 64)
    assert len(codec.decode("[" + ",".join('"[[["' for _ in range(100)) + "]")) == 100


def test_reasons_hold_no_value() -> None:
    """A reason can be shown and logged."""
    for text in ('{"CANARY": 1, "CANARY": 2}', '["CANARY" x]', '"CANARY\\ud800"', "CANARY", '{"CANARY'):
        with pytest.raises(NotJson) as caught:
            codec.decode(text)
        assert "CANARY" not in f"{caught.value!r}"


@laws.some(150)
@given(strategies.json_values)
def test_what_is_written_is_read_again(value: Any) -> None:
    """Whatever is JSON comes back the same, to the order of names and the kind of numbers."""
    written = codec.encode(value)
    assert laws.same(codec.decode(written), value)
    assert laws.same(codec.decode(written.decode()), value)
    assert laws.same(codec.decode(json.dumps(value)), value)
    assert laws.same(codec.normal(value), value)
    assert codec.encode(codec.decode(written)) == written


@laws.some(150)
@given(strategies.json_values, st.integers(0, 40), st.sampled_from('{}[]",:0\\ \n\x00-+.eEnNu\u00e9'), st.booleans())
def test_broken_texts_as_msgspec_has_them(value: Any, place: int, character: str, replace: bool) -> None:  # noqa: FBT001
    """The fast reading has the strict one's verdict; and msgspec's, but for what only the strict one refuses."""
    whole = json.dumps(value, ensure_ascii=False)
    at = min(place, len(whole))
    laws.check_codec(whole[:at] + character + whole[at + replace :])


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        [float("inf")],
        {"a": object()},
        {1, 2},
        b"bytes",
        decimal.Decimal(1),
        {("a", "b"): 1},
        "\ud800",
        {"\udfff": 1},
        {1: "a", "1": "b"},
        10**5000,
    ],
    ids=range(11),
)
def test_what_is_no_json_is_no_event(value: Any) -> None:
    """A Python value that cannot arrive over the wire is refused as a text would be."""
    with pytest.raises(NotJson):
        codec.normal(value)


def test_circles_and_bottomless_values() -> None:
    """A value inside itself, or nested without end, is refused and not followed."""
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(50_000):  # Python 3.13 lets a library go 10,000 levels deep
        deep = [deep]
    for value in (circle, deep):
        with pytest.raises(NotJson):
            codec.normal(value)
        with pytest.raises(NotJson):
            codec.encode(value)


def test_normal_values() -> None:
    """Dates become text, names become text, and the caller's value is not touched."""
    given_value = {
        "day": dt.date(2024, 5, 1),
        "when": dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
        7: (1, 2),
    }
    before = copy.deepcopy(given_value)
    assert codec.normal(given_value) == {"day": "2024-05-01", "when": "2024-05-01T00:00:00+00:00", "7": [1, 2]}
    assert given_value == before


@pytest.mark.parametrize("value", [object(), "\ud800", {"a": ["\ud800"]}], ids=range(3))
def test_encode_refuses(value: Any) -> None:
    """What JSON cannot say is not written."""
    with pytest.raises(NotJson):
        codec.encode(value)
