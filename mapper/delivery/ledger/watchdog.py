"""Hangs up on a server that does not answer: no setting of PostgreSQL's client library ends the wait for an answer.

Knows sockets and deadlines. Must not know what is asked.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds between two looks.
_LOOK = 1.0


class Watchdog:
    """One thread that watches all connections of a process. A forked process needs its own."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._watched: dict[int, tuple[float, socket.socket]] = {}
        self._numbers = itertools.count()
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, descriptor: int, deadline: float | None = None) -> Iterator[None]:
        """A block in which the other side has to answer in time; else the connection ends, for whoever waits.

        ``deadline``  seconds, where they are others than usual
        """
        until = time.monotonic() + (self._deadline if deadline is None else deadline)
        number = next(self._numbers)
        with socket.socket(fileno=os.dup(descriptor)) as line:
            with self._changing:
                self._watched[number] = (until, line)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
                    self._thread.start()
            try:
                yield
            finally:
                with self._changing:
                    del self._watched[number]

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK)
            with self._changing:
                now = time.monotonic()
                for until, line in self._watched.values():
                    if now > until:
                        with suppress(OSError):
                            line.shutdown(socket.SHUT_RDWR)
