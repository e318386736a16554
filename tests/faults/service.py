"""A driver program: the accepting process, a small loopback server around ``Outbox.accept``.

Knows HTTP and the Outbox. Must not judge, nor name the product's modules.

    POST /events    one event or many, a line each -> 200 with their receipts, after the commit
    GET /status     {"counts": {state: number}}
    GET /ledger     the export, a line for each job: {job, state, attempts} and whatever else the product shows of it
    POST /resolve   {verb, jobs}: what a person says of unknown ones

Two points at which it kills itself are its own: ``svc_parsed`` (P2) and ``svc_answered`` (P5).
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from . import worker

#: The points that are this program's and not the product's.
OWN: Final = ("svc_parsed", "svc_answered")


def run(options: dict[str, Any], listener: socket.socket) -> int:
    """Serve until it is killed or asked to end; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    own = options.get("failpoint") if options.get("failpoint") in OWN else None
    box = worker.outbox({**options, "failpoint": None} if own else options)
    server = _Server(box, own)
    server.socket = listener
    server.serve_forever()
    return 0


def forget(options: dict[str, Any], _listener: socket.socket) -> int:
    """Erase the person ``user``, or all ``users``, of the options; the exit code: 0 where the files are scrubbed."""
    box = worker.outbox(options)
    try:
        scrubbed = [box.forget(user) for user in options.get("users") or [options["user"]]]
        return int(not all(scrubbed))
    finally:
        box.close()


def _members(row: Any) -> dict[str, Any]:
    """All that a product shows of a job."""
    return dataclasses.asdict(row) if dataclasses.is_dataclass(type(row)) else vars(row)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, box: Any, failpoint: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Face, bind_and_activate=False)
        self.socket.close()  # the fork server's takes its place
        self.box = box
        self.failpoint = failpoint

    def passed(self, name: str) -> None:
        """Die here where this point is armed."""
        if name == self.failpoint:
            os.kill(os.getpid(), signal.SIGKILL)


class _Face(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Accept events, or resolve what is unknown."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/resolve":
            self.server.box.resolve(**json.loads(body))
            return self._answer([])
        events = body.splitlines()
        self.server.passed("svc_parsed")
        receipts = self.server.box.accept(events)
        self._answer({"job": each.job, "state": each.state, "repeated": each.repeated} for each in receipts)
        return self.server.passed("svc_answered")

    def do_GET(self) -> None:
        """Show the store."""
        if self.path == "/status":
            self._answer([{"counts": self.server.box.counts()}])
        else:
            rows = self.server.box.rows()
            self._answer(_members(row) for row in rows)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, lines: Iterable[dict[str, Any]]) -> None:
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
