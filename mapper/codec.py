"""JSON in and out: one reading and one writing for every face of the product.

Knows what counts as JSON here. Must not know what the values mean.

Reading is strict where the usual libraries are lenient, because each leniency loses mail: NaN and
Infinity, duplicate names (the last would win in silence), lone surrogates (they cannot be sent),
numbers of thousands of digits and bottomless nesting are refused. Integers beyond 64 bits are kept.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

#: How deeply lists and objects may be nested. Real Identify calls stay below ten.
MAX_DEPTH = 64

_BOM = b"\xef\xbb\xbf"
#: White space before the colon of a member: then ``":`` does not count the members.
_LOOSE = (b" :", b"\t:", b"\n:", b"\r:")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class NotJson(ValueError):  # noqa: N818 - a verdict on a text, read as "it is not JSON"
    """The text is not JSON, or not JSON that can be kept whole. The message never quotes the text."""


def decode(raw: bytes | str) -> Any:
    """The value of a JSON text. Raises NotJson with a reason and, where it is known, a place.

    A fast decoder reads first. What it refuses, and what it cannot be sure of, the strict one reads: the
    verdict is the strict one's on every text (a property test).
    """
    if raw.__class__ is bytes and _is_shallow(raw):
        try:
            value = _decode(raw)
            # What is the same when it is written anew has lost nothing, not even a name that was given twice.
            if _encode(value) == raw:
                return value
        except (ValueError, RecursionError):
            return strict(raw.removeprefix(_BOM))
    return _decode_carefully((utf8(raw) if isinstance(raw, str) else bytes(raw)).removeprefix(_BOM))


def _is_shallow(text: bytes) -> bool:
    """Whether lists and objects can surely not be nested too deeply: there are not enough of them."""
    # (Python 3.11 counts one byte after the other; to take them out it searches, in half the time.)
    lists = len(text) - len(text.replace(b"[", b"")) if b"[" in text else 0
    return len(text) - len(text.replace(b"{", b"")) + lists <= MAX_DEPTH


def _decode_carefully(text: bytes) -> Any:
    if _is_shallow(text):
        try:
            value = _decode(text)
            written = _encode(value)
        except (ValueError, RecursionError):
            return strict(text)
        if written == text or _each_name_once(text, written):
            return value
    return strict(text)


def utf8(text: str) -> bytes:
    """A text's bytes. Raises NotJson for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NotJson("half of a surrogate pair: text that cannot be sent") from None


def _each_name_once(text: bytes, written: bytes) -> bool:
    """Whether no name is surely given twice in one object: the fast decoder would have kept the last in silence.

    Written anew, a value has each of its names once. ``":`` stands behind each name, and perhaps inside
    texts: equally often in both writings, as long as no character is escaped by its number. So equal counts
    mean that no member was lost. False only means that it is not sure. (Equal texts need no such proof.)
    """
    if b"\\u" in text or any(loose in text for loose in _LOOSE):
        return False
    return text.count(b'":') == written.count(b'":')


def is_plain(text: bytes) -> bool:
    """Whether every ASCII text in a JSON text is printable: no character is escaped, and there is no DEL."""
    return b"\\" not in text and b"\x7f" not in text


def strict(text: bytes) -> Any:
    """The value of a JSON text, by the standard library with every leniency taken away. Raises NotJson."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 at byte {error.start + 1}") from None
    if decoded.count("[") + decoded.count("{") > MAX_DEPTH and _depth(decoded) > MAX_DEPTH:
        raise NotJson(f"nested more than {MAX_DEPTH} levels deep")
    try:
        value = json.loads(decoded, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float)
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except NotJson:
        raise
    except ValueError:
        # Python's own limit on the digits of a number: beyond it a conversion costs more than a letter does.
        raise NotJson("a number of too many digits") from None
    if "\\u" in decoded:
        _refuse_surrogates(value)
    return value


def encode(value: Any) -> bytes:
    """The canonical bytes of a JSON value: UTF-8, no white space, keys in their own order.

    Raises NotJson for what JSON cannot say.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise NotJson(f"a value that JSON cannot say ({type(error).__name__})") from None


def normal(value: Any) -> Any:
    """A Python value as it would arrive over the wire: dates as ISO text, keys as text.

    Raises NotJson for NaN, for circular and for foreign objects.
    """
    return decode(text_of(value))


def text_of(value: Any) -> bytes:
    """The JSON text of a Python value, as it would go over the wire. Raises NotJson as ``normal``."""
    try:
        text = json.dumps(value, allow_nan=False, default=_foreign, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(f"a value that JSON cannot say ({type(error).__name__})") from None
    return utf8(text)


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
    number = float(digits)
    if math.isinf(number):
        raise NotJson("a number too large to keep")
    return number


def _refuse_surrogates(value: Any) -> None:
    try:
        _encode(value)
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
