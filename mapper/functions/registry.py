"""How a function is described: one value that serves expressions, documentation and tests alike.

Knows the shape of a description. Must not know any particular function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapper.frozen import dataclass

#: Called by a function with a stable problem code when it changed something that a person should
#: hear about, such as ``zip_restored``. Never called with a value.
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. ``kind`` is for the reader: text, number, list, object, any, expression (``&expr``)."""

    name: str
    kind: str = "any"
    optional: bool = False
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """An expression, the document it is applied to, and its value. Every example is run by a test."""

    expression: str
    document: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    ``call`` takes the arguments by position. Where ``notes`` is not empty it takes ``note`` by
    keyword as well, and calls it with one of those codes. An ``expression`` parameter arrives as
    a callable from a value to a value.

    ``flow`` says what becomes of the arguments' values (the mapping language, section 1.9):
    ``flows`` the values go into the result, ``selects`` the result is one of the argument's own
    elements or a list of them, ``tests`` nothing of them does.
    """

    name: str
    parameters: tuple[Parameter, ...]
    summary: str
    examples: tuple[Example, ...]
    call: Callable[..., Any]
    notes: tuple[str, ...] = ()
    flow: str = "flows"

    @property
    def least(self) -> int:
        """How many arguments it takes at least."""
        return sum(not (p.optional or p.variadic) for p in self.parameters) + sum(
            p.variadic and not p.optional for p in self.parameters
        )

    @property
    def most(self) -> int | None:
        """How many arguments it takes at most; None where there is no limit."""
        return None if any(p.variadic for p in self.parameters) else len(self.parameters)

    @property
    def signature(self) -> str:
        """``us_zip(value, country, [state])``: what ``mapper functions`` prints."""
        words = [f"[{p.name}]" if p.optional else f"{p.name}..." if p.variadic else p.name for p in self.parameters]
        return f"{self.name}({', '.join(words)})"
