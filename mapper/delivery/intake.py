"""The way in: an event's bytes become what the ledger takes, and what the mapping makes of it.

Knows events, the mapper and the names of people and calls. Must not know how anything is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mapper import codec, event, identity, request
from mapper.delivery.names import Names
from mapper.delivery.values import Arrival, Draft, Unread
from mapper.errors import ExpressionError, Problem
from mapper.identity import Identity
from mapper.pipeline import Mapper, Result, not_json
from mapper.plan.parts import Located
from mapper.plan.settings import Settings
from mapper.transform import presence

#: What is known of an event's person besides what the ledger knows, for example from a file.
Known = Callable[[Any], Identity | None]


class Intake:
    """What reads events for one mapping and one store, under its ``names``.

    ``secret``  the key of the store's hashes
    ``source``  which of the customer's sources the events are from: ids mean something within one source only
    """

    def __init__(
        self, mapper: Mapper, settings: Settings, secret: bytes, source: str = "", known: Known | None = None
    ) -> None:
        self._mapper = mapper
        self._settings = settings
        self.names = Names(secret, source)
        self._also = known
        self._target: str | None = None
        guard = mapper.plan.send.once_per
        self._needed = request.needed(mapper.plan, (one.expression.reads for one in guard[0])) if guard else None

    def person(self, user_id: str) -> str:
        """The hash of a userId."""
        return self.names.user(user_id)

    def message(self, message_id: str) -> str:
        """The hash of a messageId."""
        return self.names.message(message_id)

    # --------------------------------------------------------------------------------------------------------- reading

    def arrival(self, given: bytes | str | Mapping[str, Any] | Unread) -> Arrival:
        """Read one event. Never raises for what is in it: what is no event is kept as one that is invalid."""
        raw = given if isinstance(given, bytes) else _text(given)
        if isinstance(raw, Unread):
            return self._unread(raw)
        try:
            decoded = codec.decode(raw)
        except codec.NotJson as error:
            return self._unread(Unread(raw, raw, _too_long(raw) or str(error)))
        call = event.read(decoded, self._mapper.plan.destination)
        if not isinstance(call, event.Identify):
            return self._nothing(raw, decoded)
        user, anonymous, message = call.user_id, call.anonymous_id, call.message_id
        stamp = identity.stamp(call)
        said = [user, anonymous, call.traits, call.context_traits, call.options, call.switched_off]
        content = codec.encode(said)
        return Arrival(
            raw=raw,
            decoded=decoded,
            message=self._message(message, content, _moment(call)),
            digest=self.names.digest(content),
            person=self.names.user(user) if user is not None else None,
            anonymous=self.names.anonymous(anonymous) if anonymous is not None else None,
            call=call,
            said=identity.record_of_call(call, self._mapper.plan.never, stamp),
            stamp=stamp,
        )

    def _nothing(self, raw: bytes, decoded: Any) -> Arrival:
        """What is no Identify call. It is somebody's nevertheless, who may ask to be forgotten."""
        if not isinstance(decoded, Mapping):
            return Arrival(raw, decoded, self.names.content(raw), self.names.digest(raw))
        digest = self.names.digest(codec.encode(event.said(decoded)))
        return Arrival(raw, decoded, self._message(event.message_id_of(decoded), raw), digest, *self._whose(decoded))

    def _unread(self, unread: Unread) -> Arrival:
        """What cannot be read."""
        message = self._message(event.message_id_of(unread.members), unread.content)
        digest, whose = self.names.digest(unread.content), self._whose(unread.members)
        return Arrival(unread.instead, None, message, digest, *whose, because=unread.because)

    def _whose(self, members: Mapping[str, Any]) -> tuple[str | None, str | None]:
        user, anonymous = event.whose(members)
        return (
            self.names.user(user) if user is not None else None,
            self.names.anonymous(anonymous) if anonymous is not None else None,
        )

    def _message(self, message_id: str | None, content: bytes, moment: str | None = None) -> str:
        return self.names.message(message_id) if message_id is not None else self.names.content(content, moment)

    # --------------------------------------------------------------------------------------------------------- mapping

    def draft(self, arrival: Arrival, known: Identity | None) -> Draft:
        """What the mapping makes of an event, with what is known of its person. Raises SettingsError."""
        result = self.result(arrival, known)
        if result.status == "skipped":
            return Draft("skipped", result.because)
        content = result.content if result.status == "ready" else None
        if content is None:
            return Draft("invalid", _codes(result))
        return Draft("ready", None, self._target_of(result), content, self._once(arrival, result))

    def result(self, arrival: Arrival, known: Identity | None) -> Result:
        """The whole result of an event. Raises SettingsError."""
        if arrival.because is not None:
            return not_json(codec.NotJson(arrival.because))
        also = self._also(arrival.decoded) if self._also is not None else None
        person = known if also is None else also if known is None else identity.merge(also, known)
        plain = codec.is_plain(arrival.raw)
        return self._mapper.transform_decoded(arrival.decoded, self._settings, person, plain)

    def _target_of(self, result: Result) -> str:
        """Method, address and headers; where they are the same for all requests they are worked out once."""
        if self._mapper.fixed is None:
            assert result.request is not None  # noqa: S101 - it is ready
            return request.target(result.request)
        if self._target is None:
            assert result.request is not None  # noqa: S101 - as above
            self._target = request.target(result.request)
        return self._target

    def _once(self, arrival: Arrival, result: Result) -> str | None:
        """The digest of the order that ``once_per`` guards; None where a part of its key is empty."""
        guard = self._mapper.plan.send.once_per
        if guard is None or self._needed is None or arrival.call is None:
            return None
        document = request.scope(self._needed, result.filled, arrival.call, self._settings.public)
        parts = [_part(located, document) for located in guard[0]]
        return None if any(part is None for part in parts) else self.names.order(codec.encode(parts))


