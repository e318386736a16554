"""Functions on points in time: epoch_seconds and date.

Knows ISO 8601 and the count of seconds since 1 January 1970, UTC. Must not know the current time,
and never guesses: 03/04/2020 is March to some and April to others, so it is null.

A text is read as ``YYYY-MM-DD``, or as that with ``T`` or a space, a time of day, up to nine
digits of a fraction, and ``Z``, ``UTC`` or an offset. A time without an offset is taken as UTC, a
day without a time as its first second.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from mapper.functions import kinds
from mapper.functions.registry import Example, Function, Parameter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: A count above this (the year 5138 in seconds) is one of milliseconds, as JavaScript counts.
_MILLISECONDS_FROM = 1e11

_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r" ?(?:[Zz]|UTC|([+-])([0-9]{2}):?([0-5][0-9]))?)?"
)

#: A count of seconds that came as text. Eight digits or fewer may be a day (20231114) or a year, so they are none.
_COUNT = re.compile(r"[0-9]{9,14}|-[0-9]{1,14}")

_LONGEST_FORMAT = 200

_TOKEN = re.compile("YYYY|MM|DD|HH|mm|ss|ZZ|Z")


def _epoch_seconds(value: Any) -> int | None:
    moment = _moment(value)
    return (moment - _EPOCH) // timedelta(seconds=1) if moment else None


def _date(value: Any, layout: Any) -> str | None:
    moment = _moment(value)
    if moment is None or not isinstance(layout, str) or len(layout) > _LONGEST_FORMAT:
        return None
    parts = _parts(moment)
    return _TOKEN.sub(lambda token: parts[token.group()], layout)


def _parts(moment: datetime) -> dict[str, str]:
    """What each token stands for. The day and hour are those of the place that wrote the time."""
    offset = moment.isoformat()[-len("+00:00") :]
    return {
        "YYYY": f"{moment.year:04}",
        "MM": f"{moment.month:02}",
        "DD": f"{moment.day:02}",
        "HH": f"{moment.hour:02}",
        "mm": f"{moment.minute:02}",
        "ss": f"{moment.second:02}",
        "ZZ": offset.replace(":", ""),
        "Z": "Z" if offset == "+00:00" else offset,
    }


def _moment(value: Any) -> datetime | None:
    """The point in time of an ISO text or of a count of seconds or milliseconds; None for all else."""
    try:
        if kinds.is_number(value):
            return _counted(value)
        if not isinstance(value, str):
            return None
        text = value.strip()
        return _counted(int(text)) if _COUNT.fullmatch(text) else _read(text)
    except (ValueError, OverflowError):  # the 30th of February, hour 25, a year that no calendar has, not a number
        return None


def _counted(count: float) -> datetime:
    seconds = abs(count) <= _MILLISECONDS_FROM
    return _EPOCH + (timedelta(seconds=count) if seconds else timedelta(milliseconds=count))


def _read(text: str) -> datetime | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    zone = timezone(-offset if sign == "-" else offset)
    # Computed traits come with nanoseconds; Python counts microseconds.
    micro = int(fraction[:6].ljust(6, "0"))
    return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, tzinfo=zone)


FUNCTIONS = (
    Function(
        name="epoch_seconds",
        parameters=(Parameter("value"),),
        summary="A time as whole seconds since 1 January 1970. Takes an ISO 8601 text, seconds, or milliseconds.",
        examples=(
            Example("epoch_seconds(traits.at)", {"traits": {"at": "2023-11-14T22:13:20.123456789Z"}}, 1_700_000_000),
            Example("epoch_seconds(traits.at)", {"traits": {"at": 1_700_000_000_123}}, 1_700_000_000),
            Example("epoch_seconds(traits.at)", {"traits": {"at": "03/04/2020"}}, None),
        ),
        call=_epoch_seconds,
    ),
    Function(
        name="date",
        parameters=(Parameter("value"), Parameter("format", "text")),
        summary="A time written your way. In the format YYYY MM DD HH mm ss stand for the parts, ZZ for the offset "
        "from UTC (+0100), and Z for the same as +01:00, or Z itself for UTC. All else is kept.",
        examples=(
            Example("date(traits.birthday, 'DD.MM.YYYY')", {"traits": {"birthday": "1990-05-01"}}, "01.05.1990"),
            Example(
                "date(traits.at, 'YYYY-MM-DDTHH:mm:ssZZ')",
                {"traits": {"at": 1_700_000_000}},
                "2023-11-14T22:13:20+0000",
            ),
            Example("date(traits.birthday, 'YYYY')", {"traits": {"birthday": "03/04/2020"}}, None),
        ),
        call=_date,
    ),
)
