"""What goes between the rooms of delivery: events on their way in, jobs on their way out, and what people see.

Knows shapes. Must not know SQL, HTTP or a mapping. Times are seconds since 1970, UTC, by the store's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mapper.delivery.states import State
from mapper.errors import MapperError
from mapper.event import Identify
from mapper.frozen import dataclass, field
from mapper.identity import Record, Stamp

Repeat = Literal["", "same", "conflict"]


class StoreError(MapperError):
    """The store cannot be used: it is another program's, newer, damaged, full, away, or a worker has it already."""


class StoreBusyError(StoreError):
    """Another process has what only one can have."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An event that cannot be read, nor kept as it came: a line of a gigabyte, an object that JSON cannot say.

    ``instead``  what is kept in its place: no JSON
    ``content``  what tells it from others, where it has no messageId: all of it, or a hash
    ``because``  why it cannot be read
    ``members``  those of it that are known
    """

    instead: bytes = field(repr=False)
    content: bytes = field(repr=False)
    because: str
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event, read, as it is to be accepted.

    ``raw``        its bytes as they came
    ``decoded``    its JSON; None where it is none
    ``message``    a keyed hash of its source and messageId, or of its content where it has none
    ``digest``     of what it says: two calls under one messageId with two digests are a conflict
    ``person``     a keyed hash of its source and userId; ``anonymous`` of its anonymousId
    ``call``       it as an Identify call, and what it ``said`` of its person (``Identity.as_record``); None where
                   it is none
    ``stamp``      when it happened
    ``because``    why it cannot be read, where that is known
    """

    raw: bytes = field(repr=False)
    decoded: Any = field(repr=False)
    message: str
    digest: str
    person: str | None = None
    anonymous: str | None = None
    call: Identify | None = field(default=None, repr=False)
    said: Record | None = field(default=None, repr=False)
    stamp: Stamp | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What the mapping makes of an event.

    ``target``   method, address and headers of the request, as JSON; ``content`` its body without secrets
    ``once``     the digest of its ``once_per`` key; None where the guard does not apply
    ``problems`` codes and fields of what is wrong, without a value
    """

    state: Literal["ready", "invalid", "skipped"]
    because: str | None = None
    target: str | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    once: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one accepted event.

    ``repeated`` says that it was accepted before: ``same``, or with another content (``conflict``); ``job`` and
    ``state`` are then those of the first.
    """

    job: int
    state: State
    because: str | None = None
    repeated: Repeat = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that one worker may start, at ``at`` and not before. ``attempt`` is the number of that try, from 1.

    ``started``  it is written down as ``sending`` already
    """

    job: int
    attempt: int
    at: float
    target: str = field(repr=False)
    content: bytes = field(repr=False)
    started: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a worker got. ``again`` is the moment from which asking again may give more; None where nothing is due.

    ``paused``  until when the account sends nothing, and ``because`` of what; None where it sends
    """

    claims: tuple[Claim, ...] = ()
    again: float | None = None
    held: int = 0
    paused: float | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How one try ended, as the worker tells it.

    ``ending``       delivered, rejected, retry, pause or unknown (``mapper.outcome``)
    ``asked``        seconds that a Retry-After asks for
    ``account``      whether the answer concerns the whole account (429, 503 with Retry-After, 401, 403)
    """

    job: int
    attempt: int
    ending: Literal["delivered", "rejected", "retry", "pause", "unknown"]
    because: str = ""
    status: int | None = None
    asked: float | None = None
    account: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a try took its job: ``state`` and, for a retry, ``due``. None: the try was somebody else's by then.

    ``age``  seconds since the job was accepted
    """

    job: int
    state: State | None
    due: float | None = None
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What passing time did: lapsed claims that are free again, lapsed sends that became unknown, or are sent again."""

    freed: int = 0
    unknown: int = 0
    again: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs a person means; all conditions hold together.

    ``states``   any of these          ``jobs``    any of these; () is none        ``message``  a messageId's hash
    ``person``   a person's hash       ``reason``  a part of the reason        ``most``     at most so many
    ``before``, ``after``  accepted before, or from, this moment
    """

    states: tuple[State, ...] = ()
    jobs: tuple[int, ...] | None = None
    message: str | None = None
    person: str | None = None
    reason: str | None = None
    before: float | None = None
    after: float | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A job as a person sees it in a list: nothing of anybody. ``person`` is the number of the one whose it is."""

    job: int
    state: State
    because: str | None
    accepted: float
    changed: float
    due: float | None
    attempts: int
    status: int | None
    duplicates: int
    conflicts: int
    person: int | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a job, as it ended."""

    number: int
    started: float
    ended: float
    ending: str
    status: int | None
    because: str | None


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did to a job, or to the account (``job`` is None)."""

    at: float
    who: str
    verb: str
    job: int | None
    was: str | None
    became: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """One job, whole: its event and its request are names and addresses."""

    row: Row
    attempts: tuple[Attempt, ...]
    acts: tuple[Act, ...]
    event: bytes | None = field(repr=False)
    target: str | None = field(repr=False)
    content: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Status:
    """An account at one moment.

    ``counts``     jobs by state; their sum is ``accepted``
    ``repeated``   calls that came again, ``conflicting`` with another content
    ``oldest``     when the oldest job that is waiting or ready was accepted
    ``due``        when the next job is due
    ``paused``     until when nothing is sent; ``pause_reason`` why
    ``recent``     jobs that were delivered in the last 60 seconds
    """

    account: str
    now: float
    counts: dict[State, int]
    accepted: int
    repeated: int
    conflicting: int
    oldest: float | None = None
    due: float | None = None
    paused: float | None = None
    pause_reason: str | None = None
    today: int = 0
    recent: int = 0
