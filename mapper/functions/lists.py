"""Functions on lists and objects, by the names of JMESPath Community: items, from_items, zip, group_by.

Knows lists and objects. Must not know what stands in them.
"""

from __future__ import annotations

from typing import Any

from mapper.functions import kinds
from mapper.functions.registry import Example, Function, Parameter

_PAIR = 2


def _pairs(value: Any) -> list[list[Any]] | None:
    return [[name, member] for name, member in value.items()] if isinstance(value, dict) else None


def _object(pairs: Any) -> dict[str, Any] | None:
    if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        return None
    return dict(pairs)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == _PAIR and isinstance(value[0], str)


def _zip(*lists: Any) -> list[list[Any]] | None:
    if not lists or not all(isinstance(members, list) for members in lists):
        return None
    if len(lists) * min(map(len, lists)) > kinds.LONGEST:
        return None
    return [list(row) for row in zip(*lists, strict=False)]


def _group_by(elements: Any, expression: Any) -> dict[str, list[Any]] | None:
    """As the community edition: an element whose key is null is left out. A key that is no text gives null.

    What the expression itself raises is not caught here: it is the expression's mistake.
    """
    if not isinstance(elements, list) or not callable(expression):
        return None
    groups: dict[str, list[Any]] = {}
    for element in elements:
        key = expression(element)
        if isinstance(key, str):
            groups.setdefault(key, []).append(element)
        elif key is not None:
            return None
    return groups


FUNCTIONS = (
    Function(
        name="items",
        parameters=(Parameter("object", "object"),),
        summary="An object as a list of pairs, each a name and its value.",
        examples=(
            Example(
                "items(traits.prefs)",
                {"traits": {"prefs": {"mail": True, "sms": False}}},
                [["mail", True], ["sms", False]],
            ),
        ),
        call=_pairs,
    ),
    Function(
        name="from_items",
        parameters=(Parameter("pairs", "list"),),
        summary="An object made of a list of pairs, each a name and its value. Of two equal names the last counts.",
        examples=(
            Example(
                "from_items(traits.pairs)",
                {"traits": {"pairs": [["size", "L"], ["colour", "red"]]}},
                {"size": "L", "colour": "red"},
            ),
        ),
        call=_object,
    ),
    Function(
        name="zip",
        parameters=(Parameter("list", "list", variadic=True),),
        summary="Several lists read side by side: the first members together, then the second, and so on. "
        "The shortest list ends it.",
        examples=(
            Example(
                "zip(traits.skus, traits.prices)",
                {"traits": {"skus": ["A1", "B2"], "prices": [5, 7]}},
                [["A1", 5], ["B2", 7]],
            ),
        ),
        call=_zip,
    ),
    Function(
        name="group_by",
        parameters=(Parameter("elements", "list"), Parameter("expr", "expression")),
        summary="A list sorted into an object of lists, by the text that the expression gives for each member. "
        "A member for which it gives nothing is left out.",
        examples=(
            Example(
                "group_by(traits.addresses, &type)",
                {"traits": {"addresses": [{"type": "home", "zip": "1"}, {"type": "work", "zip": "2"}, {"zip": "3"}]}},
                {"home": [{"type": "home", "zip": "1"}], "work": [{"type": "work", "zip": "2"}]},
            ),
        ),
        call=_group_by,
    ),
)
