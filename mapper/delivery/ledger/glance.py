"""A glance at an SQLite file: whether anybody wrote since the last one.

Knows one connection that reads nothing. Must not wait for anybody, nor be waited for.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path


class Glance:
    """The connection, made when it is needed. ``lock`` is for whoever closes it, or forks: else nobody looks then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._connections = 0
        self.lock = threading.Lock()

    def version(self) -> int | None:
        """SQLite's number of the file's state, which means something to one connection, and which connection that is.

        None where it cannot be told just now. To ask for it takes some microseconds.
        """
        if not self.lock.acquire(blocking=False):
            return None
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, timeout=0, check_same_thread=False, isolation_level=None)
                self._connections += 1
            state: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:  # somebody empties the log, perhaps
            return None
        finally:
            self.lock.release()
        return self._connections << 32 | state

    def close(self) -> None:
        """Let go of the file. Whoever does so has the lock: to close what a thread asks just then ends the process."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
