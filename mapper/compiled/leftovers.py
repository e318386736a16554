"""Every leaf that no field took, once and quickly: it becomes a custom field, or it ends elsewhere.

Knows the accounts (the mapping language, section 1.8) as far as they decide what is sent, as ``mapper.transform``
does, which also tells the end of each leaf. Must not word a warning: that of a taken name is made there, and for all
else it says Unsure and the whole story is told there. A law holds the two equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from mapper import codec
from mapper.compiled.runtime import Placed
from mapper.compiled.search import ABSENT, Evaluate, at, evaluation, is_plain, token, tokens
from mapper.errors import ExpressionError
from mapper.expressions import STAR, Expression, Unsure
from mapper.frozen import dataclass, field
from mapper.plan.parts import Age, Field, Plan
from mapper.rules import EMPTY
from mapper.transform import presence
from mapper.transform.accounts import leaves, matching
from mapper.transform.custom import name_of, value_of
from mapper.transform.custom import taken as taken_name
from mapper.transform.results import Path

#: So many names of traits are remembered with the custom fields' names; real sources have some dozen.
_REMEMBERED = 4_096

#: Stands for the name of a trait that a pattern drops.
_DROPPED = object()
_SCALARS = frozenset({int, float, bool})


@dataclass(slots=True)
class _Node:
    """A step of some spelling. ``fields`` have a candidate that ends here; ``token`` stands for it.

    ``read`` says that an expression that is no mere path reads this root, so that a leaf may have flowed into it.
    """

    token: str
    fields: list[int] = field(default_factory=list)
    below: dict[Any, _Node] = field(default_factory=dict)
    tokens: dict[Any, str] = field(default_factory=dict)
    read: bool = False


_FREE = _Node("")
_NO_NAMES: dict[str | int, Any] = {}
_NOTHING = frozenset[str | None]()


@dataclass(frozen=True, slots=True)
class _Flow:
    """An expression that is no mere path, of field ``number``: where its values come from."""

    number: int
    token: str
    expression: Expression
    evaluate: Evaluate

    def paths(self, document: Any) -> Iterator[Path]:
        """The traits that flow into its value. Raises Unsure."""
        whole = self.expression.whole_flows
        try:
            origins = whole if whole is not None else self.expression.trace(document)[1]
        except ExpressionError:
            raise Unsure from None
        for origin in origins:
            if not origin:
                raise Unsure
            # Whole flows name what an expression reads; only what is there flowed.
            if origin[0] == "traits" and at(document, origin) is not ABSENT and at(document, origin[:-1]) is not None:
                yield origin[1:]


class Leftovers:
    """What becomes of the traits beside the fields, for one plan."""

    def __init__(self, plan: Plan) -> None:
        """Lay all spellings into one tree of steps."""
        self.rules = plan.custom_fields
        self.types = [one.type for one in plan.fields]
        self.numbers = {one.name: number for number, one in enumerate(plan.fields)}
        self.plain: set[str] = set()
        self.flows: list[_Flow] = []
        #: Winners that read `context.traits`: they take leaves of another layer.
        self.older: set[str] = set()
        self.every_root = False
        self.top: dict[str, _Node] = {}
        for number, one in enumerate(plan.fields):
            self._place(number, one)
        #: By the path above: the names of members that are custom fields. Those of the top are in no spelling.
        self.names: dict[Path, dict[str | int, Any]] = {}
        self._remembered = 0
        self.judge = None if self.rules.rules is EMPTY else self.rules.rules.accepts or _never
        self.objects_are_flat = self.rules.nested == "flatten"
        #: Lists become texts, and no pattern looks into them.
        self.lists_are_texts = self.rules.lists == "text" and not self.rules.drop

    def _place(self, number: int, one: Field) -> None:
        for name, candidate in zip(tokens(number, one), one.candidates, strict=True):
            if is_plain(candidate) and candidate.path is not None:
                self.plain.add(name)
                self._lay(candidate.path).fields.append(number)
                continue
            expression = candidate.located.expression
            if any(_reads_older(path) for path in expression.reads.flows):
                self.older.add(name)
            if candidate.age is Age.BY_TRAITS:
                self.flows.append(_Flow(number, name, expression, evaluation(expression)))
                self.every_root = self.every_root or candidate.every_root
                for root in candidate.roots:
                    self.top.setdefault(root, _Node(root)).read = True

    def _lay(self, path: Path) -> _Node:
        node = self.top.setdefault(str(path[0]), _Node(str(path[0])))
        for length, step in enumerate(path[1:], start=2):
            below = node.below.setdefault(step, _Node(token(path[:length])))
            node.tokens[step] = below.token
            node = below
        return node

    def route(
        self,
        tree: dict[str, Any],
        winners: tuple[str | None, ...],
        document: Any,
        found: list[Placed],
        left: list[str],
    ) -> dict[str, Any]:
        """The custom fields of one event.

        ``winners`` are the tokens of the fields' winners, None where there is none; ``left`` those of winners that are
        left out. A name that is taken is warned of in ``found``. Raises Unsure where it takes the whole story to tell.
        """
        taken = {*winners, *left}
        taken.discard(None)
        if left and not self.plain.issuperset(left):
            raise Unsure
        if self.rules.none or not taken.isdisjoint(self.older):
            return self._without(taken)
        event = _Event(self, winners, taken, document, found)
        event.members((), tree, taken)
        return event.custom

    def _without(self, taken: set[str | None]) -> dict[str, Any]:
        if not taken.isdisjoint(self.older):
            raise Unsure
        return {}

    def named(self, path: Path, step: str | int) -> Any:
        """The custom field's name of a leaf; _DROPPED where a pattern drops it. Raises Unsure."""
        beside = self.names.get(path)
        name = beside.get(step) if beside is not None else None
        return name if name is not None else self._name(path, step)

    def _name(self, path: Path, step: str | int) -> Any:
        rules, whole = self.rules, (*path, step)
        if whole[0] in rules.lift:
            raise Unsure
        if rules.drop and matching(whole, rules.drop) is not None:
            return _DROPPED
        name, _ = name_of(rules, whole)
        if name not in rules.reserved:
            if rules.name_rules is not EMPTY and rules.name_rules.check(name):
                raise Unsure
            if self._remembered < _REMEMBERED and (path or (step not in self.top and not self.every_root)):
                self._remembered += 1
                self.names.setdefault(path, {})[step] = name
        return name


