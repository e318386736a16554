"""The kinds of value that a mapping's keys may have: how each is read, and its JSON Schema.

Knows how to read one node and how to word a refusal. Must not know which keys there are
(``mapper.keys`` is the one table of them), nor JMESPath or Cerberus.

Each shape has two sides that cannot drift apart: ``read`` for the loader, ``schema`` for editors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Protocol

from mapper.errors import Findings, Position
from mapper.frozen import dataclass, field
from mapper.source import Node, Scalar, Series, Table
from mapper.values import reads_differently

Schema = dict[str, Any]


class Shape(Protocol):
    """What a key's value must look like."""

    def read(self, node: Node, found: Findings) -> Any:
        """The value of a node; None, with a problem in ``found``, where it does not fit."""

    def schema(self) -> Schema:
        """The same, as JSON Schema draft-07."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text; a plain scalar that other YAML tools would read as something else is a warning."""

    noun: str = "a text"

    def read(self, node: Node, found: Findings) -> Scalar | None:
        """The scalar itself: its position is needed later."""
        if not isinstance(node, Scalar):
            found.error("wrong_shape", f"{self.noun} is due here, not {kind_of(node)}", node.position)
            return None
        if not node.text.strip():
            found.error("empty_value", f"{self.noun} is due here, and there is none", node.position)
            return None
        warn_if_read_differently(node, found)
        return node

    def schema(self) -> Schema:
        """A string: an editor then flags 02134 without quotes."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class ExpressionText:
    """A JMESPath expression, not yet compiled."""

    def read(self, node: Node, found: Findings) -> Scalar | None:
        """The scalar itself."""
        if isinstance(node, Scalar):
            if node.text.strip():
                return node
            hint = "write a path such as traits.email"
            found.error("empty_value", "an expression is due here, and there is none", node.position, hint)
            return None
        hint = "put the whole expression in single quotes"
        found.error("wrong_shape", f"YAML reads {kind_of(node)} here; an expression is due", node.position, hint)
        return None

    def schema(self) -> Schema:
        """A string."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words. ``synonyms`` are what other tools call them."""

    choices: tuple[str, ...]
    synonyms: dict[str, str] = field(default_factory=dict)

    def read(self, node: Node, found: Findings) -> str | None:
        """The word."""
        if isinstance(node, Scalar) and node.text in self.choices:
            return node.text
        due = f"one of {', '.join(self.choices)}" if len(self.choices) > 1 else self.choices[0]
        found.error("wrong_word", f"{due} is due here", node.position, self._meant(node))
        return None

    def _meant(self, node: Node) -> str | None:
        if not isinstance(node, Scalar):
            return None
        near = get_close_matches(node.text, self.choices, 1)
        meant = self.synonyms.get(node.text.lower()) or (near[0] if near else None)
        return f"did you mean {meant}?" if meant else None

    def schema(self) -> Schema:
        """An enumeration."""
        return {"enum": [int(c) if c.isdigit() else c for c in self.choices]}


