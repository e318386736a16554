"""Moments and lengths of time as a person says them.

Knows seconds. Must not ask a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def length(seconds: float) -> str:
    """A length of time in its two greatest units: ``3 h 12 min``, ``45 s``, ``0 s``."""
    whole = max(0, round(seconds))
    for number, (unit, size) in enumerate(_UNITS):
        if whole >= size:
            smaller, rest = (_UNITS[number + 1] if number + 1 < len(_UNITS) else ("", 1)), whole % size
            more = f" {rest // smaller[1]} {smaller[0]}" if smaller[0] and rest // smaller[1] else ""
            return f"{whole // size:,} {unit}{more}"
    return "0 s"


def moment(at: float) -> str:
    """A moment, UTC, to the second: ``2026-11-22 03:20:11``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def clock(at: float, now: float) -> str:
    """A moment near another one: the time of day, and the date where it is another day's."""
    same = int(at // 86_400) == int(now // 86_400)
    return moment(at)[11:] if same else moment(at)
