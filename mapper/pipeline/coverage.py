"""Which expressions of a mapping a sample of events never fills, and which traits nothing reads.

Knows how a mapping is held against real events. Must not map an event for anybody, nor report a value: what
is kept of the sample is which traits there were, of which kind, in how many events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from mapper import event, identity, transform
from mapper.errors import ExpressionError, Problem
from mapper.event import Identify
from mapper.expressions import STAR
from mapper.expressions.syntax import nodes
from mapper.frozen import dataclass
from mapper.identity import Identity
from mapper.pipeline import Mapper
from mapper.plan.parts import Located
from mapper.transform import presence

Path = tuple[str | int, ...]

#: So many different paths of traits are remembered; senders can make up names without end.
MOST_PATHS = 5_000
#: How alike two names have to be to be taken for one another, from 0 to 1.
_ALIKE = 0.75

#: What has no value of its own.
_NO_VALUES = {"an object", "a list", "null"}
_KINDS = {bool: "a flag", dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}


@dataclass(slots=True)
class _Watched:
    """One expression, and whether any event filled it. ``condition`` says that it only decides something."""

    located: Located
    field: str | None
    condition: bool
    matched: bool = False

    @property
    def paths(self) -> list[Path]:
        """The paths below ``traits`` that it can read."""
        reads = self.located.expression.reads.every
        below = {path[1:] for path in reads if path[0] == "traits" and len(path) > 1}
        return sorted((tuple(STAR if isinstance(step, int) else step for step in path) for path in below), key=repr)


class Coverage:
    """A mapping held against a sample. ``events`` are the Identify calls in it, ``others`` what is none."""

    def __init__(self, mapper: Mapper, settings: Mapping[str, Any] | None = None) -> None:
        """Start with no event. ``settings`` are those that are not secret; without them the mapper's own."""
        self.events = self.others = 0
        self._mapper = mapper
        self._settings = mapper.settings.public if settings is None else settings
        self._watched = list(_watched(mapper))
        self._kinds: dict[Path, Counter[str]] = {}

    def add(self, decoded: Any, person: Identity | None = None) -> None:
        """Take one decoded event into account, with what is known of its person."""
        call = event.read(decoded, self._mapper.destination)
        if not isinstance(call, Identify):
            self.others += 1
            return
        self.events += 1
        known = identity.known(call, person, self._mapper.plan.never)
        for path, kind in set(_shapes(known.tree, ())):
            if path in self._kinds or len(self._kinds) < MOST_PATHS:
                self._kinds.setdefault(path, Counter())[kind] += 1
        waiting = [watched for watched in self._watched if not watched.matched]
        document = self._document(call, known) if waiting else {}
        for watched in waiting:
            watched.matched = _filled(watched.located, document)

    def _document(self, call: Identify, known: identity.Known) -> dict[str, Any]:
        """What an expression of a field sees."""
        done = transform.transform(self._mapper.plan, call, known, self._settings)
        fields: dict[str, Any] = {}
        for field in self._mapper.plan.fields:
            if field.name in done.fields:
                transform.put(fields, field.place, done.fields[field.name])
        scope = {"traits": known.tree, "options": call.options, "audience": call.audience}
        return {**call.envelope, **scope, "settings": dict(self._settings), "fields": fields}

    def problems(self) -> list[Problem]:
        """What the author should look at: expressions that never matched, and orders tested for presence."""
        if not self.events:
            return []
        found = [*self._never_matched(), *self._order_triggers()]
        return sorted(found, key=lambda p: (p.position.line, p.position.column) if p.position else (0, 0))

    def unread(self) -> list[tuple[str, int]]:
        """The traits that no expression reads and in how many events each was, the most frequent first."""
        counts = {path: sum(self._kinds[path].values()) for path in self._unread()}
        values = {path: count for path, count in counts.items() if set(self._kinds[path]) - _NO_VALUES}
        return sorted(((_name(path), count) for path, count in values.items()), key=lambda pair: (-pair[1], pair[0]))

    def _unread(self) -> list[Path]:
        read = {path for watched in self._watched for path in watched.paths}
        return [path for path in self._kinds if not any(_covers(r, path) for r in read)]

    def _never_matched(self) -> Iterator[Problem]:
        unread = {_folded(path): path for path in self._unread()}
        filled = {watched.field for watched in self._watched if watched.matched and not watched.condition}
        for watched in self._watched:
            in_use = not watched.condition and watched.field in filled
            meant = unread if in_use else {**self._read_elsewhere(watched), **unread}
            if not watched.matched:
                yield self._problem(watched, watched.paths, f"{watched.located.text} was never filled", meant)
            elif watched.condition:
                for path in watched.paths:
                    if path not in self._kinds and _nearest(path, meant):
                        yield self._problem(watched, [path], f"traits.{_name(path)} was never there", meant)

    def _read_elsewhere(self, watched: _Watched) -> dict[str, Path]:
        """The traits of the sample that only other fields or conditions read: perhaps this one should as well."""
        spellings = (one for one in self._watched if not one.condition and one.field == watched.field)
        own = [watched] if watched.condition else spellings
        read = {path for one in own for path in one.paths}
        return {_folded(path): path for path in self._kinds if not any(_covers(r, path) for r in read)}

    def _problem(self, watched: _Watched, paths: list[Path], message: str, spellings: dict[str, Path]) -> Problem:
        hints = dict.fromkeys(filter(None, (self._hint(path, spellings) for path in paths)))
        count = f"in {self._all} of the sample"
        hint = "; ".join(hints) or None
        return Problem("never_matched", f"{message} {count}", "warning", watched.located.position, watched.field, hint)

    @property
    def _all(self) -> str:
        return f"{self.events} event{'' if self.events == 1 else 's'}"

    def _hint(self, path: Path, spellings: dict[str, Path]) -> str | None:
        if path in self._kinds:
            return None
        near = _nearest(path, spellings)
        return self._shape(path) or (f"did you mean traits.{_name(near)}?" if near else None)

    def _shape(self, path: Path) -> str | None:
        """Why a path leads nowhere: a step of it goes into a text, a list or a number."""
        for length in range(len(path) - 1, 0, -1):
            kinds = self._kinds.get(path[:length])
            if kinds is not None:
                due = "a list" if isinstance(path[length], int) else "an object"
                kind, count = kinds.most_common(1)[0]
                if kind == due:
                    return None
                hint = f"traits.{_name(path[:length])} is {kind} in {count} of {self._all}, not {due}"
                inside = (*path[:length], 0, *path[length:])
                return f"{hint}: write traits.{_name(inside)}" if kind == "a list" else hint
        return None

    def _order_triggers(self) -> Iterator[Problem]:
        """``blank(traits.x)`` in a skip, where x is a flag: false is not blank, and would be taken for an order."""
        for skip in self._mapper.plan.skip:
            for name, path, offset in _presence_tests(skip.when):
                kinds = self._kinds.get(path, Counter())
                flags = kinds["a flag"]
                if flags * 2 > kinds.total():
                    trait = f"traits.{_name(path)}"
                    message = f"{trait} is true or false in {flags} of {self._all}, and false is not blank"
                    position = skip.when.scalar.at(offset, len(name))
                    yield Problem("order_trigger", message, "warning", position, None, f"test it for truth: !({trait})")


