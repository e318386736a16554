"""Text functions that standard JMESPath lacks, by the names that its community edition gives them.

Knows names, argument order and results of JMESPath Community (its proposal JEP-14), so that an
expression can be carried over. Must not know names, places or fields. Where that edition raises an
error these give null.
"""

from __future__ import annotations

from typing import Any

from mapper.functions import kinds
from mapper.functions.registry import Example, Function, Parameter

#: Stands for a count or an end that was not given: longer than any text.
_NO_END = 2**52

#: Nobody lists more characters to trim, and each character of a text is looked up among them.
_MOST_CHARACTERS = 200


def _lower(subject: Any) -> str | None:
    return subject.lower() if isinstance(subject, str) else None


def _upper(subject: Any) -> str | None:
    return subject.upper() if isinstance(subject, str) else None


# Of the three trims: no characters given, or an empty text of them, stands for white space.


def _trim(subject: Any, chars: Any = "") -> str | None:
    return subject.strip(chars or None) if _can_trim(subject, chars) else None


def _trim_left(subject: Any, chars: Any = "") -> str | None:
    return subject.lstrip(chars or None) if _can_trim(subject, chars) else None


def _trim_right(subject: Any, chars: Any = "") -> str | None:
    return subject.rstrip(chars or None) if _can_trim(subject, chars) else None


def _can_trim(subject: Any, chars: Any) -> bool:
    return isinstance(subject, str) and isinstance(chars, str) and len(chars) <= _MOST_CHARACTERS


def _split(subject: Any, search: Any, count: Any = _NO_END) -> list[str] | None:
    times = kinds.whole(count)
    if not isinstance(subject, str) or not isinstance(search, str) or times is None or times < 0:
        return None
    if len(subject) > kinds.LONGEST:
        return None
    return subject.split(search, times) if search else _characters(subject, times)


def _characters(subject: str, count: int) -> list[str]:
    rest = subject[count:]
    return [*subject[:count], rest] if rest else list(subject)


def _replace(subject: Any, old: Any, new: Any, count: Any = _NO_END) -> str | None:
    limit = kinds.whole(count)
    if not isinstance(subject, str) or not isinstance(old, str) or not isinstance(new, str):
        return None
    if limit is None or limit < 0:
        return None
    # An empty text to look for is found nowhere: there is nothing to replace.
    times = min(subject.count(old), limit) if old else 0
    if len(subject) + times * (len(new) - len(old)) > max(kinds.LONGEST, len(subject)):
        return None
    return subject.replace(old, new, times)


def _pad_left(subject: Any, width: Any, pad: Any = " ") -> str | None:
    columns = _columns(width, pad)
    return subject.rjust(columns, pad) if isinstance(subject, str) and columns is not None else None


def _pad_right(subject: Any, width: Any, pad: Any = " ") -> str | None:
    columns = _columns(width, pad)
    return subject.ljust(columns, pad) if isinstance(subject, str) and columns is not None else None


def _columns(width: Any, pad: Any) -> int | None:
    """The width to pad to; None where it is none, or where the padding is not one character."""
    columns = kinds.whole(width)
    if columns is None or not 0 <= columns <= kinds.LONGEST:
        return None
    return columns if isinstance(pad, str) and len(pad) == 1 else None


def _find_first(subject: Any, sub: Any, start: Any = 0, end: Any = _NO_END) -> int | None:
    span = _span(subject, sub, start, end)
    if span is None:
        return None
    found = subject.find(sub, *span)
    return found if found >= 0 else None


def _find_last(subject: Any, sub: Any, start: Any = 0, end: Any = _NO_END) -> int | None:
    span = _span(subject, sub, start, end)
    if span is None:
        return None
    # Searched backwards in the reversed text: `rfind` takes quadratic time on unlucky texts, `find` does not.
    first, last = span
    found = subject[first:last][::-1].find(sub[::-1])
    return first + len(subject[first:last]) - found - len(sub) if found >= 0 else None


def _span(subject: Any, sub: Any, start: Any, end: Any) -> tuple[int, int] | None:
    """Where to search, cut to the text; None where that, or what to search for, is not given properly."""
    first, last = kinds.whole(start), kinds.whole(end)
    if not isinstance(subject, str) or not isinstance(sub, str) or not sub or first is None or last is None:
        return None
    return max(first, 0), max(last, 0)


