"""What the scripted receiver does with one request: how much of it is read, and what goes back.

Knows HTTP's bytes. Must not know scripts, logs or who asks.
"""

from __future__ import annotations

import contextlib
import functools
import http
import select
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

#: How much of a request's body is read before anything else happens.
Reading = Literal["nothing", "half", "all"]

_PROMPT = b"HTTP/1.1 202 Accepted\r\n"
#: Seconds between two drops of what drips; for which a sender may read a status line before it is killed; and until an
#: answer that is late.
DRIP, READ_TIME, LATE = 0.02, 0.01, 0.03


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to treat a request.

    ``reading`` how much of the body is read
    ``status``  the code of the status line that goes back whole; None where none does
    ``usable``  whether a sender can read the answer's whole head: only then must it know what became of the request
    ``kills``   whether the sender's process is killed, after what ``act`` writes and before the connection ends
    ``act``     writes to the connection; True keeps it open for another request
    """

    act: Callable[[socket.socket], bool]
    reading: Reading = "all"
    status: int | None = None
    usable: bool = False
    kills: bool = False


def parse(text: str) -> Behaviour:
    """A behaviour from its name: a status (``429:120``, ``429:1|2`` for two headers) or one of ``NAMED``.

    Raises ValueError for a name that means nothing.
    """
    code, colon, asked = text.partition(":")
    if code.isdigit():
        status = int(code)
        waits = asked.split("|") if colon else []
        return Behaviour(_answers(status, [f"Retry-After: {wait}" for wait in waits]), status=status, usable=True)
    if text not in NAMED:
        raise ValueError(f"no behaviour is called {text}")
    return NAMED[text]


def head(status: int, lines: list[str]) -> bytes:
    """A status line and headers."""
    reason = http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else "Scripted"
    return "\r\n".join([f"HTTP/1.1 {status} {reason}", *lines, "", ""]).encode("latin-1", "replace")


def reset(connection: socket.socket) -> None:
    """Make the connection end with a reset (RST) when it is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _answers(status: int, lines: list[str]) -> Callable[[socket.socket], bool]:
    answer = head(status, ["Content-Length: 2", *lines]) + b"{}"

    def act(connection: socket.socket) -> bool:
        connection.sendall(answer)
        return True

    return act


def _resets(connection: socket.socket) -> bool:
    reset(connection)
    return False


def _writes(text: bytes) -> Callable[[socket.socket], bool]:
    def act(connection: socket.socket) -> bool:
        connection.sendall(text)
        return False

    return act


def _shows_status(connection: socket.socket) -> bool:
    """The status line alone, and time to read it."""
    connection.sendall(_PROMPT)
    select.select([], [], [], READ_TIME)
    return False


def _answers_late(connection: socket.socket) -> bool:
    """A 202 after a while, in which much can happen to the sender."""
    select.select([], [], [], LATE)
    return _answers(202, [])(connection)


def _half_closes(connection: socket.socket) -> bool:
    connection.shutdown(socket.SHUT_WR)
    return _hangs(connection)


def _hangs(connection: socket.socket) -> bool:
    """Say nothing until the sender goes."""
    while connection.recv(4096):
        pass
    return False


def _streams(first: bytes, drops: Callable[[], Iterator[bytes]], every: float) -> Callable[[socket.socket], bool]:
    """Write ``first``, then one drop after the other until the sender goes or there are no more."""

    def act(connection: socket.socket) -> bool:
        connection.sendall(first)
        for drop in drops():
            if _gone(connection, every):
                break
            connection.sendall(drop)
        return False

    return act


def _gone(connection: socket.socket, wait: float) -> bool:
    readable, _, _ = select.select([connection], [], [], wait)
    with contextlib.suppress(ConnectionError):
        return bool(readable) and not connection.recv(4096)
    return True


def _for_ever(drop: bytes) -> Callable[[], Iterator[bytes]]:
    def drops() -> Iterator[bytes]:
        while True:
            yield drop

    return drops


@functools.cache
def _bomb_parts() -> tuple[bytes, bytes]:
    """The start of a gzip stream, and a megabyte of zeros as a piece that may follow it any number of times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(bytes(1 << 20))
    packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", piece


def _bomb() -> Iterator[bytes]:
    """A gigabyte of zeros in about a megabyte."""
    start, piece = _bomb_parts()
    yield start
    for _ in range(1024):
        yield piece


def _redirects(connection: socket.socket) -> bool:
    connection.sendall(head(302, ["Location: /elsewhere", "Content-Length: 0"]))
    return True


_OK = ["Content-Type: application/json"]
_TRUNCATED = head(202, [*_OK, "Content-Length: 1000"]) + b'{"id": "'
_TRUNCATED_CHUNK = head(202, [*_OK, "Transfer-Encoding: chunked"]) + b'400\r\n{"id": "'
#: More than any client reads as a head.
_LONG_HEAD = head(202, ["X-Long: " + "x" * 300_000, "Content-Length: 0"])

NAMED: dict[str, Behaviour] = {
    "reset_before_read": Behaviour(_resets, reading="nothing"),
    "reset_half": Behaviour(_resets, reading="half"),
    "reset_after_read": Behaviour(_resets),
    "half_close": Behaviour(_half_closes),
    "hang": Behaviour(_hangs),
    "late": Behaviour(_answers_late, status=202, usable=True),
    "drip": Behaviour(_streams(_PROMPT + b"X-Slow: ", _for_ever(b"."), DRIP), status=202),
    "truncate": Behaviour(_writes(_TRUNCATED), status=202, usable=True),
    "truncate_chunked": Behaviour(_writes(_TRUNCATED_CHUNK), status=202, usable=True),
    "redirect": Behaviour(_redirects, status=302, usable=True),
    "bomb": Behaviour(_streams(head(200, [*_OK, "Content-Encoding: gzip"]), _bomb, 0), status=200, usable=True),
    "endless": Behaviour(_streams(head(200, _OK), _for_ever(bytes(65_536)), 0), status=200, usable=True),
    "headers": Behaviour(_writes(_LONG_HEAD), status=202),
    "flood_103": Behaviour(_streams(b"", _for_ever(head(103, ["Link: </x>"])), 0.001)),
    "kill_connected": Behaviour(_resets, reading="nothing", kills=True),
    "kill_half": Behaviour(_resets, reading="half", kills=True),
    "kill_full": Behaviour(_resets, kills=True),
    "kill_status": Behaviour(_shows_status, status=202, kills=True),
}
