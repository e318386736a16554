"""Rows of mark, name, value and source, with notes under them, fitted into a width.

Knows cells and columns. Must not know what the columns mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mapper.apps.render.terminal import Screen, Text, block, cell_len, cut, padded
from mapper.frozen import dataclass, replace

#: The mark stands in two cells, after one.
_MARK = 4
_GAP = 2
_NOTE_INDENT = 7


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence under a row."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``whole`` names the columns that must not be cut: what is too long for them becomes a note.

    A ``faint`` row has nothing to say, and no column is made wider for it.
    """

    mark: str
    style: str
    name: str
    value: str
    source: str
    notes: tuple[Note, ...] = ()
    faint: bool = False
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Columns:
    name: int
    value: int
    source: int


def tables(sections: Mapping[str, Sequence[Row]], screen: Screen, source: str = "taken from") -> Iterator[Text]:
    """Several tables, each under the name of its first column, and as wide as its own contents want.

    ``source`` is the name of the last column.
    """
    for number, (title, rows) in enumerate(sections.items()):
        if number:
            yield Text("")
        shown = [_legible(row, screen) for row in rows]
        columns = _columns(shown, screen)
        yield from _head((title, "value", source) if number == 0 else (title, "", ""), columns, screen)
        for row in shown:
            yield from _row(row, columns, screen)


def _legible(row: Row, screen: Screen) -> Row:
    """The row as it can be shown: names and paths are a sender's as well."""
    name, value, source = (screen.legible(text) for text in (row.name, row.value, row.source))
    return replace(row, name=name, value=value, source=source)


def _columns(rows: Sequence[Row], screen: Screen) -> _Columns:
    """Columns as wide as their contents want, or as there is room: what one leaves, the other may take."""
    room = screen.width - _MARK - 2 * _GAP
    name = min(max([len("custom field"), *(cell_len(row.name) for row in rows)]), room * 2 // 5)
    loud = [row for row in rows if not row.faint]
    value = max([len("value"), *(cell_len(row.value) for row in loud)])
    source = max([len("taken from"), *(cell_len(row.source) for row in loud)])
    rest = room - name
    if value + source > rest:
        value = min(value, max(rest // 2, rest - source))
    return _Columns(name, value, rest - value)


def _head(words: tuple[str, str, str], columns: _Columns, screen: Screen) -> Iterator[Text]:
    yield Text(" " * _MARK + _line(words, columns).rstrip(), "bold")
    if words[-1]:
        yield Text(screen.signs.rule * screen.width, "dim")


def _line(words: tuple[str, str, str], columns: _Columns) -> str:
    gap = " " * _GAP
    return gap.join((padded(words[0], columns.name), padded(words[1], columns.value), words[2]))


def _row(row: Row, columns: _Columns, screen: Screen) -> Iterator[Text]:
    signs, gap = screen.signs, " " * _GAP
    moved = [name for name in row.whole if cell_len(getattr(row, name)) > getattr(columns, name)]
    style = "dim" if row.faint else ""
    line = Text(" ").append(padded(row.mark, 2), row.style).append(" ")
    line.append(padded(cut(row.name, columns.name, signs), columns.name) + gap, style)
    line.append(padded(cut(row.value, columns.value, signs), columns.value) + gap, style)
    line.append("" if "source" in moved else cut(row.source, columns.source, signs), "dim")
    line.rstrip()
    yield line
    for note in (*(Note(getattr(row, name)) for name in moved), *row.notes):
        yield from block(note.text, _NOTE_INDENT, screen, note.style)
