"""Step 1: the text of a YAML file becomes plain values, each with its position.

Knows YAML, and how it betrays people who do not program. Must not know what a field or a rule is,
and must not open files.

Only PyYAML's event stream is used, never a loader. So nothing is ever guessed: ``NO``, ``02134`` and
``12:30`` stay what was typed, and the mapping's own grammar says what is a number or a flag. The
events pass a budget of bytes, depth and count before anything is built from them; anchors, tags and
merge keys, which this format does not need, are refused at their place.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from mapper.errors import MappingError, Position, Problem
from mapper.frozen import dataclass, field
from mapper.source import complaints

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_EVENTS = 12_000

#: What ends a plain text on its line: a comment, or a comma.
_ENDS = re.compile(r"[ \t]+#|[ \t]*,")
#: What may hold such an end, so that a longer text was meant.
_HOLDING = frozenset("'\"`([{")

#: libyaml's parser where PyYAML has it (13 times faster), the pure one elsewhere. Both only make events.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A piece of text. ``plain`` says that it was written without quotes.

    ``exact`` says that a character of the text stands where it is counted from the position, so that
    a caret can point inside. ``cut_from`` is the longer text that may have been meant, where a comment
    or a comma ends this one on its line.
    """

    text: str
    position: Position
    plain: bool = True
    exact: bool = True
    cut_from: str | None = None

    def at(self, offset: int | None, width: int = 1) -> Position:
        """The position of the text's character ``offset``; the whole scalar where it cannot be told."""
        if offset is None or not self.exact:
            return self.position
        quote = 0 if self.plain else 1
        return self.position.shifted(quote + offset, max(width, 1))


