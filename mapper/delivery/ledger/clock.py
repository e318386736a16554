"""A clock that a wrong or changed system time cannot stop, turn back or make jump.

Knows the system's two clocks. Must not wait.
"""

from __future__ import annotations

import threading
import time


class SteadyClock:
    """Seconds since 1970 as the system said them once, carried on by the clock that never jumps.

    ``saw`` moves it forward to a moment that somebody else's clock has seen, so that it never runs behind what is
    stored. Safe in threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = time.time() - time.monotonic()

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
