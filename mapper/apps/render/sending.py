"""A run of sending, for a person: one line that changes while it goes on, and the account of it afterwards.

Knows a terminal, and counts with words. Must not know what runs, nor an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self, TextIO

from rich.live import Live

from mapper.apps.render import terminal
from mapper.apps.render.terminal import USUAL_WIDTH, Screen, Text, block
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

    Nothing is written where the stream is no terminal.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._console = terminal.console(stream)
        shown = stream is not None and stream.isatty()
        self._live = Live(console=self._console, transient=True, refresh_per_second=_A_SECOND) if shown else None

    def __enter__(self) -> Self:
        """Show it."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        if self._live is not None:
            self._live.stop()

    def show(self, words: str, part: float | None = None) -> None:
        """What there is to say, and how much is done, from 0 to 1, where that is known. It is cut at the edge."""
        if self._live is None:
            return
        width = _BAR if self._console.width >= USUAL_WIDTH else _BAR // 2
        bar = "" if part is None else _bar(part, width, plain=not self._console.encoding.startswith("utf"))
        line = Text(f"  {bar}", "green", no_wrap=True, overflow="ellipsis", end="").append(words, "not green")
        self._live.update(line)


#: Cells of the bar, and how often the line is drawn in a second.
_BAR, _A_SECOND = 20, 8


def _bar(part: float, width: int, *, plain: bool) -> str:
    full = max(0, min(width, round(part * width)))
    done, rest = "#." if plain else "━╌"
    return done * full + rest * (width - full) + "  "
