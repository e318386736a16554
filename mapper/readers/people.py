"""What is known of people, from a file: earlier Identify calls by user, or the traits of one person.

Knows the two forms of such a file. Must not know fields or destinations, and must not remember anything
between two runs: a store does that.

The traits of one person have no name on them. They are laid under the calls of the first user that is asked
for, and a second user is refused: one person's address must never be printed on another person's mail.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import Any, BinaryIO

from mapper import codec, event, identity
from mapper.identity import Identity
from mapper.readers import UnreadableError, ndjson

#: Stands where only the switch of a destination would be asked for: what is remembered is the same for all.
_NO_DESTINATION = ""


class People:
    """Who is known. ``of`` looks one up; ``name`` is the file's, for messages."""

    def __init__(self, name: str, by_user: dict[str, Identity] | None = None, anyone: Identity | None = None) -> None:
        """Keep what was read: identities by user, or one identity whose user is not known yet."""
        self.name = name
        self._by_user = by_user or {}
        self._anyone = anyone
        self._owner: str | None = None

    def of(self, decoded: Any) -> Identity | None:
        """What is known of the person of a decoded event; None for a stranger, and for what is no call.

        Raises UnreadableError where the file holds one person's traits, and this is the second person.
        """
        call = event.read(decoded, _NO_DESTINATION)
        if not isinstance(call, event.Identify):
            return None
        if self._anyone is None:
            return self._by_user.get(call.user_id or "")
        owner = call.user_id or f"anonymous {call.anonymous_id}"
        if self._owner not in (None, owner):
            message = f"{self.name} holds the traits of one person, and the events are of several"
            raise UnreadableError(f"{message}: give earlier Identify calls, one a line, each with its userId")
        self._owner = owner
        return self._anyone


def read(name: str, never: Collection[str] = ()) -> People:
    """Read a file of either form; traits in ``never`` are not kept. Raises UnreadableError.

    One JSON object that is no call is one person's traits. Otherwise each line is a call; calls of other
    types and without a userId say nothing of a known user and are passed over.
    """
    if name == "-":
        raise UnreadableError("what is known of people is read from a file: standard input is for events")
    with ndjson.opened(name) as stream:
        calls = _objects(stream, name)
        first = next(calls, None)
        if first is None:
            raise UnreadableError(f"{name} is empty")
        if not isinstance(first, dict) or _is_call(first):
            return People(name, _merged(itertools.chain([first], calls), name, never))
        if next(calls, None) is not None:
            raise UnreadableError(f"{name} holds several objects that are no calls: one person's traits are one object")
        return People(name, anyone=identity.from_traits({n: v for n, v in first.items() if n not in never}))


def _is_call(decoded: dict[str, Any]) -> bool:
    """Whether an object is a call of any type, and not one person's traits."""
    return "type" in decoded and any(name in decoded for name in ("userId", "anonymousId", "messageId"))


def _objects(stream: BinaryIO, name: str) -> Iterator[Any]:
    """The values of a file: one a line; or one that goes over all lines, where the first line is none alone."""
    for count, line in enumerate(line for line in ndjson.lines(stream, name) if not line.blank):
        if line.too_long:
            raise UnreadableError(f"line {line.number} of {name} is too long")
        try:
            decoded = codec.decode(line.raw)
        except codec.NotJson as error:
            if count:
                raise UnreadableError(f"line {line.number} of {name}: {error}") from None
            yield _decoded(ndjson.whole(line.raw, stream, name), name)
            return
        yield decoded


def _decoded(text: bytes, name: str) -> Any:
    try:
        return codec.decode(text)
    except codec.NotJson as error:
        raise UnreadableError(f"{name}: {error}") from None


def _merged(calls: Iterable[Any], name: str, never: Collection[str]) -> dict[str, Identity]:
    by_user: dict[str, Identity] = {}
    for decoded in calls:
        call = event.read(decoded, _NO_DESTINATION)
        if isinstance(call, event.Identify) and call.user_id is not None:
            said = identity.of_call(call, never)
            known = by_user.get(call.user_id)
            by_user[call.user_id] = said if known is None else identity.merge(known, said)
    if not by_user:
        raise UnreadableError(f"{name} holds no Identify call with a userId")
    return by_user
