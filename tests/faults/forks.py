"""A fork server: imports the product once and forks a process for each cycle, so that a kill costs milliseconds.

    python -m faults.forks --product mapper

Knows processes. Must not know what they do: a role is a function of ``service`` or ``worker``. It speaks JSON lines on
its standard streams; what its children print goes to its standard error. The listening socket of the accepting process
is this server's, so that the address outlives each child, and who connects between two of them waits.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

from . import programs, service, worker

#: What a child may do: options and the listening socket in, its exit code out.
ROLES: dict[str, Callable[[dict[str, Any], socket.socket], int]] = {
    "service": service.run,
    "forget": service.forget,
    "worker": worker.run,
}


class ForkServer:
    """The client's side. ``port`` is where the accepting process listens, whenever there is one.

    Raises RuntimeError where the product cannot be imported; ``noise`` holds what it and the children print.
    """

    def __init__(self, product: str, environ: Mapping[str, str], noise: Path) -> None:
        self._noise = noise.open("ab")
        self._server = subprocess.Popen(
            programs.command("forks", "--product", product),
            env=programs.environment(**environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
        )
        line = self._server.stdout.readline() if self._server.stdout else b""
        if not line:
            self.close()
            raise RuntimeError(f"the fork server did not start: {noise.read_text('utf-8', 'replace')[-500:]}")
        self.port = int(json.loads(line)["port"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def spawn(self, role: str, **options: Any) -> int:
        """Start a child; its process id."""
        return int(self._ask(do="spawn", role=role, options=options))

    def wait(self, pid: int, timeout: float = 30.0) -> int | None:
        """How a child ended: its exit code, or the signal as a negative number; None where it still runs."""
        found = self._ask(do="wait", pid=pid, timeout=timeout)
        return None if found is None else int(found)

    def stop(self, pid: int, timeout: float = 30.0) -> int | None:
        """Ask a child to end (SIGTERM), wait, and kill it where it does not; how it ended."""
        self._ask(do="signal", pid=pid, number=int(signal.SIGTERM))
        ended = self.wait(pid, timeout)
        if ended is None:
            self.kill(pid)
        return ended

    def kill(self, pid: int) -> None:
        """Kill a child (SIGKILL) and wait for its end."""
        self._ask(do="signal", pid=pid, number=int(signal.SIGKILL))
        self.wait(pid)

    def close(self) -> None:
        """End the server and every child."""
        for stream in (self._server.stdin, self._server.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._server.wait(timeout=30)
        self._noise.close()

    def _ask(self, **command: Any) -> Any:
        if self._server.stdin is None or self._server.stdout is None:
            raise RuntimeError("the fork server has no streams")
        self._server.stdin.write(json.dumps(command).encode() + b"\n")
        self._server.stdin.flush()
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the fork server has died")
        return json.loads(line)["result"]


class _Children:
    """The server's side: the children that run, and how the others ended."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._running: dict[int, int] = {}
        self._ended: dict[int, int] = {}

    def spawn(self, role: str, options: dict[str, Any]) -> int:
        pid = os.fork()
        if pid == 0:
            _live(role, options, self._listener)
        self._running[pid] = os.pidfd_open(pid)
        return pid

    def wait(self, pid: int, timeout: float) -> int | None:
        if pid in self._running:
            ready, _, _ = select.select([self._running[pid]], [], [], timeout)
            if not ready:
                return None
            os.close(self._running.pop(pid))
            self._ended[pid] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return self._ended[pid]

    def signal(self, pid: int, number: int) -> None:
        if pid in self._running:
            signal.pidfd_send_signal(self._running[pid], number)

    def end(self) -> None:
        for pid in list(self._running):
            self.signal(pid, signal.SIGKILL)
            self.wait(pid, 30)


def _live(role: str, options: dict[str, Any], listener: socket.socket) -> NoReturn:
    """The whole life of a child; what it prints must not reach the server's client."""
    code = 1
    try:
        os.dup2(2, 1)
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        if options.get("pid_file"):
            _publish(Path(options["pid_file"]))
        code = ROLES[role](options, listener)
    except BaseException:  # noqa: BLE001 - the child must never go on as a second server
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _publish(path: Path) -> None:
    other = path.with_suffix(f".{os.getpid()}")
    other.write_text(str(os.getpid()), "utf-8")
    other.replace(path)


def _obey(children: _Children, command: dict[str, Any]) -> Any:
    match command["do"]:
        case "spawn":
            return children.spawn(command["role"], command["options"])
        case "wait":
            return children.wait(command["pid"], command["timeout"])
        case _:
            return children.signal(command["pid"], command["number"])


def main() -> None:
    """Import the product, say where it listens, and obey until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--product", default="mapper")
    options = parser.parse_args()
    for name in worker.PRODUCTS[options.product]:
        importlib.import_module(name)
    for name in worker.OPTIONAL[options.product]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        children = _Children(listener)
        _say({"port": listener.getsockname()[1]})
        try:
            for line in sys.stdin:
                _say({"result": _obey(children, json.loads(line))})
        finally:
            children.end()


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
