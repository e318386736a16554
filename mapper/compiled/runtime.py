"""What the generated function calls: small steps that would be long in line, and the problems that it can word.

Knows the functions of ``mapper.transform`` that make problems, and lets them make these too. Must not decide what is
wrong: where it is in doubt it says Unsure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mapper import event as events
from mapper import identity
from mapper.compiled.layers import Whole
from mapper.compiled.search import UNFIT, Layers, Search, is_plain, one_layer
from mapper.errors import Problem
from mapper.expressions import Unsure
from mapper.frozen import dataclass, field
from mapper.identity import Identity
from mapper.plan.fields import spelling
from mapper.plan.parts import Field, Requirement
from mapper.rules import Rules, predicates
from mapper.transform import document, fields, presence, put, requirements
from mapper.transform.results import Filling

#: A problem, and the number of its field: problems are shown in the order of the fields.
Placed = tuple[int, Problem]
Find = Callable[[Layers, Any, list[Placed]], tuple[str | None, Any, int | None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One event, for whoever has to tell of a field. ``left`` are the tokens of winners that are left out."""

    event: Any = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    person: Identity | None = field(repr=False)
    never: frozenset[str]
    found: list[Placed]
    left: list[str]


Teller = Callable[[Asked, dict[str, Any], int | None], tuple[str | None, Any, int | None]]

#: An integer of more digits than any that stands for a text.
_VAST = 10**18


def members(value: Any) -> Callable[[str], Any]:
    """How the members of an object are looked up; what is no object has none."""
    if value.__class__ is dict:
        found: Callable[[str], Any] = value.get
        return found
    return _nothing


def _nothing(_name: str) -> None:
    return None


def quick_text(value: Any) -> str | None:
    """A trait as text where that is plain to see; None where the careful search has to tell. Raises Unsure."""
    kind = value.__class__
    if kind is str:
        composed = predicates.nfc(value).strip()
        if not composed.isprintable():
            raise Unsure
        return composed
    return str(value) if kind is int and -_VAST < value < _VAST else None


def cleaned(value: Any) -> Any:
    """What ``clean`` gave. Raises Unsure where that is nothing."""
    if presence.is_empty(value):
        raise Unsure
    return value


def looked_up(table: Mapping[str, Any], value: Any) -> Any:
    """The row of ``values``. Raises Unsure where there is none."""
    key = presence.as_text(value)
    if not isinstance(key, str):
        raise Unsure
    try:
        return table[spelling(key)]
    except KeyError:
        raise Unsure from None


def fitted(value: Any, kind: str) -> Any:
    """A value as the field's type has it. Raises Unsure where it is unfit."""
    try:
        return presence.fit(value, kind)
    except presence.Unfit:
        raise Unsure from None


def check_printable(value: Any) -> None:
    """Raise Unsure for a text with a character that cannot be printed: that is worth a warning."""
    if isinstance(value, str) and not value.isprintable():
        raise Unsure


def two_layers(tree: dict[str, Any], call: Mapping[str, Any], older: Mapping[str, Any]) -> Layers:
    """A call's traits and those of its context. ``older`` has none that the call has."""
    return Layers(tree, ((0, call), (1, older)), {**dict.fromkeys(older, 1), **dict.fromkeys(call, 0)})


def check_one_age(layers: Layers, roots: frozenset[str]) -> None:
    """Raise Whole where a field's traits come from several calls: what an anchor refuses is nobody's leftover."""
    ages = layers.ages
    if len({ages[root] for root in roots if root in ages}) > 1:
        raise Whole


def finder(number: int, plan: Field, tokens: tuple[str, ...]) -> Find:
    """The careful search for one field: (the winner's token or None, value, age). A problem goes into the list."""
    search = Search(plan)
    # What an anchor refuses is neither unfit nor nobody's, and an expression may take traits although it gives nothing.
    refused, irregular = plan.anchor is not None, not all(map(is_plain, plan.candidates))

    def find(layers: Layers, document: Any, found: list[Placed]) -> tuple[str | None, Any, int | None]:
        winner = search.find(layers, document)
        if winner.index >= 0:
            check_printable(winner.value)
            return tokens[winner.index], winner.value, winner.age
        if refused and len(layers.stamps) > 1 and (winner.unfit is not None or irregular):
            raise Unsure
        if winner.unfit is None:
            return None, None, None
        if plan.if_wrong != "reject":
            raise Unsure
        found.append((number, fields.wrong_type(plan, winner.unfit)))
        return UNFIT, None, None

    return find


