"""Functions about whether something is there: blank, filled, not, first_filled, filled_values.

Knows presence as the mapping language defines it (section 1.4). Must not know fields or traits.
"""

from __future__ import annotations

from typing import Any

from mapper.functions import kinds
from mapper.functions.registry import Example, Function, Parameter


def _filled(value: Any) -> bool:
    return not kinds.is_blank(value)


def _not(value: Any) -> bool:
    return not kinds.is_true(value)


def _first_filled(*values: Any) -> Any:
    return next((value for value in values if _filled(value)), None)


def _filled_values(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        value = list(value.values())
    return [member for member in value if _filled(member)] if isinstance(value, list) else None


FUNCTIONS = (
    Function(
        name="blank",
        parameters=(Parameter("value"),),
        summary="True when nothing is there: no such trait, null, only spaces, or an empty list or object. "
        "False and 0 are something, so they are not blank.",
        examples=(
            Example("blank(traits.phone)", {"traits": {"phone": "  "}}, value=True),
            Example("blank(traits.phone)", {"traits": {}}, value=True),
            Example("blank(traits.vip)", {"traits": {"vip": False}}, value=False),
        ),
        call=kinds.is_blank,
        flow="tests",
    ),
    Function(
        name="filled",
        parameters=(Parameter("value"),),
        summary="True when something is there: the opposite of blank.",
        examples=(
            Example("filled(traits.phone)", {"traits": {"phone": "310"}}, value=True),
            Example("filled(traits.visits)", {"traits": {"visits": 0}}, value=True),
            Example("filled(traits.phone)", {"traits": {"phone": ""}}, value=False),
        ),
        call=_filled,
        flow="tests",
    ),
    Function(
        name="not",
        parameters=(Parameter("value"),),
        summary="True when the value is false, missing or empty. Write not(traits.vip): the sign ! before a dotted "
        "name does something else.",
        examples=(
            Example("not(traits.vip)", {"traits": {"vip": False}}, value=True),
            Example("not(traits.vip)", {"traits": {}}, value=True),
            Example("not(traits.vip)", {"traits": {"vip": True}}, value=False),
        ),
        call=_not,
        flow="tests",
    ),
    Function(
        name="first_filled",
        parameters=(Parameter("value", variadic=True),),
        summary="The first value that is not blank. Unlike a || b it keeps false, and unlike not_null it passes over "
        "empty text.",
        examples=(
            Example("first_filled(traits.nick, traits.name)", {"traits": {"nick": " ", "name": "Ada"}}, "Ada"),
            Example("first_filled(traits.vip, traits.gold)", {"traits": {"vip": False, "gold": True}}, value=False),
        ),
        call=_first_filled,
        flow="selects",
    ),
    Function(
        name="filled_values",
        parameters=(Parameter("value"),),
        summary="The values of an object, or the members of a list, that are not blank.",
        examples=(
            Example(
                "filled_values(traits.address)",
                {"traits": {"address": {"street": "1 Main St", "unit": "", "city": "Boston"}}},
                ["1 Main St", "Boston"],
            ),
            Example("filled_values(traits.tags)", {"traits": {"tags": ["a", None, "b"]}}, ["a", "b"]),
            Example("filled_values(traits.address)", {"traits": {"address": "1 Main St"}}, None),
        ),
        call=_filled_values,
        flow="selects",
    ),
)
