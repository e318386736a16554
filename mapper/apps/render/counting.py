"""Numbers of things, as a person says them.

Knows a plural's end. Must not know what is counted.
"""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 error``, ``1,200 errors``, ``2 tries``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
