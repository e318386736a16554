"""What a candidate's value counts as: filled, empty or unfit for the field's type.

Knows the table of presence and text (the mapping language, section 1.4). Must not know where a value
came from.
"""

from __future__ import annotations

import math
import re
from typing import Any

from mapper.rules import predicates

#: A text that a number field takes: plain decimals, no exponents, no words such as nan.
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
#: From here on a float has lost its last digits, and its text would be a guess.
_EXACT = 2**53
#: Python neither reads nor writes a number of more digits than these: only a function can have made it.
_VAST = 10**4300

#: What a value is called in a sentence.
_NAMES = {bool: "a boolean", dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}


class Unfit(Exception):  # noqa: N818 - a verdict on a value, not a fault; it never leaves transform
    """A value of the wrong kind for the field's type. ``str()`` names both kinds, never the value."""


def is_empty(value: Any) -> bool:
    """Null, a blank text, an empty list or object."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, list | dict) and not value


def is_cleared(value: Any) -> bool:
    """Null or a blank text: the sender said that there is none."""
    return value is None or (isinstance(value, str) and not value.strip())


def is_sayable(value: Any) -> bool:
    """Whether JSON can say a value that functions made: ``to_number('nan')`` is a number, and so is an overflow."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < _VAST
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(is_sayable, parts))


def fit(value: Any, kind: str) -> Any:
    """A filled value as the field's type has it. Raises Unfit."""
    if kind == "text":
        return _text(value)
    if kind in ("number", "whole"):
        return _number(value, kind)
    if not is_sayable(value):
        raise Unfit(
            "a number that JSON cannot say"
            if isinstance(value, float)
            else "a value that holds a number JSON cannot say"
        )
    wanted = {"flag": bool, "list": list, "object": dict}.get(kind)
    if wanted is not None and not isinstance(value, wanted):
        raise Unfit(_words(value, kind))
    return value


def fits(value: Any, kind: str) -> bool:
    """Whether a value is filled and fits the type."""
    if is_empty(value):
        return False
    try:
        fit(value, kind)
    except Unfit:
        return False
    return True


def as_text(value: Any) -> Any:
    """A scalar as text where it can be one; anything else as it is."""
    try:
        return _text(value)
    except Unfit:
        return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return predicates.nfc(value).strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(_words(value, "text"))
    if not is_sayable(value) or (isinstance(value, float) and abs(value) >= _EXACT):
        raise Unfit("a number too large to be written exactly, a text is due")
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if value.is_integer() else repr(value)


def _number(value: Any, kind: str) -> int | float:
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        text = value.strip()
        value = float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(_words(value, kind))
    if not is_sayable(value):
        raise Unfit("a number that JSON cannot say")
    if kind == "whole" and isinstance(value, float):
        if not value.is_integer() or abs(value) >= _EXACT:
            raise Unfit("not a whole number")
        return int(value)
    return value


_DUE = {
    "text": "a text",
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "list": "a list",
    "object": "an object",
}


def _words(value: Any, kind: str) -> str:
    return f"{_NAMES.get(type(value), 'something else')}, {_DUE.get(kind, kind)} is due"
