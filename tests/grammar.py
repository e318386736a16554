"""Writes JMESPath expressions at random: every kind of node, every function, with a good chance of meaning something.

Knows JMESPath's grammar and its functions' signatures. Must not know the engine beyond the list of its own functions:
what an expression is worth is for the laws to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from mapper import functions

Draw = Callable[[st.SearchStrategy[Any]], Any]

#: The names in expressions and in the documents that they are tried on: few, so that they meet.
NAMES = ("a", "b", "c", "d")
#: Every kind of node that JMESPath's trees are made of, as its interpreter lists them.
NODE_KINDS = frozenset(name.removeprefix("visit_") for name in dir(TreeInterpreter) if name.startswith("visit_"))
STANDARD = tuple(sorted(Functions.FUNCTION_TABLE))
OWN = tuple(functions.TABLE)

#: What meets the edges: truth, numbers that look like flags, digits beyond a float, texts that look like numbers.
EDGES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.0, -0.0, 1.0, 1.5, 1e300, 2**53, 2**63, 10**30),
    *(
        "",
        " ",
        "a",
        "b",
        "home",
        "work",
        "0",
        "12",
        "1.5",
        "true",
        "null",
        "nan",
        "-inf",
        "é",
        "\U0001f600",
        'a"b',
        "a'b",
        "a`b",
    ),
)
_SMALL: tuple[Any, ...] = (*EDGES, [], {}, [0], ["a"], {"a": 1}, [1, 2], ["b", "a"], [[1], [[2]]], [None, False])

_KINDS = ("chain",) * 6 + ("call",) * 3 + ("compare",) * 2 + ("or", "and", "not", "pipe", "list", "hash", "bracket")
_STEPS = (
    *("name",) * 4,
    *("index", "each", "members", "flatten", "slice", "filter", "filter", "list", "hash", "call"),
)
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_SLICES = ("[:]", "[1:]", "[:2]", "[0:2]", "[::2]", "[::-1]", "[-1:]", "[5:0:-1]", "[:-1]")
_INDICES = ("[0]", "[1]", "[-1]", "[7]", "[-9]")
_QUOTED = ('"a"', '"\\u0062"', '"a.b"', '"c d"')


@cache
def _below(count: int) -> st.SearchStrategy[int]:
    """A whole number below a count, made once."""
    return st.integers(0, count - 1)


def literal(value: Any) -> str:
    """A JSON value as a JMESPath literal."""
    return "`" + json.dumps(value).replace("`", "\\`") + "`"


def raw(text: str) -> str:
    """A text as a raw string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


#: Elements that can be put in order: nearly nothing else in a random document can.
_PAIRS = literal([{"a": 2, "b": "x"}, {"a": 1, "b": "y", "c": [1]}, {"a": 2, "b": "a"}])
_BY = ("max_by", "min_by", "sort_by")


