"""The cable that tests cut, with real sockets on both ends of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from proxy import Proxy
from receiver import Receiver, answer

#: Long enough for a byte to cross the loopback on a busy machine, short enough to wait for the byte that must not come.
SOON = 0.15


class Echo:
    """A server that answers with what it is told, and says which bytes and which farewells reached it."""

    def __init__(self) -> None:
        self.heard = b""
        self.farewells = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            while text := connection.recv(1 << 16):
                self.heard += text
                connection.sendall(text)
            self.farewells += 1


@pytest.fixture
def echo() -> Iterator[Echo]:
    """The server behind the proxy."""
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    """A healthy proxy in front of the server."""
    with Proxy(echo.port) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    """A client on the other end of the cable; what it waits for longer than 2 seconds does not come."""
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=2)


def say(client: socket.socket, text: bytes) -> bytes:
    """Say something, and return the whole answer."""
    client.sendall(text)
    return hear(client, len(text))


def hear(client: socket.socket, size: int) -> bytes:
    """Read so many bytes, or fewer where the other side closed."""
    heard = b""
    while len(heard) < size and (part := client.recv(size - len(heard))):
        heard += part
    return heard


def nothing_comes(client: socket.socket) -> bool:
    """Nothing is there to read for a while, not even an end."""
    client.settimeout(SOON)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(2)
    return False


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether this comes true within 2 seconds."""
    deadline = time.monotonic() + 2
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds()


def test_it_forwards_every_byte_both_ways_and_counts(proxy: Proxy) -> None:
    """Two clients with a megabyte each hear themselves, and only themselves."""
    texts = [bytes([65 + number]) * 1_000_000 for number in range(2)]
    with connect(proxy) as one, connect(proxy) as other:
        for client, text in zip((one, other), texts, strict=True):
            threading.Thread(target=client.sendall, args=[text]).start()
        assert [hear(client, 1_000_000) for client in (one, other)] == texts
        assert eventually(lambda: (proxy.sent, proxy.answered) == (2_000_000, 2_000_000))
        assert (proxy.connections, proxy.open) == (2, 2)
    assert eventually(lambda: proxy.open == 0)


def test_half_a_farewell_is_carried(proxy: Proxy, echo: Echo) -> None:
    """A client that has said all that it will say still hears the answer, and then the server's farewell."""
    with connect(proxy) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert hear(client, 100) == b"last words"
        assert echo.farewells == 1


def test_a_servers_farewell_is_no_reset() -> None:
    """An HTTP answer whose end is the end of the connection arrives whole."""
    body = b"x" * 300_000
    with Receiver(answer(200, body)) as receiver, Proxy(receiver.port) as proxy, connect(proxy) as client:
        client.sendall(b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        client.shutdown(socket.SHUT_WR)
        assert hear(client, 1_000_000).endswith(body)
        assert [each.body for each in receiver.received] == [b"{}"]


def test_cut_resets_what_is_open_and_refuses_what_comes(proxy: Proxy, echo: Echo) -> None:
    """Both ends notice, the server not by a farewell, and nobody gets in, as often as they try."""
    with connect(proxy) as client:
        assert say(client, b"hello") == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert proxy.open == 0
    for _ in range(20):
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    assert (proxy.connections, echo.farewells) == (1, 0)


def test_nobody_takes_the_port_of_a_cut_proxy(proxy: Proxy) -> None:
    """What the tests of another process open meanwhile lies elsewhere, so that healing cannot fail."""
    proxy.cut()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", proxy.port))


def test_heal_after_cut(proxy: Proxy) -> None:
    """The same port serves again, also after several cuts, and a cut of what is cut already."""
    port = proxy.port
    for _ in range(5):
        proxy.cut()
        proxy.cut()
        proxy.heal()
        with connect(proxy) as client:
            assert say(client, b"again") == b"again"
    assert proxy.port == port


def test_a_black_hole_swallows_and_gives_back(proxy: Proxy, echo: Echo) -> None:
    """Open connections stay open in silence, new ones are taken, and healing delivers what was held back."""
    with connect(proxy) as known:
        assert say(known, b"before ") == b"before "
        proxy.black_hole()
        with connect(proxy) as new:
            known.sendall(b"known ")
            new.sendall(b"new")
            assert nothing_comes(known)
            assert nothing_comes(new)
            assert echo.heard == b"before "
            assert (proxy.sent, proxy.open) == (7, 2)
            proxy.heal()
            assert (hear(known, 6), hear(new, 3)) == (b"known ", b"new")


def test_a_black_hole_hides_the_farewell_too(proxy: Proxy, echo: Echo) -> None:
    """A server does not learn that its client has gone, until the way is open again."""
    with connect(proxy) as client:
        assert say(client, b"hello") == b"hello"
        proxy.black_hole()
    time.sleep(SOON)
    assert echo.farewells == 0
    proxy.heal()
    assert eventually(lambda: echo.farewells == 1)


def test_lost_answers(proxy: Proxy, echo: Echo) -> None:
    """With ``answers_only`` the request arrives and is acted upon, and its sender does not hear of it."""
    proxy.black_hole(answers_only=True)
    with connect(proxy) as client:
        client.sendall(b"print it")
        assert eventually(lambda: echo.heard == b"print it")
        assert nothing_comes(client)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_cut_out_of_a_black_hole_loses_what_was_held(proxy: Proxy, echo: Echo) -> None:
    """What the cable held when it was cut is gone: healing does not bring it to the server."""
    proxy.black_hole()
    with connect(proxy) as client:
        client.sendall(b"lost")
        proxy.cut()
    proxy.heal()
    with connect(proxy) as client:
        assert say(client, b"found") == b"found"
    assert echo.heard == b"found"


def test_delay_there_and_back(proxy: Proxy) -> None:
    """A word takes the delay in each direction, and none when it is over."""
    with connect(proxy) as client:
        proxy.delay(0.15)
        start = time.monotonic()
        assert say(client, b"slow") == b"slow"
        assert time.monotonic() - start >= 0.3
        proxy.heal()
        start = time.monotonic()
        assert say(client, b"fast") == b"fast"
        assert time.monotonic() - start < 0.3


def test_no_server_behind_it(echo: Echo) -> None:
    """A client is reset when the server refuses, and served when it is another that listens: nothing sticks."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with Proxy(nobody.getsockname()[1]) as proxy, pytest.raises(ConnectionResetError), connect(proxy) as client:
            client.recv(1)
    with Proxy(echo.port) as proxy, connect(proxy) as client:
        assert say(client, b"hello") == b"hello"


def test_a_reset_is_carried(proxy: Proxy, echo: Echo) -> None:
    """A client that ends with a reset takes the server's connection along, without a farewell."""
    with connect(proxy) as client:
        assert say(client, b"hello") == b"hello"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert eventually(lambda: proxy.open == 0)
    assert echo.farewells == 0


def test_nothing_is_left_after_the_end(echo: Echo) -> None:
    """No thread, no connection and no listener outlives the ``with``."""
    before = set(threading.enumerate())
    with Proxy(echo.port) as proxy:
        client = connect(proxy)
        assert say(client, b"hello") == b"hello"
        proxy.black_hole()
    with client, pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    assert eventually(lambda: set(threading.enumerate()) <= before)
