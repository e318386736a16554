"""The sandbox's HTTP: one request in, one answer out, on this machine only.

Knows HTTP and the pages that list what arrived. Must not know a mapping or a check, and listens on
127.0.0.1 alone: the list holds names and addresses. For the same reason a request whose Host is not
this machine is refused: a web page elsewhere may point its own name at 127.0.0.1 and read along.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import urlsplit

from mapper import codec
from mapper.apps.sandbox.destination import Posted

#: Bytes of a request's body. A postcard's has one or two thousand.
LARGEST = 1024 * 1024
#: Seconds after which a connection that says nothing is closed.
PATIENCE = 60.0

#: A longer number is not even read.
_DIGITS = 9
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``status`` None closes the connection without a word."""

    status: int | None
    content: bytes = field(default=b"", repr=False)
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Desk(Protocol):
    """Who answers the server's requests."""

    def receive(self, posted: Posted) -> Answer:
        """Answer one request to the destination. Must not raise."""

    def listing(self) -> dict[str, Any]:
        """What arrived, as plain JSON."""

    def page(self) -> str:
        """What arrived, for a person."""

    def clear(self) -> None:
        """Forget what arrived."""


class Server(ThreadingHTTPServer):
    """Listens on a port of 127.0.0.1 (0: a free one), each connection in a thread of its own.

    Raises OSError where the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, desk: Desk, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.desk = desk
        self._open: set[socket.socket] = set()
        self._changing = threading.Lock()

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and remember it meanwhile."""
        with self._changing:
            self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with self._changing:
                self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that went away: a traceback could quote what it sent."""

    def hang_up(self) -> None:
        """End the connections that are open, so that nothing waits for them."""
        with self._changing:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    """One connection and the requests on it."""

    server: Server
    server_version, sys_version = "sandbox", ""
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    wbufsize = -1  # head and body of an answer leave in one piece,
    disable_nagle_algorithm = True  # which must not wait for the other side's delayed acknowledgement

    def do_POST(self) -> None:
        """A request to the destination."""
        content = self._content()
        if isinstance(content, Answer):
            self.close_connection = True
            self._write(content)
        elif self._from_here():
            headers = {name.lower(): text for name, text in self.headers.items()}
            self._write(self.server.desk.receive(Posted(self.command, self.path, headers, content)))

    do_PUT = do_PATCH = do_POST  # noqa: N815 - the names that the standard library looks for

    def do_GET(self) -> None:
        """What arrived: ``/`` for people, ``/received`` for programs."""
        if not self._from_here():
            return
        path = urlsplit(self.path).path
        if path == "/":
            self._write(Answer(200, self.server.desk.page().encode(), "text/plain; charset=utf-8"))
        elif path == "/received":
            self._write(Answer(200, codec.encode(self.server.desk.listing())))
        else:
            self._write(_refusal(404, "there are / and /received"))

    def do_DELETE(self) -> None:
        """Forget what arrived."""
        if not self._from_here():
            return
        if urlsplit(self.path).path != "/received":
            self._write(_refusal(404, "only /received can be deleted"))
            return
        self.server.desk.clear()
        self._write(Answer(200, b"{}"))

    def handle_expect_100(self) -> bool:
        """Say at once that the body may come."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Log nothing: what is printed is the caller's choice."""

    def _from_here(self) -> bool:
        """Whether the request names this machine; where it does not, it is answered."""
        host = self.headers.get("host", "")
        name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        if name.lower() in _HERE:
            return True
        self.close_connection = True
        self._write(_refusal(403, "the sandbox is for this machine only"))
        return False

    def _content(self) -> bytes | Answer:
        """The body, or what is wrong with its length."""
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            return _refusal(411, "a Content-Length is needed")
        if len(length) > _DIGITS or int(length) > LARGEST:
            return _refusal(413, f"a body has at most {LARGEST} bytes here")
        content = self.rfile.read(int(length))
        return content if len(content) == int(length) else Answer(None)

    def _write(self, answer: Answer) -> None:
        """Answer in one piece. A client that does not wait for it is its own affair."""
        if answer.status is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, text in {"Content-Type": answer.kind, "X-Content-Type-Options": "nosniff", **answer.headers}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(answer.content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        with contextlib.suppress(OSError):
            self.end_headers()
            self.wfile.write(answer.content)
            self.wfile.flush()


def _refusal(status: int, words: str) -> Answer:
    return Answer(status, codec.encode({"title": "Refused", "description": words}))