class _Event:
    """One event's walk."""

    __slots__ = ("_claimed", "custom", "document", "found", "plan", "taken", "winners")

    def __init__(
        self,
        plan: Leftovers,
        winners: tuple[str | None, ...],
        taken: set[str | None],
        document: Any,
        found: list[Placed],
    ) -> None:
        self.plan = plan
        self.winners = winners
        self.taken = taken
        self.document = document
        self.found = found
        self.custom: dict[str, Any] = {}
        self._claimed: tuple[frozenset[Path], frozenset[Path]] | None = None

    def members(self, path: Path, value: dict[str, Any], taken: AbstractSet[str | None]) -> None:
        """The members of an object; those in ``taken`` some field took. What is plain to see is done here, in line."""
        plan, custom = self.plan, self.custom
        names, judge = plan.names.get(path, _NO_NAMES), plan.judge
        for step, part in value.items():
            if step in taken:
                continue
            name = names.get(step)
            if name is not None:
                kind = part.__class__
                if (kind is str and part and not part.isspace()) or kind in _SCALARS:
                    sent = part
                elif kind is list and part and plan.lists_are_texts:
                    sent = codec.encode(part).decode()
                else:
                    self._other(path, step, part)
                    continue
                if name in custom or (judge is not None and not judge(sent)):
                    raise Unsure
                custom[name] = sent
            elif part is not None:
                self._other(path, step, part)

    def _other(self, path: Path, step: str | int, value: Any) -> None:
        """A member that takes a closer look."""
        if path:
            self._part(path, step, value)
            return
        plan = self.plan
        node = plan.top.get(step)  # type: ignore[arg-type] # the members of the top have names
        if plan.every_root:
            self._spelled((step,), value, node or _FREE, read=True)
        elif node is None:
            self._part((), step, value)
        elif value.__class__ is dict and plan.objects_are_flat and not node.read and node.below and value:
            self._parts((step,), value, node, read=False)
        else:
            self._spelled((step,), value, node, read=False)

    def _part(self, path: Path, step: str | int, value: Any) -> None:
        """What no spelling names, a member of what stands at ``path``."""
        if isinstance(value, dict | list):
            self._free((*path, step), value)
        elif value is not None and (self.plan.rules.keep_empty or not presence.is_empty(value)):
            self._send(path, step, value)

    def _free(self, path: Path, value: Any) -> None:
        """A list or an object that no spelling names, nor any part of it."""
        rules = self.plan.rules
        option = rules.nested if isinstance(value, dict) else rules.lists
        if path[0] in rules.lift:
            raise Unsure
        if option == "drop" or (not value and not rules.keep_empty):
            return
        if option == "flatten" and value:
            if isinstance(value, dict):
                self.members(path, value, _NOTHING)
            else:
                for step, part in enumerate(value):
                    self._part(path, step, part)
        elif rules.drop and self._holds_unwanted(path, value):
            raise Unsure
        else:
            self._send(path[:-1], path[-1], value_of(rules, value))

    def _send(self, path: Path, step: str | int, value: Any) -> None:
        name = self.plan.named(path, step)
        if name is _DROPPED:
            return
        owner = self.plan.rules.reserved.get(name)
        if owner is not None:
            _, problem = taken_name(owner, (*path, step), name)
            self.found.append((self.plan.numbers.get(name, len(self.plan.types)), problem))
        elif name in self.custom or (self.plan.judge is not None and not self.plan.judge(value)):
            raise Unsure
        else:
            self.custom[name] = value

    def _spelled(self, path: Path, value: Any, node: _Node, *, read: bool) -> None:
        """A trait that some spelling names, or whose parts some spelling names."""
        if node.fields and node.token in self.taken:
            return
        read = read or node.read or self.plan.every_root
        if not isinstance(value, dict | list) or not value:
            self._leaf(path, value, node, read=read)
        elif (not node.below and not read) or self._goes_whole(path, value, node, read=read):
            # (Where no spelling goes on below, it is named only as a whole, and as a whole it lost.)
            self._free(path, value)
        else:
            self._parts(path, value, node, read=read)

    def _goes_whole(self, path: Path, value: Any, node: _Node, *, read: bool) -> bool:
        """Whether a container goes as one value: none of its leaves was taken, shadowed or dropped by a pattern."""
        rules = self.plan.rules
        option = rules.nested if isinstance(value, dict) else rules.lists
        lifted = len(path) == 1 and path[0] in rules.lift and isinstance(value, dict)
        if option == "flatten" or lifted or self._touched(path, value, node, read=read):
            return False
        # What is dropped carries no secret out.
        return option == "drop" or not (rules.drop and self._holds_unwanted(path, value))

    def _touched(self, path: Path, value: Any, node: _Node, *, read: bool) -> bool:
        if node.fields and node.token in self.taken:
            return True
        read = read or node.read
        if isinstance(value, dict | list) and value:
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            return any(self._touched((*path, s), part, node.below.get(s, _FREE), read=read) for s, part in parts)
        if read and self._under(path, 0):
            return True
        if presence.is_empty(value):
            return False
        return self._lost(value, node) or (read and self._under(path, 1))

    def _holds_unwanted(self, path: Path, value: Any) -> bool:
        """Whether a pattern drops some leaf of a container, which must not carry it out."""
        drop = self.plan.rules.drop
        full = (leaf.path for leaf in leaves(value, path, "call") if not presence.is_empty(leaf.value))
        return any(matching(place, drop) is not None for place in full)

    def _parts(self, path: Path, value: Any, node: _Node, *, read: bool) -> None:
        tokens_of, taken, custom = node.tokens, self.taken, self.custom
        names, plain = self.plan.names.get(path, _NO_NAMES), self.plan.judge is None
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            stands_for = tokens_of.get(step)
            if stands_for is not None:
                if stands_for not in taken:
                    self._spelled((*path, step), part, node.below[step], read=read)
            elif read:
                self._spelled((*path, step), part, _FREE, read=True)
            else:
                name = names.get(step)
                if name is not None and plain and part.__class__ in _SCALARS and name not in custom:
                    custom[name] = part
                else:
                    self._part(path, step, part)

    def _leaf(self, path: Path, value: Any, node: _Node, *, read: bool) -> None:
        if read and self._under(path, 0):
            return
        if presence.is_empty(value):
            if value is None or node.fields or not self.plan.rules.keep_empty:
                return
        elif self._lost(value, node) or (read and self._under(path, 1)):
            return
        self._part(path[:-1], path[-1], value)

    def _lost(self, value: Any, node: _Node) -> bool:
        """Whether a field took another spelling of the same: then this one is shadowed."""
        return any(self._has_trait(n) and presence.fits(value, self.plan.types[n]) for n in node.fields)

    def _has_trait(self, number: int) -> bool:
        """Whether a field's winner took any trait."""
        winner = self.winners[number]
        if winner is None or winner in self.plan.plain:
            return winner is not None
        flow = next((f for f in self.plan.flows if f.token == winner), None)
        return flow is not None and any(True for _ in flow.paths(self.document))

    def _under(self, path: Path, which: int) -> bool:
        """Whether a leaf flowed into a winning expression (0), or would have into one that lost (1)."""
        if self._claimed is None:
            self._claimed = self._claims()
        claimed = self._claimed[which]
        return bool(claimed) and any(path[:length] in claimed for length in range(len(path) + 1))

    def _claims(self) -> tuple[frozenset[Path], frozenset[Path]]:
        won: set[Path] = set()
        lost: set[Path] = set()
        for flow in self.plan.flows:
            if flow.token in self.taken:
                won.update(flow.paths(self.document))
            elif self._has_trait(flow.number) and self._filled(flow):
                lost.update(flow.paths(self.document))
        return frozenset(won), frozenset(lost)

    def _filled(self, flow: _Flow) -> bool:
        return presence.fits(flow.evaluate(self.document, []), self.plan.types[flow.number])


def _reads_older(path: Path) -> bool:
    """Whether a path leads to the traits of the context."""
    return path[:1] == ("context",) and path[1:2] in ((), ("traits",), (STAR,))


def _never(_value: Any) -> bool:
    return False
