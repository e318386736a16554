"""What SQLite could not do, in our words: an exception of its own may quote what was to be stored.

Knows SQLite's codes. Must not know what was asked of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from mapper.delivery.values import StoreError


@contextmanager
def told() -> Iterator[None]:
    """Raise StoreError for what SQLite, or SQLAlchemy on its behalf, raises."""
    try:
        yield
    except DBAPIError as error:
        raise _meant(error.orig) from None
    except sqlite3.Error as error:
        raise _meant(error) from None


class FullError(StoreError):
    """No room on the disk."""


def _meant(error: BaseException | None) -> StoreError:
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        return FullError(_WORDS["SQLITE_FULL"])
    for start, words in _WORDS.items():
        if code.startswith(start):
            return StoreError(words)
    return StoreError(f"the store failed: {code or type(error).__name__}")


_WORDS = {
    "SQLITE_FULL": "the disk is full: nothing more was taken; make room and go on",
    "SQLITE_IOERR": "the disk cannot be read or written: nothing more was taken",
    "SQLITE_BUSY": "another program keeps the store locked",
    "SQLITE_READONLY": "the store cannot be written: its file, directory or disk is read-only",
    "SQLITE_CANTOPEN": "the store cannot be opened: is its directory there, and may it be written?",
    "SQLITE_NOTADB": "this file is no store",
    "SQLITE_CORRUPT": "the store is damaged: restore a copy; nothing was touched",
    "SQLITE_PERM": "the store may not be opened: look at the file's owner and modes",
}
