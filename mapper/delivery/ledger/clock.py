"""A clock that a wrong or changed system time cannot stop, turn back or make jump.

Knows the system's two clocks. Must not wait.
"""

from __future__ import annotations

import os
import threading
import time
from weakref import WeakSet


class SteadyClock:
    """Seconds since 1970 as the system said them once, carried on by the clock that never jumps.

    ``saw`` moves it forward to a moment that somebody else's clock has seen, so that it never runs behind what is
    stored. Safe in threads and after a fork.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self.begin_anew()
        _living.add(self)

    def begin_anew(self) -> None:
        """After a fork, in the child: a thread of the parent may have the lock, and will never give it back here."""
        self._lock = threading.Lock()

    def now(self) -> float:
        """The moment."""
        return time.monotonic() + self._offset

    def saw(self, moment: float) -> None:
        """Be no earlier than a moment from now on."""
        with self._lock:
            self._offset = max(self._offset, moment - time.monotonic())

    def set(self, moment: float, at: float) -> None:
        """Take over the clock that counts: its ``moment``, seen ``at`` this process's own monotonic time."""
        with self._lock:
            self._offset = moment - at


_living: WeakSet[SteadyClock] = WeakSet()


def _forked() -> None:
    for clock in tuple(_living):
        clock.begin_anew()


os.register_at_fork(after_in_child=_forked)
