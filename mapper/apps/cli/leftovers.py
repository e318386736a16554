"""What a killed run left beside a file that it was writing: the next run that writes the same file takes it away.

Knows how such a file is called, and how it is told from one that somebody is still writing. Must not touch another.

It may hold names and addresses, and whoever is killed (``kill -9``, no memory left, a power cut) cannot take it away.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def claim(descriptor: int) -> None:
    """Say that somebody writes this file, for as long as it is open."""
    if sys.platform != "win32":
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove(path: Path) -> None:
    """Remove what runs that are gone left beside ``path``, as far as that can be seen and is allowed."""
    if sys.platform == "win32":  # to ask there whether a process lives would end it
        return
    called = re.compile(rf"\.{re.escape(path.name)}\.([0-9]+)\.partial")
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            found = called.fullmatch(entry.name)
            if found is not None and entry.is_file(follow_symlinks=False) and _is_dead(int(found[1])):
                _remove(Path(entry.path))


def _is_dead(number: int) -> bool:
    """Whether no process of this machine has this number."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _remove(left: Path) -> None:
    """Remove a file unless somebody writes it, on another machine perhaps, or it is not ours to remove."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(left, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
        finally:
            os.close(descriptor)
