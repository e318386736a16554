"""Keyed hashes: under which names a store knows people and calls.

Knows the store's secret and the source that ids mean something in. Must not know what a store or an event is.
"""

from __future__ import annotations

import hashlib

#: Characters of a name, 4 bits each. With a hundred million calls in a store the odds that any two have the same name
#: are one in ten trillion; and 32 characters take a third more pages of each index, which is what an accepted event
#: costs.
_LENGTH = 24


class Names:
    """The names of one source's people and calls in one store. Nobody without the store can tell whose one is.

    ``secret``  the key of the store's hashes
    ``source``  which of the customer's sources the ids are from: they mean something within one source only
    """

    def __init__(self, secret: bytes, source: str = "") -> None:
        self._secret = secret
        self._source = source

    def user(self, user_id: str) -> str:
        """The name of a userId."""
        return self._of("user", user_id)

    def anonymous(self, anonymous_id: str) -> str:
        """The name of an anonymousId."""
        return self._of("anonymous", anonymous_id)

    def message(self, message_id: str) -> str:
        """The name of a messageId."""
        return self._of("message", message_id)

    def content(self, content: bytes, moment: str | None = None) -> str:
        """The name of a call that has no messageId: it is the same call where it says the same, at the same moment."""
        said = self._hashed(content)
        return self._of("content", said if moment is None else f"{said} {moment}")

    def order(self, key: bytes) -> str:
        """The name of an order, by its ``once_per`` key, in which there are ids as a rule."""
        return self._of("order", self._hashed(key)) if self._source else self.digest(key)

    def digest(self, content: bytes) -> str:
        """The hash of what a call says, whatever source it is from."""
        return self._hashed(content)[:_LENGTH]

    def _of(self, kind: str, name: str) -> str:
        return self._hashed(f"{self._source}\0{kind}\0{name}".encode("utf-8", "surrogatepass"))[:_LENGTH]

    def _hashed(self, content: bytes) -> str:
        return hashlib.blake2b(content, digest_size=16, key=self._secret).hexdigest()
