"""What a terminal can show: its width, its signs, its colours, and text that cannot play tricks on it.

Knows streams and cells. Must not know problems, events or mappings.

A line is laid out for a width in cells, where a wide character takes two. What is piped is laid out for 80
cells, or for COLUMNS, without colour. A stream that cannot say ✓ gets plain ASCII signs.

Where NO_COLOR asks for no colour, bold and dim are left out as well: so the author of that convention advises programs
that print text (jcs/no_color, issue 20), and what is bold is shown in a brighter colour by many terminals.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from mapper.frozen import dataclass

#: What is piped, and what is said by nobody.
USUAL_WIDTH = 80
#: Narrower than this nothing can be laid out; the terminal wraps then.
LEAST_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of a page. ``bar`` separates a line's number from the line, ``rule`` underlines a table's head."""

    fine: str
    none: str
    wrong: str
    doubt: str
    bar: str
    rule: str
    more: str
    more_of: str = "+"


UNICODE = Signs(fine="✓", none="·", wrong="✗", doubt="!", bar="│", rule="─", more="…")
ASCII = Signs(fine="ok", none=".", wrong="x", doubt="!", bar="|", rule="-", more="...")


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a page is laid out for: so many cells wide, with these signs."""

    width: int = USUAL_WIDTH
    signs: Signs = UNICODE

    @property
    def plain(self) -> bool:
        """Whether it shows nothing but ASCII."""
        return self.signs is ASCII

    def legible(self, text: str) -> str:
        r"""A text that cannot play tricks: what is invisible, moves the cursor or cannot be shown is spelled out.

        A line break is shown as ``\n``, an escape character as ``\u001b``.
        """
        if text.isprintable() and (text.isascii() or not self.plain):
            return text
        return "".join(c if c.isprintable() and (c.isascii() or not self.plain) else _spelled(c) for c in text)


def screen(stream: TextIO | None) -> Screen:
    """The screen behind a stream. Raises OSError where there is none: whoever started us has closed it."""
    if stream is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return Screen(_width(stream), UNICODE if "utf" in (stream.encoding or "").lower() else ASCII)


def _width(stream: TextIO) -> int:
    said = os.environ.get("COLUMNS", "")
    if re.fullmatch("[1-9][0-9]{0,3}", said):
        return max(int(said), LEAST_WIDTH)
    try:
        columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        columns = 0
    return max(columns or USUAL_WIDTH, LEAST_WIDTH)


def show(page: Iterable[Text], stream: TextIO | None = None) -> None:
    """Write a page, line by line. Colour is left out where nobody sees it, and where NO_COLOR asks for that."""
    stream = sys.stdout if stream is None else stream
    printer = console(stream, _width(stream))
    for line in page:
        printer.print(line, soft_wrap=True)


def console(stream: TextIO | None, width: int | None = None) -> Console:
    """What draws on a stream: text as it stands, and no colour, bold or dim where NO_COLOR or TERM=dumb asks for that.

    Without a ``width`` it is the terminal's.
    """
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        width=width,
        color_system=None if plain else "auto",
        no_color=plain,
        markup=False,
        highlight=False,
        emoji=False,
    )


def _spelled(character: str) -> str:
    code = ord(character)
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return short or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")  # noqa: PLR2004 - four hexadecimal digits


def cut(text: str, width: int, signs: Signs) -> str:
    """A text of at most ``width`` cells; where it is longer, its end is a sign that there is more."""
    if cell_len(text) <= width:
        return text
    room = max(width - cell_len(signs.more), 0)
    return set_cell_size(text, room).rstrip() + signs.more[: max(width, 0)]


def padded(text: str, width: int) -> str:
    """A text of exactly ``width`` cells, cut without a sign where it is longer."""
    return set_cell_size(text, width)


def wrapped(text: str, width: int, hang: int = 0) -> Iterator[str]:
    """A text in lines of at most ``width`` cells, broken at spaces; a longer word is broken inside.

    A command between backticks is one word: what is copied runs. Where it is broken all the same a backslash says so.
    Every line but the first is to be indented by ``hang`` cells, and leaves room for that.
    """
    line, room = "", width
    for word in _words(text):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= room:
            line = longer
            continue
        if line:
            yield line
            room = width - hang
        *full, line = (
            [word] if cell_len(word) <= room else _continued(word, room) if " " in word else _pieces(word, room)
        )
        yield from full
    if line:
        yield line


def _words(text: str) -> Iterator[str]:
    """The words of a text, between single spaces; what stands between two backticks is not parted."""
    open_ = ""
    for word in text.split(" "):
        open_ = f"{open_} {word}" if open_ else word
        if open_.count("`") % 2 == 0:
            yield open_
            open_ = ""
    if open_:
        yield from open_.split(" ")


#: A word of a shell's command, as ``shlex.quote`` writes it.
_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")


def _continued(command: str, width: int) -> Iterator[str]:
    """A shell's command in lines that can be copied as they stand: broken between words, with a backslash."""
    line, words = "", _WORD.findall(command)
    for number, word in enumerate(words):
        longer = f"{line} {word}" if line else word
        if not line or cell_len(longer) + (2 if number + 1 < len(words) else 0) <= width:
            line = longer
            continue
        yield f"{line} \\"
        line = word
    yield line


def _pieces(word: str, width: int) -> list[str]:
    """A word in pieces of at most ``width`` cells."""
    pieces = [""]
    for character in word:
        if pieces[-1] and cell_len(pieces[-1] + character) > max(width, 1):
            pieces.append("")
        pieces[-1] += character
    return pieces


def block(text: str, indent: int, screen: Screen, style: str = "") -> Iterator[Text]:
    """A text in lines that begin ``indent`` cells from the left and end at the screen's edge."""
    for line in wrapped(screen.legible(text), max(screen.width - indent, LEAST_WIDTH // 2)):
        yield Text(" " * indent).append(line, style)


def command(text: str, indent: int, screen: Screen, style: str = "") -> Iterator[Text]:
    """A shell's command, to be copied as it stands: where it is broken, between two words, a backslash says so."""
    for line in _continued(screen.legible(text), max(screen.width - indent, LEAST_WIDTH // 2)):
        yield Text(" " * indent).append(line, style)


__all__ = [
    "ASCII",
    "UNICODE",
    "Screen",
    "Signs",
    "Text",
    "block",
    "cell_len",
    "command",
    "console",
    "cut",
    "padded",
    "screen",
    "show",
    "wrapped",
]
