"""A cable that tests can cut: a TCP proxy on this machine between a client and a server.

::

    with Proxy(port) as proxy:
        ...talk to the server through proxy.port...
        proxy.cut()  # every connection is reset, new ones are refused
        proxy.heal()  # as new

It forwards bytes and knows no protocol, so it stands in front of a receiver as well as in front of PostgreSQL.
It cannot drop packets: in a black hole the kernel goes on acknowledging what a client writes, until its buffers are
full. So keep-alives and ``tcp_user_timeout`` notice nothing; only a client's own deadline for the answer does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

#: How a socket closes (SO_LINGER): with a reset, which forgets what has not left yet, or with a farewell after it.
_RESET, _FAREWELL = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)
_CHUNK = 64 * 1024
#: Seconds until a command that the proxy's thread does not answer fails the test.
_PATIENCE = 5.0


class Proxy:
    """The proxy: listens from ``__enter__`` to ``__exit__`` on a free port of the loopback address.

    ``connections`` counts the clients that came in, ``open`` those that are here now, ``sent`` the bytes forwarded to
    the server, ``answered`` those forwarded back. A client that finds no server behind the proxy is reset.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.connections = 0
        self.sent = 0
        self.answered = 0
        self._target = (host, port)
        self._seconds = 0.0
        self._requests_flow = asyncio.Event()
        self._answers_flow = asyncio.Event()
        self._visits: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._socket = _bound(0)
        self.port = int(self._socket.getsockname()[1])

    @property
    def open(self) -> int:
        """How many clients are connected now."""
        return len(self._visits)

    def __enter__(self) -> Self:
        self._thread.start()
        self.heal()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()
        self._socket.close()

    # -------------------------------------------------------------------------------------------- what a test does

    def cut(self) -> None:
        """Reset every connection and refuse new ones. When this returns it has happened."""
        self._do(self._cut())

    def black_hole(self, *, answers_only: bool = False) -> None:
        """Keep connections open and take new ones, and forward nothing; what is held back arrives after `heal`.

        With ``answers_only`` requests go on arriving and only the answers are lost: a commit that happened and that
        its client does not hear of.
        """
        self._do(self._black_hole(answers_only=answers_only))

    def delay(self, seconds: float) -> None:
        """Forward each piece of data, there and back, so many seconds after it came; 0 ends it."""
        self._do(self._delay(seconds))

    def heal(self) -> None:
        """End a cut, a black hole and a delay."""
        self._do(self._heal())

    def _do(self, command: Coroutine[Any, Any, None]) -> None:
        """Run a command in the proxy's thread and wait for its end."""
        asyncio.run_coroutine_threadsafe(command, self._loop).result(_PATIENCE)

    # ------------------------------------------------------------------------------------- in the proxy's own thread

    async def _cut(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        # Bound and not listening: the kernel refuses whoever calls, and gives the port to nobody else meanwhile.
        self._socket = _bound(self.port)
        visits = list(self._visits)
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    async def _black_hole(self, *, answers_only: bool) -> None:
        self._answers_flow.clear()
        if answers_only:
            self._requests_flow.set()
        else:
            self._requests_flow.clear()

    async def _delay(self, seconds: float) -> None:
        self._seconds = seconds

    async def _heal(self) -> None:
        self._seconds = 0.0
        self._requests_flow.set()
        self._answers_flow.set()
        self._socket.listen(128)  # on one that listens already it changes nothing
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):  # a caller that has gone again
            client, _ = self._socket.accept()
            self.connections += 1
            visit = self._loop.create_task(self._visit(_prepared(client)))
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)
            visit.add_done_callback(lambda _: client.close())  # also of one that was cut before it began

    async def _visit(self, client: socket.socket) -> None:
        """Join one client to the server until both have said farewell; any other end is a reset on both sides."""
        with client, _prepared(socket.socket()) as server:
            try:
                await self._requests_flow.wait()
                await self._loop.sock_connect(server, self._target)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._forward(client, server, self._requests_flow, self._count_sent))
                    both.create_task(self._forward(server, client, self._answers_flow, self._count_answered))
                for end in (client, server):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _FAREWELL)
            except* OSError:
                pass  # closed with a reset, as it was

    async def _forward(
        self, source: socket.socket, sink: socket.socket, flow: asyncio.Event, count: Callable[[int], None]
    ) -> None:
        """Carry bytes in one direction, and the farewell at their end."""
        while chunk := await self._loop.sock_recv(source, _CHUNK):
            await asyncio.sleep(self._seconds)
            await flow.wait()
            await self._loop.sock_sendall(sink, chunk)
            count(len(chunk))
        await flow.wait()
        sink.shutdown(socket.SHUT_WR)

    def _count_sent(self, size: int) -> None:
        self.sent += size

    def _count_answered(self, size: int) -> None:
        self.answered += size


def _bound(port: int) -> socket.socket:
    """A socket that has this port of the loopback address (0: any free one) and does not listen."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.settimeout(0)
    return sock


def _prepared(sock: socket.socket) -> socket.socket:
    """The socket as the proxy's thread wants it: never waiting, never hoarding, closed with a reset until told."""
    sock.settimeout(0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    return sock
