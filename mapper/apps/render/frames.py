"""The line of a file with a caret under the mistake.

Knows how a line is cut and measured so that the caret stands under the right character, whatever is in the
line: tabs, wide or invisible characters, thousands of them. Must not know what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapper.apps.render.terminal import Screen, Text, cell_len, cut, wrapped
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
    advice = screen.legible(hint or "")
    beside = cell_len(advice) <= room - offset - width - 2
    yield caret.append(f"  {advice}", "not dim") if advice and beside else caret
    for part in wrapped(advice, room) if not beside else ():
        yield Text(margin, "dim").append(part, "not dim")


def _window(line: str, position: Position, room: int, screen: Screen) -> tuple[str, int, int]:
    """The part of a line around a position: its text, and the caret's offset and width in cells."""
    start = min(position.column - 1, len(line))
    before, span, after = (screen.legible(part.replace("\t", _TAB)) for part in _split(line, start, position.width))
    caret = max(1, cell_len(span))
    end, total = cell_len(before) + caret, cell_len(before + span + after)
    if end > room or (total > room and end > room * 3 // 4):
        before = _tail(before, max(room // 3, room - caret - cell_len(after)), screen)
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


def _split(line: str, start: int, width: int) -> tuple[str, str, str]:
    return line[:start], line[start : start + width], line[start + width :]
