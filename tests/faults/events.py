"""What is posted and what must arrive at the receiver: pure functions of a seed and a number.

Knows the two bodies. Must not know the product: the expected body is written down here a second time, by hand.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: Stands in every trait, in every id of a call and in the key of the destination: one search finds them in any file.
CANARY = "Kanarienvogel"
#: The destination's key, which the mapping sends as a header.
TOKEN = f"{CANARY}-token"


@dataclass(frozen=True, slots=True)
class Event:
    """One call: ``raw`` as it is posted, ``expected`` the exact bytes of the request's body.

    ``id`` is what the receiver sees as event_id, ``secret`` a text that only this event has.
    """

    id: str
    message_id: str
    user_id: str
    secret: str
    raw: bytes
    expected: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the expected body, in hex."""
        return digest(self.expected)


def digest(body: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(body).hexdigest()


def event(seed: str, number: int, *, at: str | None = None, users: int | None = None) -> Event:
    """Event ``number`` of a seed. ``users`` is how many people there are; None gives each event its own.

    ``at`` is the call's timestamp; the same text has to be given when the same event is made again. None leaves it out.
    """
    name_of_user = f"{CANARY}-user-{seed}-{number if users is None else number % users}"
    secret = f"{CANARY}-{seed}-{number:06}"
    traits = {
        "event_id": f"{secret}-id",
        "name": f'Zoë "{secret}" Łęcki',
        "address": f"{number} Straße {secret} 東",
    }
    call: dict[str, Any] = {
        "type": "identify",
        "messageId": f"{CANARY}-message-{seed}-{number}",
        "userId": name_of_user,
        "traits": traits,
    }
    stamped = call if at is None else {**call, "timestamp": at}
    return Event(traits["event_id"], call["messageId"], name_of_user, secret, _bytes(stamped), _bytes(traits))


def now() -> str:
    """The present moment as a call's timestamp."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
