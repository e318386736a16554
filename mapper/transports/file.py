"""The way out into a file: each request becomes one line of JSON that can be read, or sent, later.

Knows how a line is appended so that it is there whole. Must not know a secret: a line says where one
would go, and nothing more. It does hold names and addresses: a new file is readable by its owner alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mapper import codec
from mapper.outcome import Failure, Reply
from mapper.request import Request

#: Where the transport named ``file`` writes, in the working directory.
DEFAULT = Path("requests.ndjson")


class File:
    """Appends each request to a file as one line: method, url, headers, body, where each secret goes, answers.

    ``Request.from_dict`` makes an equal request of a line. ``target`` is a path, or a binary stream that
    its owner opened and closes. A new file gets the mode 0600; an existing one keeps the mode that its
    owner gave it. ``fsync`` makes each line durable before the answer (paths only).

    The answer is 200: here the file *is* the destination, and it has taken the request. So a run that
    keeps accounts counts these as delivered. To try something out without that, use ``Memory`` or preview.
    A line that could not be written whole is a Failure that may have been sent, because a part of it may
    stand in the file.
    """

    def __init__(self, target: str | os.PathLike[str] | BinaryIO = DEFAULT, *, fsync: bool = False) -> None:
        self._target = target
        self._fsync = fsync

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> File:
        """The transport named ``file``: it writes to ``requests.ndjson`` in the working directory."""
        del settings  # taken, because every named transport is made with them
        return cls()

    async def send(self, request: Request) -> Reply | Failure:
        """Append one line. Writing blocks the event loop for as long as the disk takes."""
        line = codec.encode(request.as_dict()) + b"\n"
        if isinstance(self._target, str | os.PathLike):
            return _append(Path(self._target), line, fsync=self._fsync)
        return _write(self._target, line)


def _append(path: Path, line: bytes, *, fsync: bool) -> Reply | Failure:
    try:
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        return Failure("file", maybe_sent=False, message=f"the file cannot be opened ({type(error).__name__})")
    # Unbuffered, so that a line is one write: lines of several processes do not mix.
    with os.fdopen(opened, "ab", buffering=0) as stream:
        reply = _write(stream, line)
        if fsync and isinstance(reply, Reply):
            return _synced(opened)
        return reply


def _write(stream: Any, line: bytes) -> Reply | Failure:
    try:
        written = stream.write(line)
        stream.flush()
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
        return _torn(type(error).__name__)
    return Reply(200) if written == len(line) else _torn("the line is cut short")


def _synced(opened: int) -> Reply | Failure:
    try:
        os.fsync(opened)
    except OSError as error:
        return _torn(type(error).__name__)
    return Reply(200)


def _torn(reason: str) -> Failure:
    return Failure("file", maybe_sent=True, message=f"the line may not be in the file whole ({reason})")
