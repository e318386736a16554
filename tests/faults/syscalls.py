"""An strace output as a list of operations on the files of one directory, each with the identity of its file.

Knows strace's text and what each call does to files. Must not know what a power cut keeps.

    strace -f -y -xx -s 1048576 -o FILE -e trace=... PROGRAM

A write counts from its start (its bytes may reach the disk at once), a sync from its end, for what was written before
its start. The files of SQLite's shared memory are left out: nothing reads them after a restart.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

#: What is traced.
CALLS: Final = "openat,pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat,renameat2,close"
#: Longer than any write of SQLite.
_LONGEST: Final = 1 << 20

_LINE: Final = re.compile(
    r"(?P<pid>\d+)\s+(?P<call>\w+)\((?P<arguments>.*?)(?:\) += (?P<result>.+)| <unfinished \.\.\.>)$"
)
_RESUMED: Final = re.compile(r"(?P<pid>\d+)\s+<\.\.\. (?P<call>\w+) resumed>(?P<arguments>.*?)\) += (?P<result>.+)$")
_DESCRIPTOR: Final = re.compile(r"(-?\d+|AT_FDCWD)(?:<([^>]*)>)?")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_ACK: Final = re.compile(rb"acked (\S+)")

Kind = Literal["create", "write", "truncate", "sync", "sync_directory", "unlink", "rename", "ack", "nothing"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that happened.

    ``file``    a number for each file that ever was, whatever its name (as an inode)
    ``name``    the name that a create, an unlink or a rename (``target``) changes; of an ack, its id
    ``at``      where a write begins, or the size that a truncate makes
    ``before``  of a sync: how many operations had begun when it began; ``under_way`` are those that had not ended yet
    """

    kind: Kind
    file: int = 0
    name: str = ""
    target: str = ""
    data: bytes = b""
    at: int = 0
    before: int = 0
    under_way: tuple[int, ...] = ()


class UnreadableTraceError(ValueError):
    """The trace holds something that this parser does not follow."""


def record(
    command: Sequence[str],
    trace: Path,
    *,
    environ: Mapping[str, str],
    noise: Path | None = None,
    timeout: float = 120.0,
) -> None:
    """Run a program under strace; ``noise`` gets its standard error. Raises CalledProcessError where it fails."""
    strace = shutil.which("strace") or "strace"
    options = ["-f", "-y", "-xx", "-s", str(_LONGEST), "-o", str(trace), "-e", f"trace={CALLS}"]
    words = [strace, *options, "--", *command]
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(noise.open("wb")) if noise else None
        subprocess.run(words, check=True, env=environ, stdout=subprocess.DEVNULL, stderr=errors, timeout=timeout)


def parse(lines: Iterable[str], root: Path) -> list[Operation]:
    """The operations on files right inside ``root``, which was empty, and the acks (lines ``acked ID`` on stdout)."""
    parser = _Parser(str(root))
    for line in lines:
        parser.take(line.rstrip("\n"))
    return list(_renumbered(parser.operations))


