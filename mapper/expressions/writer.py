"""Writes a JMESPath tree as the source of one Python function.

Knows how each kind of node is written in Python. Must not know what the document means, nor compile
what it wrote.

Nothing of an expression becomes code: names and texts enter the source by ``repr`` alone, all other
literals stand in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from mapper import functions
from mapper.expressions import sure
from mapper.expressions.interpreter import _CHARACTERS_A_STEP as CHARACTERS_A_STEP
from mapper.expressions.interpreter import AT_A_GLANCE, FROM_OUTSIDE

Node = dict[str, Any]


class Limits(NamedTuple):
    """How long a list may be that is stepped through, and how many steps a value may weigh that is built or given."""

    elements: int
    weight: int


#: Functions whose value is always true or false.
_FLAGS = frozenset({"blank", "contains", "ends_with", "filled", "not", "starts_with"})
#: Functions whose value weighs nothing or, as ``type``, a single step.
LIGHT = (
    _FLAGS
    | {"abs", "avg", "ceil", "country", "epoch_seconds", "find_first", "find_last", "floor", "length", "number"}
    | {"sum", "to_number", "type"}
)
#: Functions whose value is cut out of their first argument, a text: it weighs at most so many steps more than that.
_CUT = {
    **dict.fromkeys(("first_word", "last_word", "rest_of_name", "text", "trim", "trim_left", "trim_right"), 0),
    **dict.fromkeys(("us_state", "wrap_line"), 0),
    **dict.fromkeys(("capitalize_first", "us_zip"), 1),
    "split_name": 3,
}
#: Functions that take ``&expr`` and the list that it is applied to.
_APPLYING = frozenset({"group_by", "map", "max_by", "min_by", "sort_by"})
#: A text of fewer characters, as a part of a value, is light at a glance.
_SHORT = 1_600
_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


class NotCompiled(Exception):  # noqa: N818 - it never leaves this room
    """This tree is for the interpreter alone."""


class Writer:
    """Writes one function. Each method writes the statements for a node, and returns the name of its value.

    ``at`` is the name of the value that a node stands on. A name that is written stays what it is, so that a member
    that was looked up once is known in the rest of its block.
    """

    def __init__(self, limits: Limits, *, omit_null: bool) -> None:
        self.names: dict[str, Any] = {
            "Unsure": sure.Unsure,
            "flat": sure.flat,
            "ordered": sure.ordered,
            "sized": sure.sized,
            "other": sure.other,
            "weighed": sure.weighed,
            "zero": sure.zero,
        }
        self._limits = limits
        self._omit_null = omit_null
        self._lines: list[str] = []
        self._literals: list[str] = []
        self._depth = 0
        self._count = 0
        #: Names of values that are true or false for certain.
        self._flags: set[str] = set()
        #: Names of values that were weighed.
        self._weighed: set[str] = set()
        #: What was looked up in this block or around it: (name of the value, step) -> name of the member.
        self._known: dict[tuple[str, str | int], str] = {}

    def module(self, text: str, tree: Node) -> str:
        """The whole source."""
        self._write(f"# {text!r}")
        with self._block("def evaluate(document, notes):"):
            with self._block("try:"):
                self._write(f"return {self._visit(tree, 'document')}")
            with self._block("except Exception:"):
                self._write("raise Unsure from None")
        return "\n".join([*self._literals, *self._lines, ""])

    # ------------------------------------------------------------------------------------------------ writing

    def _visit(self, node: Node, at: str) -> str:
        method: Callable[[Node, str], str] = getattr(self, f"_{node['type']}")
        return method(node, at)

    def _write(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    @contextmanager
    def _block(self, opening: str) -> Iterator[None]:
        self._write(opening)
        self._depth += 1
        known = dict(self._known)
        yield
        self._known = known
        self._depth -= 1

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def _set(self, kind: str, code: str) -> str:
        name = self._name(kind)
        self._write(f"{name} = {code}")
        return name

    def _flag(self, kind: str, code: str) -> str:
        name = self._set(kind, code)
        self._flags.add(name)
        return name

    def _true(self, name: str) -> str:
        """Truth: as Python's, but that zero is true."""
        if name in self._flags:
            return name
        return f"{name} or {name} is not None and {name} is not False and zero({name})"

    # ---------------------------------------------------------------------------------------------- single steps

    def _chain(self, node: Node, at: str) -> str:
        for child in node["children"]:
            at = self._visit(child, at)
        return at

    _subexpression = _index_expression = _pipe = _chain

    def _part(self, node: Node, at: str) -> str:
        """A value of which no member is looked up, so that a literal can stand for itself."""
        if node["type"] == "literal" and (node["value"] is None or isinstance(node["value"], bool | str)):
            return repr(node["value"])
        return self._visit(node, at)

    def _current(self, _node: Node, at: str) -> str:
        return at

    _identity = _current

    def _literal(self, node: Node, _at: str) -> str:
        value = node["value"]
        if isinstance(value, bool):
            return self._flag("literal", repr(value))
        if value is None or isinstance(value, str):
            return self._set("literal", repr(value))
        name = self._name("literal")
        self.names[name] = value
        self._literals.append(f"# {name} = {value!r}")
        return name

    def _field(self, node: Node, at: str) -> str:
        name = node["value"]
        return self._looked_up(at, name, f"{at}.get({name!r}) if {at}.__class__ is dict")

    def _index(self, node: Node, at: str) -> str:
        index = node["value"]
        enough = f"len({at}) > {index}" if index >= 0 else f"len({at}) >= {-index}"
        return self._looked_up(at, index, f"({at}[{index}] if {enough} else None) if {at}.__class__ is list")

    def _looked_up(self, at: str, step: str | int, code: str) -> str:
        if (at, step) not in self._known:
            kind = "field" if isinstance(step, str) else "index"
            self._known[at, step] = self._set(kind, f"({code} else {self._null(at)})")
        return self._known[at, step]

    def _null(self, at: str) -> str:
        """Null, for a value of another kind."""
        return f"None if {at} is None else other({at})"

    def _slice(self, node: Node, at: str) -> str:
        start, stop, step = ("" if part is None else part for part in node["children"])
        return self._set("slice", f"({at}[{start}:{stop}:{step}] if {at}.__class__ is list else {self._null(at)})")

    # ------------------------------------------------------------------------------------------------ truth

    def _or_expression(self, node: Node, at: str) -> str:
        return self._either(node, at, "or", "if not ({}):")

    def _and_expression(self, node: Node, at: str) -> str:
        return self._either(node, at, "and", "if {}:")

    def _either(self, node: Node, at: str, kind: str, opening: str) -> str:
        left = self._visit(node["children"][0], at)
        name = self._set(kind, left)
        with self._block(opening.format(self._true(left))):
            right = self._part(node["children"][1], at)
            self._write(f"{name} = {right}")
        if left in self._flags and right in self._flags:
            self._flags.add(name)
        return name

    def _not_expression(self, node: Node, at: str) -> str:
        return self._flag("not", f"not ({self._true(self._visit(node['children'][0], at))})")

    def _comparator(self, node: Node, at: str) -> str:
        left, right = (self._part(child, at) for child in node["children"])
        if node["value"] in _SIGNS:
            return self._set("compare", f"{left} {_SIGNS[node['value']]} {right} if ordered({left}, {right}) else None")
        literals = [c["value"] for c in node["children"] if c["type"] == "literal"]
        if may_be_large(node):
            with self._block(f"if {left}.__class__ is dict or {left}.__class__ is list:"):
                self._write(f"weighed({left}, {self._limits.weight})")
        equal = f"{left} == {right}"
        if not any(isinstance(value, str) for value in literals):
            # Python takes true for 1. Inside lists and objects the package does so too.
            equal += f" and ({left}.__class__ is bool) is ({right}.__class__ is bool)"
        return self._flag("compare", equal if node["value"] == "eq" else f"not ({equal})")

    # -------------------------------------------------------------------------------------------------- lists

    def _flatten(self, node: Node, at: str) -> str:
        base = self._visit(node["children"][0], at)
        return self._set("flatten", f"flat({base}, {self._limits.elements})")

    def _projection(self, node: Node, at: str) -> str:
        left, right = node["children"]
        return self._project(self._visit(left, at), "list", right)

    def _value_projection(self, node: Node, at: str) -> str:
        left, right = node["children"]
        return self._project(self._visit(left, at), "dict", right)

    def _filter_projection(self, node: Node, at: str) -> str:
        left, right, condition = node["children"]
        return self._project(self._visit(left, at), "list", right, condition)

    def _project(self, base: str, kind: str, right: Node, condition: Node | None = None) -> str:
        name, element = self._name("projection"), self._name("element")
        with self._block(f"if {base}.__class__ is {kind}:"):
            self._short(base)
            self._write(f"{name} = []")
            with self._block(f"for {element} in {base}{'.values()' if kind == 'dict' else ''}:"):
                if condition is None:
                    self._keep(name, self._visit(right, element))
                else:
                    with self._block(f"if {self._true(self._visit(condition, element))}:"):
                        self._keep(name, self._visit(right, element))
        with self._block("else:"):
            self._write(f"{name} = {self._null(base)}")
        return name

    def _short(self, name: str) -> None:
        with self._block(f"if len({name}) > {self._limits.elements}:"):
            self._write("raise Unsure")

    def _keep(self, name: str, value: str) -> None:
        with self._block(f"if {value} is not None:"):
            self._write(f"{name}.append({value})")

    def _multi_select_list(self, node: Node, at: str) -> str:
        return self._build("list", node["children"], at, lambda parts: f"[{', '.join(parts)}]")

    def _multi_select_dict(self, node: Node, at: str) -> str:
        names = [repr(child["value"]) for child in node["children"]]
        values = [child["children"][0] for child in node["children"]]
        return self._build(
            "object", values, at, lambda parts: f"{{{', '.join(map(': '.join, zip(names, parts, strict=True)))}}}"
        )

    def _build(self, kind: str, nodes: list[Node], at: str, written: Callable[[list[str]], str]) -> str:
        name = self._name(kind)
        with self._block(f"if {at} is None:"):
            self._write(f"{name} = None")
        with self._block("else:"):
            parts = [self._part(node, at) for node in nodes]
            self._write(f"{name} = {written(parts)}")
            if kind == "object" and self._omit_null:
                self._write(f"{name} = {{k: v for k, v in {name}.items() if v is not None}}")
            self._weigh_parts(name, parts)
        return name

    def _weigh_parts(self, name: str, parts: list[str]) -> None:
        """Weigh what was built: at a glance where all parts are null or short, as they nearly always are."""
        self._weighed.add(name)
        # A part of so many steps each, so that they all stay within the weight.
        steps = min((self._limits.weight - 1) // max(len(parts), 1), _SHORT // CHARACTERS_A_STEP)
        unknown = [part for part in dict.fromkeys(parts) if not self._is_light(part, steps)]
        length = steps * CHARACTERS_A_STEP
        short = [f"({part} is None or {part}.__class__ is str and len({part}) < {length})" for part in unknown]
        if short or not steps:
            with self._block(f"if not ({' and '.join(short) if steps else False}):"):
                self._write(f"weighed({name}, {self._limits.weight})")

    def _is_light(self, code: str, steps: int) -> bool:
        """Whether a value surely weighs no more: a flag, null, or a number or short text that the expression writes."""
        if code in self._flags or code in {"None", "True", "False"}:
            return steps > 0
        if code[0] in "'\"":
            return 1 + len(code) // CHARACTERS_A_STEP <= steps
        return steps > 0 and code in self.names and not isinstance(self.names[code], list | dict)

    # ------------------------------------------------------------------------------------------------ functions

    def _function_expression(self, node: Node, at: str) -> str:
        name, children = node["value"], node["children"]
        if name in _APPLYING and not any(child["type"] == "expref" for child in children):
            raise NotCompiled  # a value where &expr belongs: an error or null on every document
        if name == "map":
            return self._map(children[0]["children"][0], self._visit(children[1], at))
        arguments = [self._argument(child, at) for child in children]
        if name in _APPLYING:
            with self._block(f"if {arguments[0]}.__class__ is list:"):
                self._short(arguments[0])
        for place, child in enumerate(children):
            if child["type"] != "expref":
                self._guard(name, arguments[place], 0 if place else _CUT.get(name, 0))
        return self._call(name, arguments)

    def _guard(self, name: str, argument: str, more: int) -> None:
        """Give a function nothing that it takes more steps to look at, or its value ``more``, than are counted."""
        weight = self._limits.weight - more
        known = not more and argument in self._weighed
        if name in AT_A_GLANCE or known or self._is_light(argument, weight):
            return
        if name not in FROM_OUTSIDE:
            self._weigh(argument, weight)
            return
        characters = weight * CHARACTERS_A_STEP
        with self._block(f"if {argument} and ({argument}.__class__ is not str or len({argument}) >= {characters}):"):
            self._write(f"sized({argument}, {characters})")

    def _argument(self, node: Node, at: str) -> str:
        if node["type"] != "expref":
            return self._part(node, at)
        name, element = self._name("key"), self._name("element")
        with self._block(f"def {name}({element}):"):
            self._write(f"return {self._visit(node['children'][0], element)}")
        return name

    def _call(self, name: str, arguments: list[str]) -> str:
        # An underscore keeps the function `not` apart from Python's, and all of them from the names written here.
        ours = functions.TABLE.get(name)
        self.names[f"{name}_"] = ours.call if ours else sure.STANDARD[name]
        given = [*arguments, "note=notes.append"] if ours and ours.notes else arguments
        code = f"{name}_({', '.join(given)})"
        if name in _FLAGS:
            return self._flag("call", code)
        made = self._set("call", code)
        if name not in LIGHT and name not in _CUT:
            self._weigh(made, self._limits.weight)
        self._weighed.add(made)
        return made

    def _weigh(self, name: str, weight: int) -> None:
        long = f"len({name}) >= {weight * CHARACTERS_A_STEP}"
        with self._block(f"if {name}.__class__ is str:"), self._block(f"if {long}:"):
            self._write("raise Unsure")
        with self._block(f"elif {name} is not None:"):
            self._write(f"weighed({name}, {weight})")

    def _map(self, body: Node, base: str) -> str:
        name, element = self._name("map"), self._name("element")
        with self._block(f"if {base}.__class__ is not list:"):
            self._write("raise Unsure")
        self._short(base)
        self._write(f"{name} = []")
        with self._block(f"for {element} in {base}:"):
            self._write(f"{name}.append({self._visit(body, element)})")
        self._write(f"weighed({name}, {self._limits.weight})")
        self._weighed.add(name)
        return name


def may_be_large(node: Node) -> bool:
    """Whether a comparison may be of two lists or objects: whether they are equal takes a look at all inside."""
    if node["value"] in _SIGNS:
        return False
    return all(c["type"] != "literal" or isinstance(c["value"], list | dict) for c in node["children"])
