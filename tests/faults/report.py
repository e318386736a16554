"""What a part of the fault tests is told, and what it says when it is done.

Knows the shapes. Must not run anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Server(Protocol):
    """A PostgreSQL server of the tests' own (tests/postgres.py): its parts may crash it, as nobody else uses it."""

    port: int

    @property
    def log(self) -> Path:
        """Its log."""

    def new_database(self) -> str:
        """The URL of an empty database."""

    def take_back(self, url: str) -> None:
        """The database is not needed any more."""

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start, on the same port."""


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Options:
    """What each part is told. The defaults are the whole size.

    ``room``     an empty directory for stores and logs; it is kept where the part finds a fault
    ``server``   None where PostgreSQL is not installed
    ``times``    kills at each point under each policy
    ``minutes``  how long a part with faults at random goes on, on each engine
    ``states``   disks that a power cut may leave
    ``scale``    1 is the whole size; a part without one of the above makes its own numbers smaller by it
    ``tell``     takes a line about what is going on
    """

    room: Path
    server: Server | None = None
    times: int = 50
    minutes: float = 5.0
    states: int = 20_000
    scale: float = 1.0
    seed: int = 0
    tell: Callable[[str], None] = field(default=_print)


@dataclass(frozen=True, slots=True)
class Report:
    """What a part found: its ``figures`` in words, and how many of each fault; no fault is as it should be."""

    figures: str
    faults: Mapping[str, int] = field(default_factory=dict)


def left_out() -> Report:
    """The report of a part that needs PostgreSQL where it is not installed."""
    return Report("left out: PostgreSQL is not installed")
