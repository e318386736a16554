"""What kind of JSON value something is, as all functions see it.

Knows blankness, truth, whole numbers and how a number is written. Must not know any function,
field or destination.
"""

from __future__ import annotations

import math
from typing import Any

#: No call makes a text of more characters than this, unless it was given a longer one. A whole
#: Identify call is at most 32 KB, so nothing real comes near it; only a mistake or an attack does.
LONGEST = 65_536

#: Beyond this a floating-point number has lost digits: it cannot be printed as what it once was.
_EXACT = 2**53

#: Integers of more digits are no numbers that anybody wrote, and converting them costs time.
_TOO_LONG = 10**400


def is_blank(value: Any) -> bool:
    """Whether nothing is there: null, text of only white space, an empty list or object. False and 0 are something."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | dict) and not value)


def is_true(value: Any) -> bool:
    """Truth as JMESPath has it: null, false and what is empty are untrue; 0 and white space are true."""
    return value is not None and value is not False and not (isinstance(value, str | list | dict) and not value)


def is_number(value: Any) -> bool:
    """Whether it is a JSON number. In Python a truth value is an integer too; here it is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: Any) -> int | None:
    """A number without a fraction as an integer (``3``, ``3.0``), else None. Vast numbers are None."""
    if not is_number(value) or not -_EXACT < value < _EXACT or value != math.floor(value):
        return None
    return int(value)


def written(value: Any) -> str | None:
    """Text as it is and a number in plain digits (``12``, ``12.0`` -> ``12``, ``1.5``); None for all else.

    A number that could only be written with an exponent is None: its digits are already gone.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _decimal(value)
    if is_number(value) and abs(value) < _TOO_LONG:
        return str(value)
    return None


def _decimal(value: float) -> str | None:
    exact = whole(value)
    if exact is not None:
        return str(exact)
    plain = repr(value)
    return plain if math.isfinite(value) and "e" not in plain and abs(value) < _EXACT else None
