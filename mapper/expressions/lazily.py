"""When a JMESPath tree becomes a Python function: when it has been evaluated often enough, or at once, or never.

Knows how often it was evaluated, and keeps the function. Must not know how one is made, nor load what makes it before
the first one is due.
"""

from __future__ import annotations

from typing import Any

from mapper.expressions.sure import Function

Node = dict[str, Any]

#: ``auto``: an expression is compiled when it has been evaluated some times; ``on``: at once; ``off``: never.
MODE = "auto"
#: In mode ``auto``: compiling takes about as long as so many hundred evaluations save, but most files are used longer.
EVALUATIONS = 8


class Lazily:
    """One tree's function, made when it is worth it. Shared by threads: the last one to compile wins."""

    __slots__ = ("_calls", "_function", "_omit_null", "_source", "_text", "_tree")

    def __init__(self, text: str, tree: Node, *, omit_null: bool = False) -> None:
        """Remember what to compile."""
        self._text, self._tree, self._omit_null = text, tree, omit_null
        self._calls = 0
        self._source: str | None = None
        self._function: Function | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in this process or another, compiles for itself."""
        return _lazily, (self._text, self._tree, self._omit_null)

    @property
    def due(self) -> Function | None:
        """The function, where this evaluation shall use it."""
        if MODE == "off":
            return None
        if self._function is not None:
            return self._function
        if self._calls < 0:
            return None
        self._calls += 1
        return self.function if self._calls >= EVALUATIONS or MODE == "on" else None

    @property
    def function(self) -> Function | None:
        """The function, compiled if need be; None where only the interpreter can do it."""
        if self._function is None and self._calls >= 0:
            # With what writes its source; a command that maps a few events needs neither.
            from mapper.expressions.generator import generate  # noqa: PLC0415

            made = generate(self._text, self._tree, omit_null=self._omit_null)
            if made is None:
                self._calls = -1
            else:
                self._source, self._function = made
        return self._function

    @property
    def source(self) -> str | None:
        """The text of the function, for people to read."""
        return self._source if self.function is not None else None


def _lazily(text: str, tree: Node, omit_null: bool) -> Lazily:  # noqa: FBT001 - unpickling calls by position
    return Lazily(text, tree, omit_null=omit_null)
