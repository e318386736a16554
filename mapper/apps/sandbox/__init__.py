"""A sandbox: it pretends on this machine to be the destination of a mapping, and lists what it got.

Knows how the checks, the faults, the list and the HTTP go together. Must not send anything, nor hold a
key that works anywhere else.

    with Sandbox(mapper.load("postcards.yaml")) as sandbox:
        ...send to sandbox.url with sandbox.settings...
        print(sandbox.counts)

    destination  what would it answer?      arrivals  what came?
    faults       what goes wrong?           server    HTTP
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from mapper import codec
from mapper.apps.sandbox.arrivals import Arrival, Arrivals, digest, spelt
from mapper.apps.sandbox.destination import Destination, Posted, Verdict, ending_of
from mapper.apps.sandbox.faults import Faults
from mapper.apps.sandbox.server import Answer, Server
from mapper.pipeline import Mapper
from mapper.plan.settings import Settings

__all__ = ["KEY", "PORT", "Arrival", "Faults", "Sandbox", "spelt"]

#: The key that a sandbox takes: the value of each secret setting.
KEY = "sandbox"
#: Where ``mapper sandbox`` listens unless told otherwise.
PORT = 8765


#: Seconds between two looks at whether it is to stop.
_POLL = 0.005


class Sandbox:
    """A mapping's destination, pretended, from ``__enter__`` to ``__exit__`` (or ``start`` to ``close``).

    ``settings``    resolved settings; the mapper's own where none are given. Secret ones are not looked at.
    ``key``         what each secret setting has to be
    ``port``        of 127.0.0.1; 0 is any free one

    ``on_arrival`` may be set before the start: it is called for each arrival, one at a time, on a thread of its own.
    Raises SettingsError where a secret needs a setting that has no value, and OSError where the port is taken.
    """

    def __init__(
        self,
        mapper: Mapper,
        settings: Settings | None = None,
        *,
        key: str = KEY,
        faults: Faults | None = None,
        port: int = 0,
    ) -> None:
        public = (settings or mapper.settings).public
        self.settings: dict[str, Any] = {**public, **{s.name: key for s in mapper.plan.settings if s.secret}}
        self._destination = Destination(mapper.plan, self.settings)
        self._answers = mapper.plan.send.answers
        self._faults = faults or Faults()
        self.on_arrival: Callable[[Arrival], None] = lambda _: None
        self._arrivals = Arrivals()
        self._telling = threading.Lock()
        self._begun = 0
        self._stopped = threading.Event()
        self._server = Server(self, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.close()

    def start(self) -> None:
        """Listen, on a thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end the connections. What arrived can still be read."""
        self._stopped.set()
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Scheme, host and port: what stands in for those of the mapping's own address."""
        return self._server.address

    @property
    def received(self) -> list[Arrival]:
        """The last 10,000 arrivals, oldest first, with their bodies but no secret."""
        return self._arrivals.kept

    @property
    def counts(self) -> dict[str, Any]:
        """``received`` = ``accepted`` + ``refused`` + ``dropped``; ``repeated`` bodies; ``by_status``."""
        return self._arrivals.counts

    def receive(self, posted: Posted) -> Answer:
        """Answer one request to the destination, and keep it."""
        with self._telling:
            self._begun += 1
            hit = self._faults.hits(self._begun)
        if hit and self._faults.slow:
            self._stopped.wait(self._faults.slow)
        verdict = self._destination.judge(posted)
        answer = self._fault(verdict) if hit else Answer(verdict.status, verdict.as_json())
        accepted = answer.status is not None and ending_of(answer.status, answer.content, self._answers) == "delivered"
        self._keep(_arrival(posted, verdict, answer.status, accepted=accepted))
        return answer

    def _fault(self, verdict: Verdict) -> Answer:
        """The answer to a request that is hit."""
        if self._faults.drop:
            return Answer(None)
        if self._faults.answer is None:
            return Answer(verdict.status, verdict.as_json())
        seconds = self._faults.retry_after
        headers = {} if seconds is None else {"Retry-After": f"{seconds:f}".rstrip("0").rstrip(".")}
        told = replace(verdict, status=self._faults.answer, title="As Told", description="")
        return Answer(told.status, told.as_json(), headers=headers)

    def _keep(self, arrival: Arrival) -> None:
        with self._telling:
            self.on_arrival(self._arrivals.add(arrival))

    def listing(self) -> dict[str, Any]:
        """The counts and the kept arrivals, as plain JSON."""
        return {"counts": self.counts, "received": [arrival.as_dict() for arrival in self.received]}

    def page(self) -> str:
        """What arrived, for a person: counts, and each kept arrival with its body."""
        lines = [spelt(self.counts), "", "As JSON: /received (DELETE it to start anew)", ""]
        for arrival in self.received:
            lines += [arrival.line, f"        {codec.encode(arrival.body).decode()}"]
        return "\n".join(lines) + "\n"

    def clear(self) -> None:
        """Forget what arrived. The count by which faults hit goes on."""
        self._arrivals.clear()


def _arrival(posted: Posted, verdict: Verdict, status: int | None, *, accepted: bool) -> Arrival:
    """The account of one request. A body that is no JSON is not kept: nobody can take a key out of it."""
    name = None if verdict.body is None else digest(verdict.body)
    now = datetime.now().astimezone()
    return Arrival(now, status, accepted, verdict.description, len(posted.content), name, verdict.body)
