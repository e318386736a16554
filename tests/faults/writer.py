"""A small program that proves the power-cut simulator: one row a commit, each printed after its commit.

    python -m faults.writer FILE --synchronous FULL --rows 100

Knows SQLite. Must not know that it is watched.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import sys
from pathlib import Path


def main() -> None:
    """Write rows, change each once, and checkpoint every twenty pages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--synchronous", default="FULL")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--journal", default="WAL")
    options = parser.parse_args()
    with contextlib.closing(sqlite3.connect(options.file, isolation_level=None)) as database:
        database.execute(f"PRAGMA journal_mode={options.journal}")
        database.execute(f"PRAGMA synchronous={options.synchronous}")
        database.execute("PRAGMA wal_autocheckpoint=20")
        database.execute("CREATE TABLE job (id TEXT PRIMARY KEY, state TEXT, body BLOB)")
        for number in range(options.rows):
            database.execute("INSERT INTO job VALUES (?, 'ready', ?)", (str(number), bytes(1000)))
            _say(f"{number}:ready")
            if number:
                database.execute("UPDATE job SET state = 'delivered' WHERE id = ?", (str(number - 1),))
                _say(f"{number - 1}:delivered")


def _say(text: str) -> None:
    sys.stdout.write(f"acked {text}\n")
    sys.stdout.flush()


def verdict(directory: Path, acked: tuple[str, ...]) -> str | None:
    """What is wrong with a database of this program after a power cut: ``corrupt``, ``lost``, or None.

    Lost is a row or a delivered mark that was printed and is not there.
    """
    try:
        with contextlib.closing(sqlite3.connect(directory / "jobs.db", isolation_level=None)) as database:
            if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return "corrupt"
            tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'job'").fetchone()[0]
            states = dict(database.execute("SELECT id, state FROM job").fetchall()) if tables else {}
    except sqlite3.DatabaseError:
        return "corrupt"
    told = dict(each.split(":") for each in acked)
    return "lost" if any(not _stands(states.get(row), said) for row, said in told.items()) else None


def _stands(state: str | None, said: str) -> bool:
    return state == "delivered" or (state == "ready" and said == "ready")


if __name__ == "__main__":
    main()
