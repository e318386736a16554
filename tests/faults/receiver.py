"""The scripted receiver: a process that answers each event as its script says, and writes down what reached it.

Knows HTTP on plain sockets and shares no code with the product. Must not judge: its log is for the checker.

    python -m faults.receiver --log receiver.log --control control.json

It prints its port. Each request is one line of the log, on the disk before the answer leaves::

    n, mono, wall   number, and time of arrival (seconds, monotonic and since 1970)
    method, event   the event's id: the first member "event_id" in the body; null where none was read
    attempt         how many requests the event has had, with this one
    sha256, bytes   of what was read of the body; complete says whether that was all of it
    behaviour       from the script; status is the code of its whole status line, usable whether its head can be read
    breach          null, "unscripted" (more attempts than the script has), or "after_2xx"

The control file is read again whenever it is replaced (write another file and rename it)::

    scripts {event: [behaviour, ...]}, default "202", pid or pid_file of the sender to be killed,
    on_connect true: kill that sender when it next connects, before anything is read
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from . import behaviours
from .behaviours import Behaviour
from .events import digest
from .journal import Journal

_EVENT: Final = re.compile(rb'"event_id"\s*:\s*"([^"\\]*)"')
#: The most that is looked at for an event's id before its script is chosen.
_SIGHT: Final = 65_536
#: Seconds in which a killed process has to be gone.
_DEATH: Final = 5.0


@dataclass(frozen=True, slots=True)
class Control:
    """What the control file says."""

    scripts: dict[str, list[str]] = field(default_factory=dict)
    default: str = "202"
    pid: int | None = None
    pid_file: str | None = None
    on_connect: bool = False

    def write(self, path: Path) -> None:
        """Put it in force at once."""
        other = path.with_suffix(".new")
        other.write_text(json.dumps(dataclasses.asdict(self)), "utf-8")
        other.replace(path)

    @property
    def victim(self) -> int:
        """The process to kill. Raises ValueError where none is named."""
        text = Path(self.pid_file).read_text("utf-8") if self.pid_file else str(self.pid or "")
        return int(text)


class Script:
    """The control file and what has come so far: which behaviour is next for an event."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._control = Control()
        self._lock = threading.Lock()
        self._attempts: Counter[str | None] = Counter()
        self._done: set[str] = set()

    @property
    def control(self) -> Control:
        """What the control file says now."""
        with self._lock:
            if self._path is not None and self._path.exists():
                state = self._path.stat()
                if self._seen != (state.st_ino, state.st_mtime_ns):
                    self._seen = (state.st_ino, state.st_mtime_ns)
                    self._control = Control(**json.loads(self._path.read_bytes()))
            return self._control

    def next(self, event: str | None) -> tuple[int, str, str | None]:
        """Count a request: its number for this event, its behaviour, and the breach."""
        control = self.control
        with self._lock:
            self._attempts[event] += 1
            attempt = self._attempts[event]
            script = control.scripts.get(event or "", [])
            name = script[attempt - 1] if attempt <= len(script) else control.default
            breach = "unscripted" if script and attempt > len(script) else None
            return attempt, name, "after_2xx" if event in self._done else breach

    def taken(self, event: str | None) -> None:
        """Note that an event was answered with a 2xx."""
        with self._lock:
            self._done.add(event or "")


@dataclass(slots=True)
class Request:
    """One request as far as it was read. ``length`` is what it announced."""

    method: str
    length: int
    event: str | None
    body: bytes = b""