_SUBJECT = Parameter("subject", "text")
_CHARS = Parameter("chars", "text", optional=True)
_COUNT = Parameter("count", "number", optional=True)
_WIDTH = Parameter("width", "number")
_PAD = Parameter("pad", "text", optional=True)
_SPAN = (Parameter("start", "number", optional=True), Parameter("end", "number", optional=True))

FUNCTIONS = (
    Function(
        name="lower",
        parameters=(_SUBJECT,),
        summary="The text in small letters.",
        examples=(
            Example("lower(traits.email)", {"traits": {"email": "Ada@Example.COM"}}, "ada@example.com"),
            Example("lower(traits.email)", {"traits": {}}, None),
        ),
        call=_lower,
    ),
    Function(
        name="upper",
        parameters=(_SUBJECT,),
        summary="The text in capital letters.",
        examples=(Example("upper(traits.plan)", {"traits": {"plan": "gold"}}, "GOLD"),),
        call=_upper,
    ),
    Function(
        name="trim",
        parameters=(_SUBJECT, _CHARS),
        summary="The text without white space at both ends, or without the characters that you list.",
        examples=(
            Example("trim(traits.name)", {"traits": {"name": "  Ada "}}, "Ada"),
            Example("trim(traits.code, '#*')", {"traits": {"code": "#12*"}}, "12"),
        ),
        call=_trim,
    ),
    Function(
        name="trim_left",
        parameters=(_SUBJECT, _CHARS),
        summary="The text without white space at its start, or without the characters that you list.",
        examples=(Example("trim_left(traits.code, '0')", {"traits": {"code": "0070"}}, "70"),),
        call=_trim_left,
    ),
    Function(
        name="trim_right",
        parameters=(_SUBJECT, _CHARS),
        summary="The text without white space at its end, or without the characters that you list.",
        examples=(Example("trim_right(traits.street, ',. ')", {"traits": {"street": "1 Main St., "}}, "1 Main St"),),
        call=_trim_right,
    ),
    Function(
        name="split",
        parameters=(_SUBJECT, Parameter("search", "text"), _COUNT),
        summary="The text cut into a list wherever the search text stands, at most count times.",
        examples=(
            Example("split(traits.tags, ',')", {"traits": {"tags": "a,b,c"}}, ["a", "b", "c"]),
            Example("split(traits.email, '@', `1`) | [0]", {"traits": {"email": "ada@x.org"}}, "ada"),
        ),
        call=_split,
    ),
    Function(
        name="replace",
        parameters=(_SUBJECT, Parameter("old", "text"), Parameter("new", "text"), _COUNT),
        summary="The text with one piece exchanged for another, everywhere or the first count times.",
        examples=(
            Example("replace(traits.phone, '-', '')", {"traits": {"phone": "310-709-9497"}}, "3107099497"),
            Example("replace(traits.phone, '-', ' ', `1`)", {"traits": {"phone": "310-709-9497"}}, "310 709-9497"),
        ),
        call=_replace,
    ),
    Function(
        name="pad_left",
        parameters=(_SUBJECT, _WIDTH, _PAD),
        summary="The text made as long as width by adding spaces, or one character of yours, in front.",
        examples=(Example("pad_left(traits.id, `6`, '0')", {"traits": {"id": "42"}}, "000042"),),
        call=_pad_left,
    ),
    Function(
        name="pad_right",
        parameters=(_SUBJECT, _WIDTH, _PAD),
        summary="The text made as long as width by adding spaces, or one character of yours, at its end.",
        examples=(Example("pad_right(traits.id, `4`, '-')", {"traits": {"id": "42"}}, "42--"),),
        call=_pad_right,
    ),
    Function(
        name="find_first",
        parameters=(_SUBJECT, Parameter("sub", "text"), *_SPAN),
        summary="Where the shorter text first stands in the longer one, counted from 0; null where it does not. "
        "Start and end narrow the search.",
        examples=(
            Example("find_first(traits.email, '@')", {"traits": {"email": "ada@x.org"}}, 3),
            Example("find_first(traits.email, '#')", {"traits": {"email": "ada@x.org"}}, None),
        ),
        call=_find_first,
    ),
    Function(
        name="find_last",
        parameters=(_SUBJECT, Parameter("sub", "text"), *_SPAN),
        summary="Where the shorter text last stands in the longer one, counted from 0; null where it does not. "
        "Start and end narrow the search.",
        examples=(Example("find_last(traits.host, '.')", {"traits": {"host": "www.x.org"}}, 5),),
        call=_find_last,
    ),
)
