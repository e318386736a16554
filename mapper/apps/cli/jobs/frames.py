"""What a run over many processes is made of: the order that workers get, and the frames that they answer with.

Knows how both are written as bytes, and in which order ranges are taken. Must not know how a range is mapped.

A file is cut into ranges of bytes. Worker i of N takes ranges i, i + N, i + 2N and so on, and answers each with one
frame; whoever takes one frame from each worker in turn has them in the order of the files. A frame comes through a
pipe of limited room, so that a fast worker waits, and nothing grows with the file.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import IO, Any, BinaryIO

from mapper.readers import UnreadableError

_SIZES = struct.Struct("<QQQ")


def identity(status: os.stat_result) -> tuple[int, int]:
    """By which a file is known, whatever it is called."""
    return status.st_dev, status.st_ino


def check_length(stream: BinaryIO, name: str, size: int) -> None:
    """Raise UnreadableError where a file has become shorter than it was: not all of it was read then."""
    if os.fstat(stream.fileno()).st_size < size:
        raise UnreadableError(f"{name} was cut short while it was read")


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a run. ``identity`` tells whether it is still the same; ``whole`` that it holds one event."""

    name: str
    size: int
    identity: tuple[int, int]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What all workers of a run are told. ``range_size`` is in bytes; ``rejects`` asks for the rejects as well."""

    parts: tuple[Part, ...]
    mapping: str | None
    identity: str | None
    settings: tuple[str, ...]
    full: bool
    rejects: bool
    range_size: int = 0
    workers: int = 1

    def ranges(self) -> Iterator[tuple[Part, int, int | None]]:
        """The ranges of all files, in order: a file, the first byte, and the first byte of the next range."""
        for part in self.parts:
            if part.whole:
                yield part, 0, None
                continue
            for start in range(0, part.size, self.range_size):
                yield part, start, min(start + self.range_size, part.size)

    def encoded(self, worker: int) -> bytes:
        """The order for one worker, as one line. File names may hold bytes that are no text: they survive."""
        return json.dumps([worker, asdict(self)]).encode() + b"\n"


def order(line: bytes) -> tuple[int, Order]:
    """The number of a worker, and its order."""
    worker, written = json.loads(line)
    parts = tuple(Part(**{**part, "identity": tuple(part["identity"])}) for part in written.pop("parts"))
    return worker, Order(parts=parts, **{**written, "settings": tuple(written["settings"])})


@dataclass(frozen=True, slots=True)
class Frame:
    """What became of one range: the bytes to write, and the account of it.

    ``account`` holds ``lines`` and ``counts``; ``error`` or ``mistake`` where the range could not be finished.
    The first frame of a worker has ``ready``: whether it can work at all, else ``note`` may say why not. Where it can,
    ``mapping`` and ``identity`` are digests of what it loaded: they are to be the same for all workers.
    """

    account: dict[str, Any] = field(repr=False)
    out: bytes = field(default=b"", repr=False)
    rejects: bytes = field(default=b"", repr=False)


def write(stream: IO[bytes], frame: Frame) -> None:
    """Write a frame."""
    account = json.dumps(frame.account).encode()
    stream.write(_SIZES.pack(len(account), len(frame.out), len(frame.rejects)))
    stream.writelines((account, frame.out, frame.rejects))
    stream.flush()


def read(stream: IO[bytes]) -> Frame | None:
    """Read a frame; None where the stream ends before it does."""
    head = stream.read(_SIZES.size)
    if len(head) < _SIZES.size:
        return None
    sizes = _SIZES.unpack(head)
    account, out, rejects = (stream.read(size) for size in sizes)
    if (len(account), len(out), len(rejects)) != sizes:
        return None
    return Frame(json.loads(account), out, rejects)