class Writer:
    """Writes one expression; ``draw`` makes every choice.

    ``roots`` are what may stand where the whole document is the current node, such as ``traits.a``; without
    them any name may. ``own`` lets our functions in beside the standard ones.
    """

    def __init__(self, draw: Draw, *, roots: Sequence[str] = (), own: bool = False) -> None:
        """Remember what may be written."""
        self.draw = draw
        self.roots = tuple(roots)
        self.functions = STANDARD + OWN if own else STANDARD

    def pick(self, options: tuple[Any, ...]) -> Any:
        """One of the options."""
        return options[self.draw(_below(len(options)))]

    def expression(self, depth: int, *, top: bool = True) -> str:
        """Any expression. ``top`` says that the whole document is the current node."""
        if depth <= 0:
            return self.atom(top=top)
        written: str = getattr(self, f"_{self.pick(_KINDS)}")(depth, top)
        return written

    def atom(self, *, top: bool) -> str:
        """The smallest expression: a name or a literal."""
        if top and self.roots:
            return str(self.pick((*self.roots, *self.roots, "'x'", "`1`")))
        kind = self.pick(("name",) * 6 + ("quoted", "literal", "raw", "current"))
        if kind == "literal":
            return literal(self.pick(_SMALL))
        if kind == "raw":
            return raw(str(self.pick(("", "a", "home", "it's", "12"))))
        return str({"name": self.pick(NAMES), "quoted": self.pick(_QUOTED), "current": "@"}[kind])

    def call(self, name: str, depth: int, *, top: bool = True) -> str:
        """A call of one function with arguments that mostly suit it."""
        if name in _BY and self.pick((True, False)):
            return f"{name}({_PAIRS}, &{self.pick(('a', 'b', 'length(b)', '@.a'))})"
        kinds = _parameters(name, self.pick((0, 0, 1, 2)))
        return f"{name}({', '.join(self.argument(self.pick(kind), depth - 1, top=top) for kind in kinds)})"

    def argument(self, kind: str, depth: int, *, top: bool) -> str:
        """An argument: of the kind that the function asks for more often than not."""
        if kind == "expref":
            inner = self.pick((*NAMES, *NAMES, "length(@)", None, None))
            return "&" + (inner or self.expression(min(depth, 1), top=False))
        if kind == "any" or self.pick((True, False, False)):
            return self.expression(depth, top=top)
        return self._typed(kind, depth, top)

    def _typed(self, kind: str, depth: int, top: bool) -> str:  # noqa: FBT001 - as in all methods below
        inner = self.expression(depth - 1, top=top)
        if kind == "number":
            return str(self.pick(("`1`", "`-2.5`", "`0`", f"to_number({inner})", f"length(to_array({inner}))")))
        if kind == "string":
            return str(self.pick(("'a'", "'a b'", "''", f"to_string({inner})", f"type({inner})")))
        if kind == "array-number":
            return str(self.pick(("`[3, 1, 2]`", "`[1.5, 1]`", f"map(&length(to_array(@)), to_array({inner}))")))
        if kind == "array-string":
            return str(self.pick(('`["b", "a"]`', f"map(&to_string(@), to_array({inner}))", f"['b', type({inner})]")))
        if kind == "object":
            return str(self.pick(('`{"b": 1, "a": [2]}`', f"{{a: {inner}, b: `1`}}", f"merge({{c: {inner}}})")))
        return str(self.pick((f"to_array({inner})", f"[{inner}, {self.atom(top=top)}]", "`[[1], 2, [[3]]]`", _PAIRS)))

    # Each of these writes one kind of expression, from its depth and whether it stands at the top.

    def _chain(self, depth: int, top: bool) -> str:  # noqa: FBT001
        return self._start(depth, top) + "".join(self._step(depth) for _ in range(self.pick((0, 1, 1, 2, 3))))

    def _start(self, depth: int, top: bool) -> str:  # noqa: FBT001
        if top and self.roots:
            return str(self.pick((*self.roots, *self.roots)) if self.pick((0, 1, 2)) else self._bracket(depth, top))
        kinds = ("name",) * 8 + ("current", "members", "each", "flatten", "index", "slice", "filter", "bracket")
        kind = self.pick(kinds)
        if kind == "name":
            return self.atom(top=False)
        if kind == "bracket":
            return self._bracket(depth, top)
        fixed = {"current": "@", "members": "*", "each": "[*]", "flatten": "[]"}
        return fixed.get(kind) or self._step(depth, kind)

    def _step(self, depth: int, kind: str | None = None) -> str:
        kind = kind or self.pick(_STEPS)
        if kind == "filter":
            return f"[?{self._condition(depth)}]"
        if kind in ("list", "hash"):
            return f".{getattr(self, f'_{kind}')(depth, top=False)}"
        if kind == "call":
            return "." + self.call(self.pick(self.functions), depth, top=False)
        fixed = {"each": "[*]", "members": ".*", "flatten": "[]"}
        options = {
            "name": tuple(f".{name}" for name in (*NAMES, *NAMES, *_QUOTED)),
            "index": _INDICES,
            "slice": _SLICES,
        }
        return fixed.get(kind) or str(self.pick(options[kind]))

    def _condition(self, depth: int) -> str:
        if self.pick((True, False)):
            return self.expression(depth - 1, top=False)
        side = literal(self.pick(_SMALL))
        return f"{self.pick(NAMES)} {self.pick(_OPERATORS)} {side}"

    def _operand(self, depth: int, top: bool) -> str:  # noqa: FBT001
        inner = self.expression(depth - 1, top=top)
        return f"({inner})" if self.pick((True, False)) else inner

    def _bracket(self, depth: int, top: bool) -> str:  # noqa: FBT001
        return f"({self.expression(depth - 1, top=top)})"

    def _call(self, depth: int, top: bool) -> str:  # noqa: FBT001
        return self.call(self.pick(self.functions), depth, top=top)

    def _compare(self, depth: int, top: bool) -> str:  # noqa: FBT001
        right = literal(self.pick(_SMALL)) if self.pick((True, False)) else self._operand(depth, top)
        return f"{self._operand(depth, top)} {self.pick(_OPERATORS)} {right}"

    def _or(self, depth: int, top: bool) -> str:  # noqa: FBT001
        return f"{self._operand(depth, top)} || {self._operand(depth, top)}"

    def _and(self, depth: int, top: bool) -> str:  # noqa: FBT001
        return f"{self._operand(depth, top)} && {self._operand(depth, top)}"

    def _not(self, depth: int, top: bool) -> str:  # noqa: FBT001
        bare = not (top and self.roots) and self.pick((True, False))
        return "!" + (self.atom(top=top) if bare else self._bracket(depth, top))

    def _pipe(self, depth: int, top: bool) -> str:  # noqa: FBT001
        return f"{self._operand(depth, top)} | {self.expression(depth - 1, top=False)}"

    def _list(self, depth: int, top: bool) -> str:  # noqa: FBT001
        count = self.pick((1, 2, 2, 3))
        return "[" + ", ".join(self.expression(depth - 1, top=top) for _ in range(count)) + "]"

    def _hash(self, depth: int, top: bool) -> str:  # noqa: FBT001
        names = self.pick((("a",), ("b", "a"), ("a", '"c d"'), ("c", "c")))
        return "{" + ", ".join(f"{name}: {self.expression(depth - 1, top=top)}" for name in names) + "}"