class Receiver:
    """Serves one listening socket, a thread for each connection."""

    def __init__(self, journal: Journal, script: Script) -> None:
        self._journal = journal
        self._script = script
        self._numbers = iter(range(1, sys.maxsize))
        self._killed: set[int] = set()
        self._lock = threading.Lock()

    def serve(self, listener: socket.socket) -> None:
        """Accept connections until the socket is closed."""
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._script.control.on_connect and self._kill("on_connect"):
                behaviours.reset(connection)
                connection.close()
                continue
            threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def _connection(self, connection: socket.socket) -> None:
        """One connection. A client that goes away is part of the game."""
        with contextlib.suppress(OSError), connection:
            stream = BufferedReader(connection.makefile("rb", buffering=0), _SIGHT)
            while self._request(connection, stream):
                pass

    def _request(self, connection: socket.socket, stream: BufferedReader[Any]) -> bool:
        request = _head(stream)
        if request is None:
            return False
        arrival = {"mono": time.monotonic(), "wall": time.time()}
        if request.event is None:  # not in sight yet: it takes the whole body to know the script
            request.body = _read(stream, request.length)
            request.event = _event(request.body)
        attempt, name, breach = self._script.next(request.event)
        behaviour = behaviours.parse(name)
        request.body += _read(stream, _wanted(behaviour, request.length) - len(request.body))
        told = {"attempt": attempt, "behaviour": name, "breach": breach}
        self._note(request, behaviour, {**arrival, **told})
        stays = behaviour.act(connection)
        if behaviour.kills:
            self._kill(name)
        return stays

    def _note(self, request: Request, behaviour: Behaviour, told: dict[str, Any]) -> None:
        complete = len(request.body) == request.length and behaviour.reading == "all"
        if complete and behaviour.usable and 200 <= (behaviour.status or 0) <= 299:
            self._script.taken(request.event)
        with self._lock:
            number = next(self._numbers)
        self._journal.write(
            kind="request",
            n=number,
            method=request.method,
            event=request.event,
            sha256=digest(request.body),
            bytes=len(request.body),
            complete=complete,
            status=behaviour.status,
            usable=behaviour.usable,
            **told,
        )

    def _kill(self, why: str) -> bool:
        """Kill the sender, once for each process, and wait until it is dead; whether there was one to kill."""
        with self._lock, contextlib.suppress(ProcessLookupError, ValueError, OSError):
            pid = self._script.control.victim
            if pid in self._killed:
                return False
            moment = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            self._killed.add(pid)
            _await_death(pid)
            self._journal.write(kind="killed", point=why, pid=pid, mono=moment, opens=True)
            return True
        return False


def _head(stream: BufferedReader[Any]) -> Request | None:
    """Read the head and look at the start of the body; None where the sender has gone."""
    words = stream.readline(_SIGHT).split()
    headers: dict[bytes, bytes] = {}
    while line := stream.readline(_SIGHT).strip():
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    if not words:
        return None
    length = int(headers.get(b"content-length", b"0"))
    seen = b""
    if length:
        with contextlib.suppress(OSError):  # it has gone after its head: an incomplete request, which is written down
            seen = stream.peek(1)[:length]
    return Request(words[0].decode("latin-1"), length, _event(seen))


def _event(body: bytes) -> str | None:
    found = _EVENT.search(body)
    return found[1].decode("utf-8", "replace") if found else None


def _wanted(behaviour: Behaviour, length: int) -> int:
    return {"nothing": 0, "half": length // 2, "all": length}[behaviour.reading]


def _read(stream: BufferedReader[Any], count: int) -> bytes:
    """So many bytes, or fewer where the sender goes first."""
    try:
        return stream.read(count) if count > 0 else b""
    except OSError:
        return b""


def _await_death(pid: int) -> None:
    """Wait until a killed process runs no more: it is gone, or only waits to be reaped."""
    end = time.monotonic() + _DEATH
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            return
        if state in (b"Z", b"X"):
            return
        time.sleep(0.001)


def main() -> None:
    """Listen on a free port of the loopback address, print it, and serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--control", type=Path)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    receiver = Receiver(Journal(options.log), Script(options.control))
    with socket.create_server(("127.0.0.1", options.port), backlog=1024) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        receiver.serve(listener)


if __name__ == "__main__":
    main()
