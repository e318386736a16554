"""Files out: written beside their name and renamed when they are whole.

Knows how a file comes to be there all at once, who may read it, and how a full disk is said. Must not know what is
in it.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from mapper.apps.cli import leftovers
from mapper.errors import MapperError

#: For everyone whom the umask lets, and for nobody but the owner.
OPEN, PRIVATE = 0o666, 0o600

#: The errors that say that there is no room, or that the device is gone: never a mistake of ours.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

#: Python has no stream where the shell closed one (``>&-``).
CLOSED = "cannot write to standard output: it is closed"

_BUFFER = 256 * 1024


class UnwritableError(MapperError):
    """What cannot be written: a full disk, a directory that is not ours. The message names the file."""


def why(error: OSError) -> str:
    """The reason of an error, in lower case: ``no space left on device``."""
    return (error.strerror or type(error).__name__).lower()


class _Output(io.FileIO):
    """A file that names itself when it cannot be written. A closed pipe stays a BrokenPipeError."""

    def __init__(self, descriptor: int, name: str, *, closefd: bool = True) -> None:
        super().__init__(descriptor, "wb", closefd=closefd)
        self._called = name
        self.dropping = False

    def write(self, content: Any) -> int | None:  # type: ignore[override]
        """Write some of the content; how many bytes."""
        if self.dropping:
            return len(content)
        try:
            return super().write(content)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UnwritableError(f"cannot write {self._called}: {why(error)}") from None


@contextmanager
def standard() -> Iterator[BinaryIO]:
    """Standard output, as bytes. Raises UnwritableError where its disk is full, BrokenPipeError where nobody reads."""
    if sys.stdout is None:
        raise UnwritableError(CLOSED)
    sys.stdout.flush()
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # something else stands in its place
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with _stream(_Output(descriptor, "to standard output", closefd=False), io.DEFAULT_BUFFER_SIZE) as stream:
        yield stream


@contextmanager
def replacing(name: str, mode: int = OPEN) -> Iterator[BinaryIO]:
    """A stream whose content is at ``name`` once the block has ended without an exception, and not before.

    Directories on the way to it are made. A file that is there already is never opened to more people than before.
    What is no regular file, such as ``/dev/null`` or a pipe, is written to directly. Raises UnwritableError.
    """
    path = Path(name)
    with _direct(path, name) if _is_device(path) else _beside(path, name, mode) as stream:
        yield stream


def _is_device(path: Path) -> bool:
    """Whether renaming would put a file in the place of something else, such as ``/dev/null`` or a pipe."""
    device = path.is_relative_to("/dev") and not path.is_relative_to("/dev/shm")  # noqa: S108 - memory, used as a disk
    return device or (path.exists() and not path.is_file())


@contextmanager
def _said(name: str) -> Iterator[None]:
    """A block around the steps before and after the writing, whose errors name the file."""
    try:
        yield
    except OSError as error:
        raise UnwritableError(f"cannot write {name}: {why(error)}") from None


@contextmanager
def _direct(path: Path, name: str) -> Iterator[BinaryIO]:
    # Appending: behind /dev/stdout there can be a file that others have written to.
    with _said(name):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, OPEN)
    with _stream(_Output(descriptor, name)) as stream:
        yield stream


@contextmanager
def _beside(path: Path, name: str, mode: int) -> Iterator[BinaryIO]:
    with _said(name):
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = _partial(path)
    try:
        with _said(name):
            leftovers.remove(path)
            descriptor = _made(beside, path, mode)
            leftovers.claim(descriptor)
        with _stream(_Output(descriptor, name)) as stream:
            yield stream
            stream.flush()
            with _said(name):
                os.fsync(descriptor)
        with _said(name):
            beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def check_new(name: str) -> None:
    """Raise UnwritableError where no new file can come to be at ``name``: better before the first request than at last.

    No directory is made on the way to it. What is no regular file, such as ``/dev/null`` or a pipe, has to be writable.
    """
    path = Path(name)
    with _said(name):
        if not path.parent.is_dir():
            raise UnwritableError(f"cannot write {name}: there is no directory {path.parent}")
        if path.is_file():
            raise UnwritableError(f"{name} is there already: choose another name, or move it away")
        if path.is_dir():
            raise UnwritableError(f"cannot write {name}: it is a directory")
        if path.exists():
            _refuse_closed(path, name)
            return
        beside = _partial(path.resolve())
        os.close(_made(beside, path, PRIVATE))
        beside.unlink()


def _refuse_closed(path: Path, name: str) -> None:
    if not os.access(path, os.W_OK):
        raise UnwritableError(f"cannot write {name}: permission denied")


def _partial(path: Path) -> Path:
    """The name of a file while it is written."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _made(beside: Path, path: Path, mode: int) -> int:
    """A new file, with the mode of the one whose place it will take; a private one stays private."""
    before = path.stat().st_mode if path.exists() else None
    # What lies there has our process's number in its name and is left of a run that was killed.
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode if before is None else before & mode)
    if before is not None:
        beside.chmod(before & (PRIVATE if mode == PRIVATE else 0o777))
    return descriptor


@contextmanager
def _stream(output: _Output, buffer: int = _BUFFER) -> Iterator[BinaryIO]:
    """A buffered stream. What Ctrl-C finds in the buffer is dropped: whoever should take it may not be reading."""
    with io.BufferedWriter(output, buffer) as stream:
        try:
            yield stream
        except KeyboardInterrupt:
            output.dropping = True
            raise
