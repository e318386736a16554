"""The way out that goes nowhere: it remembers each request and answers as it was told.

Knows requests and the answers it was given. Must not touch a network, a file or a secret: it is for
dry runs and for tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mapper.outcome import Failure, Reply
from mapper.request import Request


class Memory:
    """Remembers every request, in order, in ``requests``; sends nothing.

    ``answers`` are given one after the other: a Reply, a Failure, or a status code alone. When they
    are used up, and where none are given, the answer is 202. The settings are not looked at: what is
    remembered is the request without its secrets.
    """

    def __init__(
        self, settings: Mapping[str, Any] | None = None, *, answers: Iterable[Reply | Failure | int] = ()
    ) -> None:
        del settings  # taken, because every named transport is made with them
        self.requests: list[Request] = []
        self._answers = iter(answers)

    async def send(self, request: Request) -> Reply | Failure:
        """Remember the request and give the next answer."""
        self.requests.append(request)
        answer = next(self._answers, 202)
        return Reply(answer) if isinstance(answer, int) else answer