def _text(given: str | Mapping[str, Any] | Unread) -> bytes | Unread:
    """An event's text. What cannot be written as JSON is kept as Python writes it, so that it is accounted for."""
    if isinstance(given, Unread):
        return given
    try:
        return codec.utf8(given) if isinstance(given, str) else codec.text_of(given)
    except codec.NotJson as error:
        members = {} if isinstance(given, str) else given
        instead = (given if isinstance(given, str) else _as_python(given)).encode("utf-8", "backslashreplace")
        return Unread(instead, instead, str(error), members)


#: What stands in the store for a line that is too long. It is read again when its job is mapped again.
_TOO_LONG = re.compile(rb"\(a line of more than ([0-9]{1,12}) bytes: [0-9a-f]{32}\)")


def too_long(most: int, digest: str) -> Unread:
    """A line of more than so many bytes, of which nothing is known but a hash of all of it: 32 hexadecimal digits."""
    instead = f"(a line of more than {most} bytes: {digest})".encode()
    return Unread(instead, instead, _too_long(instead) or "")


def _too_long(text: bytes) -> str | None:
    """Why a line cannot be read, where the text stands for one that is too long."""
    found = _TOO_LONG.fullmatch(text)
    return f"the line has more than {found[1].decode()} bytes" if found else None


def _as_python(given: Mapping[str, Any]) -> str:
    """An event as Python writes it, which is no JSON."""
    try:
        return repr(given)
    except Exception:  # noqa: BLE001 - it is anybody's object
        return f"({type(given).__name__}: an object that cannot be written)"


def _moment(call: event.Identify) -> str:
    """When a call says that it was made: without a messageId the same words at another time are another call."""
    said = call.envelope["timestamp"] or call.envelope["originalTimestamp"]
    return said if isinstance(said, str) else ""


def _codes(result: Result) -> str:
    """Why an event is invalid: codes and the mapping's own names of fields; of what is no call at all, what it is."""
    return ", ".join(map(_code, result.problems))


def _code(problem: Problem) -> str:
    """One problem. Of messages only those are kept that say nothing but what kind of text or call it was."""
    if problem.code == "not_an_event":
        return f"{problem.code}: {problem.message}"
    return f"{problem.code} {problem.field}" if problem.field else problem.code


def _part(located: Located, document: dict[str, Any]) -> Any:
    """A part of a key; None where it is empty, or cannot be told. A number is its text: 1 and "1" are one person."""
    try:
        value = located.expression.search(document)
    except ExpressionError:
        return None
    return presence.as_text(value) if presence.is_sayable(value) and not presence.is_empty(value) else None
