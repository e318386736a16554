"""Compiles a JMESPath tree to a Python function: the interpreter's value where that is sure, else Unsure.

Knows how many steps the interpreter takes for each kind of node, and when compiling is worth it. Must
not know how a node is written in Python, what the document means, nor how to word a mistake.

Accept fast, explain slowly: a compiled function returns a value only where the interpreter has the same
one within its budget of steps. For all else - functions that fail, odd kinds, long lists and texts - it
raises Unsure, and the interpreter is asked. So every error is the interpreter's.

Nothing of an expression becomes code: names and texts enter the source by ``repr`` alone, all other
literals stand in a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mapper.expressions import interpreter
from mapper.expressions.writer import LIGHT, Limits, NotCompiled, Writer

Node = dict[str, Any]
#: Takes a document and a list for the notes that functions leave; gives a value, or raises Unsure.
Function = Callable[[Any, list[str]], Any]

#: ``auto``: an expression is compiled when it has been evaluated some times; ``on``: at once; ``off``: never.
MODE = "auto"
#: In mode ``auto``: compiling takes about as long as so many hundred evaluations save, but most files are used longer.
EVALUATIONS = 8


#: The first of these with which an expression stays in its budget is taken. Real events are far below all of them.
_LADDER = (Limits(256, 2_000), Limits(64, 2_000), Limits(64, 400), Limits(64, 100), Limits(16, 200), Limits(8, 32))

#: What the source may use of Python itself.
_BUILTINS = {"Exception": Exception, "bool": bool, "dict": dict, "len": len, "list": list, "str": str}


class Compiled(NamedTuple):
    """The source of a function, for people to read, and the function itself."""

    source: str
    function: Function


class Lazily:
    """One tree's function, made when it is worth it. Shared by threads: the last one to compile wins."""

    __slots__ = ("_calls", "_compiled", "_omit_null", "_text", "_tree")

    def __init__(self, text: str, tree: Node, *, omit_null: bool = False) -> None:
        """Remember what to compile."""
        self._text, self._tree, self._omit_null = text, tree, omit_null
        self._calls = 0
        self._compiled: Compiled | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in this process or another, compiles for itself."""
        return _lazily, (self._text, self._tree, self._omit_null)

    @property
    def due(self) -> Function | None:
        """The function, where this evaluation shall use it."""
        if MODE == "off":
            return None
        if self._compiled is not None:
            return self._compiled.function
        if self._calls < 0:
            return None
        self._calls += 1
        made = self.made if self._calls >= EVALUATIONS or MODE == "on" else None
        return made.function if made else None

    @property
    def made(self) -> Compiled | None:
        """The function and its source, compiled if need be; None where only the interpreter can do it."""
        if self._compiled is None and self._calls >= 0:
            self._compiled = generate(self._text, self._tree, omit_null=self._omit_null)
            self._calls = self._calls if self._compiled else -1
        return self._compiled


def _lazily(text: str, tree: Node, omit_null: bool) -> Lazily:  # noqa: FBT001 - unpickling calls by position
    return Lazily(text, tree, omit_null=omit_null)


def generate(text: str, tree: Node, *, omit_null: bool = False) -> Compiled | None:
    """Compile a tree; None where its budget cannot be kept for certain, or where Python cannot nest so deeply.

    ``text`` is for the reader of the source. ``omit_null`` as in ``interpreter.evaluate``.
    """
    limits = limits_for(tree)
    if limits is None:
        return None
    writer = Writer(limits, omit_null=omit_null)
    try:
        source = writer.module(text, tree)
        names = {**writer.names, "__builtins__": _BUILTINS}
        exec(compile(source, "<expression>", "exec"), names)  # noqa: S102 - written here, see the module's docstring
    except (NotCompiled, SyntaxError, RecursionError, MemoryError):
        return None
    return Compiled(source, names["evaluate"])


def limits_for(tree: Node) -> Limits | None:
    """The widest limits within which a tree stays in its budget on every document; None where none are that narrow."""
    return next((limits for limits in _LADDER if most_steps(tree, limits) <= interpreter.MAX_STEPS), None)


def most_steps(node: Node, limits: Limits) -> int:
    """How many steps the interpreter takes for a node at most, where no guard of the function fires."""
    kind, children = node["type"], [c for c in node.get("children", ()) if isinstance(c, dict)]
    counts = [most_steps(child, limits) for child in children]
    if kind in ("projection", "value_projection", "filter_projection"):
        return 1 + counts[0] + limits.elements * sum(counts[1:])
    if kind == "flatten":
        return 1 + counts[0] + limits.elements
    if kind in ("multi_select_list", "multi_select_dict"):
        return 1 + sum(counts) + limits.weight
    if kind != "function_expression":
        return 1 + sum(counts)
    # (Once more than there are elements: sort_by asks for its first key twice.)
    applied = sum(n for n, child in zip(counts, children, strict=True) if child["type"] == "expref")
    return 1 + sum(counts) + limits.elements * applied + (1 if node["value"] in LIGHT else limits.weight)