@cache
def _parameters(name: str, extra: int) -> tuple[tuple[str, ...], ...]:
    """The kinds that each argument may have; ``extra`` more where a function takes any number."""
    own = functions.TABLE.get(name)
    if own is not None:
        kinds = tuple((_OWN_KINDS.get(p.kind, "any"),) for p in own.parameters if extra or not p.optional)
        variadic = bool(own.parameters) and own.parameters[-1].variadic
    else:
        signature = Functions.FUNCTION_TABLE[name]["signature"]
        kinds = tuple(tuple(part["types"]) or ("any",) for part in signature)
        variadic = bool(signature[-1].get("variadic"))
    return kinds + kinds[-1:] * extra if variadic else kinds


_OWN_KINDS = {"text": "string", "number": "number", "list": "array", "object": "object", "expression": "expref"}


@st.composite
def expressions(
    draw: Draw, depth: int = 3, *, roots: tuple[str, ...] = (), own: bool = False, name: str | None = None
) -> str:
    """The text of one expression; with ``name``, a call of that function."""
    writer = Writer(draw, roots=roots, own=own)
    return writer.expression(depth) if name is None else writer.call(name, depth)


_SOME_NAME = st.sampled_from((*NAMES, *NAMES, "a.b", "c d"))
#: Plain JSON values for expressions: objects with the same few names, and lists of like and unlike things.
documents = st.recursive(
    st.sampled_from(EDGES),
    lambda inner: st.one_of(
        st.dictionaries(_SOME_NAME, inner, max_size=4),
        st.lists(inner, max_size=4),
        st.lists(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(EDGES), max_size=3), max_size=4),
        st.lists(st.sampled_from((1, 2, 3.5, 2)), max_size=4),
        st.lists(st.sampled_from(("a", "b", "ab", "a")), max_size=4),
    ),
    max_leaves=12,
)
#: Most documents are objects: on anything else most expressions are null.
objects = st.dictionaries(_SOME_NAME, documents, min_size=1, max_size=5)
