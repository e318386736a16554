"""A run of sending, for a person: one line that changes while it goes on, and the account of it afterwards.

Knows a terminal, and counts with words. Must not know what runs, nor an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mapper.apps.render.terminal import Screen, Text, block
from mapper.frozen import dataclass

_INDENT = 2


@dataclass(frozen=True, slots=True)
class Count:
    """One row of the account: how many, under which name, and what that means."""

    number: int
    name: str
    means: str
    style: str = ""


def account(counts: Iterable[Count], screen: Screen) -> Iterator[Text]:
    """Counts as an addition: the rows, a rule, and their sum."""
    rows = tuple(counts)
    total = sum(row.number for row in rows)
    width = len(f"{total:,}")
    name = max((len(row.name) for row in rows), default=0)
    for row in rows:
        indent = _INDENT + width + 2 + name + 2
        first, *rest = [line.plain.strip() for line in block(row.means, indent, screen)] or [""]
        line = Text(" " * _INDENT + f"{row.number:>{width},}  ")
        yield line.append(f"{row.name:<{name}}", row.style).append(f"  {first}", "dim")
        yield from (Text(" " * indent).append(more, "dim") for more in rest)
    yield Text(" " * _INDENT + screen.signs.rule * width)
    yield Text(f"{' ' * _INDENT}{total:,}  read")


class Line:
    """A line on a stream, from ``__enter__`` to ``__exit__``, where it disappears.

    ``total`` is None where it is not known. Nothing is written where the stream is no terminal.
    """

    def __init__(self, stream: TextIO, total: int | None = None) -> None:
        console = Console(file=stream, markup=False, highlight=False, emoji=False)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not stream.isatty())
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        """Show it."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._progress.stop()

    def show(self, done: int, words: str) -> None:
        """How much is done, and what there is to say about it."""
        self._progress.update(self._task, completed=done, description=words)
