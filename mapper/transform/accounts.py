"""What became of every leaf of the traits: the law of conservation, carried out.

Knows the algorithm of accounts (the mapping language, section 1.8): the first line that holds decides,
and the last line always holds. Must not fill fields, nor decide a custom field's name or value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any

from mapper.errors import ExpressionError
from mapper.expressions import STAR, Expression
from mapper.frozen import dataclass, field
from mapper.identity import Layer
from mapper.plan.parts import Candidate, Field, Glob, Plan
from mapper.transform import presence
from mapper.transform.fields import Scope
from mapper.transform.results import Account, Filling, Path, Tried


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar, a null or an empty container, at its path."""

    path: Path
    value: Any
    layer: Layer


@dataclass(slots=True)
class _Claims:
    """Which fields claim which paths; a claim on a path is a claim on everything below it.

    ``sent`` and ``left_out`` are of winners, ``losers`` of spellings that another one outranked,
    ``older`` of candidates that ``as_one`` refused. ``context`` and ``context_left_out`` are as ``sent`` and
    ``left_out``, of winners that read ``context.traits``.
    """

    sent: dict[Path, list[str]] = field(default_factory=dict)
    left_out: dict[Path, list[str]] = field(default_factory=dict)
    losers: dict[Path, list[str]] = field(default_factory=dict)
    exact_losers: dict[Path, list[tuple[str, str]]] = field(default_factory=dict)
    older: dict[Path, list[str]] = field(default_factory=dict)
    context: dict[Path, list[str]] = field(default_factory=dict)
    context_left_out: dict[Path, list[str]] = field(default_factory=dict)


class Ledger:
    """The ends of all leaves that no custom field has to be asked about, and the leaves that are left."""

    def __init__(self, plan: Plan, scope: Scope) -> None:
        """Work out who claims what."""
        self.plan = plan
        self.scope = scope
        self.claims = _Claims()
        self.reasons: dict[str, str] = {}
        self._claim_winners()
        self._claim_losers()
        # Named by a field: such a leaf is dropped when blank even where `empty: keep` says otherwise.
        self.named = {c.path for f in plan.fields for c in f.candidates if c.path is not None}

    def claimed(self, leaf: Leaf) -> Account | None:
        """Lines 1, 2, 4 and 5: the account of a leaf that some field took, shadows, or may not take."""
        sent, left_out = _claimed(leaf.path, self.claims.sent), _claimed(leaf.path, self.claims.left_out)
        if leaf.layer == "context":
            sent = tuple(dict.fromkeys((*sent, *_claimed(leaf.path, self.claims.context))))
            left_out = (*left_out, *_claimed(leaf.path, self.claims.context_left_out))
        won = self._won(leaf, sent, left_out)
        return won if won is not None or presence.is_empty(leaf.value) else self._outranked(leaf)

    def _won(self, leaf: Leaf, sent: tuple[str, ...], left_out: tuple[str, ...]) -> Account | None:
        """Lines 1 and 2: the account of a leaf that some field took."""
        if sent:
            return Account(leaf.path, leaf.layer, "mapped", sent, None, leaf.value)
        if left_out:
            reason = f"field {left_out[0]} is left out: {self.reasons[left_out[0]]}"
            return Account(leaf.path, leaf.layer, "dropped", (), reason, leaf.value)
        return None

    def _won_by_context(self, leaf: Leaf) -> Account | None:
        """The same for a leaf that only ``context.traits`` reaches."""
        if leaf.layer != "context":
            return None
        sent, left_out = self.claims.context, self.claims.context_left_out
        return self._won(leaf, _claimed(leaf.path, sent), _claimed(leaf.path, left_out))

    def _outranked(self, leaf: Leaf) -> Account | None:
        shadowed = [
            name for name, kind in self.claims.exact_losers.get(leaf.path, ()) if presence.fits(leaf.value, kind)
        ]
        shadowed += _claimed(leaf.path, self.claims.losers)
        if shadowed:
            return Account(
                leaf.path, leaf.layer, "shadowed", tuple(dict.fromkeys(shadowed)), "another spelling won", leaf.value
            )
        older = _claimed(leaf.path, self.claims.older)
        if older:
            return Account(leaf.path, leaf.layer, "dropped", (), f"older than {older[0]}", leaf.value)
        return None

    def unwanted(self, leaf: Leaf) -> Account | None:
        """Line 6: the account of a leaf that a pattern drops."""
        glob = None if presence.is_empty(leaf.value) else matching(leaf.path, self.plan.custom_fields.drop)
        return None if glob is None else Account(leaf.path, leaf.layer, "dropped", (), reason_of(glob), leaf.value)

    def hidden(self) -> Iterator[Account]:
        """One account per leaf of an older layer that a newer layer hides."""
        for root in self.scope.known.hidden:
            for leaf in leaves(root.value, (root.name,), root.layer):
                yield self._won_by_context(leaf) or Account(
                    leaf.path, leaf.layer, "shadowed", ("newer call",), "a newer call says it too", leaf.value
                )

    def masked(self) -> Iterator[Account]:
        """One account per leaf of the context that belongs to one call only."""
        for root in self.scope.known.masked:
            for leaf in leaves(root.value, (root.name,), root.layer):
                reason = "it belongs to an earlier call"
                yield self._won_by_context(leaf) or Account(leaf.path, leaf.layer, "dropped", (), reason, leaf.value)

    def _claim_winners(self) -> None:
        for plan in self.plan.fields:
            filling = self.scope.fillings[plan.name]
            if filling.winner is None:
                continue
            left_out = filling.state == "left_out"
            traits = self.claims.left_out if left_out else self.claims.sent
            context = self.claims.context_left_out if left_out else self.claims.context
            self.reasons[plan.name] = filling.because or "it is wrong"
            for layer, path in self._taken(plan.candidates[filling.winner]):
                (context if layer == "context" else traits).setdefault(path, []).append(plan.name)

    def _taken(self, candidate: Candidate) -> Iterator[tuple[str, Path]]:
        """The paths whose values flowed into a winner."""
        if candidate.path is not None:
            yield "traits", candidate.path
            return
        for origin in self._origins(candidate.located.expression):
            if not origin or origin[0] == "traits":
                yield "traits", origin[1:]
            elif origin[0] == "context" and (len(origin) == 1 or origin[1] == "traits"):
                yield "context", origin[2:]

    def _origins(self, expression: Expression) -> Iterable[Path]:
        """The places whose values flowed into an expression's value, from the top of the document."""
        try:
            return expression.trace(self.scope.document)[1]
        except ExpressionError as error:
            if error.code != "over_budget":
                return ()
        # It has a value, and to tell where from is too much work: from wherever it could.
        flows = {tuple(takewhile(lambda step: step != STAR, path)) for path in expression.reads.flows}
        return sorted(flows, key=repr)

    def _claim_losers(self) -> None:
        for plan in self.plan.fields:
            filling = self.scope.fillings[plan.name]
            self._claim_older(plan, filling)
            if (
                filling.winner is None
                or filling.state not in ("sent", "rejected")
                or not self._has_trait_winner(plan, filling)
            ):
                continue
            tried = {t.position: t for t in filling.tried}
            for index, candidate in enumerate(plan.candidates):
                if index != filling.winner:
                    self._claim_loser(plan, candidate, tried.get(candidate.located.position))

    def _claim_loser(self, plan: Field, candidate: Candidate, tried: Tried | None) -> None:
        """``tried`` is what became of it: None where its expression failed."""
        if tried is not None and tried.verdict == "older":
            return
        if candidate.path is not None:
            self.claims.exact_losers.setdefault(candidate.path, []).append((plan.name, plan.type))
        elif (candidate.roots or candidate.every_root) and tried is not None and presence.fits(tried.value, plan.type):
            for layer, path in self._taken(candidate):
                if layer == "traits":
                    self.claims.losers.setdefault(path, []).append(plan.name)

    def _claim_older(self, plan: Field, filling: Filling) -> None:
        refused = {t.position for t in filling.tried if t.verdict == "older"}
        for candidate in plan.candidates:
            if plan.anchor is not None and candidate.located.position in refused:
                for layer, path in self._taken(candidate):
                    if layer == "traits":
                        self.claims.older.setdefault(path, []).append(plan.anchor)

    def _has_trait_winner(self, plan: Field, filling: Filling) -> bool:
        if filling.winner is None:
            return False
        return any(True for _ in self._taken(plan.candidates[filling.winner]))


