"""What each plain rule asks of one value.

Knows when a value is of a type and when it keeps one rule. Must not know sets of rules, Cerberus or
files. Cerberus's validator and the fast path both ask here, so they cannot disagree.

A rule that cannot judge a value of that kind holds: the type is asked first, and only values of type
``any`` reach a rule that is not about them.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mapper.rules import patterns

#: In characters. What is printed on a card is far shorter.
LONGEST_COMPOSED = 4_096


def nfc(text: str) -> str:
    """The text with its accents composed: in this form 40 letters é are 40 characters, however they were typed.

    A text longer than ``LONGEST_COMPOSED`` stays as it is: to compose a letter with 40,000 accents takes a second.
    """
    return text if text.isascii() or len(text) > LONGEST_COMPOSED else unicodedata.normalize("NFC", text)


def is_number(value: Any) -> bool:
    """A JSON number: true and false, infinity and what is no number are none."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """A JSON number without a fraction: 12 and 12.0."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


_FITS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "text": lambda value: isinstance(value, str),
        "number": is_number,
        "whole": is_whole,
        "flag": lambda value: isinstance(value, bool),
        "list": lambda value: isinstance(value, list),
        "object": lambda value: isinstance(value, dict),
        "any": lambda value: value is not None,
    }
)


def fits(kind: str, value: Any) -> bool:
    """Whether a value is of a field's type. Null is of none."""
    return _FITS[kind](value)


def size(value: Any) -> int | None:
    """The characters of a text (composed), the entries of a list, the members of an object; else None."""
    if isinstance(value, str):
        return len(nfc(value))
    return len(value) if isinstance(value, list | dict) else None


def among(value: Any, many: Sequence[Any]) -> bool:
    """Whether a value is one of many. 1 is 1.0, but true is not 1, although Python says so."""
    value = nfc(value) if isinstance(value, str) else value
    if value not in many:
        return False
    return any(other == value and isinstance(other, bool) is isinstance(value, bool) for other in many)


def _allowed(many: Sequence[Any], value: Any) -> bool:
    return all(among(entry, many) for entry in value) if isinstance(value, list) else among(value, many)


def _forbidden(many: Sequence[Any], value: Any) -> bool:
    return not any(among(entry, many) for entry in value) if isinstance(value, list) else not among(value, many)


def _contains(many: Sequence[Any], value: Any) -> bool:
    if not isinstance(value, list):
        return True
    entries = [nfc(entry) if isinstance(entry, str) else entry for entry in value]
    return all(among(expected, entries) for expected in many)


def _min(least: float, value: Any) -> bool:
    return bool(value >= least) if is_number(value) else True


def _max(most: float, value: Any) -> bool:
    return bool(value <= most) if is_number(value) else True


def _minlength(least: int, value: Any) -> bool:
    count = size(value)
    return count is None or count >= least


def _maxlength(most: int, value: Any) -> bool:
    count = size(value)
    return count is None or count <= most


def _regex(pattern: str, value: Any) -> bool:
    return patterns.matches(pattern, nfc(value)) if isinstance(value, str) else True


#: The plain rules: ``HOLDS[name](argument, value)`` says whether the value keeps the rule.
HOLDS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "allowed": _allowed,
        "forbidden": _forbidden,
        "contains": _contains,
        "min": _min,
        "max": _max,
        "minlength": _minlength,
        "maxlength": _maxlength,
        "regex": _regex,
    }
)
