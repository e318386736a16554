"""Compiles a JMESPath tree to a Python function: the interpreter's value where that is sure, else Unsure.

Knows how many steps the interpreter takes for each kind of node. Must not know how a node is written in
Python, when compiling is worth it, what the document means, nor how to word a mistake.

Accept fast, explain slowly: a compiled function returns a value only where the interpreter has the same
one within its budget of steps. For all else - functions that fail, odd kinds, long lists and texts - it
raises Unsure, and the interpreter is asked. So every error is the interpreter's.

Nothing of an expression becomes code: names and texts enter the source by ``repr`` alone, all other
literals stand in a table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mapper.expressions import interpreter
from mapper.expressions.interpreter import AT_A_GLANCE
from mapper.expressions.sure import Function
from mapper.expressions.writer import LIGHT, Limits, NotCompiled, Writer, may_be_large

Node = dict[str, Any]

#: The first of these with which an expression stays in its budget is taken. Real events are far below all of them.
_LADDER = (
    *(Limits(256, 2_000), Limits(64, 2_000), Limits(256, 400), Limits(64, 400), Limits(64, 100), Limits(64, 32)),
    *(Limits(16, 100), Limits(16, 32), Limits(8, 32)),
)

#: What the source may use of Python itself.
_BUILTINS = {"Exception": Exception, "bool": bool, "dict": dict, "len": len, "list": list, "str": str}


class Compiled(NamedTuple):
    """The source of a function, for people to read, and the function itself."""

    source: str
    function: Function


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
    if kind == "comparator" and may_be_large(node):
        return 1 + sum(counts) + limits.weight
    if kind != "function_expression":
        return 1 + sum(counts)
    return 1 + sum(counts) + _of_call(node["value"], children, counts, limits)


def _of_call(name: str, arguments: list[Node], counts: list[int], limits: Limits) -> int:
    """The steps of a call itself: what it is given, what is applied, what it gives."""
    values = [argument for argument in arguments if argument["type"] != "expref"]
    given = 0 if name in AT_A_GLANCE else limits.weight * len(values)
    # (Once more than there are elements: sort_by asks for its first key twice.)
    applied = sum(n for n, child in zip(counts, arguments, strict=True) if child["type"] == "expref")
    # Before `join` joins, what it will give is counted as well.
    gives = 1 if name in LIGHT else limits.weight * (2 if name == "join" else 1)
    return given + limits.elements * applied + gives