def _renumbered(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations without the places of calls that came to nothing."""
    kept = list(itertools.accumulate((each.kind != "nothing" for each in operations), initial=0))
    for operation in operations:
        if operation.kind in ("sync", "sync_directory"):
            under_way = tuple(kept[place] for place in operation.under_way if operations[place].kind != "nothing")
            yield replace(operation, before=kept[operation.before], under_way=under_way)
        elif operation.kind != "nothing":
            yield operation


@dataclass(frozen=True, slots=True)
class _Begun:
    """A call that has begun: its arguments so far, its place in the order, and the calls that were under way then."""

    arguments: str
    place: int
    under_way: tuple[int, ...]


class _Parser:
    def __init__(self, root: str) -> None:
        self.operations: list[Operation] = []
        self._root = root
        self._names: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._sizes: dict[int, int] = {}
        self._begun: dict[str, _Begun] = {}

    def take(self, line: str) -> None:
        if resumed := _RESUMED.match(line):
            begun_call = self._begun.pop(resumed["pid"] + resumed["call"], None)
            if begun_call is not None:
                self._call(resumed["call"], begun_call.arguments + resumed["arguments"], resumed["result"], begun_call)
        elif begun := _LINE.match(line):
            if begun["result"] is not None:
                self._call(begun["call"], begun["arguments"], begun["result"], None)
            else:
                self._begun[begun["pid"] + begun["call"]] = self._now(begun["arguments"])
                self.operations.append(Operation("nothing"))  # a place in the order, filled when the call ends

    def _now(self, arguments: str = "") -> _Begun:
        return _Begun(arguments, len(self.operations), tuple(each.place for each in self._begun.values()))

    def _call(self, call: str, arguments: str, result: str, begun: _Begun | None) -> None:
        if result.startswith(("-", "?")):
            return
        start = begun or self._now()
        for operation in self._read(call, arguments, result):
            if operation.kind in ("sync", "sync_directory"):
                self.operations.append(replace(operation, before=start.place, under_way=start.under_way))
            elif begun and operation.kind in ("write", "ack"):
                self.operations[begun.place] = operation
            else:
                self.operations.append(operation)

    def _read(self, call: str, arguments: str, result: str) -> Iterator[Operation]:
        path = _path(arguments)
        match call:
            case "openat":
                yield from self._open(_path(result), arguments)
            case "write" if arguments.startswith("1<"):
                yield from (Operation("ack", name=found.decode()) for found in _ACK.findall(_text(arguments)[0]))
            case "write" | "pwrite64" if self._ours(path):
                yield self._write(call, path, arguments, int(result.split(maxsplit=1)[0]))
            case "ftruncate" if self._ours(path):
                file = self._file(path)
                self._sizes[file] = int(arguments.rsplit(",", 1)[1])
                yield Operation("truncate", file, at=self._sizes[file])
            case "fsync" | "fdatasync" if path == self._root:
                yield Operation("sync_directory")
            case "fsync" | "fdatasync" if self._ours(path):
                yield Operation("sync", self._file(path))
            case "unlink" | "unlinkat" | "rename" | "renameat" | "renameat2":
                yield from self._move([text.decode() for text in _texts(arguments)])

    def _ours(self, path: str) -> bool:
        return path.startswith(self._root + "/") and not path.removesuffix(" (deleted)").endswith("-shm")

    def _name(self, path: str) -> str:
        name = path.removesuffix(" (deleted)").removeprefix(self._root + "/")
        if "/" in name:
            raise UnreadableTraceError(f"a directory inside the directory: {name}")
        return name

    def _file(self, path: str) -> int:
        name = self._name(path)
        known = self._last if path.endswith(" (deleted)") else self._names
        if name not in known:
            raise UnreadableTraceError(f"{name} was there before the trace began")
        return known[name]

    def _open(self, path: str, arguments: str) -> Iterator[Operation]:
        if not self._ours(path) or "O_DIRECTORY" in arguments:
            return
        name = self._name(path)
        if name not in self._names and "O_CREAT" in arguments:
            self._names[name] = self._last[name] = file = len(self._sizes) + 1
            self._sizes[file] = 0
            yield Operation("create", file, name)
        elif "O_TRUNC" in arguments:
            self._sizes[self._file(path)] = 0
            yield Operation("truncate", self._file(path))

    def _write(self, call: str, path: str, arguments: str, count: int) -> Operation:
        file = self._file(path)
        at = int(arguments.rsplit(",", 1)[1]) if call == "pwrite64" else self._sizes[file]  # a write appends
        self._sizes[file] = max(self._sizes[file], at + count)
        data = _text(arguments)[0][:count]
        if len(data) != count:
            raise UnreadableTraceError("a write was longer than what strace kept of it")
        return Operation("write", file, data=data, at=at)

    def _move(self, paths: list[str]) -> Iterator[Operation]:
        if not all(self._ours(path) for path in paths):
            if any(self._ours(path) for path in paths):
                raise UnreadableTraceError("a rename from or to another directory")
            return
        names = [self._name(path) for path in paths]
        file = self._names.pop(names[0])
        if len(names) > 1:
            self._names[names[1]] = self._last[names[1]] = file
        yield Operation("rename" if len(names) > 1 else "unlink", file, names[0], names[-1])


def _path(text: str) -> str:
    """The path that strace shows beside the first descriptor; empty where it shows none."""
    found = _DESCRIPTOR.match(text)
    return _unescaped(found[2]).decode("utf-8", "replace") if found and found[2] else ""


def _texts(arguments: str) -> list[bytes]:
    return [_unescaped(text) for text in _TEXT.findall(arguments)]


def _text(arguments: str) -> list[bytes]:
    return _texts(arguments) or [b""]


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()
