"""A bar for a person who waits while files are read.

Knows bytes and a count of events. Must not know what is done with an event, and writes to stderr only.
"""

from __future__ import annotations

import sys
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mapper.apps.render import terminal

#: The bar is told every so many lines: more often costs more than it shows.
_STEP = 100


class Bar:
    """A bar on stderr from ``__enter__`` to ``__exit__``, where it disappears.

    ``total`` is the bytes of all files; None where that is not known.
    """

    def __init__(self, total: int | None) -> None:
        """Prepare a bar that is not shown yet."""
        read = TextColumn("{task.fields[count]} events", markup=False)
        known = (TextColumn("{task.percentage:.0f} %", markup=False), TimeRemainingColumn()) if total else ()
        console = terminal.console(sys.stderr)
        self._progress = Progress(read, BarColumn(bar_width=30), *known, console=console, transient=True)
        self._task = self._progress.add_task("", total=total, count="0")
        self._bytes = self._lines = 0

    def __enter__(self) -> Self:
        """Show it."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._progress.stop()

    def advance(self, size: int, read: int) -> None:
        """One line of so many bytes more; ``read`` events are done."""
        self._bytes += size
        self._lines += 1
        if self._lines % _STEP == 0:
            self._progress.update(self._task, advance=self._bytes, count=f"{read:,}")
            self._bytes = 0
