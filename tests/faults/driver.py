"""Posts events to the accepting process, and writes down what was posted, acknowledged and killed.

Knows the accepting process's HTTP. Must not know the product: an event counts as acknowledged only after its 2xx.

    {"kind": "posted", "event", "message_id", "sha256", "mono"}     before the first byte leaves
    {"kind": "acked", "event", "job", "repeated", "mono"}           after the 2xx was read
    {"kind": "killed", "point", "pid", "mono", "opens"}             opens: what was under way may be unknown
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .events import Event
from .journal import Journal


class Driver:
    """The sender in front of the product, with a log. ``port`` is the accepting process's, on this machine."""

    def __init__(self, log: Path, port: int, *, timeout: float = 10.0) -> None:
        self._journal = Journal(log)
        self._port = port
        self._timeout = timeout

    def post(self, *batch: Event) -> list[dict[str, Any]] | None:
        """Post events in one call; their receipts, or None where no 2xx came back."""
        now = time.monotonic()
        for event in batch:
            posted = {"event": event.id, "message_id": event.message_id, "sha256": event.digest}
            self._journal.write(kind="posted", **posted, mono=now)
        receipts = self._ask("POST", "/events", b"\n".join(event.raw for event in batch) + b"\n")
        if receipts is not None:
            self._acked(batch, receipts)
        return receipts

    def deliver(self, *batch: Event, patience: float = 30.0) -> list[dict[str, Any]]:
        """Post until it is acknowledged, as Segment would. Raises TimeoutError after ``patience`` seconds."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            receipts = self.post(*batch)
            if receipts is not None:
                return receipts
            time.sleep(0.01)
        raise TimeoutError(f"not acknowledged in {patience} s: {batch[0].id}")

    def look(self, path: str) -> list[dict[str, Any]]:
        """What the accepting process says of its store. Raises ConnectionError where it says nothing."""
        found = self._ask("GET", path, None)
        if found is None:
            raise ConnectionError(f"no answer to {path}")
        return found

    def resolve(self, verb: str, jobs: Sequence[int]) -> None:
        """Say what became of unknown jobs. Raises ConnectionError where the accepting process says nothing."""
        if self._ask("POST", "/resolve", json.dumps({"verb": verb, "jobs": list(jobs)}).encode()) is None:
            raise ConnectionError("no answer to /resolve")

    def killed(self, point: str, pid: int, *, opens: bool) -> None:
        """Write down that a process was killed; ``opens`` says that what it had under way may now be unknown."""
        self._journal.write(kind="killed", point=point, pid=pid, mono=time.monotonic(), opens=opens)

    def close(self) -> None:
        """Let go of the log."""
        self._journal.close()

    def _acked(self, batch: Sequence[Event], receipts: list[dict[str, Any]]) -> None:
        now = time.monotonic()
        for event, receipt in zip(batch, receipts, strict=True):
            told = {"job": receipt.get("job"), "repeated": receipt.get("repeated", "")}
            self._journal.write(kind="acked", event=event.id, **told, mono=now)

    def _ask(self, method: str, path: str, body: bytes | None) -> list[dict[str, Any]] | None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)) as line:
            try:
                line.request(method, path, body)
                answer = line.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                return None
            return [json.loads(each) for each in text.splitlines()] if 200 <= answer.status <= 299 else None
