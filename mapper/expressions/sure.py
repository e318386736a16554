"""What compiled expressions call: values of the expected kinds pass quickly, everything else is Unsure.

Knows JSON values as Python has them, and the standard functions on arguments that suit them. Must not
know a tree, nor word a mistake: what is Unsure here is asked of the interpreter, which says what is so.

Only exact classes pass: a subclass of dict may have a ``get`` of its own, and is no JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from mapper.expressions.interpreter import _CHARACTERS_A_STEP as CHARACTERS_A_STEP

_NUMBERS = frozenset({int, float})
_ORDERED = frozenset({int, float, str})
_PLAIN = frozenset({dict, list, str, int, float, bool, type(None)})
_SIZED = frozenset({dict, list, str})
#: Characters. What is joined to more of them is made by the interpreter, which counts beforehand.
_LONGEST_JOINED = 100_000


class Unsure(Exception):  # noqa: N818 - nothing is wrong: somebody else has to be asked
    """Compiled code does not know the value, or that there is one: the interpreter has to say."""


#: Takes a document and a list for the notes that functions leave; gives a value, or raises Unsure.
Function = Callable[[Any, list[str]], Any]


def other(value: Any) -> None:
    """Null, which is what a step into a value of another JSON kind gives. Raises Unsure for foreign values."""
    if value.__class__ not in _PLAIN:
        raise Unsure


def zero(value: Any) -> bool:
    """Whether a value that is untrue in Python is a number, which is true in JMESPath. Raises Unsure."""
    if value.__class__ not in _PLAIN:
        raise Unsure
    return value.__class__ in _NUMBERS


def ordered(one: Any, two: Any) -> bool:
    """Whether two values can be put in order: two numbers or two texts. Raises Unsure for one of each."""
    kind, kinds = one.__class__, two.__class__
    if (kind in _NUMBERS and kinds in _NUMBERS) or (kind is str and kinds is str):
        return True
    if (kind in _ORDERED and kinds in _ORDERED) or kind not in _PLAIN or kinds not in _PLAIN:
        raise Unsure
    return False


def flat(value: Any, most: int) -> list[Any] | None:
    """A list whose elements that are lists themselves are taken apart. Raises Unsure above ``most`` elements."""
    if value.__class__ is not list:
        other(value)
        return None
    whole: list[Any] = []
    for element in value:
        if isinstance(element, list):
            whole.extend(element)
        else:
            whole.append(element)
    if len(whole) > most:
        raise Unsure
    return whole


def weighed(value: Any, most: int) -> None:
    """Raise Unsure where a value weighs more than ``most`` of the interpreter's steps."""
    inside = [value]
    for part in inside:  # which grows on the way
        if part.__class__ is str:
            most -= len(part) // CHARACTERS_A_STEP
        elif part.__class__ is list:
            inside.extend(part)
        elif part.__class__ is dict:
            inside.extend(part.values())
        elif part.__class__ not in _PLAIN:
            raise Unsure
        # Looked at for each part: what doubles itself is stopped while it is still small.
        if len(inside) > most:
            raise Unsure


def sized(value: Any, most: int) -> None:
    """Raise Unsure for a text, list or object of so many characters or parts or more."""
    if value.__class__ in _SIZED:
        if len(value) >= most:
            raise Unsure
    elif value.__class__ not in _PLAIN:
        raise Unsure


# The standard functions, each as the package has it. Where that checks a kind, the exact class is asked for here.


def _unsure(*_: Any) -> NoReturn:
    raise Unsure


def _number(value: Any) -> Any:
    return value if value.__class__ in _NUMBERS else _unsure()


def _text(value: Any) -> Any:
    return value if value.__class__ is str else _unsure()


def _list(value: Any) -> Any:
    return value if value.__class__ is list else _unsure()


def _object(value: Any) -> Any:
    return value if value.__class__ is dict else _unsure()


def _texts(values: Any) -> Any:
    return values if all(value.__class__ is str for value in _list(values)) else _unsure()


def _numbers(values: Any) -> Any:
    return values if all(value.__class__ in _NUMBERS for value in _list(values)) else _unsure()


def _alike(values: Any) -> Any:
    return _texts(values) if _list(values) and values[0].__class__ is str else _numbers(values)


def _average(values: Any) -> Any:
    return sum(_numbers(values)) / len(values) if _numbers(values) else None


def _contains(subject: Any, search: Any) -> bool:
    return _text(search) in subject if subject.__class__ is str else search in _list(subject)


def _join(separator: Any, texts: Any) -> str:
    between: str = _text(separator)
    return between.join(_texts(texts)) if len(between) * len(texts) <= _LONGEST_JOINED else _unsure()


def _not_null(*values: Any) -> Any:
    for value in values:
        if value is not None:
            return value
    return None


def _to_string(value: Any) -> str:
    if value.__class__ is str:
        return str(value)  # itself
    return json.dumps(value, separators=(",", ":")) if value.__class__ in _PLAIN else _unsure()


def _to_number(value: Any) -> Any:
    if value.__class__ in _NUMBERS:
        return value
    if value.__class__ is not str:
        other(value)
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None


def _merge(*objects: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for one in objects:
        merged.update(_object(one))
    return merged


_NAMES = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean"}


def _type(value: Any) -> str:
    return "null" if value is None else _NAMES.get(value.__class__) or _unsure()


def _length(value: Any) -> int:
    return len(value) if value.__class__ in (str, list, dict) else _unsure()


def _reverse(value: Any) -> Any:
    return value[::-1] if value.__class__ in (str, list) else _unsure()


def _sort_by(elements: Any, key: Callable[[Any], Any]) -> Any:
    if not _list(elements):
        return elements
    # The package asks for the first key twice, and so its notes come twice.
    kinds = _NUMBERS if key(elements[0]).__class__ in _NUMBERS else frozenset({str})
    return sorted(elements, key=_checked(key, kinds))


def _max_by(elements: Any, key: Callable[[Any], Any]) -> Any:
    return max(elements, key=_checked(key, _ORDERED)) if _list(elements) else None


def _min_by(elements: Any, key: Callable[[Any], Any]) -> Any:
    return min(elements, key=_checked(key, _ORDERED)) if _list(elements) else None


def _checked(key: Callable[[Any], Any], kinds: frozenset[type]) -> Callable[[Any], Any]:
    def checked(element: Any) -> Any:
        found = key(element)
        return found if found.__class__ in kinds else _unsure()

    return checked


#: The standard functions by name; ``map`` is compiled as a loop.
STANDARD: dict[str, Callable[..., Any]] = {
    "abs": lambda value: abs(_number(value)),
    "avg": _average,
    "ceil": lambda value: math.ceil(_number(value)),
    "contains": _contains,
    "ends_with": lambda text, end: _text(text).endswith(_text(end)),
    "floor": lambda value: math.floor(_number(value)),
    "join": _join,
    "keys": lambda value: list(_object(value)),
    "length": _length,
    "max": lambda values: max(_alike(values), default=None),
    "max_by": _max_by,
    "merge": _merge,
    "min": lambda values: min(_alike(values), default=None),
    "min_by": _min_by,
    "not_null": _not_null,
    "reverse": _reverse,
    "sort": lambda values: sorted(_alike(values)),
    "sort_by": _sort_by,
    "starts_with": lambda text, start: _text(text).startswith(_text(start)),
    "sum": lambda values: sum(_numbers(values)),
    "to_array": lambda value: value if isinstance(value, list) else [value],
    "to_number": _to_number,
    "to_string": _to_string,
    "type": _type,
    "values": lambda value: list(_object(value).values()),
}