def leaves(value: Any, path: Path, layer: Layer) -> Iterator[Leaf]:
    """The leaves of a value, in its own order."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from leaves(part, (*path, name), layer)
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from leaves(part, (*path, index), layer)
    else:
        yield Leaf(path, value, layer)


def matching(path: Path, globs: tuple[Glob, ...]) -> Glob | None:
    """The first pattern that matches a path. One that ends in a name drops all that is below that name."""
    steps = tuple(str(step) for step in path)
    return next((glob for glob in globs if _drops(steps, glob)), None)


def _drops(steps: tuple[str, ...], glob: Glob) -> bool:
    if _matches(steps, glob.steps):
        return True
    named = "*" not in glob.steps[-1]
    return named and any(_matches(steps[:length], glob.steps) for length in range(1, len(steps)))


def reason_of(glob: Glob) -> str:
    """Why a pattern dropped a leaf."""
    return f"pattern {glob.text} (line {glob.position.line})"


def _matches(steps: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a pattern matches a path whole. All places in the pattern at once: a deep path costs no more."""
    places = _reached({0}, pattern)
    for step in steps:
        open_ = (place for place in places if place < len(pattern))
        places = _reached({after for place in open_ for after in _after(step, place, pattern)}, pattern)
    return len(pattern) in places


def _after(step: str, place: int, pattern: tuple[str, ...]) -> Iterator[int]:
    """Where one step of a path leads from a place in the pattern."""
    if pattern[place] == "**":
        yield place
    elif fnmatchcase(step, pattern[place]):
        yield place + 1


def _reached(places: set[int], pattern: tuple[str, ...]) -> set[int]:
    """These places, and those behind each ``**``, which need not match any step."""
    for place in sorted(places):
        while place < len(pattern) and pattern[place] == "**":
            place += 1  # noqa: PLW2901 - it walks on from there
            places.add(place)
    return places


def _claimed(path: Path, claims: dict[Path, list[str]]) -> tuple[str, ...]:
    """Who claims a path or anything above it."""
    if not claims:
        return ()
    names: list[str] = []
    for length in range(len(path) + 1):
        names.extend(claims.get(path[:length], ()))
    return tuple(dict.fromkeys(names))