@dataclass(frozen=True, slots=True)
class Series:
    """A YAML sequence."""

    parts: tuple[Node, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping: pairs of a key and a value, in the order written, each key once."""

    pairs: tuple[tuple[Scalar, Node], ...]
    position: Position

    def get(self, name: str) -> Node | None:
        """The value of a key, or None."""
        return next((node for key, node in self.pairs if key.text == name), None)

    def key(self, name: str) -> Scalar | None:
        """The key itself, for its position."""
        return next((key for key, _ in self.pairs if key.text == name), None)


Node = Scalar | Series | Table

#: An event of PyYAML's. Its marks are always there when a parser made it, which its types cannot say.
_Event = Any


@dataclass(frozen=True, slots=True)
class Source:
    """A whole file: its text (line ends made plain line feeds), its root, and what is wrong in it already."""

    file: str
    text: str
    root: Node
    problems: tuple[Problem, ...] = ()


def read(text: str, file: str) -> Source:
    """Read one YAML document.

    What does not stop the reading (a duplicate key, say) is in the result's problems, so that later
    stages can report what they see too. Raises MappingError where there is nothing to go on with.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    _check_characters(text, file)
    reader = _Reader(text, file)
    root = reader.read()
    problems = tuple(reader.problems)
    if root is None:
        raise MappingError(problems, text)
    return Source(file, text, root, problems)


def _check_characters(text: str, file: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        message = "the file holds half of a surrogate pair, which is no character"
        raise MappingError((Problem("yaml", message, position=Position(file, 1, 1)),)) from None
    if size > MAX_BYTES:
        message = f"the file has {size} bytes; a mapping may have {MAX_BYTES}"
        raise MappingError((Problem("too_large", message, position=Position(file, 1, 1)),))

    odd = re.search("[\x85\u2028\u2029]", text)
    if odd is not None:
        # YAML would count these as line ends and nobody else would: no position could be trusted.
        line = text.count("\n", 0, odd.start()) + 1
        place = Position(file, line, odd.start() - text.rfind("\n", 0, odd.start()))
        message = f"there is an invisible line separator here (U+{ord(odd.group()):04X})"
        raise MappingError((Problem("odd_character", message, position=place, hint="delete it"),), text)


@dataclass(slots=True)
class _Open:
    """A collection that is being filled."""

    position: Position
    table: bool
    parts: list[Node] = field(default_factory=list)
    keys: dict[str, Scalar] = field(default_factory=dict)
    key: Scalar | None = None

    def closed(self) -> Node:
        if not self.table:
            return Series(tuple(self.parts), self.position)
        return Table(tuple(zip(self.keys.values(), self.parts, strict=True)), self.position)


class _Reader:
    """One reading: a stack instead of recursion, so that depth is a number and never a crash."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.lines = text.split("\n")
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.skipping = 0

    def read(self) -> Node | None:
        try:
            for count, event in enumerate(yaml.parse(self.text, Loader=_LOADER)):
                if count > MAX_EVENTS:
                    self._stop(event, "too_many", f"the file has more than {MAX_EVENTS} parts")
                self._take(event)
        except yaml.YAMLError as error:
            stop = complaints.syntax(error, self.lines, self.file)
            # What YAML took for a key may be the same mistake, seen earlier.
            self.problems = [p for p in self.problems if p.code != "wrong_key" or p.hint != stop.hint] + [stop]
            return None
        except _Stop:
            return None
        if self.root is None:
            hint = "start with: mapping: 1"
            self.problems.append(Problem("empty", "the file is empty", position=Position(self.file, 1, 1), hint=hint))
        return self.root

    def _take(self, event: _Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            hint = "write the text out; if a value starts with *, put it in single quotes"
            self._wrong(event, "alias", "aliases (*name) are not used in a mapping", hint)
            self._add(self._scalar_at(event, ""))
        elif isinstance(event, yaml.NodeEvent):
            self._check_properties(event)
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._scalar(event))
            else:
                self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._add(self.stack.pop().closed())
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._wrong(event, "two_documents", "a mapping is one document; here a second one begins", "remove the ---")
            raise _Stop

    def _check_properties(self, event: _Event) -> None:
        if event.anchor:
            hint = "write the text out; if a value starts with &, put it in single quotes"
            self._wrong(event, "anchor", "anchors (&name) are not used in a mapping", hint)
        if getattr(event, "tag", None) is not None:
            self._wrong(event, "tag", complaints.TAG, complaints.untagged(self._meant(event)))

    def _open(self, event: _Event) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self._stop(event, "too_deep", f"nested more than {MAX_DEPTH} levels deep")
        top = self.stack[-1] if self.stack else None
        if top is not None and top.table and top.key is None:
            meant = self._meant(event)
            hint = "write each entry as key: value, or put the expression in single quotes"
            hint = complaints.write(meant) if meant else hint
            self._wrong(event, "wrong_key", "a list or a map cannot be a key", hint)
        self.stack.append(_Open(self._position(event), isinstance(event, yaml.MappingStartEvent)))

    def _add(self, node: Node) -> None:
        if not self.stack:
            self.root = self.root or node
            return
        top = self.stack[-1]
        if not top.table:
            top.parts.append(node)
        elif top.key is None:
            top.key = node if isinstance(node, Scalar) else Scalar("", node.position)
        else:
            self._pair(top, top.key, node)
            top.key = None

    def _pair(self, top: _Open, key: Scalar, node: Node) -> None:
        if key.text == "<<" and key.plain:
            hint = "write the keys out: a reader must see the whole mapping in one place"
            self._problem(key.position, "merge_key", "merge keys (<<) are not used in a mapping", hint)
            return
        first = top.keys.get(key.text)
        if first is not None:
            message = f"{key.text!r} is given twice (first on line {first.position.line})"
            self._problem(key.position, "duplicate_key", message, "keep one of the two")
            return
        top.keys[key.text] = key
        top.parts.append(node)

    def _scalar(self, event: _Event) -> Scalar:
        scalar = self._scalar_at(event, event.value)
        raw = self.text[event.start_mark.index : event.end_mark.index]
        if raw.isascii() and raw.isprintable() and raw[:1] != '"':
            return scalar  # nearly all are: nothing is hidden in them
        for offset, width, code, message, hint in complaints.odd_characters(raw, scalar.text):
            self._problem(self._inside(event, raw[:offset], width), code, message, hint)
        return scalar

    def _inside(self, event: _Event, before: str, width: int) -> Position:
        """The place inside an event's text that stands behind ``before``."""
        line = event.start_mark.line + before.count("\n")
        column = len(before) - before.rfind("\n") - 1 if "\n" in before else event.start_mark.column + len(before)
        return Position(self.file, line + 1, column + 1, width)

    def _scalar_at(self, event: _Event, text: str) -> Scalar:
        start, end = event.start_mark, event.end_mark
        # PyYAML's pure parser says None for plain, libyaml says ''.
        plain = getattr(event, "style", None) in (None, "")
        raw = self.text[start.index : end.index]
        exact = start.line == end.line and raw == (text if plain else f"{raw[:1]}{text}{raw[:1]}")
        width = end.column - start.column if start.line == end.line else 1
        position = self._place(start, max(width, 1))
        line = self.lines[end.line] if end.line < len(self.lines) else ""
        held = plain and exact and end.column < len(line) and not _HOLDING.isdisjoint(text)
        ended = _ENDS.match(line, end.column) if held else None
        whole = complaints.as_meant(line[start.column :], flow=ended.group().endswith(",")) if ended else ""
        return Scalar(text, position, plain, exact, whole if len(whole) > len(text) else None)

    def _meant(self, event: _Event) -> str | None:
        """The value around the start of an event, as its author may have meant it."""
        return complaints.value_around(self.lines[event.start_mark.line], event.start_mark.column)

    def _position(self, event: _Event) -> Position:
        return self._place(event.start_mark)

    def _place(self, mark: yaml.Mark, width: int = 1) -> Position:
        # The end of a file may be counted as a line of its own.
        row = min(mark.line, len(self.lines) - 1)
        column = mark.column if row == mark.line else len(self.lines[row])
        return Position(self.file, row + 1, column + 1, width)

    def _wrong(self, event: _Event, code: str, message: str, hint: str | None = None) -> None:
        self._problem(self._position(event), code, message, hint)

    def _problem(self, position: Position, code: str, message: str, hint: str | None) -> None:
        self.problems.append(Problem(code, message, position=position, hint=hint))

    def _stop(self, event: _Event, code: str, message: str) -> None:
        self._wrong(event, code, message)
        raise _Stop


class _Stop(Exception):  # noqa: N818 - it ends a reading, and never leaves this module
    """The budget is spent."""
