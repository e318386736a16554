"""Step 3a: the functions that expressions may call beyond standard JMESPath. The list is closed.

Knows each function's name, parameters, meaning and examples. Must not know jmespath, a mapping
or a destination: ``mapper.expressions`` makes them callable.

All are calm: null or a value of the wrong kind gives null, never an exception (an address that
cannot be read must fall through to the next spelling, not stop the event).
"""

from __future__ import annotations

from mapper.functions import codes, dates, lists, names, postal, presence, text, words
from mapper.functions.registry import Example, Function, Note, Parameter

__all__ = ["TABLE", "Example", "Function", "Note", "Parameter"]

_ROOMS = (presence, text, words, lists, names, postal, dates, codes)

#: Every function by its name, in alphabetical order.
TABLE: dict[str, Function] = {
    function.name: function
    for function in sorted((function for room in _ROOMS for function in room.FUNCTIONS), key=lambda f: f.name)
}
