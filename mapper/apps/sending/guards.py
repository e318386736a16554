"""What must not be sent twice in one run: a call, and an order that the mapping's ``once_per`` guards.

Knows digests of what was sent. Must not remember more than digests, nor anything of an earlier run.

Some 150 bytes for each call, and for each guarded order: a million events take 150 to 300 MB, and at 300 a minute
two days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mapper import codec, event, request
from mapper.errors import ExpressionError
from mapper.plan import Plan
from mapper.plan.parts import Located
from mapper.request import Filled, Request
from mapper.transform import presence

SAME = "the same call again"
CONFLICT = "the same messageId again, with another content"


class Calls:
    """The calls of this run, by messageId; those without one by their person and their request's bytes."""

    def __init__(self) -> None:
        self._seen: dict[bytes, bytes] = {}

    def repeats(self, decoded: Any, made: Request) -> str | None:
        """How a call repeats an earlier one, in words; None where it is new, and it is noted then.

        A second call under one messageId is never sent, whatever is in it: which of the two was meant cannot be
        known. Where its request differs the words say so, because somebody's mail may be missing.
        """
        content = _digest(made.url.encode() + made.content)
        name = _name(decoded, content)
        first = self._seen.get(name)
        if first is None:
            self._seen[name] = content
            return None
        return SAME if first == content else CONFLICT


def _name(decoded: Any, content: bytes) -> bytes:
    call = event.read(decoded, "")
    if not isinstance(call, event.Identify):
        return content
    if call.message_id is not None:
        return _digest(b"messageId " + call.message_id.encode())
    return _digest(f"userId {call.user_id} anonymousId {call.anonymous_id} ".encode() + content)


class Orders:
    """The orders of this run that ``once_per`` guards. ``now`` is a moment in seconds, from any start."""

    def __init__(self, plan: Plan, settings: Mapping[str, Any]) -> None:
        self._plan = plan
        self._settings = dict(settings)
        self._taken: dict[bytes, float] = {}
        #: How many orders the guard did not apply to, because a part of their key is empty or cannot be told.
        self.unguarded = 0

    def key(self, decoded: Any, transformed: Filled) -> bytes | None:
        """The order's key; None where the mapping guards none, or where the guard does not apply."""
        if self._plan.send.once_per is None:
            return None
        call = event.read(decoded, self._plan.destination)
        if not isinstance(call, event.Identify):
            return None
        document = request.scope(self._plan, transformed, call, self._settings)
        parts = [_part(located, document) for located in self._plan.send.once_per[0]]
        if any(part is None for part in parts):
            self.unguarded += 1
            return None
        return _digest(codec.encode(parts))

    def taken(self, key: bytes | None, now: float) -> bool:
        """Whether the same order was taken within the guard's time."""
        if key is None or self._plan.send.once_per is None or key not in self._taken:
            return False
        return now - self._taken[key] < self._plan.send.once_per[1]

    def take(self, key: bytes | None, now: float) -> None:
        """Note an order that was sent, or that waits to be sent again."""
        if key is not None:
            self._taken[key] = now


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=16).digest()


def _part(located: Located, document: dict[str, Any]) -> Any:
    """A part of a key; None where it is empty, or cannot be told. A number is its text: 1 and "1" are one person."""
    try:
        value = located.expression.search(document)
    except ExpressionError:
        return None
    return presence.as_text(value) if presence.is_sayable(value) and not presence.is_empty(value) else None
