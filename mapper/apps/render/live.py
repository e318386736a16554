"""A page that is drawn anew in its place, for as long as somebody looks.

Knows a terminal. Must not know what is on the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self, TextIO

from rich.console import Group
from rich.live import Live

from mapper.apps.render import terminal
from mapper.apps.render.terminal import Text


class Changing:
    """A page on a terminal, from ``__enter__`` to ``__exit__``; what it showed last stays."""

    def __init__(self, stream: TextIO) -> None:
        self._console = terminal.console(stream)
        self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        """Begin, with nothing on it."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it as it is."""
        self._live.stop()

    @property
    def height(self) -> int:
        """How many lines can be seen; what a page has more of is cropped."""
        return self._console.height

    def show(self, page: Iterable[Text]) -> None:
        """Put another page in the place of the last one."""
        self._live.update(Group(*(self._one_line(line) for line in page)), refresh=True)

    @staticmethod
    def _one_line(line: Text) -> Text:
        line.no_wrap, line.overflow = True, "crop"
        return line
