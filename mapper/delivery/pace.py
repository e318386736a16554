"""When the next request may leave: a rate, and what a destination's Retry-After asks for.

Knows moments and gaps, in seconds, and takes the time as an argument. Must not wait, nor ask a clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mapper.frozen import dataclass, replace

#: The units of a rate, in seconds, as the mapping language has them (``send.rate``).
UNITS = {"second": 1, "minute": 60, "hour": 3600}

_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour)", re.ASCII)
#: More than the longest HTTP date has, which is 33 characters.
_LONGEST_DATE = 40
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
#: Floats lose up to a ten-millionth on the way through a window; the gap is longer by more than that, so that
#: one window never holds one request too many. It costs 60 microseconds a minute.
_HAIR = 1 + 1e-6


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests spaced evenly: at most ``count`` in any window of the rate's seconds, and no burst.

    A request that comes late is not made up for: the next keeps its distance from it.

    ``gap``   seconds from the start of one request to the start of the next; 0 for no limit
    ``free``  the moment from which the next one may leave
    """

    gap: float = 0.0
    free: float = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds from ``now`` until the next request may leave; 0 where it may leave at once."""
        return max(0.0, self.free - now)

    def left(self, now: float) -> Pace:
        """The pace after a request left at ``now``."""
        return replace(self, free=max(self.free, now + self.gap))

    def held(self, now: float, seconds: float) -> Pace:
        """The pace when nothing may leave for ``seconds`` from ``now``."""
        return replace(self, free=max(self.free, now + seconds))


def of_rate(rate: tuple[int, int] | None) -> Pace:
    """The pace of a rate: requests, and the seconds that they are spread over. None is no limit."""
    return Pace() if rate is None else Pace(rate[1] / rate[0] * _HAIR)


def read_rate(text: str) -> tuple[int, int] | None:
    """The rate of ``N/second``, ``N/minute`` or ``N/hour``; None for ``none``. Raises ValueError."""
    if text == "none":
        return None
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError("a rate is N/second, N/minute, N/hour or none")
    return int(match[1]), UNITS[match[2]]


def faster(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    """Whether the first rate lets more through than the second. No rate lets everything through."""
    if one is None or other is None:
        return one is None and other is not None
    return one[0] * other[1] > other[0] * one[1]


def spell(rate: tuple[int, int] | None) -> str:
    """A rate in words: ``300 a minute``."""
    if rate is None:
        return "as fast as they are taken"
    return per(f"{rate[0]:,}", rate[1])


def per(number: str, seconds: int) -> str:
    """So many in each of these seconds, in words, where they are a rate's unit: ``0.5 a second``."""
    unit = next((name for name, size in UNITS.items() if size == seconds), f"{seconds:,} seconds")
    return f"{number} a{'n' if unit == 'hour' else ''} {unit}"


def seconds_for(count: int, rate: tuple[int, int] | None) -> float:
    """How long ``count`` requests take at least, in seconds: the rate's gaps between them."""
    return max(0, count - 1) * of_rate(rate).gap


def retry_after(header: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks to wait from ``now``; None where it says nothing that can be read.

    It is a number of seconds or an HTTP date (RFC 9110, section 10.2.3); a date in the past asks for no wait. However
    many digits it has it is a number, and may be infinite: how long a header is believed is not decided here.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if len(text) > _LONGEST_DATE:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
