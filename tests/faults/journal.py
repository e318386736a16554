"""An append-only log of JSON lines that survives a kill of its writer.

Knows lines and their durability. Must not know what they say.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


class Journal:
    """Appends JSON lines, each on the disk (O_DSYNC) when ``write`` returns; safe in threads and across processes."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._lock = threading.Lock()

    def write(self, **members: Any) -> None:
        """Append one line. Raises OSError where it cannot be written whole."""
        line = json.dumps(members, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if os.write(self._file, line) != len(line):
                raise OSError("the journal took only a part of a line")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read(path: Path) -> list[dict[str, Any]]:
    """All whole lines, in the order written; the torn last line of a killed writer is left out, no file is no line."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1]]