#: What people write for true and for false.
_TRUE, _FALSE = ("true", "yes", "on", "1", "y"), ("false", "no", "off", "0", "n")


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def read(self, node: Node, found: Findings) -> bool | None:
        """The flag."""
        if isinstance(node, Scalar) and node.plain and node.text in ("true", "false"):
            return node.text == "true"
        word = node.text.lower() if isinstance(node, Scalar) else ""
        hint = "write true" if word in _TRUE else "write false" if word in _FALSE else None
        found.error("wrong_word", "true or false is due here, without quotes", node.position, hint)
        return None

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, with its least value."""

    least: int = 0

    def read(self, node: Node, found: Findings) -> int | None:
        """The number."""
        if isinstance(node, Scalar) and node.plain and re.fullmatch(r"[0-9]{1,12}", node.text):
            number = int(node.text)
            if number >= self.least:
                return number
        found.error("not_a_number", f"a whole number from {self.least} up is due here", node.position)
        return None

    def schema(self) -> Schema:
        """An integer."""
        return {"type": "integer", "minimum": self.least}


@dataclass(frozen=True, slots=True)
class Patterned:
    """A text of a fixed form, such as 300/minute."""

    pattern: str
    example: str

    def read(self, node: Node, found: Findings) -> Scalar | None:
        """The scalar itself."""
        if isinstance(node, Scalar) and re.fullmatch(self.pattern, node.text, re.ASCII):
            return node
        found.error("wrong_word", f"something like {self.example} is due here", node.position)
        return None

    def schema(self) -> Schema:
        """A string with the pattern."""
        return {"type": "string", "pattern": f"^({self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Raw:
    """Any node, read later by whoever knows what it means. ``form`` is its JSON Schema."""

    form: Schema = field(default_factory=dict)

    def read(self, node: Node, found: Findings) -> Node:  # noqa: ARG002 - nothing can be wrong yet
        """The node itself."""
        return node

    def schema(self) -> Schema:
        """As given."""
        return dict(self.form)


@dataclass(frozen=True, slots=True)
class RawTable:
    """A map that is read later. ``form`` is its JSON Schema."""

    noun: str
    form: Schema = field(default_factory=dict)

    def read(self, node: Node, found: Findings) -> Table | None:
        """The table itself."""
        if isinstance(node, Table):
            return node
        hint = "write it as name: value"
        found.error("wrong_shape", f"{self.noun} is due here, not {kind_of(node)}", node.position, hint)
        return None

    def schema(self) -> Schema:
        """As given; any object where nothing is given."""
        return dict(self.form) or {"type": "object"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one shape. ``lone`` says that a single value counts as a list of one."""

    part: Shape
    noun: str
    least: int = 1
    lone: bool = False

    def read(self, node: Node, found: Findings) -> tuple[Any, ...] | None:
        """The read parts; those that do not fit are left out and reported."""
        if not isinstance(node, Series):
            if self.lone:
                one = self.part.read(node, found)
                return None if one is None else (one,)
            hint = f"write [{node.text}]" if isinstance(node, Scalar) else "begin each entry with a dash: - ..."
            found.error("wrong_shape", f"a list of {self.noun} is due here, not {kind_of(node)}", node.position, hint)
            return None
        if not node.parts and self.least:
            found.error("empty_value", f"a list of {self.noun} is due here, and it is empty", node.position)
        elif len(node.parts) < self.least:
            message = f"at least {self.least} {self.noun} are due here"
            found.error("empty_value", message, node.position, "one alone needs no list")
        read = (self.part.read(part, found) for part in node.parts)
        return tuple(r for r in read if r is not None)

    def schema(self) -> Schema:
        """An array, or also its part where one may stand alone."""
        many = {"type": "array", "items": self.part.schema(), "minItems": self.least}
        return {"anyOf": [self.part.schema(), many]} if self.lone else many


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from names that the author chooses to one shape. ``most`` bounds how many there may be."""

    part: Shape
    noun: str
    form: Schema = field(default_factory=dict)
    most: int | None = None

    def read(self, node: Node, found: Findings) -> tuple[tuple[Scalar, Any], ...] | None:
        """Pairs of the name and the read value."""
        if not isinstance(node, Table):
            found.error("wrong_shape", f"{self.noun} are due here as name: value, not {kind_of(node)}", node.position)
            return None
        if self.most is not None and len(node.pairs) > self.most:
            message = f"there are {len(node.pairs)} {self.noun} here; a mapping may have {self.most}"
            found.error("too_many", message, node.pairs[self.most][0].position)
        pairs = ((key, self.part.read(value, found)) for key, value in node.pairs[: self.most] if _named(key, found))
        return tuple((key, value) for key, value in pairs if value is not None)

    def schema(self) -> Schema:
        """An object."""
        return {"type": "object", "additionalProperties": self.part.schema(), **self.form}


def _named(key: Scalar, found: Findings) -> bool:
    if not key.text.strip():
        found.error("empty_value", "a name is due here, and there is none", key.position)
        return False
    warn_if_read_differently(key, found)
    return True


@dataclass(frozen=True, slots=True)
class ByKind:
    """One shape for a text, one for a list, one for a map, as far as each is allowed."""

    noun: str
    scalar: Shape | None = None
    series: Shape | None = None
    table: Shape | None = None

    def read(self, node: Node, found: Findings) -> Any:
        """What the fitting shape reads."""
        by_kind = {Scalar: self.scalar, Series: self.series, Table: self.table}
        shape = by_kind[type(node)]
        if shape is None:
            found.error("wrong_shape", f"{self.noun} is due here, not {kind_of(node)}", node.position)
            return None
        return shape.read(node, found)

    def schema(self) -> Schema:
        """Any of them."""
        return {"anyOf": [s.schema() for s in (self.scalar, self.series, self.table) if s is not None]}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section: its name, its shape and what it does, in the author's words."""

    name: str
    shape: Shape
    means: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A section that was read: its values by key. ``keys`` hold the places of the keys themselves."""

    position: Position
    values: dict[str, Any]
    keys: dict[str, Position]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a key, or the default where it is not given."""
        return self.values.get(name, default)

    def place(self, name: str) -> Position:
        """The place of a key, or of the section where the key is not given."""
        return self.keys.get(name, self.position)


