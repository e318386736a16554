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

Node = dict[str, Any]


class Limits(NamedTuple):
    """How long a list may be that is stepped through, and how many steps a built value may weigh."""

    elements: int
    weight: int


#: Functions whose value is always true or false.
_FLAGS = frozenset({"blank", "contains", "ends_with", "filled", "not", "starts_with"})
#: Functions whose value weighs nothing or, as ``type``, a single step.
LIGHT = _FLAGS | {"abs", "avg", "ceil", "floor", "length", "sum", "to_number", "type"}
#: Functions whose value is cut out of their first argument, a text: it weighs at most so many steps more than that.
_CUT = {"split_name": 3}
#: Functions that take ``&expr`` and the list that it is applied to.
_APPLYING = frozenset({"group_by", "map", "max_by", "min_by", "sort_by"})
#: A text of fewer characters, alone or as a part of a value, is light at a glance.
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
            self._known[at, step] = self._set(kind, f"{code} else {self._null(at)}")
        return self._known[at, step]

    def _null(self, at: str) -> str:
        """Null, for a value of another kind."""
        return f"None if {at} is None else other({at})"

    def _slice(self, node: Node, at: str) -> str:
        start, stop, step = ("" if part is None else part for part in node["children"])
        return self._set("slice", f"{at}[{start}:{stop}:{step}] if {at}.__class__ is list else {self._null(at)}")

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
        unknown = [part for part in dict.fromkeys(parts) if not self._is_short(part)]
        short = [f"({part} is None or {part}.__class__ is str and len({part}) < {_SHORT})" for part in unknown]
        glance = 1 + len(parts) * (_SHORT // CHARACTERS_A_STEP) <= self._limits.weight
        if not glance:
            self._write(f"weighed({name}, {self._limits.weight})")
        elif short:
            with self._block(f"if not ({' and '.join(short)}):"):
                self._write(f"weighed({name}, {self._limits.weight})")

    def _is_short(self, code: str) -> bool:
        """Whether a value is known to be a flag, null, or a literal of a short text."""
        return code in self._flags or code in {"None", "True", "False"} or (code[0] in "'\"" and len(code) < _SHORT)

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
        if name in _CUT:
            self._brief(arguments[0], self._limits.weight - _CUT[name])
        return self._call(name, arguments)

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
            self._weigh(made)
        return made

    def _weigh(self, name: str) -> None:
        with self._block(f"if {name} is not None and {name}.__class__ is not str:"):
            self._write(f"weighed({name}, {self._limits.weight})")
        self._brief(name, self._limits.weight, "elif")

    def _brief(self, name: str, weight: int, word: str = "if") -> None:
        characters = weight * CHARACTERS_A_STEP
        with self._block(f"{word} {name}.__class__ is str and len({name}) >= {characters}:"):
            self._write("raise Unsure")

    def _map(self, body: Node, base: str) -> str:
        name, element = self._name("map"), self._name("element")
        with self._block(f"if {base}.__class__ is not list:"):
            self._write("raise Unsure")
        self._short(base)
        self._write(f"{name} = []")
        with self._block(f"for {element} in {base}:"):
            self._write(f"{name}.append({self._visit(body, element)})")
        self._write(f"weighed({name}, {self._limits.weight})")
        return name
