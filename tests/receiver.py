"""A real HTTP server on this machine that misbehaves as it is told, and writes down what reached it.

A script is a list of behaviours, one for each request; the last one is repeated::

    with Receiver(answer(503), answer(202)) as receiver:
        ...send two requests to receiver.url...
    assert [r.complete for r in receiver.received] == [True, True]

It speaks with plain sockets and shares no code with the product, so that it can judge it.
"""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it arrived. ``headers`` have lower-case names; ``complete`` means to the last announced byte."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    complete: bool

    @property
    def query(self) -> list[tuple[str, str]]:
        """The decoded query."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


@dataclass
class Visit:
    """One connection, as a behaviour sees it."""

    receiver: Receiver
    socket: socket.socket
    stream: BufferedReader

    def read(self) -> Received:
        """Read one request, write it down, and return it."""
        method, target, *_ = [*self.stream.readline().decode("latin-1").split(), "", ""]
        headers = dict(iter(self._header, None))
        body = self.stream.read(int(headers.get("content-length", 0)))
        complete = bool(method) and len(body) == int(headers.get("content-length", 0))
        received = Received(method, target, headers, body, complete)
        self.receiver.received.append(received)
        self.receiver.arrived.set()
        return received

    def _header(self) -> tuple[str, str] | None:
        name, colon, text = self.stream.readline().decode("latin-1").strip().partition(":")
        return (name.lower(), text.strip()) if colon else None

    def write(self, text: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(text)

    def reset(self) -> None:
        """End the connection with a reset (RST) instead of a farewell (FIN)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


#: What to do with one request; the result says whether the connection stays open for another.
Behaviour = Callable[[Visit], bool]


def answer(status: int = 202, body: bytes = b"", headers: dict[str, str] | None = None, after: float = 0) -> Behaviour:
    """Read the request, wait ``after`` seconds, and answer properly."""
    lines = {"Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())

    def behave(visit: Visit) -> bool:
        visit.read()
        visit.receiver.stopped.wait(after)
        visit.write(f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode("latin-1") + body)
        return True

    return behave


def raw(text: bytes) -> Behaviour:
    """Read the request, answer with these bytes, and close."""

    def behave(visit: Visit) -> bool:
        visit.read()
        visit.write(text)
        return False

    return behave


def drip(head: bytes, drop: bytes, every: float = 0.02) -> Behaviour:
    """Read the request, answer ``head``, and then one ``drop`` after the other without end."""

    def behave(visit: Visit) -> bool:
        visit.read()
        visit.write(head)
        while not visit.receiver.stopped.wait(every):
            visit.write(drop)
        return False

    return behave


def hang(*, unread: bool = False) -> Behaviour:
    """Say nothing, until the receiver is closed; ``unread`` leaves even the request unread."""

    def behave(visit: Visit) -> bool:
        if not unread:
            visit.read()
        visit.receiver.stopped.wait()
        return False

    return behave


def close(*, reset: bool, unread: bool = False) -> Behaviour:
    """End the connection without an answer, with a reset or properly, before or after reading the request."""

    def behave(visit: Visit) -> bool:
        if unread:
            select.select([visit.socket], [], [])  # it has come, and stays where it is
        else:
            visit.read()
        if reset:
            visit.reset()
        return False

    return behave


def early(text: bytes) -> Behaviour:
    """Answer with these bytes before reading anything, and close, so that the rest of the request breaks off."""

    def behave(visit: Visit) -> bool:
        visit.write(text)
        visit.socket.shutdown(socket.SHUT_WR)
        visit.stream.readline()
        return False

    return behave


class Receiver:
    """The server: listens from ``__enter__`` to ``__exit__`` on a free port of the loopback address."""

    def __init__(self, *script: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.arrived = threading.Event()
        self.stopped = threading.Event()
        self._script = list(script) or [answer()]
        self._tls = tls
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The address to send to."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/orders"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()  # wakes the waiting accept
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=2)
        self._listener.close()

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            connection, _ = self._listener.accept()
            if self.stopped.is_set():
                connection.close()
                return
            self.connections += 1
            self._open.append(connection)
            self._start(functools.partial(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        """Serve one connection. A client that goes away is part of the game."""
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            stack.enter_context(connection)
            stream = stack.enter_context(connection.makefile("rb"))
            visit = Visit(self, connection, stream)
            while self._next()(visit) and stream.peek(1):
                pass

    def _next(self) -> Behaviour:
        with self._lock:
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]
