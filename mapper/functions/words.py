"""Functions on the words and lines of a text: first and last word, joining parts, wrapping lines, numbers as text.

Knows words and lines. Must not know names of people or places. No text is ever cut to fit.
"""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from mapper.functions import kinds
from mapper.functions.registry import Example, Function, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A number as people write it. A leading zero makes it a code (02134), and JSON would not read it either.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")


def _first_word(text: Any) -> str | None:
    words = text.split(None, 1) if isinstance(text, str) else []
    return words[0] if words else None


def _last_word(text: Any) -> str | None:
    words = text.rsplit(None, 1) if isinstance(text, str) else []
    return words[-1] if words else None


def _capitalize_first(text: Any) -> str | None:
    return text[:1].title() + text[1:] if isinstance(text, str) else None


def _join_filled(separator: Any, parts: Any) -> str | None:
    return _joined(separator, [p for p in parts if not kinds.is_blank(p)]) if isinstance(parts, list) else None


def _join_all(separator: Any, parts: Any) -> str | None:
    if not isinstance(parts, list) or any(kinds.is_blank(part) for part in parts):
        return None
    return _joined(separator, parts)


def _joined(separator: Any, parts: list[Any]) -> str | None:
    """The parts with the separator between them; None if a part is a flag, list or object, or if there is no part.

    Numbers join as a text field would write them: a house number must not be lost. A part that cannot be
    written makes all of it null, because an address with a piece missing is a wrong address.
    """
    texts = [kinds.written(part) for part in parts]
    if not isinstance(separator, str) or not texts or None in texts:
        return None
    trimmed = [text.strip() for text in texts if text is not None]
    length = sum(map(len, trimmed)) + len(separator) * (len(trimmed) - 1)
    return separator.join(trimmed) if length <= kinds.LONGEST else None


def _wrap_line(text: Any, width: Any, n: Any) -> str | None:
    columns, number = kinds.whole(width), kinds.whole(n)
    if not isinstance(text, str) or columns is None or number is None or columns < 1 or number < 1:
        return None
    return next(islice(_lines(text.split(), columns), number - 1, None), None)


def _lines(words: list[str], width: int) -> Iterator[str]:
    """As many words to a line as fit. A word longer than the line stands alone, uncut."""
    line: list[str] = []
    length = 0
    for word in words:
        if line and length + len(line) + len(word) > width:
            yield " ".join(line)
            line, length = [], 0
        line.append(word)
        length += len(word)
    if line:
        yield " ".join(line)


def _number(value: Any) -> int | float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value) if "." in value else int(value)
    return value if kinds.is_number(value) and -math.inf < value < math.inf else None


_TEXT = Parameter("text", "text")
_JOINING = (Parameter("separator", "text"), Parameter("list", "list"))

FUNCTIONS = (
    Function(
        name="first_word",
        parameters=(_TEXT,),
        summary="The first word of a text.",
        examples=(Example("first_word(traits.name)", {"traits": {"name": " Ada King"}}, "Ada"),),
        call=_first_word,
    ),
    Function(
        name="last_word",
        parameters=(_TEXT,),
        summary="The last word of a text. A single word is its own last word.",
        examples=(
            Example("last_word(traits.name)", {"traits": {"name": "Ada Augusta King"}}, "King"),
            Example("last_word(traits.name)", {"traits": {"name": "Ada"}}, "Ada"),
        ),
        call=_last_word,
    ),
    Function(
        name="capitalize_first",
        parameters=(_TEXT,),
        summary="The text with its first letter made a capital. The other letters stay as they are.",
        examples=(
            Example("capitalize_first(traits.state)", {"traits": {"state": "new York"}}, "New York"),
            Example("capitalize_first(traits.name)", {"traits": {"name": "mcDonald"}}, "McDonald"),
        ),
        call=_capitalize_first,
    ),
    Function(
        name="join_filled",
        parameters=_JOINING,
        summary="The parts that are filled, put together with the separator between them. Nothing filled gives null.",
        examples=(
            Example(
                "join_filled(' ', [traits.first_name, traits.last_name])", {"traits": {"last_name": "King"}}, "King"
            ),
            Example(
                "join_filled(' ', [traits.number, traits.street])",
                {"traits": {"number": 12, "street": "Elm St"}},
                "12 Elm St",
            ),
            Example(
                "join_filled(', ', filled_values(traits.address))",
                {"traits": {"address": {"street": "1 Main St", "unit": "", "city": "Boston"}}},
                "1 Main St, Boston",
            ),
        ),
        call=_join_filled,
    ),
    Function(
        name="join_all",
        parameters=_JOINING,
        summary="The parts put together with the separator between them, but only when every part is filled.",
        examples=(
            Example(
                "join_all(' ', [traits.first_name, traits.last_name])",
                {"traits": {"first_name": "Ada", "last_name": "King"}},
                "Ada King",
            ),
            Example("join_all(' ', [traits.first_name, traits.last_name])", {"traits": {"last_name": "King"}}, None),
        ),
        call=_join_all,
    ),
    Function(
        name="wrap_line",
        parameters=(_TEXT, Parameter("width", "number"), Parameter("n", "number")),
        summary="Line number n of the text when it is broken between words into lines of at most width characters. "
        "No word is cut. What falls on a line that you do not ask for is not sent.",
        examples=(
            Example(
                "wrap_line(traits.address, `12`, `1`)", {"traits": {"address": "1 Rocket Road Suite 1"}}, "1 Rocket"
            ),
            Example(
                "wrap_line(traits.address, `13`, `2`)", {"traits": {"address": "1 Rocket Road Suite 1"}}, "Suite 1"
            ),
            Example("wrap_line(traits.address, `64`, `2`)", {"traits": {"address": "1 Rocket Road"}}, None),
        ),
        call=_wrap_line,
    ),
    Function(
        name="text",
        parameters=(Parameter("value"),),
        summary="A number as text, and text as it is. Unlike to_string it never writes the word null, and 12.0 "
        "becomes 12. A flag, list or object gives null.",
        examples=(
            Example("text(traits.zip)", {"traits": {"zip": 90250.0}}, "90250"),
            Example("text(traits.zip)", {"traits": {}}, None),
            Example("text(traits.vip)", {"traits": {"vip": True}}, None),
        ),
        call=kinds.written,
    ),
    Function(
        name="number",
        parameters=(Parameter("value"),),
        summary="A plain decimal number written as text, as a number. Unlike to_number it refuses what is only a code, "
        "such as 02134, and words such as nan.",
        examples=(
            Example("number(traits.total)", {"traits": {"total": "19.5"}}, 19.5),
            Example("number(traits.zip)", {"traits": {"zip": "02134"}}, None),
            Example("number(traits.total)", {"traits": {"total": "nan"}}, None),
        ),
        call=_number,
    ),
)
