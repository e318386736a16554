"""The states of a job, and every way from one to another.

Knows the table, which the documentation draws and the ledger keeps. Must not know how a state is stored.
"""

from __future__ import annotations

from typing import Literal

from mapper.errors import MapperError
from mapper.frozen import dataclass

State = Literal[
    "waiting",
    "ready",
    "sending",
    "unknown",
    "held",
    "delivered",
    "rejected",
    "dead",
    "invalid",
    "skipped",
    "suppressed",
    "erased",
]

#: What each state means, the open ones first. Each accepted event is in exactly one.
MEANINGS: dict[State, str] = {
    "waiting": "behind an earlier job of the same person",
    "ready": "to be sent when its time comes",
    "sending": "under way: written down before its first byte leaves",
    "unknown": "may have been taken: nobody can know from here",
    "held": "kept back until a person releases it",
    "delivered": "accepted by the destination",
    "rejected": "refused for good: the same again cannot help",
    "dead": "given up: too many tries, too old, or dropped by a person",
    "invalid": "the event does not make a request",
    "skipped": "nothing to send, as the mapping says",
    "suppressed": "not sent: too old, or the same order again",
    "erased": "the person was forgotten before it was known to be taken",
}

OPEN: tuple[State, ...] = ("waiting", "ready", "sending", "unknown", "held")
TERMINAL: tuple[State, ...] = ("delivered", "rejected", "dead", "invalid", "skipped", "suppressed", "erased")

#: In these a job keeps later jobs of its person waiting. What may have been taken, and what a person keeps back, does
#: not: a doubt about one card must not cost somebody all the others.
BLOCKING: tuple[State, ...] = ("waiting", "ready", "sending")


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a state to another. ``by`` is who moves it: the worker, a person, or the passing of time."""

    source: State
    target: State
    by: Literal["worker", "person", "time"]
    why: str


#: What ended without a card, and may be begun again by a person. What was delivered never is.
_REPLAYED: tuple[State, ...] = ("rejected", "dead", "suppressed", "invalid", "skipped")

#: Where a job may be by the time that the answer to its last try comes, besides ``unknown``.
_ANSWERED_LATE: tuple[State, ...] = ("ready", "waiting", "held", "dead")

EDGES: tuple[Edge, ...] = (
    Edge("waiting", "ready", "worker", "the earlier job of the person has ended"),
    Edge("ready", "waiting", "worker", "an earlier job of the same person was found"),
    Edge("ready", "sending", "worker", "started"),
    Edge("ready", "held", "worker", "a cap is reached"),
    Edge("ready", "dead", "worker", "it cannot be sent as it is stored"),
    Edge("sending", "delivered", "worker", "taken"),
    Edge("sending", "rejected", "worker", "refused for good"),
    Edge("sending", "ready", "worker", "not taken: once more, later"),
    Edge("sending", "dead", "worker", "not taken, too many times or for too long"),
    Edge("sending", "unknown", "worker", "nobody can know whether it was taken"),
    Edge("sending", "unknown", "time", "its worker never said how it ended"),
    Edge("sending", "ready", "time", "its worker never said how it ended, and the mapping says resend"),
    Edge("sending", "dead", "time", "three workers in a row never said how it ended"),
    Edge("unknown", "delivered", "worker", "a late answer: taken"),
    Edge("unknown", "rejected", "worker", "a late answer: refused for good"),
    Edge("unknown", "ready", "worker", "a late answer: not taken"),
    Edge("unknown", "dead", "worker", "a late answer: not taken, too many times"),
    *(Edge(source, "delivered", "worker", "a late answer to an earlier try: taken") for source in _ANSWERED_LATE),
    *(Edge(source, "rejected", "worker", "a late answer to an earlier try: refused") for source in _ANSWERED_LATE),
    Edge("waiting", "held", "person", "held"),
    Edge("ready", "held", "person", "held"),
    Edge("held", "ready", "person", "released"),
    Edge("held", "waiting", "person", "released, behind an earlier job"),
    Edge("unknown", "delivered", "person", "resolved: it was taken"),
    Edge("unknown", "ready", "person", "resolved: it was not taken, send it again"),
    Edge("unknown", "waiting", "person", "resolved: it was not taken, send it behind an earlier job"),
    Edge("unknown", "dead", "person", "dropped"),
    Edge("waiting", "dead", "person", "dropped"),
    Edge("ready", "dead", "person", "dropped"),
    Edge("held", "dead", "person", "dropped"),
    *(Edge(source, "ready", "person", "replayed") for source in _REPLAYED),
    *(Edge(source, "waiting", "person", "replayed, behind an earlier job") for source in _REPLAYED),
    Edge("skipped", "invalid", "person", "mapped again"),
    Edge("invalid", "skipped", "person", "mapped again"),
    Edge("suppressed", "invalid", "person", "mapped again"),
    Edge("suppressed", "skipped", "person", "mapped again"),
    Edge("dead", "invalid", "person", "mapped again"),
    Edge("dead", "skipped", "person", "mapped again"),
    Edge("waiting", "erased", "person", "forgotten"),
    Edge("ready", "erased", "person", "forgotten"),
    Edge("held", "erased", "person", "forgotten"),
    Edge("unknown", "erased", "person", "forgotten, and nobody knows whether it was taken"),
    Edge("sending", "erased", "worker", "forgotten while it was under way, and not known to be taken"),
)

_WAYS = frozenset((edge.source, edge.target) for edge in EDGES)


class IllegalMoveError(MapperError):
    """A job was to move where no way leads: a mistake of ours, never of an event."""


def check(source: State, target: State) -> None:
    """Raise IllegalMoveError where no edge leads from one state to the other."""
    if (source, target) not in _WAYS:
        raise IllegalMoveError(f"no way leads from {source} to {target}")