def _watched(mapper: Mapper) -> Iterator[_Watched]:
    for field in mapper.plan.fields:
        if field.when is not None:
            yield _Watched(field.when, field.name, condition=True)
        yield from (_Watched(candidate.located, field.name, condition=False) for candidate in field.candidates)
    for when in (*(part.when for part in mapper.plan.require), *(part.when for part in mapper.plan.skip)):
        if when is not None:
            yield _Watched(when, None, condition=True)


def _filled(located: Located, document: dict[str, Any]) -> bool:
    try:
        return not presence.is_empty(located.expression.search(document))
    except ExpressionError:
        return False


def _shapes(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every path below a value with the kind of what is there. All entries of a list share one path."""
    if path:
        yield path, _KINDS.get(type(value), "null")
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _shapes(part, (*path, name))
    elif isinstance(value, list):
        for part in value:
            yield from _shapes(part, (*path, STAR))


def _covers(read: Path, path: Path) -> bool:
    """Whether what is read at one path holds another."""
    if len(read) > len(path):
        return False
    return all(one == other or isinstance(one, int) for one, other in zip(read, path, strict=False))


def _presence_tests(when: Located) -> Iterator[tuple[str, Path, int | None]]:
    """The calls of ``blank`` and ``filled`` over a mere path of traits: name, path, offset."""
    tests = ("blank", "filled")
    tokens = when.expression.tokens
    offsets = (t.start for t, after in pairwise(tokens) if t.value in tests and after.kind == "lparen")
    calls = [n for n in nodes(when.expression.tree) if n["type"] == "function_expression" and n["value"] in tests]
    for call in calls:
        offset = next(offsets, None)
        path = _plain(call["children"][0])
        if path is not None and path[0] == "traits" and len(path) > 1:
            yield call["value"], path[1:], offset


def _plain(node: dict[str, Any]) -> Path | None:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return None
    parts = [_plain(child) for child in node["children"]]
    return None if None in parts else tuple(step for part in parts if part is not None for step in part)


def _name(path: Path) -> str:
    """A path as people write it: ``addresses[*].city``."""
    text = "".join("[*]" if step == STAR else f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _folded(path: Path) -> str:
    """A path without what spellings differ in: case, dashes, underscores, spaces."""
    return "".join(character for character in _name(path).casefold() if character.isalnum() or character == ".")


def _nearest(path: Path, spellings: dict[str, Path]) -> Path | None:
    """The trait of the sample that is spelled most alike. Lines 1 and 2 of an address are no spellings of one thing."""
    folded = _folded(path)
    near = get_close_matches(folded, (name for name in spellings if _digits(name) == _digits(folded)), 1, _ALIKE)
    return spellings[near[0]] if near else None


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
