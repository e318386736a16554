"""What can be wrong, and where: Position, Problem and the tree of exceptions.

Knows how a mistake is described as a value. Must not know how it is laid out for a
reader (that is ``mapper.apps.render``), nor what any code means (``mapper.codes``).

    MapperError
    ├── MappingError      the author's: the mapping file is wrong; carries *all* problems
    ├── SettingsError     the operator's: a setting is missing or wrong
    ├── ExpressionError   one JMESPath text that cannot be compiled, or that failed on a document
    └── PluginError       the installer's: a transport is missing or has the wrong shape

What is wrong with an *event* is never an exception: it is a Problem in the result.
What goes wrong on the *network* is never an exception: it is an Outcome.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal

from mapper.frozen import dataclass

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text file: 1-based line and column, both counted in characters.

    ``width`` is the number of characters that the caret underlines.
    """

    file: str
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        """``file:line:column``, the form that editors make clickable."""
        return f"{self.file}:{self.line}:{self.column}"

    def shifted(self, by: int, width: int = 1) -> Position:
        """The place ``by`` characters to the right on the same line."""
        return Position(self.file, self.line, self.column + by, width)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in the reader's words.

    ``code`` is stable and lower-case (``mapper explain CODE``); a broken rule's code is the
    rule's name and absence is ``missing``. ``message`` and ``hint`` never hold a trait's value.
    """

    code: str
    message: str
    level: Level = "error"
    position: Position | None = None
    field: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        """``file:line:column: code: message (hint)``, for a log: no trait's value is in it."""
        place = f"{self.position}: " if self.position else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.code}: {self.message}{hint}"


#: So many misspelt names get the nearest one as a hint: nobody reads more, and each search costs time.
_MOST_SEARCHES = 100


class Findings:
    """Problems as they are found, so that a reader gets all of them at once."""

    def __init__(self) -> None:
        """Start with none."""
        self.problems: list[Problem] = []
        self._searches = 0

    def nearest(self, word: str, words: Iterable[str]) -> str | None:
        """The one of the author's own names that a word may stand for, or None."""
        self._searches += 1
        near = get_close_matches(word, words, 1) if self._searches <= _MOST_SEARCHES else []
        return near[0] if near else None

    def error(
        self, code: str, message: str, position: Position, hint: str | None = None, field: str | None = None
    ) -> None:
        """Note what stops the mapping from being used."""
        self.problems.append(Problem(code, message, "error", position, field, hint))

    def warn(
        self, code: str, message: str, position: Position, hint: str | None = None, field: str | None = None
    ) -> None:
        """Note what the author should look at."""
        self.problems.append(Problem(code, message, "warning", position, field, hint))


class MapperError(Exception):
    """The root of every exception that this package raises on purpose."""


class MappingError(MapperError):
    """The mapping file is wrong. ``problems`` holds everything that is wrong, in file order.

    ``text`` is the file's content, so that a reader can be shown the line.
    """

    def __init__(self, problems: tuple[Problem, ...], text: str = "") -> None:
        """Keep the problems; the message lists the errors, one a line."""
        self.problems = problems
        self.text = text
        super().__init__("\n".join(str(p) for p in problems if p.level == "error"))


class SettingsError(MapperError):
    """A required setting is missing, or a setting's value breaks its rules."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep the problems; the message lists them, one a line."""
        self.problems = problems
        super().__init__("\n".join(str(p) for p in problems))


class ExpressionError(MapperError, ValueError):
    """One expression is wrong, or failed on a document.

    ``offset`` is the 0-based character of the expression's text, None where it is not known.
    """

    def __init__(
        self, code: str, message: str, offset: int | None = None, hint: str | None = None, width: int = 1
    ) -> None:
        """Describe one mistake inside an expression's own text."""
        self.code = code
        self.message = message
        self.offset = offset
        self.hint = hint
        self.width = width
        super().__init__(message)


class PluginError(MapperError):
    """A transport or store is not installed, or is not what it has to be."""
