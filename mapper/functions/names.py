"""Functions on the names of people: split_name and rest_of_name.

Knows one rule, the one by which the sender's own library reads a full name: the first word is the
first name, what follows the first space is the last name. Must not know cultures, titles or
companies: a name that this rule splits wrongly has to come in two traits.
"""

from __future__ import annotations

from typing import Any

from mapper.functions import spelling
from mapper.functions.registry import Example, Function, Parameter


def _split_name(name: Any) -> dict[str, str | None] | None:
    if not isinstance(name, str):
        return None
    words = name.split(None, 1)
    return {"first": words[0] if words else None, "last": words[1].rstrip() if len(words) > 1 else None}


def _rest_of_name(name: Any, first: Any) -> str | None:
    if not isinstance(name, str):
        return None
    given = first.split() if isinstance(first, str) else []
    # Without a known first name at its start, the name is read by the rule of split_name.
    count = len(given) if given and _begins_with(name.split(), given) else 1
    rest = "".join(name.split(None, count)[count:]).rstrip()
    # `King Ada` with the first name Ada: a card must not greet Ada Ada.
    return None if not rest or spelling.same(rest, " ".join(given)) else rest


def _begins_with(words: list[str], given: list[str]) -> bool:
    return len(words) >= len(given) and all(map(spelling.same, words, given))


FUNCTIONS = (
    Function(
        name="split_name",
        parameters=(Parameter("name", "text"),),
        summary="A full name cut at its first space into first and last: write split_name(traits.name).first or .last. "
        "A single word is the first name.",
        examples=(
            Example("split_name(traits.name)", {"traits": {"name": "Ada King"}}, {"first": "Ada", "last": "King"}),
            Example("split_name(traits.name).last", {"traits": {"name": "Ada Lovelace King"}}, "Lovelace King"),
            Example("split_name(traits.name).last", {"traits": {"name": "Ada"}}, None),
            Example("split_name(traits.name).first", {"traits": {"name": ["Ada", "King"]}}, None),
        ),
        call=_split_name,
    ),
    Function(
        name="rest_of_name",
        parameters=(Parameter("name", "text"), Parameter("first", "text")),
        summary="What follows the first name in a full name, so that a last name never repeats the first. "
        "Where the name begins otherwise, what follows its first space.",
        examples=(
            Example(
                "rest_of_name(traits.name, traits.first_name)",
                {"traits": {"name": "Ada King", "first_name": "ada"}},
                "King",
            ),
            Example(
                "rest_of_name(traits.name, traits.first_name)",
                {"traits": {"name": "Mary Ann King", "first_name": "Mary Ann"}},
                "King",
            ),
            Example("rest_of_name(traits.name, traits.first_name)", {"traits": {"name": "Ada King"}}, "King"),
            Example(
                "rest_of_name(traits.name, traits.first_name)", {"traits": {"name": "Ada", "first_name": "Ada"}}, None
            ),
        ),
        call=_rest_of_name,
    ),
)
