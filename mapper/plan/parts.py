"""The parts of a plan, as values: what transform and request need, and nothing that is only written.

Knows the shape of a plan. Must not know how one is compiled or run.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from mapper.errors import Position, Problem
from mapper.expressions import Expression
from mapper.frozen import dataclass, field
from mapper.outcome import Answers
from mapper.rules import EMPTY, Rules
from mapper.source import Scalar

Place = tuple[str, ...]
TraitPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """An expression and where its author wrote it."""

    expression: Expression
    scalar: Scalar = field(repr=False)

    @property
    def text(self) -> str:
        """The expression's text."""
        return self.expression.text

    @property
    def position(self) -> Position:
        """Where it stands in the file."""
        return self.scalar.position


class Age(Enum):
    """How old a candidate is that reads no trait (the mapping language, section 1.3)."""

    BY_TRAITS = "by the traits it reads"
    NEWEST = "as new as the call"
    OLDEST = "older than every trait"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One expression of a field's ``from``.

    ``path``   below ``traits``, where it is a mere path there (then it is *plain*)
    ``roots``  the root traits it reads; ``every_root`` says that it reads them all
    """

    located: Located
    path: TraitPath | None
    roots: frozenset[str]
    every_root: bool
    age: Age


@dataclass(frozen=True, slots=True)
class Field:
    """One field, ready to be filled. ``anchor`` is the field than which it must not be older."""

    name: str
    place: Place
    type: str
    position: Position
    candidates: tuple[Candidate, ...] = ()
    when: Located | None = None
    clean: Located | None = None
    table: dict[str, Any] | None = field(default=None, repr=False)
    default: Any = None
    const: Any = None
    rules: Rules = EMPTY
    warn: Rules = EMPTY
    if_wrong: str = "reject"
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of ``require``."""

    kind: str
    names: tuple[str, ...]
    rules: tuple[tuple[str, Rules], ...]
    when: Located | None
    message: str | None
    if_wrong: str
    position: Position


@dataclass(frozen=True, slots=True)
class Skip:
    """One reason to skip."""

    when: Located
    because: str


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern over a trait's path: ``*`` inside one step, ``**`` for any number of steps."""

    text: str
    steps: tuple[str, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class CustomFields:
    """What becomes of the traits that no field took. ``reserved`` are the names that fields and secrets own."""

    none: bool
    into: Place
    nested: str
    lists: str
    names: str
    separator: str
    prefix: str
    suffix: str
    drop: tuple[Glob, ...]
    lift: frozenset[str]
    keep_empty: bool
    name_rules: Rules
    rules: Rules
    reserved: dict[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``default`` is already of its type."""

    name: str
    env: str | None
    type: str
    required: bool
    secret: bool
    default: Any
    rules: Rules
    position: Position


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of the url that is filled in. ``base`` says that it opens the url and is inserted as it is."""

    located: Located
    base: bool


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """A secret's place, its expression and the settings that it needs."""

    place: str
    name: str
    located: Located
    settings: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """How a request is made and sent. ``rate`` is requests per seconds; times are in seconds."""

    method: str
    url: tuple[str | Mark, ...]
    headers: tuple[tuple[str, Located], ...]
    body: Located | None
    secrets: tuple[SecretPlace, ...]
    answers: Answers
    rate: tuple[int, int] | None
    once_per: tuple[tuple[Located, ...], int] | None
    cap_day: int | None
    cap_run: int | None
    stale_after: int | None
    unknown: str
    position: Position


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping made ready to run: immutable, safe to share between threads.

    ``fields`` are in the order written; ``order`` is the order in which they can be filled.
    ``warnings`` are what the author should look at.
    """

    file: str
    destination: str
    fields: tuple[Field, ...]
    order: tuple[int, ...]
    require: tuple[Requirement, ...]
    skip: tuple[Skip, ...]
    custom_fields: CustomFields
    send: Send
    settings: tuple[Setting, ...]
    never: frozenset[str]
    warnings: tuple[Problem, ...] = ()

    def field(self, name: str) -> Field | None:
        """The field of a name, or None."""
        return next((f for f in self.fields if f.name == name), None)