def teller(number: int, plan: Field, tokens: tuple[str, ...], destination: str) -> Teller:
    """One field's whole story: what is asked where its value is not plain to see. Its problems go into the list."""

    def tell(asked: Asked, fields_so_far: dict[str, Any], anchor: int | None) -> tuple[str | None, Any, int | None]:
        call = events.read(asked.event, destination)
        assert isinstance(call, events.Identify)  # noqa: S101 - it was glanced at
        known = identity.known(call, asked.person, asked.never)
        scope = fields.Scope(document(call, known, asked.settings), known)
        scope.document["fields"] = fields_so_far
        if plan.anchor is not None:
            scope.fillings[plan.anchor] = Filling(plan.anchor, "sent", age=anchor)
        filling = fields.fill(plan, scope)
        asked.found.extend((number, problem) for problem in filling.problems)
        return _told(number, plan, tokens, filling, asked)

    return tell


def _told(
    number: int, plan: Field, tokens: tuple[str, ...], filling: Filling, asked: Asked
) -> tuple[str | None, Any, int | None]:
    if any(tried.verdict == "older" for tried in filling.tried):
        raise Whole
    won = None if filling.winner is None else tokens[filling.winner]
    if filling.state == "sent":
        return won, filling.value, filling.age
    if filling.state == "rejected":
        return UNFIT if won is None else won, None, filling.age
    if won is not None:
        asked.left.append(won)
    if plan.rules.required and filling.because != fields.CONDITION:
        cleared = any(tried.verdict == "cleared" for tried in filling.tried)
        asked.found.append((number, requirements.missing(plan, cleared=cleared)))
    return None, None, filling.age


def required(
    numbers: Mapping[str, int], requirement: Requirement, name: str, rules: Rules
) -> Callable[[Any], list[Placed]]:
    """The problems of a value that breaks the rules of a requirement."""

    def problems(value: Any) -> list[Placed]:
        return [(numbers[name], problem) for problem in requirements.broken(requirement, name, rules, value)]

    return problems


def accepts(rules: Rules) -> Callable[[Any], bool]:
    """Whether a value keeps all rules."""
    return rules.accepts or (lambda value: not rules.check(value))


def wrong(number: int, field: Field) -> Callable[[Any], list[Placed]]:
    """The problems of a value that breaks its field's rules."""

    def problems(value: Any) -> list[Placed]:
        return [(number, problem) for problem in fields.broken(field, value)]

    return problems


def missing(number: int, field: Field) -> Callable[[Layers, Any], Placed]:
    """The problem of a required field that is missing; whether it was cleared decides its words."""
    search = Search(field)
    absent, cleared = (requirements.missing(field, cleared=said) for said in (False, True))
    roots = frozenset(one.path[0] for one in field.candidates if is_plain(one) and one.path is not None)

    def problem(layers: Layers, document: Any) -> Placed:
        if roots.isdisjoint(layers.tree):
            return number, absent
        said = search.find(layers, document).cleared
        if said and field.anchor is not None and len(layers.stamps) > 1:
            raise Unsure  # a call that the anchor refuses clears nothing
        return number, cleared if said else absent

    return problem


def absent(number: int, requirement: Requirement) -> Placed:
    """The problem of an ``any_of`` of which nothing is there."""
    return number, requirements.nothing_of(requirement)


#: What every generated function may name.
NAMES: dict[str, Any] = {
    "__builtins__": {"len": len, "str": str},
    "Asked": Asked,
    "Unsure": Unsure,
    "Whole": Whole,
    "check_one_age": check_one_age,
    "check_printable": check_printable,
    "cleaned": cleaned,
    "fitted": fitted,
    "looked_up": looked_up,
    "members": members,
    "one_layer": one_layer,
    "own": fields.own,
    "put": put,
    "quick_text": quick_text,
    "truth": fields.truth,
    "two_layers": two_layers,
}
