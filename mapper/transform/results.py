"""What comes out of one event, as values: fields, custom fields, accounts, problems.

Knows the shape of a result. Must not know how it is made.
"""

from __future__ import annotations

from typing import Any, Literal

from mapper.errors import Position, Problem
from mapper.frozen import dataclass, field
from mapper.identity import Layer

Status = Literal["ready", "invalid", "skipped"]
End = Literal["mapped", "shadowed", "custom", "dropped"]
State = Literal["sent", "rejected", "left_out", "empty"]
Verdict = Literal["taken", "absent", "cleared", "unfit", "older", "failed", "present"]

#: Keys and indices below ``traits``.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one leaf of the traits, or of a whole list or object that went as one value.

    ``to`` names the fields, or the custom field; ``reason`` says why a leaf was dropped or shadowed.
    """

    path: Path
    layer: Layer
    end: End
    to: tuple[str, ...] = ()
    reason: str | None = None
    value: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The path joined with dots, for people."""
        return ".".join(str(step) for step in self.path)


@dataclass(frozen=True, slots=True)
class Tried:
    """One expression of a field's ``from``, and what it gave.

    ``present`` is a filled spelling that another one outranks.
    """

    text: str
    position: Position
    verdict: Verdict
    value: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Filling:
    """How one field was filled.

    ``winner``  the index of the expression that won, or None
    ``age``     how old the winner is, see ``identity.Known``; None without a winner
    ``source``  the winner's text, ``default``, ``const``, or None
    ``before``  the value before ``clean`` and ``values``
    """

    name: str
    state: State
    value: Any = field(default=None, repr=False)
    because: str | None = None
    winner: int | None = None
    age: int | None = None
    source: str | None = None
    before: Any = field(default=None, repr=False)
    tried: tuple[Tried, ...] = field(default=(), repr=False)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Transformed:
    """One event mapped and checked. ``fields`` and ``custom_fields`` are what the request will carry."""

    status: Status
    because: str | None = None
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    custom_fields: dict[str, Any] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    accounts: tuple[Account, ...] = field(default=(), repr=False)
    fillings: tuple[Filling, ...] = field(default=(), repr=False)