@dataclass(frozen=True, slots=True)
class Section:
    """A map with a closed list of keys. ``refused`` gives the reason for words that people try."""

    noun: str
    keys: tuple[Key, ...]
    refused: dict[str, str] = field(default_factory=dict)
    check: Callable[[Entry, Findings], None] | None = None
    extra_schema: Schema = field(default_factory=dict)

    def read(self, node: Node, found: Findings) -> Entry | None:
        """The entry. Unknown keys are errors with the nearest name, missing ones too."""
        if not isinstance(node, Table):
            names = ", ".join(k.name for k in self.keys[:4])
            message = f"{self.noun} is due here as a map ({names}, ...), not {kind_of(node)}"
            found.error("wrong_shape", message, node.position)
            return None
        entry = Entry(node.position, {}, {})
        by_name = {key.name: key for key in self.keys}
        for name, value in node.pairs:
            key = by_name.get(name.text)
            if key is None:
                self._refuse(name, found)
                continue
            entry.keys[name.text] = name.position
            read = key.shape.read(value, found)
            if read is not None:
                entry.values[name.text] = read
        self._check_required(entry, node, found)
        if self.check is not None:
            self.check(entry, found)
        return entry

    def _refuse(self, name: Scalar, found: Findings) -> None:
        if name.text in self.refused:
            found.error("refused_key", f"{name.text!r} is not used here", name.position, self.refused[name.text])
            return
        names = [key.name for key in self.keys]
        near = get_close_matches(name.text, (*names, *self.refused), 1, 0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(names)}"
        if near and near[0] in self.refused:
            hint = self.refused[near[0]]
        found.error("unknown_key", f"{self.noun} has no key {name.text!r}", name.position, hint)

    def _check_required(self, entry: Entry, node: Table, found: Findings) -> None:
        for key in self.keys:
            if key.required and key.name not in entry.keys:
                found.error("missing_key", f"{self.noun} needs the key {key.name!r}", node.position, key.means)

    def schema(self) -> Schema:
        """An object with these properties and no others."""
        form: Schema = {
            "type": "object",
            "properties": {k.name: {**k.shape.schema(), "description": k.means} for k in self.keys},
            "additionalProperties": False,
            **self.extra_schema,
        }
        required = [k.name for k in self.keys if k.required]
        return {**form, "required": required} if required else form


def kind_of(node: Node) -> str:
    """What a node is, for a sentence."""
    if isinstance(node, Scalar):
        return "a text"
    return "a list" if isinstance(node, Series) else "a map"


def warn_if_read_differently(scalar: Scalar, found: Findings) -> None:
    """Warn where another YAML tool would not read this plain scalar as the text that it is here."""
    other = reads_differently(scalar)
    if other:
        message = f"{scalar.text} is read as text here, but other YAML tools read {other}"
        found.warn("reads_differently", message, scalar.position, f"write '{scalar.text}'")
