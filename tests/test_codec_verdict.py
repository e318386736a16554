"""The fast decoder and the strict one give the same verdict and the same value, on any text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mapper import codec

EVENTS = (Path(__file__).resolve().parent.parent / "examples" / "events.ndjson").read_bytes().splitlines()

#: Pieces that sit on the edges of the fast decoder's test: quotes, colons, escapes, white space, duplicates.
PIECES = [
    *(b'":', b'"', b'\\"', b"\\u0022", b"\\u003a", b" :", b"\t:", b":", b"{", b"}", b",", b"[", b"]", b"\\", b"\n"),
    *(b'"a":1,', b'"a" : 1,', b'"a":"x\\":y",', b'"a":{"a":1},', b"\\ud800", b"1e999", b"NaN", b"\xff", b"\xc3\xa9"),
    *(b"9" * 4400, b"-0", b"0.1e-400", b"1e5", b"[[[[[[", b"{" * 70),
]


def verdict(decoder: Any, text: bytes) -> Any:
    """The value as text, so that 1 is not 1.0 and not true; or that it is refused."""
    try:
        return json.dumps(decoder(text))
    except codec.NotJson:
        return codec.NotJson


def same(text: bytes) -> None:
    """Both decoders agree."""
    assert verdict(codec.decode, text) == verdict(codec.strict, text)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.lists(st.sampled_from(PIECES), max_size=3))
@example(
    [b'"c":"\\u0022:",', b'"a":1,', b'"a":2,'], []
)  # a name lost and a quote written otherwise: the counts are equal
@example([b'"a" :1,', b'"a":1,'], [])
def test_made_up_texts(members: list[bytes], inside: list[bytes]) -> None:
    """Texts of nothing but edges."""
    same(b"{" + b"".join(members) + b'"b":[{"a":"' + b"".join(inside) + b'"}]}')


@given(st.sampled_from(EVENTS), st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(PIECES)), max_size=3))
def test_damaged_events(line: bytes, damages: list[tuple[int, bytes]]) -> None:
    """Real calls with pieces put in."""
    for place, piece in damages:
        at = place % len(line)
        line = line[:at] + piece + line[at:]
    same(line)


WORDS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=20)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_any_value_comes_back(value: Any, indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    """However it is written, a value comes back as it was."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert json.dumps(codec.decode(text)) == json.dumps(value)
    same(text)


@pytest.mark.parametrize("line", EVENTS[::20])
def test_events_are_read_fast(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Usual calls never need the strict decoder: without it they are read all the same."""
    monkeypatch.setattr(codec, "strict", lambda _: pytest.fail("the strict decoder was asked"))
    if b"\\u" not in line:
        codec.decode(line)
