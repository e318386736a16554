"""JSON in and out: one reading and one writing for every face of the product.

Knows what counts as JSON here. Must not know what the values mean.

Reading is strict where the usual libraries are lenient, because each leniency loses mail: NaN and
Infinity, duplicate names (the last would win in silence), lone surrogates (they cannot be sent),
numbers of thousands of digits and bottomless nesting are refused. Integers beyond 64 bits are kept.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

#: How deeply lists and objects may be nested. Real Identify calls stay below ten.
MAX_DEPTH = 64
#: How many digits a number may have: beyond it a conversion costs more than a letter does.
MAX_DIGITS = 400

_encoder = msgspec.json.Encoder()


class NotJson(ValueError):  # noqa: N818 - a verdict on a text, read as "it is not JSON"
    """The text is not JSON, or not JSON that can be kept whole. The message never quotes the text."""


def decode(raw: bytes | str) -> Any:
    """The value of a JSON text. Raises NotJson with a reason and, where it is known, a place."""
    try:
        # Bytes cannot hold half of a surrogate pair; a text of Python's can.
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw.encode("utf-8").decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 at byte {error.start + 1}") from None
    except UnicodeEncodeError:
        raise NotJson("half of a surrogate pair: text that cannot be sent") from None
    text = text.removeprefix("\ufeff")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise NotJson(f"nested more than {MAX_DEPTH} levels deep")
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def encode(value: Any) -> bytes:
    """The canonical bytes of a JSON value: UTF-8, no white space, keys in their own order.

    Raises NotJson for what JSON cannot say.
    """
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise NotJson(f"a value that JSON cannot say ({type(error).__name__})") from None


def normal(value: Any) -> Any:
    """A Python value as it would arrive over the wire: dates as ISO text, keys as text.

    Raises NotJson for NaN, for circular and for foreign objects.
    """
    try:
        text = json.dumps(value, allow_nan=False, default=_foreign)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(f"a value that JSON cannot say ({type(error).__name__})") from None
    return decode(text)


def _foreign(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise NotJson("a name is given twice in one object")
    return table


def _constant(word: str) -> Any:
    raise NotJson(f"{word} is not JSON")


def _float(digits: str) -> float:
    number = float(digits) if len(digits) <= MAX_DIGITS else float("inf")
    if number in (float("inf"), float("-inf")):
        raise NotJson("a number too large to keep")
    return number


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise NotJson(f"a number of more than {MAX_DIGITS} digits")
    return int(digits)


def _refuse_surrogates(value: Any) -> None:
    try:
        _encoder.encode(value)
    except UnicodeEncodeError:
        raise NotJson("half of a surrogate pair: text that cannot be sent") from None


def _depth(text: str) -> int:
    """The deepest nesting of a JSON text, without recursion; brackets inside strings do not count."""
    depth = deepest = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest
