"""The line of a file with a caret under the mistake.

Knows how a line is cut and measured so that the caret stands under the right character, whatever is in the
line: tabs, wide or invisible characters, thousands of them. Must not know what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapper.apps.render.terminal import Screen, Text, cell_len, cut, legible, wrapped
from mapper.errors import Position

_NUMBER_WIDTH = 4
_TAB = "    "


def frame(position: Position, lines: Sequence[str], hint: str | None, screen: Screen) -> Iterator[Text]:
    """The line at a position, the caret under it, and the hint behind the caret or below it."""
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    number = f"{position.line:>{_NUMBER_WIDTH}} "
    bar = f"{screen.signs.bar} "
    room = screen.width - len(number) - len(bar)
    shown, offset, width = _window(line, position, room, screen)
    yield Text(number, "dim").append(bar).append(shown, "not dim")
    margin = " " * len(number) + bar
    caret = Text(margin, "dim").append(" " * offset).append("^" * width, "bold not dim")
    beside = _beside(hint, room - offset - width - 2)
    yield caret.append(f"  {beside}", "not dim") if beside else caret
    for part in wrapped(legible(hint), room) if hint and not beside else ():
        yield Text(margin, "dim").append(part, "not dim")


def _beside(hint: str | None, room: int) -> str | None:
    """The hint where it fits behind the caret."""
    return legible(hint) if hint and cell_len(legible(hint)) <= room else None


def _window(line: str, position: Position, room: int, screen: Screen) -> tuple[str, int, int]:
    """The part of a line around a position: its text, and the caret's offset and width in cells."""
    start = min(position.column - 1, len(line))
    before = _rendered(line[:start])
    span = _rendered(line[start : start + position.width])
    after = _rendered(line[start + position.width :])
    if cell_len(before) + cell_len(span) > room * 3 // 4 and cell_len(before + span + after) > room:
        before = _tail(before, room // 3, screen)
    offset = cell_len(before)
    width = max(1, min(cell_len(span), room - offset - 1))
    return cut(before + span + after, room, screen.signs), offset, width


def _tail(text: str, width: int, screen: Screen) -> str:
    """The end of a text in at most ``width`` cells, with a sign that more stands before it."""
    if cell_len(text) <= width:
        return text
    kept = text[-width:]
    while kept and cell_len(screen.signs.more) + cell_len(kept) > width:
        kept = kept[1:]
    return screen.signs.more + kept


def _rendered(text: str) -> str:
    return legible(text.replace("\t", _TAB))
