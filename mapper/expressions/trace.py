"""Which values of a document flowed into an expression's value: a second, small interpreter.

Knows how each kind of node carries values (the mapping language, section 1.9). Must not decide what
a value is: standard functions, comparisons and truth are the evaluation's own, and a property test
holds the two values equal.

Every intermediate value is a Traced: the value, and where it came from. A part of the document is
known by its path alone; a list or object that was built knows each element's own trace, so that
``addresses[?type=='home'].city | [0]`` names the city of the home address and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mapper import functions
from mapper.expressions import interpreter, reads
from mapper.frozen import dataclass

#: A path into the document; everything at and below it flowed.
Origin = tuple[str | int, ...]

#: Standard functions whose result is one of the elements they were given, or a list of them.
_SELECTING = frozenset(
    {"max", "max_by", "merge", "min", "min_by", "not_null", "reverse", "sort", "sort_by", "to_array", "values"}
)


#: How many times the steps of an evaluation a trace may take: it counts origins too.
_BUDGETS = 2


@dataclass(frozen=True, slots=True)
class _Traced:
    """A value with its origins. ``path`` is set where the value is a part of the document itself."""

    value: Any
    path: Origin | None = None
    elements: tuple[_Traced, ...] | None = None
    members: dict[str, _Traced] | None = None
    coarse: frozenset[Origin] = frozenset()

    def parts(self) -> tuple[_Traced, ...]:
        """The traced elements or members of a value that was built."""
        if self.elements is not None:
            return self.elements
        return tuple(self.members.values()) if self.members is not None else ()

    def member(self, name: str) -> _Traced:
        """The member ``name``; null where there is none."""
        if not isinstance(self.value, dict) or name not in self.value:
            return _NULL
        if self.members is not None:
            return self.members[name]
        return self._part(self.value[name], name)

    def element(self, index: int) -> _Traced:
        """The element at an index that is there, counted from the end where it is negative."""
        if self.elements is not None:
            return self.elements[index]
        return self._part(self.value[index], index % len(self.value))

    def listed(self) -> tuple[_Traced, ...]:
        """The elements of a list, or the member values of an object."""
        if isinstance(self.value, dict):
            return tuple(self.member(name) for name in self.value)
        if self.elements is not None:
            return self.elements
        return tuple(self._part(v, i) for i, v in enumerate(self.value))

    def _part(self, value: Any, step: str | int) -> _Traced:
        if self.path is not None:
            return _Traced(value, (*self.path, step))
        return _Traced(value, coarse=self.coarse)


_NULL = _Traced(None)


def trace(tree: dict[str, Any], document: Any) -> tuple[Any, tuple[Origin, ...]]:
    """The value of a tree, and the origins that flowed into it. Raises ExpressionError."""
    tracer = _Tracer()
    try:
        traced = tracer.visit(tree, _Traced(document, ()))
        return traced.value, tuple(dict.fromkeys(tracer.origins(traced, set())))
    except Exception as error:  # noqa: BLE001 - the same exceptions as an evaluation's
        raise interpreter.worded(error) from None


class _Tracer:
    """One trace. Values come from the evaluation's own code wherever more than a lookup is meant."""

    def __init__(self) -> None:
        self._run = interpreter.Run(budgets=_BUDGETS)

    def visit(self, node: dict[str, Any], at: _Traced) -> _Traced:
        self._run.charge(1)
        method: Callable[[dict[str, Any], _Traced], _Traced] = getattr(self, f"_{node['type']}")
        return method(node, at)

    def origins(self, traced: _Traced, seen: set[int]) -> Iterator[Origin]:
        """All origins of a value, in order, for a step each. ``seen`` are the sets that were told already."""
        self._run.charge(1)
        if traced.path is not None:
            yield traced.path
            return
        if traced.coarse and id(traced.coarse) not in seen:
            # Whatever was cut out of one text has all of that text's origins: they are told once.
            seen.add(id(traced.coarse))
            self._run.charge(len(traced.coarse))
            yield from sorted(traced.coarse, key=repr)
        for part in traced.parts():
            yield from self.origins(part, seen)

    def _coarse(self, parts: Iterable[_Traced]) -> frozenset[Origin]:
        seen: set[int] = set()
        return frozenset(origin for part in parts for origin in self.origins(part, seen))

    def _listed(self, base: _Traced) -> tuple[_Traced, ...]:
        """The parts of a list or an object, for a step each."""
        self._run.charge(len(base.value))
        return base.listed()

    def _plain(self, node: dict[str, Any], at: _Traced) -> Any:
        return self._run.visit(node, at.value)

    def _chain(self, node: dict[str, Any], at: _Traced) -> _Traced:
        for child in node["children"]:
            at = self.visit(child, at)
        return at

    _subexpression = _index_expression = _pipe = _chain

    def _field(self, node: dict[str, Any], at: _Traced) -> _Traced:
        return at.member(node["value"])

    def _index(self, node: dict[str, Any], at: _Traced) -> _Traced:
        if not isinstance(at.value, list) or not -len(at.value) <= node["value"] < len(at.value):
            return _NULL
        return at.element(node["value"])

    def _slice(self, node: dict[str, Any], at: _Traced) -> _Traced:
        if not isinstance(at.value, list):
            return _NULL
        indices = range(len(at.value))[slice(*node["children"])]
        self._run.charge(len(indices))
        return _list(at.element(index) for index in indices)

    def _flatten(self, node: dict[str, Any], at: _Traced) -> _Traced:
        base = self.visit(node["children"][0], at)
        if not isinstance(base.value, list):
            return _NULL
        flat: list[_Traced] = []
        for element in self._listed(base):
            flat.extend(self._listed(element) if isinstance(element.value, list) else (element,))
        return _list(flat)

    def _project(self, elements: Iterable[_Traced], right: dict[str, Any]) -> _Traced:
        visited = (self.visit(right, element) for element in elements)
        return _list(v for v in visited if v.value is not None)

    def _projection(self, node: dict[str, Any], at: _Traced) -> _Traced:
        base = self.visit(node["children"][0], at)
        return self._project(self._listed(base), node["children"][1]) if isinstance(base.value, list) else _NULL

    def _value_projection(self, node: dict[str, Any], at: _Traced) -> _Traced:
        base = self.visit(node["children"][0], at)
        return self._project(self._listed(base), node["children"][1]) if isinstance(base.value, dict) else _NULL

    def _filter_projection(self, node: dict[str, Any], at: _Traced) -> _Traced:
        left, right, condition = node["children"]
        base = self.visit(left, at)
        if not isinstance(base.value, list):
            return _NULL
        kept = [e for e in self._listed(base) if _true(self._plain(condition, e))]
        return self._project(kept, right)

    def _tested(self, node: dict[str, Any], at: _Traced) -> _Traced:
        return _Traced(self._plain(node, at))

    _comparator = _not_expression = _literal = _tested

    def _current(self, _node: dict[str, Any], at: _Traced) -> _Traced:
        return at

    _identity = _current

    def _multi_select_list(self, node: dict[str, Any], at: _Traced) -> _Traced:
        if at.value is None:
            return _NULL
        built = _list(self.visit(child, at) for child in node["children"])
        self._run.weigh(built.value)
        return built

    def _multi_select_dict(self, node: dict[str, Any], at: _Traced) -> _Traced:
        if at.value is None:
            return _NULL
        members = {c["value"]: self.visit(c["children"][0], at) for c in node["children"]}
        built = _Traced({name: m.value for name, m in members.items()}, members=members)
        self._run.weigh(built.value)
        return built

    def _or_expression(self, node: dict[str, Any], at: _Traced) -> _Traced:
        left = self.visit(node["children"][0], at)
        return left if _true(left.value) else self.visit(node["children"][1], at)

    def _and_expression(self, node: dict[str, Any], at: _Traced) -> _Traced:
        left = self.visit(node["children"][0], at)
        return self.visit(node["children"][1], at) if _true(left.value) else left

    def _function_expression(self, node: dict[str, Any], at: _Traced) -> _Traced:
        name, arguments = node["value"], node["children"]
        if reads.only_tests(name):
            return _Traced(self._plain(node, at))
        if name == "map" and arguments[0]["type"] == "expref":
            return self._map(node, at)
        given = {index: self.visit(a, at) for index, a in enumerate(arguments) if a["type"] != "expref"}
        value = self._run.call(
            name, [given[i].value if i in given else self._plain(a, at) for i, a in enumerate(arguments)]
        )
        parts = list(given.values())
        if name == "reverse" and isinstance(value, list):
            return _list(reversed(self._listed(parts[0])))
        if name == "merge":
            return _merged(value, parts)
        return self._selected(value, parts) if _selects(name) else _Traced(value, coarse=self._coarse(parts))

    def _map(self, node: dict[str, Any], at: _Traced) -> _Traced:
        expression, array = node["children"]
        base = self.visit(array, at)
        if not isinstance(base.value, list):
            self._plain(node, at)  # raises as the evaluation does
        return _list(self.visit(expression["children"][0], e) for e in self._listed(base))

    def _selected(self, value: Any, given: list[_Traced]) -> _Traced:
        """Match a selecting function's result with the very values that it was given."""
        whole = next((g for g in given if g.value is value), None)
        if whole is not None:
            return whole
        pool = _Pool([p for g in given if isinstance(g.value, list | dict) for p in self._listed(g)] + given)
        if isinstance(value, list):
            return _list(self._taken(v, pool, given) for v in value)
        return self._taken(value, pool, given)

    def _taken(self, value: Any, pool: _Pool, given: list[_Traced]) -> _Traced:
        found = pool.take(value)
        if found is not None or value is None:
            return found or _NULL
        # Not one of the elements (a reversed text, say): everything that was given flowed.
        return _Traced(value, coarse=self._coarse(given))


class _Pool:
    """Traced values, to be found by the very value, each once, in their order."""

    def __init__(self, parts: list[_Traced]) -> None:
        self._parts: dict[int, list[_Traced]] = {}
        for part in reversed(parts):
            self._parts.setdefault(id(part.value), []).append(part)

    def take(self, value: Any) -> _Traced | None:
        parts = self._parts.get(id(value))
        return parts.pop() if parts else None


def _list(parts: Iterable[_Traced]) -> _Traced:
    elements = tuple(parts)
    return _Traced([e.value for e in elements], elements=elements)


def _merged(value: dict[str, Any], given: list[_Traced]) -> _Traced:
    members = {name: part.member(name) for part in given for name in part.value}
    return _Traced(value, members={name: members[name] for name in value})


def _selects(name: str) -> bool:
    ours = functions.TABLE.get(name)
    return name in _SELECTING or (ours is not None and ours.flow == "selects")


def _true(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [], {})
