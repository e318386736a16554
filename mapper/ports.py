"""What we ask of the world, on one page: Transport, and the clock that the shell waits by.

Knows the protocols that the shell implements. Must not implement any of them.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from mapper.outcome import Failure, Reply
from mapper.request import Request


@runtime_checkable
class Transport(Protocol):
    """A way out. One request in, one reply or one network failure out, and nothing of policy.

    A transport is made with the resolved settings by name, secret ones included, and adds the secrets
    with ``request.with_secrets``. It must not change the request, retry, follow redirects or print what it
    sends, and must not raise for bad weather: what the network does is a Failure, and ``maybe_sent`` is
    True unless no byte can have left. The one exception that may leave it is the SettingsError of
    ``with_secrets``, and only before anything was sent.

    It may also have ``async def aclose(self) -> None``: it lets go of open connections. A later send
    opens new ones; the synchronous door relies on that, because connections do not outlive its loop.
    """

    async def send(self, request: Request) -> Reply | Failure:
        """Send one request once."""


class Clock(Protocol):
    """Time, as the shell needs it. The street takes time as an argument instead."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary start."""

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking other sends."""
