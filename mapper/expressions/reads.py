"""Which paths an expression can read: found once, from its tree alone.

Knows how each kind of node moves through a document (the mapping language, section 1.9). Must not
see a document. Sound but generous: what is read on any document is in the result, and perhaps more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mapper import functions
from mapper.frozen import dataclass, field

#: A step that stands for any name or index.
STAR = -1

#: Ends the path of a value that was built anew, as by ``[a, b]`` or a projection. What is read of that value
#: stands anywhere below the path, so no further step is added. No path in a result has it.
_BELOW = -2

#: Steps from the top: names, indices that are not negative, STAR.
Path = tuple[str | int, ...]
_State = frozenset[Path]
_Visit = Callable[[dict[str, Any], _State], _State]

_NOWHERE: _State = frozenset()
#: Standard functions whose arguments are only looked at: none of their values is in the result.
TESTING = frozenset({"keys", "length", "type", "contains", "starts_with", "ends_with"})
#: Functions whose result is one of their arguments, or has the members of all of them at their own names.
_PASSING = frozenset({"first_filled", "merge", "not_null"})
#: Functions whose result is one element of their argument.
_CHOOSING = frozenset({"max", "max_by", "min", "min_by"})


@dataclass(frozen=True, slots=True)
class Reads:
    """``flows``: paths whose values can be in the result. ``tests``: paths that only decide something.

    ``at_top`` says that ``@`` stands for the whole scope somewhere; ``whole`` also that it is read in another way.
    """

    flows: frozenset[Path]
    tests: frozenset[Path]
    at_top: bool = False

    @property
    def every(self) -> frozenset[Path]:
        """All paths, flowing or tested."""
        return self.flows | self.tests

    @property
    def names(self) -> frozenset[str]:
        """The first names: traits, context, fields and so on."""
        return frozenset(path[0] for path in self.every if path and isinstance(path[0], str))

    @property
    def whole(self) -> bool:
        """Whether the whole scope is read at once, so that what is read cannot be named."""
        return self.at_top or any(not path or not isinstance(path[0], str) for path in self.every)


def walk(tree: dict[str, Any]) -> Reads:
    """What a tree reads."""
    walker = _Walker()
    flows = walker.visit(tree, frozenset({()}))
    return Reads(_bare(flows), _bare(walker.tests), walker.at_top)


def plain_path(tree: dict[str, Any]) -> Path | None:
    """The path of a chain of names and non-negative indices, or None for anything else."""
    kind = tree["type"]
    if kind == "field" or (kind == "index" and tree["value"] >= 0):
        return (tree["value"],)
    if kind not in ("subexpression", "index_expression"):
        return None
    steps: Path = ()
    for child in tree["children"]:
        path = plain_path(child)
        if path is None:
            return None
        steps += path
    return steps


@dataclass(slots=True)
class _Walker:
    """One walk: ``visit`` returns the paths whose values are in a node's result."""

    tests: set[Path] = field(default_factory=set)
    at_top: bool = False

    def visit(self, node: dict[str, Any], state: _State) -> _State:
        method = getattr(self, f"_{node['type']}", None)
        if method is None:
            msg = f"no rule for the node {node['type']}"
            raise NotImplementedError(msg)
        result: _State = method(node, state)
        return result

    def _test(self, node: dict[str, Any], state: _State) -> None:
        self.tests |= self.visit(node, state)

    def _into(self, visit: _Visit, node: dict[str, Any], state: _State) -> _State:
        """Visit a node. Where it reads nothing of what it stands on, that this is there, or fails, still decides."""
        before = set(self.tests)
        result = visit(node, state)
        read = result | (self.tests - before)
        self.tests |= {path for path in state if path and not any(one[: len(path)] == path for one in read)}
        return result

    def _chain(self, node: dict[str, Any], state: _State) -> _State:
        for child in node["children"]:
            state = self._into(self.visit, child, state)
        return state

    _subexpression = _index_expression = _pipe = _chain

    def _or_expression(self, node: dict[str, Any], state: _State) -> _State:
        return _NOWHERE.union(*(self.visit(child, state) for child in node["children"]))

    def _multi_select_list(self, node: dict[str, Any], state: _State) -> _State:
        return _built(self._into(self._or_expression, node, state))

    _multi_select_dict = _multi_select_list

    def _and_expression(self, node: dict[str, Any], state: _State) -> _State:
        # A falsy left side is itself the result, so it flows as well as tests.
        left, right = node["children"]
        return self.visit(left, state) | self.visit(right, state)

    def _field(self, node: dict[str, Any], state: _State) -> _State:
        return _step(state, node["value"])

    def _index(self, node: dict[str, Any], state: _State) -> _State:
        return _step(state, node["value"] if node["value"] >= 0 else STAR)

    def _slice(self, _node: dict[str, Any], state: _State) -> _State:
        return _built(_step(state, STAR))

    def _flatten(self, node: dict[str, Any], state: _State) -> _State:
        return _built(self._elements(node, state))

    def _elements(self, node: dict[str, Any], state: _State) -> _State:
        """The elements of a node's list; a slice and a flattening step to them themselves."""
        if node["type"] == "flatten":
            # The elements, and the elements of those that are lists themselves.
            elements = _step(self.visit(node["children"][0], state), STAR)
            return elements | _step(elements, STAR)
        if node["type"] == "index_expression" and node["children"][-1]["type"] == "slice":
            return _step(self._chain({"children": node["children"][:-1]}, state), STAR)
        return _step(self.visit(node, state), STAR)

    def _projection(self, node: dict[str, Any], state: _State) -> _State:
        left, right = node["children"]
        elements = self._elements(left, state)
        return _built(self._into(self.visit, right, elements))

    def _value_projection(self, node: dict[str, Any], state: _State) -> _State:
        left, right = node["children"]
        elements = _step(self.visit(left, state), STAR)
        return _built(self._into(self.visit, right, elements))

    def _filter_projection(self, node: dict[str, Any], state: _State) -> _State:
        left, right, condition = node["children"]
        elements = self._elements(left, state)
        self._test(condition, elements)
        return _built(self._into(self.visit, right, elements))

    def _comparator(self, node: dict[str, Any], state: _State) -> _State:
        for child in node["children"]:
            self._test(child, state)
        return _NOWHERE

    _not_expression = _comparator

    def _identity(self, _node: dict[str, Any], state: _State) -> _State:
        return state

    def _current(self, _node: dict[str, Any], state: _State) -> _State:
        # As in `@.traits.a`, whose reads could be named, but whose author means something else by `@`.
        self.at_top = self.at_top or () in state
        return state

    def _literal(self, _node: dict[str, Any], _state: _State) -> _State:
        return _NOWHERE

    def _key_val_pair(self, node: dict[str, Any], state: _State) -> _State:
        return self.visit(node["children"][0], state)

    def _expref(self, node: dict[str, Any], state: _State) -> _State:
        return self.visit(node["children"][0], state)

    def _function_expression(self, node: dict[str, Any], state: _State) -> _State:
        name, arguments = node["value"], node["children"]
        values = [a for a in arguments if a["type"] != "expref"]
        read = _NOWHERE.union(*(self.visit(a, state) for a in values))
        for expression in (a for a in arguments if a["type"] == "expref"):
            elements = _step(read, STAR)
            if name == "map":
                return _built(self._into(self.visit, expression, elements))
            self.tests |= self.visit(expression, elements)
        if only_tests(name):
            self.tests |= read
            return _NOWHERE
        if name in _PASSING:
            return read
        return _step(read, STAR) if name in _CHOOSING else _built(read)


def only_tests(name: str) -> bool:
    """Whether a function only looks at its arguments."""
    ours = functions.TABLE.get(name)
    return name in TESTING or (ours is not None and ours.flow == "tests")


def _step(state: _State, step: str | int) -> _State:
    """One step further in."""
    return frozenset(path if path[-1:] == (_BELOW,) else (*path, step) for path in state)


def _built(state: _State) -> _State:
    """The state of a value that was made of what stands at these paths."""
    return _step(state, _BELOW)


def _bare(state: Iterable[Path]) -> frozenset[Path]:
    return frozenset(path[:-1] if path[-1:] == (_BELOW,) else path for path in state)
