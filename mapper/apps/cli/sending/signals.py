"""The signals that stop a run, by the names that people know them by.

Knows which signal came first. Must not know what it stopped.
"""

from __future__ import annotations

import signal

from mapper.apps.cli.interrupts import Interrupts


class Signals(Interrupts):
    """Interrupts that say which signal it was."""

    @property
    def number(self) -> int:
        """The number of the last one that came; that of Ctrl-C where none did."""
        return self._number

    @property
    def called(self) -> str:
        """How the last one is called: ``Ctrl-C``, ``SIGTERM``, ``SIGHUP``."""
        return called(self.number)


def called(number: int) -> str:
    """How a signal is called."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
