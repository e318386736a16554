"""What the command line's exit codes mean, and which one counts where several hold.

Knows the table. Must not know a command.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    FINE = 0
    """Everything went well; skipped events and warnings alone too."""
    SOME_INVALID = 1
    """Some events are invalid, or a test of the mapping failed."""
    USAGE = 2
    """The command was given something that it cannot use: an option, a setting, a file."""
    NOT_COMPILED = 3
    """The mapping has errors."""
    NOT_DELIVERED = 4
    """Something was not delivered."""


#: The last one of these that holds is the one that counts.
ORDER = (Exit.FINE, Exit.SOME_INVALID, Exit.NOT_DELIVERED, Exit.NOT_COMPILED, Exit.USAGE)

#: Outside the table, as shells have it: the reader of our output went away; Ctrl-C; a mistake in mapper itself.
PIPE_CLOSED, INTERRUPTED, OUR_MISTAKE = 141, 130, 70


def signalled(number: int) -> int:
    """The exit code of a run that a signal ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + number


def highest(exits: Iterable[Exit]) -> Exit:
    """The exit code that counts where several hold; FINE where none does."""
    return max(exits, key=ORDER.index, default=Exit.FINE)
